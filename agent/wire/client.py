"""The worker's client of the parameter server: hello, join, push, and a heartbeat beside them."""

import itertools
import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from pydantic import ValidationError

from a3c64.config import BadInputError
from a3c64.envs.episode import Episode
from a3c64.envs.figures import UNDECLARED, Figures
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.parameters import ParameterSpec, learned_size
from a3c64.wire import messages as wire
from a3c64.wire.address import ServerAddress
from a3c64.wire.compression import ErrorFeedback, Packed, patched
from a3c64.wire.heartbeat import Heartbeat
from a3c64.wire.transport import SocketTransport, Transport

log = logging.getLogger(__name__)

ANSWER_S = 5.0  # timeout while nothing moves; a server takes milliseconds, or a second while it writes a checkpoint
LONGEST_S = 240.0  # timeout of a request in all: twice the longest transfer of a frame
HELLO_S = 1.0  # first retry interval; doubles up to HELLO_MAX_S
HELLO_MAX_S = 5.0
SLICE_S = 0.2  # a wait checks `stop` this often


class StoppedError(Exception):
    """A wait ended because this process was asked to stop."""


class RunChangedError(Exception):
    """The server came back with another run: rebuild environments and model."""


class RefusedError(Exception):
    """The server refused a message, and a retry would be refused too."""


class Update(NamedTuple):
    """The newest weights, and whether the gradient was accepted."""

    weights: np.ndarray  # float32 [parameters]
    version: int
    step: int  # environment steps of the whole run
    accepted: bool
    finished: bool  # the run has reached its end
    signature: str  # of the model


class Client:
    """A worker's connection to the server. It reconnects when the server restarts, and `stop` ends every wait.

    With `compress`, gradients and weights travel as agent/wire/compression.py describes.
    """

    role = wire.WORKER

    def __init__(
        self,
        transport: Transport,
        client: str,
        name: str,
        stop: threading.Event,
        address: str = "in this process",
        vnc_port: int = 0,
        index: int = -1,
        compress: bool = False,
    ) -> None:
        self._compress = compress
        self._feedback: ErrorFeedback | None = None  # None: gradients are not compressed
        self._base = 0  # sequence number of the request that `newest` answers; 0 = ask for no difference to it
        self._transport = transport
        self._vnc_port = vnc_port
        self._address = address
        self._client = client
        self._name = name
        self._stop = stop
        self._sequence = 0
        self._index = index
        self._hyperparameters: Hyperparameters | None = None
        self._specs: Sequence[ParameterSpec] = ()
        self._figures = UNDECLARED
        self._newest: Update | None = None
        self.waiting: Callable[[], None] = lambda: None  # called repeatedly while this client waits for the server

    @property
    def index(self) -> int:
        """Return the index that the server assigned; before that, the requested one, or -1."""
        return self._index

    @property
    def newest(self) -> Update | None:
        """Return the server's last answer with weights, or None before the first."""
        return self._newest

    def hello(self) -> Hyperparameters:
        """Say hello until a server answers, and return the run's hyperparameters.

        Raises:
            StoppedError: `stop` was set before a server answered.
            RunChangedError: the server answers with another run than before.
            RefusedError: the server refuses this worker, or is of another release.
            BadInputError: the server refuses the key, or the key file is invalid.
        """
        wait, said = HELLO_S, None
        while True:
            hello = wire.Hello(self._client, self._name, self._index, self.role, self._vnc_port)
            asked = time.monotonic()
            answer = self._request(hello, wait)
            if answer is not None and isinstance(answer.body, wire.Welcome):
                break
            if answer is not None and isinstance(answer.body, wire.Refused) and answer.body.remedy == "none":
                raise RefusedError(answer.body.reason)
            refused = answer is not None and isinstance(answer.body, wire.Refused)
            reason = answer.body.reason if answer is not None and refused else self._transport.problem
            if reason != said:
                more = reason and f": {reason}"
                log.info("waiting for the parameter server at %s (A3C64_SERVER)%s", self._address, more)
                said = reason
            self._pause(asked + wait - time.monotonic())
            wait = min(2.0 * wait, HELLO_MAX_S)
            self._transport.reset()
        if said is not None:
            log.info("found the parameter server")
        self._index = answer.body.worker
        try:
            hyperparameters = Hyperparameters(**answer.body.hyperparameters)
        except ValidationError as error:
            first = error.errors()[0]
            raise RefusedError(
                f"the server's hyperparameters do not fit this release: {'.'.join(map(str, first['loc']))}: "
                f"{first['msg']}, found {first['input']!r:.40}; use the same release on both sides"
            ) from None
        if self._hyperparameters is not None and hyperparameters != self._hyperparameters:
            raise RunChangedError
        self._hyperparameters = hyperparameters
        return hyperparameters

    def join(self, specs: Sequence[ParameterSpec], figures: Figures = UNDECLARED) -> Update:
        """Send the model's parameters and the environment's figures to the server; return the first weights.

        Raises:
            BadInputError: the run has another model.
        """
        if specs is not self._specs:
            self._begin(specs)
        self._figures = figures
        parameters = [[spec.name, list(spec.shape), spec.gain] for spec in specs]
        for attempt in itertools.count():
            if attempt > 1:  # the first retry is at once: a server that was restarted only needs a hello
                self._pause(HELLO_S)
            answer = self._request(wire.Join(parameters, list(figures.declared), self._base), ANSWER_S)
            if (update := self._update(answer)) is not None:
                return update
            if answer is not None and isinstance(answer.body, wire.Refused) and answer.body.remedy == "none":
                raise BadInputError(answer.body.reason)
            self._greet_again(answer)
        raise AssertionError

    def refresh(self) -> Update:
        """Return the newest weights of the run that this worker has joined."""
        return self.join(self._specs, self._figures)

    def push(
        self,
        gradient: np.ndarray,
        signature: str,
        version: int,
        steps: int,
        statistics: dict[str, float],
        episodes: Sequence[Episode],
    ) -> Update:
        """Send a gradient and return the newest weights, in one round trip.

        A gradient is never sent twice. If the answer is lost, the result has `accepted` False.

        Args:
            gradient: float32 [parameters].
            signature: of the model.
            version: of the weights that the gradient was computed with.
            steps: environment steps of the rollout; 0 if an earlier gradient has brought them.
            statistics: name -> finite number, charted as train/<name>.
            episodes: those that ended since the last push.

        Raises:
            RefusedError: the server refuses the gradient for good.
            RunChangedError: the server has another run now.
            StoppedError: `stop` was set while waiting.
        """
        body = wire.Push(signature, version, steps, statistics, wire.pack_episodes(episodes), base=self._base)
        if self._feedback is None:
            answer = self._request(body, ANSWER_S, gradient)
        else:
            packed = self._feedback.pack(gradient)
            answer = self._request(body._replace(packed=packed.size), ANSWER_S, packed)
        if (update := self._update(answer)) is not None:
            return update
        if answer is not None and isinstance(answer.body, wire.Refused):
            log.warning("the server at %s refused a gradient: %s", self._address, answer.body.reason)
            if answer.body.remedy == "none":
                raise RefusedError(answer.body.reason)
        if answer is None or not isinstance(answer.body, wire.Refused) or answer.body.remedy == "hello":
            self._greet_again(answer)
        return self.join(self._specs, self._figures)._replace(accepted=False)

    def send_picture(self, picture: np.ndarray) -> None:
        """Send a picture of what the agent sees, uint8 [H, W, 1 or 3]. The server does not answer."""
        self._sequence += 1
        body = wire.Sample(list(picture.shape), picture.tobytes())
        self._transport.send(wire.encode(self._sequence, body))

    def start_over(self) -> Hyperparameters:
        """Accept the server's new run, and return its hyperparameters."""
        log.info("the server has another run now: starting over with it")
        self._hyperparameters = None
        return self.hello()

    def ask(self, timeout_s: float) -> dict | None:
        """Return the server's report, or None if no server answers in time."""
        answer = self._request(wire.Ask(), timeout_s)
        return answer.body.report if answer is not None and isinstance(answer.body, wire.Report) else None

    def close(self) -> None:
        """Send Bye if a server has ever answered, and close the transport."""
        if self._hyperparameters is not None:
            self._sequence += 1
            self._transport.send(wire.encode(self._sequence, wire.Bye()))
        self._transport.close()

    def _greet_again(self, answer: wire.Message | None) -> None:
        if answer is None:  # timeout: messages underway are lost
            self._transport.reset()
        self.hello()

    def _begin(self, specs: Sequence[ParameterSpec]) -> None:
        """Begin with a model: it has no rounding errors yet, and no weights that a difference could change."""
        self._specs, self._base, self._feedback = specs, 0, None
        if self._compress and self._hyperparameters is not None:
            self._feedback = ErrorFeedback(learned_size(specs), self._hyperparameters.max_gradient_norm)

    def _update(self, answer: wire.Message | None) -> Update | None:
        """Return the weights of an answer; None if it has none, or a difference that cannot be applied."""
        if answer is None or not isinstance(answer.body, wire.Weights):
            return None
        body, weights = answer.body, answer.vector
        assert weights is not None  # wire.decode has checked this
        if body.packed:
            held = self._newest.weights if self._newest is not None and self._base else weights[:0]
            if held.shape != weights.shape:
                return None
            weights = patched(held, weights, body.packed)
        self._base = answer.sequence if self._feedback is not None else 0
        self._newest = Update(weights, body.version, body.step, body.accepted, body.finished, body.signature)
        return self._newest

    def _request(
        self, body: wire.Body, timeout_s: float, vector: np.ndarray | Packed | None = None
    ) -> wire.Message | None:
        """Send a message and return the answer with the same sequence number; None after a timeout or if it is damaged.

        The timeout begins again while the connection carries a message.

        Raises:
            RefusedError: the server is of another release.
            StoppedError: `stop` was set while waiting.
        """
        self._sequence += 1
        self._transport.send(wire.encode(self._sequence, body, vector))
        begin = time.monotonic()
        deadline = begin + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            if self._stop.is_set():
                raise StoppedError
            self.waiting()
            frames = self._transport.receive(min(left, SLICE_S))
            if frames is None:
                if self._transport.progressed():  # else a slow link, on which every transfer takes long, never ends one
                    deadline = min(time.monotonic() + timeout_s, begin + LONGEST_S)
                continue
            try:
                answer = wire.decode(frames)
            except wire.VersionError as error:
                raise RefusedError(f"the server is of another release: {error}") from None
            except wire.WireError:
                return None
            # Sequence 0: the message arrived damaged, so the server could not read its sequence number.
            if answer.sequence == self._sequence or (answer.sequence == 0 and isinstance(answer.body, wire.Refused)):
                return answer
        return None

    def _pause(self, seconds: float) -> None:
        """Wait.

        Raises:
            StoppedError: `stop` was set while waiting.
        """
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.waiting()
            if self._stop.wait(min(left, SLICE_S)):
                raise StoppedError


AnyClient = TypeVar("AnyClient", bound=Client)


def connect(
    kind: type[AnyClient],
    address: ServerAddress,
    name: str,
    stop: threading.Event,
    vnc_port: int = 0,
    index: int = -1,
    compress: bool = False,
) -> tuple[AnyClient, Heartbeat]:
    """Return a client over a socket, and its heartbeat. Start the heartbeat after the server has answered the hello."""
    client = uuid.uuid4().hex
    transport = SocketTransport(address)
    made = kind(transport, client, name, stop, address.url, vnc_port, index, compress)
    return made, Heartbeat(address, client)

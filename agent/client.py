"""The worker's side of the conversation with the parameter server: hello, join, push, and a heartbeat beside it."""

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
import zmq

from agent import wire
from agent.config import BadInputError, Hyperparameters
from agent.episode import Episode
from agent.parameters import ParameterSpec

HEARTBEAT_S = (
    1.0  # the server counts five misses as death: loading TensorFlow can hold Python still for a second or two
)
ANSWER_S = 5.0  # a server that lives answers within milliseconds, and within a second while it writes a checkpoint
HELLO_S = 1.0  # between two knocks on a door nobody opens; doubles up to
HELLO_MAX_S = 5.0
SLICE_S = 0.2  # how long a wait goes on before it looks whether it should stop


class StoppedError(Exception):
    """The wait was given up because this process is to stop."""


class RunChangedError(Exception):
    """The server came back with another run: build environments and model anew."""


class RefusedError(Exception):
    """The server refused a message and nothing this process can do will change that."""


class Update(NamedTuple):
    """The newest weights, and what became of the gradient."""

    weights: np.ndarray  # float32 [parameters]
    version: int
    step: int  # environment steps of the whole run
    accepted: bool
    finished: bool  # the run has reached its end
    signature: str  # of the model


class Transport(Protocol):
    """Something that carries frames to a server and back."""

    def send(self, frames: Sequence[bytes | memoryview]) -> None:
        """Hand over a message; never blocks."""

    def receive(self, timeout_s: float) -> list[memoryview] | None:
        """Return the next message, or None when none came in time."""

    def reset(self) -> None:
        """Forget everything underway and connect anew."""

    def close(self) -> None:
        """Free what is held."""


class SocketTransport:
    """A DEALER socket. Not thread-safe: one thread, one transport."""

    def __init__(self, address: str, identity: bytes) -> None:
        self._address = address
        self._identity = identity
        self._context: zmq.Context = zmq.Context.instance()
        self._socket = self._open()

    def send(self, frames: Sequence[bytes | memoryview]) -> None:
        """Queue a message; if the queue is full the server is gone, and the missing answer will tell."""
        try:
            self._socket.send_multipart(
                frames, zmq.DONTWAIT, copy=sum(len(f) for f in frames) < wire.COPY_THRESHOLD, track=False
            )
        except zmq.Again:
            return

    def receive(self, timeout_s: float) -> list[memoryview] | None:
        """Wait for a message."""
        if not self._socket.poll(int(timeout_s * 1000)):
            return None
        return [frame.buffer for frame in self._socket.recv_multipart(copy=False)]

    def reset(self) -> None:
        """Close the socket with all it holds, and open another under the same identity."""
        self.close()
        self._socket = self._open()

    def close(self) -> None:
        """Close the socket, granting a goodbye half a second to leave."""
        self._socket.close(linger=500)

    def _open(self) -> zmq.Socket:
        socket = self._context.socket(zmq.DEALER)
        socket.setsockopt(zmq.ROUTING_ID, self._identity)
        configure(socket)
        socket.connect(self._address)
        return socket


class LocalTransport:
    """The in-process twin: hands frames straight to a server's handler, through the same encoding."""

    def __init__(
        self, handler: Callable[[bytes, Sequence[bytes | memoryview]], Sequence | None], identity: bytes
    ) -> None:
        self._handler = handler
        self._identity = identity
        self._answers: list[list[memoryview]] = []

    def send(self, frames: Sequence[bytes | memoryview]) -> None:
        """Let the server act at once."""
        answer = self._handler(self._identity, frames)
        if answer is not None:
            self._answers.append([memoryview(bytes(frame)) for frame in answer])

    def receive(self, timeout_s: float) -> list[memoryview] | None:
        """Return the oldest answer."""
        return self._answers.pop(0) if self._answers else None

    def reset(self) -> None:
        """Forget unread answers."""
        self._answers.clear()

    def close(self) -> None:
        """Hold nothing, free nothing."""


def configure(socket: zmq.Socket) -> None:
    """Bound everything a socket of either side may hold or wait for."""
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(
        zmq.SNDHWM, 8
    )  # messages; each can be megabytes, and a live peer never has more than one underway
    socket.setsockopt(zmq.RCVHWM, 64)
    socket.setsockopt(zmq.MAXMSGSIZE, wire.MAX_MESSAGE)
    socket.setsockopt(zmq.RECONNECT_IVL, 100)  # ms
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 2000)
    socket.setsockopt(zmq.HEARTBEAT_IVL, 2000)  # ms; finds connections whose other end vanished without a word
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 10000)
    socket.setsockopt(zmq.HEARTBEAT_TTL, 10000)


class Client:
    """One worker's conversation: every wait ends, at the latest with `stop`; a server that went away is found again."""

    role = wire.WORKER

    def __init__(
        self,
        transport: Transport,
        client: str,
        name: str,
        stop: threading.Event,
        address: str = "in this process",
        vnc_port: int = 0,
    ) -> None:
        self._transport = transport
        self._vnc_port = vnc_port
        self._address = address
        self._client = client
        self._name = name
        self._stop = stop
        self._sequence = 0
        self._index = -1
        self._run: Hyperparameters | None = None
        self._specs: Sequence[ParameterSpec] = ()
        self._newest: Update | None = None

    @property
    def index(self) -> int:
        """Return this worker's index, as the server gave it."""
        return self._index

    @property
    def newest(self) -> Update | None:
        """Return what the server answered last with weights, if it has."""
        return self._newest

    def hello(self) -> Hyperparameters:
        """Introduce this worker, as often as it takes, and return what the run is.

        Raises:
            StoppedError: `stop` was set before a server answered.
            RunChangedError: the server answers with another run than before.
        """
        wait, said = HELLO_S, False
        while True:
            hello = wire.Hello(self._client, self._name, self._index, self.role, self._vnc_port)
            answer = self._request(hello, wait)
            if answer is not None and isinstance(answer.body, wire.Welcome):
                break
            if answer is not None and isinstance(answer.body, wire.Refused):
                raise RefusedError(answer.body.reason)
            if not said:
                print(f"waiting for the parameter server at {self._address} (A3C64_SERVER)", flush=True)
                said = True
            wait = min(2.0 * wait, HELLO_MAX_S)
            self._transport.reset()
        if said:
            print("found the parameter server", flush=True)
        self._index = answer.body.worker
        try:
            run = Hyperparameters(**answer.body.hyperparameters)
        except ValueError as error:
            raise RefusedError(f"the server's hyperparameters do not fit this release: {error}") from None
        if self._run is not None and run != self._run:
            raise RunChangedError
        self._run = run
        return run

    def join(self, specs: Sequence[ParameterSpec]) -> Update:
        """Tell the server the model and return the weights to begin with.

        Raises:
            BadInputError: the run has another model.
        """
        self._specs = specs
        body = wire.Join([[spec.name, list(spec.shape), spec.gain] for spec in specs])
        while True:
            answer = self._request(body, ANSWER_S)
            if answer is not None and isinstance(answer.body, wire.Weights):
                return self._update(answer)
            if answer is not None and isinstance(answer.body, wire.Refused) and answer.body.remedy == "none":
                raise BadInputError(answer.body.reason)
            self._greet_again(answer)

    def push(
        self,
        gradient: np.ndarray,
        signature: str,
        version: int,
        steps: int,
        statistics: dict[str, float],
        episodes: Sequence[Episode],
    ) -> Update:
        """Share a gradient and return the newest weights, in one round trip.

        A gradient is never sent twice: if the answer is lost, so is the gradient, and `accepted` says so.
        """
        body = wire.Push(signature, version, steps, statistics, wire.pack_episodes(episodes))
        answer = self._request(body, ANSWER_S, gradient)
        if answer is not None and isinstance(answer.body, wire.Weights):
            return self._update(answer)
        if answer is not None and isinstance(answer.body, wire.Refused):
            print(f"the server refused a gradient: {answer.body.reason}", flush=True)
            if answer.body.remedy == "none":
                raise RefusedError(answer.body.reason)
        if answer is None or not isinstance(answer.body, wire.Refused) or answer.body.remedy == "hello":
            self._greet_again(answer)
        return self.join(self._specs)._replace(accepted=False)

    def sample(self, picture: np.ndarray) -> None:
        """Show what the agent sees, uint8 [H, W, 1 or 3]; nobody waits for an answer."""
        self._sequence += 1
        body = wire.Sample(list(picture.shape), picture.tobytes())
        self._transport.send(wire.encode(self._sequence, body))

    def start_over(self) -> Hyperparameters:
        """Accept whatever run the server has now, and return what it is."""
        print("the server has another run now: starting over with it", flush=True)
        self._run = None
        return self.hello()

    def ask(self, timeout_s: float) -> dict | None:
        """Return the server's report, or None when no server answers in time."""
        answer = self._request(wire.Ask(), timeout_s)
        return answer.body.report if answer is not None and isinstance(answer.body, wire.Report) else None

    def close(self) -> None:
        """Say goodbye if ever met, and free the transport."""
        if self._run is not None:
            self._sequence += 1
            self._transport.send(wire.encode(self._sequence, wire.Bye()))
        self._transport.close()

    def _greet_again(self, answer: wire.Message | None) -> None:
        if answer is None:  # silence: whatever is underway is lost
            self._transport.reset()
        self.hello()

    def _update(self, answer: wire.Message) -> Update:
        body = answer.body
        assert answer.vector is not None
        self._newest = Update(answer.vector, body.version, body.step, body.accepted, body.finished, body.signature)
        return self._newest

    def _request(self, body: wire.Body, timeout_s: float, vector: np.ndarray | None = None) -> wire.Message | None:
        """Send and wait for the answer of the same sequence number; None when it does not come in time.

        Raises:
            StoppedError: `stop` was set while waiting.
        """
        self._sequence += 1
        self._transport.send(wire.encode(self._sequence, body, vector))
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            if self._stop.is_set():
                raise StoppedError
            frames = self._transport.receive(min(left, SLICE_S))
            if frames is None:
                continue
            try:
                answer = wire.decode(frames)
            except wire.WireError as error:
                raise RefusedError(f"the server speaks another language: {error}") from None
            if answer.sequence == self._sequence:
                return answer
        return None


AnyClient = TypeVar("AnyClient", bound=Client)


def connect(
    kind: type[AnyClient], address: str, name: str, stop: threading.Event, vnc_port: int = 0
) -> tuple[AnyClient, "Heartbeat"]:
    """Return a client over a socket, and the heartbeat that is to be started once the server has said welcome."""
    client = uuid.uuid4().hex
    transport = SocketTransport(address, client.encode())
    return kind(transport, client, name, stop, address, vnc_port), Heartbeat(address, client)


class Heartbeat:
    """A daemon thread with a socket of its own, so that alive means: the process lives, whatever it is computing."""

    def __init__(self, address: str, client: str) -> None:
        self._address = address
        self._client = client
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2.0)

    def _beat(self) -> None:
        socket: zmq.Socket = zmq.Context.instance().socket(zmq.DEALER)
        with socket:
            configure(socket)
            socket.connect(self._address)
            while not self._stop.wait(HEARTBEAT_S):
                try:
                    socket.send_multipart(wire.encode(0, wire.Beat(self._client)), zmq.DONTWAIT)
                except zmq.Again:  # nobody there: the main conversation deals with it
                    continue

"""Damaged messages between worker and parameter server, for the readers of both sides.

A message is two files: header (msgpack, without its checksum) and vector. The checksum is always right: it finds
accidents, and a sender with bad intentions can compute it.
"""

import json
import threading
from functools import cache
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
from hypothesis import strategies as st
from in_process import ONES, SIGNATURE, SPECS, connection, make_client, make_service
from mutations import damaged_bytes, damaged_value
from refusals import refusal

from a3c64.cli.watch import lines
from a3c64.config import BadInputError
from a3c64.hyperparameters import Hyperparameters
from a3c64.paramserver.service import Service
from a3c64.wire import messages as wire
from a3c64.wire.client import Client, RefusedError, StoppedError, Update
from a3c64.wire.compression import Packed
from a3c64.wire.evaluator_client import EvaluatorClient
from a3c64.wire.report import RunReport
from a3c64.wire.status import text

SEQUENCE = 9  # of a request; later than those of hello, join and pull
EPISODES = [[1.5, 20, {"finished": 1.0, "best_lap_s": 33.25}]]
FIGURES = [["best_lap_s", "best lap", "s", "least", True]]
PARAMETERS = [[spec.name, list(spec.shape), spec.gain] for spec in SPECS]
REQUESTS = (
    wire.Hello("b", "host 7", -1, wire.WORKER, 5901),
    wire.Hello("e", "host 8", -1, wire.EVALUATOR, 0),
    wire.Join(PARAMETERS, FIGURES),
    wire.Push(SIGNATURE, 0, 20, {"policy_loss": 0.5, "time_act": 0.1}, EPISODES),
    wire.Push(SIGNATURE, 0, 20, {}, EPISODES),
    wire.Push(SIGNATURE, 0, 20, {}, EPISODES, packed=8, base=2),
    wire.Score(SIGNATURE, 0, 0, EPISODES),
    wire.Pull(),
    wire.Sample([2, 2, 1], bytes(4)),
    wire.Beat("a", "starting"),
    wire.Bye(),
    wire.Ask(),
)


def messages(sequence: int, body: wire.Body) -> st.SearchStrategy[dict[str, bytes]]:
    """Return a strategy for a damaged message."""
    header = [wire.PROTOCOL, type(body).__name__.lower(), sequence, body._asdict()]
    packed = _packed(header)
    headers = st.one_of(st.just(packed), *[damaged_value(header).map(_packed)] * 4, damaged_bytes(packed, len(packed)))
    vectors: st.SearchStrategy[bytes | None] = st.one_of(*[st.none()] * 9, st.binary(max_size=9))
    if isinstance(body, wire.CARRIES_VECTOR):
        valid = bytes(weights() if isinstance(body, wire.Score) else ONES)
        if getattr(body, "packed", 0):
            valid = Packed.of(ONES, body.packed).frame()
        vectors = st.one_of(*[st.just(valid)] * 3, damaged_bytes(valid, len(valid)), st.none())
    return st.tuples(headers, vectors).map(
        lambda parts: {"header": parts[0]} | ({} if parts[1] is None else {"vector": parts[1]})
    )


@cache
def weights() -> np.ndarray:
    """Return the first weights of a server."""
    return make_client(server()).join(SPECS).weights


def server() -> Service:
    """Return a server that raises unexpected errors instead of answering with them."""
    service = make_service(seed=1)
    service.fault = None
    return service


def _packed(value: Any) -> bytes:
    try:
        return msgpack.packb(value)
    except (OverflowError, ValueError):  # an integer beyond 64 bits, a text that is not Unicode
        return msgpack.packb(None)


def _frames(folder: Path) -> list[bytes]:
    header, vector = (folder / "header").read_bytes(), folder / "vector"
    numbers = [vector.read_bytes()] if vector.exists() else []
    return [wire.sealed(header, *numbers), *numbers]


# ---- what the server reads


def requests() -> st.SearchStrategy[dict[str, bytes]]:
    return st.sampled_from(REQUESTS).flatmap(lambda body: messages(SEQUENCE, body))


def read_request(folder: Path) -> bool:
    """Give a message to a server with a worker and an evaluator, from each of three connections."""
    frames = _frames(folder)
    accepted = False
    for sender in ("worker", "evaluator", "stranger"):
        service = server()
        worker, evaluator = make_client(service), make_client(service, "e", EvaluatorClient)
        worker.hello()
        worker.join(SPECS)
        evaluator.hello()
        evaluator.pull()
        senders = {"worker": connection(worker), "evaluator": connection(evaluator), "stranger": b"?"}
        answer = service.handle(senders[sender], frames)
        if answer is None:
            accepted = True
        else:
            message = wire.decode([bytes(frame) for frame in answer])
            refused = isinstance(message.body, wire.Refused)
            assert refused == bool(service.metrics.refused.total())
            accepted |= not refused
        service.look()
        service.roster.sweep()
        assert np.isfinite(service.weights.vector).all()
        report = service.report()
        json.dumps(report.plain(), allow_nan=False)
        assert text(report).replace("\n", "").isprintable()
        assert lines(report, "here", 0.0)
    return accepted


# ---- what workers, evaluators and `a3c64 status` read


class Answers:
    """A transport with one answer to the first request. Then it tells the client to stop."""

    problem = ""

    def __init__(self, frames: list[bytes], stop: threading.Event) -> None:
        self._frames, self._stop = frames, stop

    def send(self, frames: object) -> None:
        """Forget a request."""

    def receive(self, timeout_s: float) -> list[memoryview] | None:
        if self._stop.is_set():
            return None
        self._stop.set()
        return [memoryview(frame) for frame in self._frames]

    def progressed(self) -> bool:
        """Return False: nothing more arrives."""
        return False

    def reset(self) -> None:
        """Do nothing."""

    close = reset


def answers() -> st.SearchStrategy[dict[str, bytes]]:
    service = server()
    worker, evaluator = make_client(service), make_client(service, "e", EvaluatorClient)
    worker.hello()
    worker.join(
        SPECS,
    )
    evaluator.hello()
    report = service.report().plain()
    bodies = (
        wire.Welcome(0, "run", Hyperparameters().model_dump()),
        wire.Report(report),
        wire.Weights(SIGNATURE, 3, 60, True, False),
        wire.Weights(SIGNATURE, 3, 60, True, False, packed=8),
        wire.Refused("hello", "an unknown connection"),
    )
    return st.sampled_from(bodies).flatmap(lambda body: messages(1, body))


def read_answer(folder: Path) -> bool:
    """Give an answer to each kind of request."""
    frames, accepted = _frames(folder), False
    for ask in (lambda client: client.hello(), _status, lambda client: client.join(SPECS), _refresh):
        stop = threading.Event()
        try:
            accepted |= ask(Client(Answers(frames, stop), "a", "a", stop)) is not None
        except StoppedError:
            continue
        except (RefusedError, BadInputError) as error:
            accepted |= refusal(error)
    return accepted


def _refresh(client: Client) -> Update:
    """Ask for a difference, as a compressing client does that holds weights of request 1."""
    client._specs, client._base = SPECS, 1
    client._newest = Update(weights(), 0, 0, True, False, SIGNATURE)
    return client.refresh()


def _status(client: Client) -> str | None:
    answer = client.ask(1.0)
    if answer is None:
        return None
    try:
        report = RunReport.of(answer)
    except ValueError as error:
        refusal(error)
        return None
    assert lines(report, "here", 0.0)
    shown = text(report)
    assert shown.replace("\n", "").isprintable()
    return shown

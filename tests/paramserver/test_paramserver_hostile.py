"""After any message, the server answers, continues, and can still report on the run."""

import json
import logging
import math
import threading

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process import ONES, ROLLOUT, SIGNATURE, SPECS, Clock, connection, make_client, make_service, refusal
from live import until

from a3c64.cli.watch import lines
from a3c64.envs.figures import SUMMARIES
from a3c64.hyperparameters import Hyperparameters
from a3c64.paramserver import evaluations
from a3c64.paramserver.service import Service
from a3c64.paramserver.tensorboard.event_file import EventFile
from a3c64.paramserver.tensorboard.layout import layout
from a3c64.paramserver.tensorboard.legacy_tags import legacy
from a3c64.paramserver.web.sparklines import Sparklines
from a3c64.paramserver.weights import SharedWeights
from a3c64.wire import messages as wire
from a3c64.wire import status
from a3c64.wire.client import Client
from a3c64.wire.evaluator_client import EvaluatorClient
from a3c64.wire.report import RunReport, ServerReport
from a3c64.wire.transport import SocketTransport

CONNECTIONS = (b"1", b"2", b"3")
CLIENTS = ("a", "b", "c")
integers = st.sampled_from([-1, 0, 1, 2, 20, 65535, 2**31, 2**53, 2**63, 2**64 - 1]) | st.integers(-(2**63), 2**64 - 1)
numbers = (
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e29, -1e29, 9.9e29, 1e30, 1e308, 5e-324, math.inf, -math.inf, math.nan])
    | st.floats()
    | integers
)
names = st.sampled_from(
    [
        "emulator_restarts",
        "best_lap_s",
        "finished",
        "progress",
        "lap_1_s",
        "time_act",
        "staleness",
        "grad_norm",
        "",
        "€",
        "a b",
    ]
) | st.text(max_size=70)
anything = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=8) | st.binary(max_size=8),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(names, children, max_size=4),
    max_leaves=8,
)
figures = st.dictionaries(names, numbers, max_size=4) | st.dictionaries(names, anything, max_size=4)
episodes = st.lists(st.tuples(numbers, integers, figures).map(list) | anything, max_size=3)
versions = st.integers(0, 3) | integers
gradients = st.sampled_from([ONES, -ONES, 1e18 * ONES, 1e-30 * ONES, 3e38 * ONES, np.nan * ONES, ONES[:7], ONES[:0]])
clients = st.sampled_from(CLIENTS) | st.text(max_size=3)
PARAMETERS = [[spec.name, list(spec.shape), spec.gain] for spec in SPECS]
kinds, yes = st.sampled_from([*SUMMARIES, "max"]) | anything, st.booleans() | anything
bodies = st.one_of(
    st.builds(wire.Hello, clients, st.text(max_size=80), integers, st.sampled_from(wire.ROLES), integers),
    st.builds(wire.Hello, clients, st.just("n"), st.just(-1), st.sampled_from(wire.ROLES), st.just(0)),
    st.builds(wire.Join, st.lists(anything, max_size=3), st.lists(anything, max_size=3)),
    st.builds(
        wire.Join, st.just(PARAMETERS), st.lists(st.tuples(names, names, names, kinds, yes).map(list), max_size=3)
    ),
    st.just(wire.Join(PARAMETERS, [])),
    st.builds(wire.Push, st.just(SIGNATURE), versions, st.integers(0, 100) | integers, figures, episodes),
    st.builds(wire.Score, st.just(SIGNATURE), versions, versions, episodes),
    st.just(wire.Pull()),
    st.builds(wire.Sample, st.lists(integers, max_size=4), st.binary(max_size=12)),
    st.builds(wire.Beat, clients, st.text(max_size=80)),
    st.just(wire.Bye()),
    st.just(wire.Ask()),
    st.builds(wire.Weights, st.just(SIGNATURE), versions, versions, st.booleans(), st.booleans()),
    st.builds(wire.Refused, st.text(max_size=4), st.text(max_size=4)),
)
# Valid messages with numbers at the edges of the allowed ranges. The server accepts most of them.
edges = st.sampled_from(
    [0.0, -0.0, 0.5, 1.0, -1.0, 1e29, -1e29, 9.9e29, -9.9e29, 1e308, 5e-324, 2**63, -(2**63), 2**64 - 1]
)
known = st.sampled_from(["emulator_restarts", "best_lap_s", "finished", "progress", "lap_1_s", "time_act", "x", "a b"])
edge_figures = st.dictionaries(known, edges, max_size=3)
edge_episodes = st.lists(
    st.tuples(edges, st.sampled_from([-1, 0, 1, 20, 2**40, 2**63, 2**64 - 1]), edge_figures).map(list),
    min_size=1,
    max_size=3,
)
steps = st.sampled_from([20, 20, 20, 20, 0, 1_000_000])  # only the steps of a rollout are accepted
pushes = st.builds(wire.Push, st.just(SIGNATURE), st.just(0), steps, edge_figures, edge_episodes)
scores = st.builds(wire.Score, st.just(SIGNATURE), st.just(0), st.just(0), edge_episodes)
WAITS = [0.0, 0.1, 3.0, 6.0]  # seconds; after more than 5 s of silence a worker counts as dead


def check_outputs(service, events, sparklines, step):
    """Produce every output that the server makes from messages: reports, texts and charts. None may fail."""
    report = service.report()
    packed = msgpack.packb(report.plain())
    assert len(packed) < wire.MAX_HEADER
    assert RunReport.of(msgpack.unpackb(packed)) == report
    json.dumps(report.plain(), allow_nan=False)
    assert status.text(report)
    assert lines(report, "here", 0.0)
    sparklines.add(service.clock.now, report)
    scalars = service.scalars()
    assert all(math.isfinite(value) for value in scalars.values()), scalars
    events.scalars(scalars, step)
    events.scalars(legacy(scalars, service.weights.learned, service.environments), step)
    events.histogram("staleness", service.metrics.staleness, step)
    events.layout(layout([one.name for one in service.metrics.figure_reports()], service.metrics.declared), step)
    for one, _ in service.scored:
        assert evaluations.text(one, service.metrics.declared)
        events.scalars(evaluations.charted(one), one.step)
        json.dumps(one.plain(), allow_nan=False)
    service.scored.clear()


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_no_message_stops_the_server(tmp_path_factory, data):
    service = Service(SharedWeights(Hyperparameters(seed=1, **ROLLOUT), None), "run", ServerReport(), Clock())
    service.fault = None  # unexpected errors are raised instead of answered
    events, sparklines = EventFile(tmp_path_factory.mktemp("events"), 0), Sparklines()
    client, evaluator = make_client(service), make_client(service, "e", EvaluatorClient)
    client.hello()
    client.join(SPECS)
    evaluator.hello()
    sequence = 10
    for _ in range(data.draw(st.integers(1, 10))):
        service.clock.now += data.draw(st.sampled_from(WAITS))
        sequence += 1
        speaker, vector = connection(client), ONES
        kind = data.draw(st.sampled_from(["push", "push", "score", "anything"]))
        if kind == "push":
            body = data.draw(pushes)._replace(version=service.weights.version)
        elif kind == "score":
            evaluator._sequence = sequence
            update = evaluator.pull()
            sequence = evaluator._sequence + 1
            body = data.draw(scores)._replace(version=update.version, step=update.step)
            speaker, vector = connection(evaluator), update.weights
        else:
            body = data.draw(bodies)
            speaker = data.draw(st.sampled_from([*CONNECTIONS, speaker]))
            sequence += data.draw(st.sampled_from([0, -1, -2]))
            vector = data.draw(gradients)
        try:
            frames = wire.encode(sequence, body, vector if isinstance(body, wire.CARRIES_VECTOR) else None)
        except (OverflowError, UnicodeEncodeError):
            continue  # cannot be sent
        answer = service.handle(speaker, [bytes(frame) for frame in frames])
        if answer is not None:
            wire.decode([bytes(frame) for frame in answer])
        service.look()
        service.roster.sweep()
        service.evaluators.sweep()
    check_outputs(service, events, sparklines, sequence)
    assert service.weights.vector.shape == (8,)
    assert np.isfinite(service.weights.vector).all()
    events.close()


def test_an_unexpected_error_is_refused_counted_and_logged_once(monkeypatch, caplog):
    service = make_service()
    client = make_client(service)
    client.hello()
    client.join(SPECS)

    def fail(*_):
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr(service.metrics, "add_episodes", fail)
    good = wire.Push(SIGNATURE, 0, 20, {}, [])
    with caplog.at_level(logging.ERROR):
        for sequence in (7, 8, 9):
            answer = refusal(service, connection(client), wire.encode(sequence, good, ONES))
            assert (answer.remedy, "a mistake of ours" in answer.reason) == ("join", True)
    assert service.metrics.refused["failed"] == 3
    assert [record.getMessage() for record in caplog.records] == [
        "a message caused an unexpected error; the run goes on"
    ]
    assert caplog.records[0].exc_info
    monkeypatch.undo()
    assert not isinstance(service.handle(connection(client), wire.encode(10, good, ONES)), wire.Refused)
    assert service.weights.version == 1


@pytest.mark.parametrize("restarts", [1e29, -1e29, 0.5])
def test_an_invalid_number_of_restarts_does_not_stop_the_server(stack, restarts):
    """It used to: the next status request raised OverflowError in msgpack."""
    server = stack.start("a3c64.paramserver", status_interval=0.1)
    until(stack.report, 60, "the server")
    client = Client(SocketTransport(stack.server), "a", "a", threading.Event())
    client.hello()
    client.join(SPECS)
    client.push(ONES, SIGNATURE, 0, 20, {}, [[1.0, 9, {"emulator_restarts": restarts}]])
    worker = stack.report().workers[0]
    assert 0 <= worker.emulator_restarts <= 1_000_000
    assert server.poll() is None
    client.close()

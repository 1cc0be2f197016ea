"""Callbacks: they are called with what happened, cannot harm the run, and can end it."""

import logging
import threading
from pathlib import Path

import pytest
from in_process import ROLLOUT, SPECS, Clock, make_client, push
from live import until

from a3c64.config import BadInputError
from a3c64.envs.episode import Episode
from a3c64.hyperparameters import Hyperparameters
from a3c64.paramserver.callbacks import Callbacks
from a3c64.paramserver.service import Service
from a3c64.paramserver.weights import SharedWeights
from a3c64.wire.client import Client, connect
from a3c64.wire.evaluator_client import EvaluatorClient
from a3c64.wire.report import ServerReport

MODULE = """
import a3c64

calls = []

class Listens(a3c64.Callback):
    def on_episode(self, episode, moment):
        calls.append(("episode", episode.total_reward, moment.step, moment.updates, moment.run_dir.name))
    def on_update(self, figures, moment):
        calls.append(("update", figures["entropy"], moment.step, moment.updates))
        figures.clear()

class Fails(Listens):
    def on_episode(self, episode, moment):
        1 / (episode.total_reward - 1)
    def on_update(self, figures, moment):
        raise SystemExit("no")

class Stops(a3c64.Callback):
    def on_update(self, figures, moment):
        if moment.updates == 2:
            raise a3c64.StopTraining("two are\\nenough")

class Unmade(a3c64.Callback):
    def __init__(self):
        raise OSError("no disk")

class Other:
    pass
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The name of a user's module."""
    name = f"callbacks_of_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def working(names):
    weights = SharedWeights(Hyperparameters(**ROLLOUT), None)
    callbacks = Callbacks(names)
    service = Service(weights, "run", ServerReport(), Clock(), callbacks=callbacks, run_dir=Path("runs/mine"))
    client = make_client(service)
    client.hello()
    client.join(SPECS, service.metrics.declared)
    return service, client


def test_callbacks_get_every_episode_and_every_update(mine):
    service, client = working(f"{mine}:Listens")
    push(client, 0, statistics={"entropy": 0.5}, episodes=[Episode(3.0, 10, {}), Episode(4.0, 10, {})])
    push(client, 1, statistics={"entropy": 0.25})
    calls = __import__(mine).calls
    assert calls == [
        ("episode", 3.0, 20, 0, "mine"),
        ("episode", 4.0, 20, 0, "mine"),
        ("update", 0.5, 20, 1),
        ("update", 0.25, 40, 2),
    ]
    assert service.scalars()["train/entropy"] == pytest.approx(0.375), "a callback cannot change the figures"


def test_exceptions_are_counted_and_each_is_logged_once(mine, caplog):
    service, client = working(f"{mine}:Fails,{mine}:Listens")
    with caplog.at_level(logging.WARNING):
        for version in range(3):
            update = push(client, version, statistics={"entropy": 0.5}, episodes=[Episode(1.0, 10, {})] * 2)
            assert update.accepted
        service.callbacks.close()
    assert service.callbacks.exceptions == 9
    assert len(__import__(mine).calls) == 9, "the other callback is called all the same"
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0].startswith(f"{mine}:Fails.on_episode raised ZeroDivisionError: ")
    assert lines[1].startswith(f"{mine}:Fails.on_update raised SystemExit: no")
    assert lines[2:] == ["callbacks raised 9 exceptions in this start of the run"]


def test_a_callback_can_end_the_run(mine):
    service, client = working(f"{mine}:Stops")
    assert not push(client, 0).finished
    assert push(client, 1).finished
    assert service.over == f"the callback {mine}:Stops has ended the run: two are enough"
    late = push(client, 2)
    assert (late.accepted, late.finished) == (False, True)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Unmade", "raised OSError: no disk"),
        ("Other", "must be a subclass of a3c64.Callback"),
        ("Listen", "did you mean Listens?"),
    ],
)
def test_a_callback_that_cannot_be_used_is_one_line(mine, name, said):
    with pytest.raises(BadInputError) as error:
        Callbacks(f"{mine}:{name}")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_server_tells_its_callbacks_of_evaluations_and_checkpoints(stack):
    server = stack.start("a3c64.paramserver", callback="noting:Notes", checkpoint_interval=0.2)
    stop = threading.Event()
    clients = [connect(kind, stack.server, "a", stop) for kind in (Client, EvaluatorClient)]
    for client, heartbeat in clients:
        client.hello()
        heartbeat.start()
    worker, judge = (client for client, _ in clients)
    worker.join(SPECS)
    push(worker, 0)
    assert judge.score(judge.pull(), [Episode(7.0, 20, {})] * 2)
    until(lambda: push(worker, 1).finished, 60, "the end of the run by its callback")
    for client, heartbeat in clients:
        heartbeat.stop()
        client.close()
    server.wait(60)
    assert "noting:Notes has ended the run: enough" in stack.log(server)

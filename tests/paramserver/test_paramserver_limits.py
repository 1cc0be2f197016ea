"""Clients of the run attack a real server. Attacks are refused and counted, change nothing and take little memory."""

import threading

import numpy as np
import pytest
from in_process import ONES, SIGNATURE, SPECS
from live import until
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator

from a3c64.envs.episode import Episode
from a3c64.envs.figures import UNDECLARED, Figure, Figures
from a3c64.wire import messages as wire
from a3c64.wire.client import Client
from a3c64.wire.transport import SocketTransport

GOOD = wire.Push(SIGNATURE, 0, 20, {}, [])
ZEROS = np.zeros(8, np.float32)
JOIN = wire.Join([[spec.name, list(spec.shape), spec.gain] for spec in SPECS], [])
MEGABYTE = 1 << 20


class Attacker:
    """A client that can send any message. It has said hello."""

    def __init__(self, stack, role=wire.WORKER, name="attacker"):
        self._transport, self._sequence = SocketTransport(stack.address), 0
        self.welcome = self.ask(wire.Hello(name, name, -1, role, 0))

    def ask(self, body, vector=None):
        """Send a message and return the body of its answer."""
        self._sequence += 1
        self._transport.send(wire.encode(self._sequence, body, vector))
        frames = self._transport.receive(10.0)
        assert frames is not None, "the server does not answer"
        return wire.decode(frames).body

    def close(self):
        self._transport.close()

    def refusal(self, body, vector=None):
        answer = self.ask(body, vector)
        assert isinstance(answer, wire.Refused), answer
        return answer.reason


@pytest.fixture
def attack(stack):
    """attack(role, name) is a new Attacker."""
    made = []

    def make(role=wire.WORKER, name="attacker"):
        made.append(Attacker(stack, role, name))
        return made[-1]

    yield make
    for one in made:
        one.close()


def start(stack, **settings):
    process = stack.start("a3c64.paramserver", **settings)
    until(stack.report, 20, "the server")
    return process


def make_client(stack, kind=Client, name="honest"):
    client = kind(SocketTransport(stack.address), name, name, threading.Event())
    client.hello()
    return client


def worker(stack, figures=UNDECLARED):
    client = make_client(stack)
    return client, client.join(SPECS, figures)


def push(client, version, episodes=(), statistics=None):
    return client.push(ONES, SIGNATURE, version, 20, statistics or {}, list(episodes))


def test_junk_names_do_not_hide_the_real_ones(stack, attack):
    """32 names of an attacker used to hide all names that came later."""
    start(stack, status_interval=0.2)
    race = Figures([Figure("finished", "finished", "", "rate", True), Figure("lap_*_s", "lap *", "s")])
    client, _ = worker(stack, race)
    update = push(client, 0)
    attacker = attack()
    attacker.ask(JOIN._replace(figures=[list(Figure("junk", "junk"))]))
    for n in range(4):
        junk = {f"junk{n}_{k}": 1.0 for k in range(30)} | {f"lap_junk{n}_{k}_s": 1.0 for k in range(30)}
        answer = attacker.ask(GOOD._replace(statistics=junk, episodes=[[1.0, 20, junk]]), ONES)
        assert isinstance(answer, wire.Weights)
    real = {"entropy": 2.0, "kl": 0.01, "time_act": 0.5}
    update = push(client, update.version, [Episode(1.0, 20, {"finished": 1.0, "lap_2_s": 31.0})], real)
    assert update.accepted
    named = {figure.name: figure for figure in stack.report().figures}
    assert (named["finished"].label, named["finished"].mean, named["lap_2_s"].mean) == ("finished", 1.0, 31.0)
    assert len(named) <= 2 + 2 * 32

    def tags():
        return set(EventAccumulator(str(stack.run_dir / "tensorboard")).Reload().Tags()["tensors"])

    until(lambda: {"train/entropy", "train/kl", "time/act", "env/finished"} <= tags(), 10, "the real names' charts")
    assert len(tags()) < 150
    client.close()


def test_a_refresh_keeps_the_declared_figures(stack):
    """A worker that asks for newer weights used to take back its declarations."""
    start(stack)
    client, _ = worker(stack, Figures([Figure("finished", "finish rate", "", "rate", True)]))
    client.refresh()
    push(client, 0, [Episode(1.0, 20, {"finished": 1.0})])
    [figure] = stack.report().figures
    assert figure.label == "finish rate"
    client.close()

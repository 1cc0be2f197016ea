"""Clients of the run attack a real server. Attacks are refused and counted, change nothing and take little memory."""

import threading

import numpy as np
import pytest
from in_process import ONES, SIGNATURE, SPECS
from live import until
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator

from a3c64.envs.episode import Episode
from a3c64.envs.figures import UNDECLARED, Figure, Figures
from a3c64.learning.parameters import ParameterSpec, initialise, signature
from a3c64.wire import messages as wire
from a3c64.wire.client import Client
from a3c64.wire.evaluator_client import EvaluatorClient
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


def test_a_gradient_that_would_freeze_learning_is_refused(stack, attack):
    """Its norm is 1.7e19. It used to set RMSProp's mean square to 3e37, so that 7,500 updates had no effect."""
    start(stack, learning_rate=0.1)
    client, update = worker(stack)
    before = update.weights.copy()
    attacker = attack()
    assert "norm must be at most 10, found 1.69706e+19" in attacker.refusal(GOOD, np.full(8, 6e18, np.float32))
    assert "found 10.1823" in attacker.refusal(GOOD, np.full(8, 3.6, np.float32))
    report = stack.report()
    assert (report.updates, report.steps, report.refused) == (0, 0, {"norm": 2})
    update = push(client, 0)
    np.testing.assert_allclose(update.weights, before - 0.1, rtol=1e-3, atol=1e-4)
    full = np.full(8, 10.0 / np.sqrt(8.0), np.float32)
    assert client.push(full, SIGNATURE, update.version, 20, {}, []).accepted, "a clipped gradient must be accepted"
    client.close()


def test_a_push_cannot_claim_more_steps_than_a_rollout_has(stack, attack):
    """Fifty pushes of a million steps used to end a run of 50 million steps."""
    start(stack, total_timesteps=50_000_000)
    client, _ = worker(stack)
    attacker = attack()
    for _ in range(50):
        assert "push.steps must be 20" in attacker.refusal(GOOD._replace(steps=1_000_000), ONES)
    report = stack.report()
    assert (report.steps, report.over, report.refused) == (0, "", {"steps": 50})
    assert push(client, 0).step == 20
    client.close()


def test_only_weights_that_were_pulled_can_be_scored(stack, attack):
    """A score of 1e29 used to replace best/ with zeros, and to end a run with a reward goal."""
    start(stack, stop_at_reward=100.0)
    client, _ = worker(stack)
    push(client, 0)
    judge = make_client(stack, EvaluatorClient, "judge")
    pulled = judge.pull()
    attacker = attack(wire.EVALUATOR)
    score = wire.Score(SIGNATURE, pulled.version, pulled.step, [[1e29, 20, {}]])
    plausible = score._replace(episodes=[[5e8, 20, {}]])
    assert "a score must be from" in attacker.refusal(score, pulled.weights)
    assert "must be those that were pulled" in attacker.refusal(plausible, ZEROS)
    assert "must be those that were pulled" in attacker.refusal(plausible._replace(version=0, step=0), pulled.weights)
    report = stack.report()
    assert (report.over, report.evaluation, report.refused) == ("", None, {"score": 3})
    assert not (stack.run_dir / "best").exists()
    assert judge.score(pulled, [Episode(7.0, 20, {})])
    assert stack.report().evaluation.best.mean_reward == 7.0
    for one in (client, judge):
        one.close()


def test_returns_count_only_with_a_gradient_that_is_accepted(stack, attack):
    start(stack, stop_at_reward=100.0)
    client, _ = worker(stack)
    wins = [[1e29, 20, {}]] * 20
    attacker, judge = attack(), attack(wire.EVALUATOR, "judge")
    assert "norm" in attacker.refusal(GOOD._replace(episodes=wins), 100.0 * ONES)
    assert "at most 20 episodes, found 100" in attacker.refusal(GOOD._replace(episodes=5 * wins), ONES)
    assert "hello" in judge.refusal(GOOD._replace(episodes=wins), ONES)
    report = stack.report()
    assert (report.episodes, report.mean_return, report.over) == (0, None, "")
    assert report.refused == {"norm": 1, "episodes": 1, "unknown": 1}
    push(client, 0, [Episode(1.0, 20, {})])
    assert stack.report().mean_return == 1.0
    client.close()


def test_a_first_join_does_not_fix_a_model_that_nobody_trains(stack, attack):
    start(stack)
    other = [ParameterSpec("x", (30, 20), 1.0)]
    attacker = attack()
    join = wire.Join([[spec.name, list(spec.shape), spec.gain] for spec in other], [])
    assert isinstance(attacker.ask(join), wire.Weights)
    client, update = worker(stack)
    np.testing.assert_array_equal(update.weights, initialise(SPECS, 0))
    assert push(client, 0).accepted
    assert "the run's model is" in attacker.refusal(join)
    nothing = np.zeros(600, np.float32)
    assert "the model must be" in attacker.refusal(GOOD._replace(signature=signature(other)), nothing)
    report = stack.report()
    assert (report.updates, report.refused) == (1, {"model": 2})
    client.close()


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


def test_idle_evaluators_do_not_lock_out_the_real_one(stack, attack):
    """Four of them used to."""
    start(stack)
    client, _ = worker(stack)
    push(client, 0)
    idle = [attack(wire.EVALUATOR, f"idle{n}") for n in range(4)]
    judge = make_client(stack, EvaluatorClient, "judge")
    update = judge.pull()
    more = [attack(wire.EVALUATOR, f"more{n}") for n in range(5)]
    assert all(isinstance(one.welcome, wire.Welcome) for one in idle + more)
    assert judge.score(update, [Episode(7.0, 20, {})]), "an evaluator that was replaced must be able to return"
    more += [attack(wire.EVALUATOR, f"late{n}") for n in range(5)]
    before = stack.report().refused
    assert judge.pull().version == 1
    report = stack.report()
    assert report.refused == before, "an evaluator that sends scores must not be replaced"
    assert (report.evaluators, report.evaluation.best.mean_reward) == (4, 7.0)
    for one in (client, judge):
        one.close()

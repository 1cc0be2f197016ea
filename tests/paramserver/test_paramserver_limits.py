"""Clients of the run attack a real server. Attacks are refused and counted, change nothing and take little memory."""

import numpy as np
from in_process import ONES, SIGNATURE, SPECS
from live import until
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator

from a3c64.envs.episode import Episode
from a3c64.envs.figures import UNDECLARED, Figure, Figures
from a3c64.learning.parameters import ParameterSpec, initialise, signature
from a3c64.wire import messages as wire
from a3c64.wire.evaluator_client import EvaluatorClient

GOOD = wire.Push(SIGNATURE, 0, 20, {}, [])
ZEROS = np.zeros(8, np.float32)
JOIN = wire.Join([[spec.name, list(spec.shape), spec.gain] for spec in SPECS], [])


def start(stack, **settings):
    stack.start("a3c64.paramserver", **settings)
    report(stack)


def report(stack):
    return until(stack.report, 60, "the server's report")


def worker(clients, figures=UNDECLARED):
    client = clients.honest()
    return client, client.join(SPECS, figures)


def push(client, version, episodes=(), statistics=None):
    return client.push(ONES, SIGNATURE, version, 20, statistics or {}, list(episodes))


def test_a_gradient_that_would_freeze_learning_is_refused(stack, clients):
    """Its norm is 1.7e19. It used to set RMSProp's mean square to 3e37, so that 7,500 updates had no effect."""
    start(stack, learning_rate=0.1)
    client, update = worker(clients)
    before = update.weights.copy()
    attacker = clients.attacker()
    assert "norm must be at most 10, found 1.69706e+19" in attacker.refusal(GOOD, np.full(8, 6e18, np.float32))
    assert "found 10.1823" in attacker.refusal(GOOD, np.full(8, 3.6, np.float32))
    told = report(stack)
    assert (told.updates, told.steps, told.refused) == (0, 0, {"norm": 2})
    update = push(client, 0)
    np.testing.assert_allclose(update.weights, before - 0.1, rtol=1e-3, atol=1e-4)
    full = np.full(8, 10.0 / np.sqrt(8.0), np.float32)
    assert client.push(full, SIGNATURE, update.version, 20, {}, []).accepted, "a clipped gradient must be accepted"


def test_a_push_cannot_claim_more_steps_than_a_rollout_has(stack, clients):
    """Fifty pushes of a million steps used to end a run of 50 million steps."""
    start(stack, total_timesteps=50_000_000)
    client, _ = worker(clients)
    attacker = clients.attacker()
    for _ in range(50):
        told = attacker.refusal(GOOD._replace(steps=1_000_000), ONES)
        assert "push.steps must be 5 (t_max) times 1 to 4 (envs_per_worker), found 1000000" in told
    told = report(stack)
    assert (told.steps, told.over, told.refused) == (0, "", {"steps": 50})
    assert push(client, 0).step == 20


def test_only_weights_that_were_pulled_can_be_scored(stack, clients):
    """A score of 1e29 used to replace best/ with zeros, and to end a run with a reward goal."""
    start(stack, stop_at_reward=100.0)
    client, _ = worker(clients)
    push(client, 0)
    judge = clients.honest(EvaluatorClient, "judge")
    pulled = judge.pull()
    attacker = clients.attacker(wire.EVALUATOR)
    score = wire.Score(SIGNATURE, pulled.version, pulled.step, [[1e29, 20, {}]])
    plausible = score._replace(episodes=[[5e8, 20, {}]])
    assert "a score must be from" in attacker.refusal(score, pulled.weights)
    assert "must be those that were pulled" in attacker.refusal(plausible, ZEROS)
    assert "must be those that were pulled" in attacker.refusal(plausible._replace(version=0, step=0), pulled.weights)
    told = report(stack)
    assert (told.over, told.evaluation, told.refused) == ("", None, {"score": 3})
    assert not (stack.run_dir / "best").exists()
    assert judge.score(pulled, [Episode(7.0, 20, {})])
    assert report(stack).evaluation.best.mean_reward == 7.0


def test_returns_count_only_with_a_gradient_that_is_accepted(stack, clients):
    start(stack, stop_at_reward=100.0)
    client, _ = worker(clients)
    wins = [[1e29, 20, {}]] * 20
    attacker, judge = clients.attacker(), clients.attacker(wire.EVALUATOR, "judge")
    assert "norm" in attacker.refusal(GOOD._replace(episodes=wins), 100.0 * ONES)
    assert "at most 20 episodes, found 100" in attacker.refusal(GOOD._replace(episodes=5 * wins), ONES)
    assert "hello" in judge.refusal(GOOD._replace(episodes=wins), ONES)
    told = report(stack)
    assert (told.episodes, told.mean_return, told.over) == (0, None, "")
    assert told.refused == {"norm": 1, "episodes": 1, "unknown": 1}
    push(client, 0, [Episode(1.0, 20, {})])
    assert report(stack).mean_return == 1.0


def test_a_first_join_does_not_fix_a_model_that_nobody_trains(stack, clients):
    start(stack)
    other = [ParameterSpec("x", (30, 20), 1.0)]
    attacker = clients.attacker()
    join = wire.Join([[spec.name, list(spec.shape), spec.gain] for spec in other], [])
    assert isinstance(attacker.ask(join), wire.Weights)
    client, update = worker(clients)
    np.testing.assert_array_equal(update.weights, initialise(SPECS, 0))
    assert push(client, 0).accepted
    assert "the run's model is" in attacker.refusal(join)
    nothing = np.zeros(600, np.float32)
    assert "the model must be" in attacker.refusal(GOOD._replace(signature=signature(other)), nothing)
    told = report(stack)
    assert (told.updates, told.refused) == (1, {"model": 2})


def test_junk_names_do_not_hide_the_real_ones(stack, clients):
    """32 names of an attacker used to hide all names that came later."""
    start(stack, status_interval=0.2)
    race = Figures([Figure("finished", "finished", "", "rate", True), Figure("lap_*_s", "lap *", "s")])
    client, _ = worker(clients, race)
    update = push(client, 0)
    attacker = clients.attacker()
    attacker.ask(JOIN._replace(figures=[list(Figure("junk", "junk"))]))
    for n in range(4):
        junk = {f"junk{n}_{k}": 1.0 for k in range(30)} | {f"lap_junk{n}_{k}_s": 1.0 for k in range(30)}
        answer = attacker.ask(GOOD._replace(statistics=junk, episodes=[[1.0, 20, junk]]), ONES)
        assert isinstance(answer, wire.Weights)
    real = {"entropy": 2.0, "kl": 0.01, "time_act": 0.5}
    update = push(client, update.version, [Episode(1.0, 20, {"finished": 1.0, "lap_2_s": 31.0})], real)
    assert update.accepted
    named = {figure.name: figure for figure in report(stack).figures}
    assert (named["finished"].label, named["finished"].mean, named["lap_2_s"].mean) == ("finished", 1.0, 31.0)
    assert len(named) <= 2 + 2 * 32

    def tags():
        return set(EventAccumulator(str(stack.run_dir / "tensorboard")).Reload().Tags()["tensors"])

    until(lambda: {"train/entropy", "train/kl", "time/act", "env/finished"} <= tags(), 60, "the real names' charts")
    assert len(tags()) < 150


def test_a_refresh_keeps_the_declared_figures(stack, clients):
    """A worker that asks for newer weights used to take back its declarations."""
    start(stack)
    client, _ = worker(clients, Figures([Figure("finished", "finish rate", "", "rate", True)]))
    client.refresh()
    push(client, 0, [Episode(1.0, 20, {"finished": 1.0})])
    [figure] = report(stack).figures
    assert figure.label == "finish rate"


def test_idle_evaluators_do_not_lock_out_the_real_one(stack, clients):
    """Four of them used to."""
    start(stack)
    client, _ = worker(clients)
    push(client, 0)
    idle = [clients.attacker(wire.EVALUATOR, f"idle{n}") for n in range(4)]
    judge = clients.honest(EvaluatorClient, "judge")
    update = judge.pull()
    more = [clients.attacker(wire.EVALUATOR, f"more{n}") for n in range(5)]
    assert all(isinstance(one.welcome, wire.Welcome) for one in idle + more)
    assert judge.score(update, [Episode(7.0, 20, {})]), "an evaluator that was replaced must be able to return"
    more += [clients.attacker(wire.EVALUATOR, f"late{n}") for n in range(5)]
    before = report(stack).refused
    assert judge.pull().version == 1
    told = report(stack)
    assert told.refused == before, "an evaluator that sends scores must not be replaced"
    assert (told.evaluators, told.evaluation.best.mean_reward) == (4, 7.0)

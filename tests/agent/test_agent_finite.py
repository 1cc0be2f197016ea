"""Values of an environment that are not finite numbers: the episode is cut, a warning is logged, training goes on."""

import json
import threading

import numpy as np
import pytest
from in_process import Clock
from odd_env import LENGTH, VALUES, Odd

from a3c64.config import BadInputError
from a3c64.envs.batch import MAX_SHORT_CUTS, EnvironmentBatch
from a3c64.envs.finite import MetricsFilter
from a3c64.envs.spaces import View
from a3c64.hyperparameters import Hyperparameters
from a3c64.paramserver.service import Service
from a3c64.paramserver.weights import SharedWeights
from a3c64.policy.episodes import play
from a3c64.wire.client import Client
from a3c64.wire.report import ServerReport
from a3c64.wire.transport import LocalTransport
from a3c64.worker.loop import train

EVERY = 97
BAD = [(where, what) for where in ("reward", "observation", "reset") for what in VALUES if what != "list"]
BAD += [("reward", "list"), ("metrics", "many"), ("metrics", "list of metrics")]
BAD += [("metrics", what) for what in VALUES if what != "huge"]


def batch_of(*environments):
    return EnvironmentBatch(list(environments), View(environments[0].observation_space, 42, "grey", 2), seed=0)


@pytest.mark.parametrize(("where", "what"), BAD)
def test_a_batch_gives_only_finite_numbers(where, what, caplog):
    batch = batch_of(Odd(where, what, 3 if where == "reset" else EVERY), Odd())
    whole = cuts = 0
    for _ in range(1000):
        step = batch.step(np.array([1, 1]))
        for seen in (step.observations, step.final_observations or step.observations):
            assert np.isfinite(seen.vector).all()
        assert np.isfinite(step.rewards).all()
        assert not step.cut[1]
        assert (step.truncated | ~step.cut).all(), "a cut episode is truncated, so the value is used as bootstrap"
        assert len(step.episodes) == ((step.terminated | step.truncated) & ~step.cut).sum()
        for episode in step.episodes:
            assert (episode.total_reward, episode.length) == (LENGTH, LENGTH)
            assert all(np.isfinite(value) for value in episode.metrics.values())
        whole, cuts = whole + len(step.episodes), cuts + int(step.cut.sum())
    if where in ("reward", "observation"):
        assert cuts == 1000 // EVERY
        assert "Odd: " + where in caplog.text
        assert "at step 47 of environment 0" in caplog.text
    elif where == "metrics":
        assert (cuts, whole) == (0, 2 * 1000 // LENGTH)
        kinds = [record.getMessage() for record in caplog.records]
        assert kinds, "a warning is logged"
        assert len(kinds) == len(set(kinds)), "each metric is named once"
    assert whole > 20


def test_metrics_that_are_not_finite_numbers_are_dropped():
    odd = {"a": 1, "b": np.float32(2.5), "c": True, "d": "1.0", "e": [1.0], "f": None, "g": np.array([3.0]), "h": 1e31}
    assert MetricsFilter("X-v0")(odd) == {"a": 1.0, "b": 2.5, "c": 1.0, "g": 3.0}
    assert len(MetricsFilter("X-v0")({str(n): n for n in range(65)})) == 64


@pytest.mark.parametrize(
    ("where", "what", "lstm_size"), [("reward", "nan", 16), ("observation", "inf", 16), ("metrics", "text", 0)]
)
def test_values_that_are_not_finite_do_not_reach_the_weights(where, what, lstm_size):
    """Also with an LSTM: one NaN would stay in its memory, and in the scaling of rewards, for ever."""
    arguments = json.dumps({"where": where, "what": what, "every": EVERY})
    hyperparameters = Hyperparameters(
        env_id="odd_env:Odd-v0",
        env_args=arguments,
        total_timesteps=2000,
        lstm_size=lstm_size,
        envs_per_worker=2,
        t_max=20,
    )
    service = Service(SharedWeights(hyperparameters, None), "test", ServerReport(), Clock())
    client = Client(LocalTransport(service.handle), "a", "a", threading.Event())
    client.hello()
    environments = EnvironmentBatch.make(hyperparameters, client.index)
    train(environments, client, hyperparameters, threading.Event(), lambda _: None)
    environments.close()
    assert service.weights.step == 2000
    assert service.weights.version == 50, "no gradient was refused"
    assert service.metrics.refused.total() == 0
    assert np.isfinite(service.weights.vector).all()
    assert service.metrics.episodes >= 2000 // LENGTH - 2000 // EVERY - 2
    assert service.metrics.rollout()["env/good"] == 1.0


def test_an_environment_that_never_gives_finite_values_ends_the_run():
    with pytest.raises(BadInputError, match=r"Odd: observations must be finite numbers, found .*in 100 episodes"):
        batch_of(Odd("reset", "nan", 1))
    batch = batch_of(Odd("reward", "nan", 1))
    for _ in range(MAX_SHORT_CUTS - 1):
        batch.step(np.array([1]))
    with pytest.raises(BadInputError, match=r"Odd: rewards must be finite numbers, found nan, in 100 episodes"):
        batch.step(np.array([1]))


def test_an_environment_that_worked_before_ends_only_its_process():
    batch = batch_of(environment := Odd())
    for _ in range(LENGTH):
        batch.step(np.array([1]))
    environment.where, environment.every = "reward", 1
    for _ in range(MAX_SHORT_CUTS - 1):
        batch.step(np.array([1]))
    with pytest.raises(RuntimeError, match="in 100 episodes in a row"):
        batch.step(np.array([1]))


def test_an_evaluation_leaves_out_cut_episodes_and_ends():
    hyperparameters = Hyperparameters(env_id="odd_env:Odd-v0", env_args='{"where": "reward"}', envs_per_worker=2)
    played = play(hyperparameters, None, episodes=6)
    assert len(played) >= 6
    assert {episode.length for episode in played} == {LENGTH}
    never = hyperparameters.model_copy(update={"env_args": json.dumps({"where": "reward", "every": LENGTH - 1})})
    with pytest.raises(RuntimeError, match=r"episodes of .* were cut and 0 were completed"):
        play(never, None, episodes=2)

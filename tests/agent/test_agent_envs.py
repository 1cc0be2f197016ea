"""Batches of environments."""

import gymnasium as gym
import numpy as np
import pytest
from tiny_env import LENGTH, TinyImage

from a3c64.config import BadInputError
from a3c64.envs.batch import EnvironmentBatch, make_one
from a3c64.envs.spaces import View
from a3c64.hyperparameters import Hyperparameters


class Counter(gym.Env):
    """Observes its step count; ends at step 3, by termination if `terminates`."""

    def __init__(self, terminates: bool, log: list | None = None) -> None:
        self.observation_space = gym.spaces.Box(0, 100, (1,), np.float64)
        self.action_space = gym.spaces.Discrete(2)
        self.terminates, self.log = terminates, log
        self.n = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.n = 0
        return np.array([0.0]), {}

    def starter(self, env):
        return self.begin

    def begin(self, action):
        if self.log is not None:
            self.log.append(("begin", id(self), int(action)))

    def step(self, action):
        if self.log is not None:
            self.log.append(("step", id(self), int(action)))
        self.n += 1
        over = self.n == 3
        return (
            np.array([float(self.n)]),
            1.0,
            over and self.terminates,
            over,
            {"metrics": {"laps": 1.5}} if over else {},
        )


def batch_of(*environments):
    return EnvironmentBatch(list(environments), View(environments[0].observation_space, 42, "grey"), seed=0)


def test_an_environment_is_reset_when_its_episode_ends():
    batch = batch_of(Counter(True), Counter(False))
    actions = np.zeros(2, np.int32)
    for _ in range(2):
        step = batch.step(actions)
        assert not step.episodes
    step = batch.step(actions)
    assert step.terminated.tolist() == [True, False]
    assert step.truncated.tolist() == [False, True], "a terminated episode is not truncated as well"
    assert step.observations.vector[:, 0].tolist() == [0.0, 0.0], "both are reset"
    assert step.final_observations.vector[:, 0].tolist() == [0.0, 3.0], "the last observation of the truncated episode"
    assert [(e.total_reward, e.length, e.metrics) for e in step.episodes] == [(3.0, 3, {"laps": 1.5})] * 2


def test_all_environments_begin_a_step_before_any_is_waited_for():
    log: list = []
    batch = batch_of(Counter(True, log), Counter(True, log))
    batch.step(np.array([0, 1], np.int32))
    assert [(what, action) for what, _, action in log] == [("begin", 0), ("begin", 1), ("step", 0), ("step", 1)]


def test_an_unknown_id_is_refused_with_the_nearest_name():
    with pytest.raises(BadInputError, match="did you mean CartPole-v1"):
        make_one(Hyperparameters(env_id="CartPole-v11"))
    with pytest.raises(BadInputError, match="CartPol-v1"):
        make_one(Hyperparameters(env_id="CartPol-v1"))
    with pytest.raises(BadInputError, match="A3C64_ENV_ID"):
        make_one(Hyperparameters(env_id="nowhere/Nothing-v0"))
    with pytest.raises(BadInputError, match="A3C64_ENV_ID"):
        make_one(Hyperparameters(env_id="no_such_module:Nothing-v0"))


def test_environments_have_different_and_repeatable_seeds():
    hyperparameters = Hyperparameters(env_id="tiny_env:TinyImage-v0", envs_per_worker=3, seed=5)

    def play():
        batch = EnvironmentBatch.make(hyperparameters, worker=1)
        frames = [batch.step(np.zeros(3, np.int32)).observations.image.copy() for _ in range(LENGTH)]
        batch.close()
        return np.stack(frames)

    one, other = play(), play()
    np.testing.assert_array_equal(one, other)
    assert (one[:, 0] != one[:, 1]).any()


def test_the_tiny_environment_keeps_gymnasiums_contract():
    from gymnasium.utils.env_checker import check_env

    check_env(TinyImage(), skip_render_check=True)


def test_env_args_reach_the_environment():
    hyperparameters = Hyperparameters(env_args='{"course": "desert", "telemetry": false, "frameskip": 2}')
    env = make_one(hyperparameters)
    _, info = env.reset()
    assert (info["course"], env.unwrapped.frameskip) == ("desert", 2)
    env.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ('{"course": "dessert"}', "course is 'dessert' .maybe you meant 'desert'"),
        ('{"cuorse": "desert"}', "there is no argument 'cuorse', did you mean course?"),
    ],
)
def test_invalid_env_args_are_refused(arguments, message):
    with pytest.raises(BadInputError, match=r"^--env-args \(A3C64_ENV_ARGS\): n64gym/OpenKart-v0: " + message):
        make_one(Hyperparameters(env_args=arguments))

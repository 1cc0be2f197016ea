"""Vector environments and a3c64's batches play the action that action wrappers return."""

import gymnasium
import numpy as np
import pytest
from driving import STRAIGHT
from gymnasium import wrappers

from a3c64.envs.batch import EnvironmentBatch
from a3c64.envs.spaces import View
from n64gym import RecordMovie
from n64gym.vector import LockstepVectorEnv

ID = "n64gym/OpenKart-v0"
STEPS = 60


class Reversed(gymnasium.ActionWrapper):
    """A user's action wrapper."""

    def action(self, action):
        return 11 - action


class EveryOther(gymnasium.Wrapper):
    """A user's wrapper that overrides step. It plays action 0 in every second step."""

    on = False

    def step(self, action):
        self.on = not self.on
        return self.env.step(action if self.on else 0)


class Skipping(wrappers.TimeLimit):
    """A wrapper that changes actions, although its base class passes them on unchanged."""

    def step(self, action):
        return super().step(action // 2)


def sticky(env):
    return wrappers.StickyAction(env, 0.5)


def transformed(env):
    return wrappers.TransformAction(env, lambda action: (action + 3) % 12, env.action_space)


def patched(env):
    inner = env.step
    env.step = lambda action: inner(11 - action)
    return env


def nested(env):
    return wrappers.TimeLimit(Reversed(wrappers.TimeLimit(env, 1000)), 1000)


CHANGING = [sticky, transformed, Reversed, EveryOther, lambda env: Skipping(env, 1000), patched, nested]
PASSING_ON = [
    lambda env: env,
    lambda env: wrappers.TimeLimit(env, 1000),
    lambda env: wrappers.RecordEpisodeStatistics(wrappers.NormalizeReward(env)),
    lambda env: wrappers.MaxAndSkipObservation(env, 2),
    lambda env: wrappers.FrameStackObservation(env, 2),
]


def make(wrap):
    return wrap(gymnasium.make(ID, obs_type="grayscale", size=(42, 42)))


def one_by_one(wrap, actions):
    """The oracle steps each environment alone. Returns the karts' headings after each step [T, 2], degrees."""
    columns = []
    for k in range(2):
        with make(wrap) as env:
            env.reset(seed=k)
            columns.append([env.step(action)[4]["heading"] for action in actions[:, k]])
    return np.array(columns).T


@pytest.fixture(scope="module")
def actions():
    """Random actions [T, 2]: most are forwards, and the others all occur."""
    random = np.random.default_rng(5)
    return np.where(random.random((STEPS, 2)) < 0.5, STRAIGHT, random.integers(0, 12, (STEPS, 2)))


@pytest.mark.parametrize("wrap", CHANGING + PASSING_ON)
def test_a_vector_and_a_batch_match_each_environment_alone(wrap, actions):
    expected = one_by_one(wrap, actions)
    assert np.ptp(expected, axis=0).min() > 1, "both karts must turn"

    vector = LockstepVectorEnv([lambda: make(wrap)] * 2)
    vector.reset(seed=[0, 1])
    stepped = [vector.step(both)[4]["heading"] for both in actions]
    vector.close()
    np.testing.assert_array_equal(stepped, expected)

    environments = [make(wrap) for _ in range(2)]
    batch = EnvironmentBatch(environments, View(environments[0].observation_space, 42, "grey"), seed=0)
    stepped = []
    for both in actions:
        batch.step(both)
        stepped.append([batch.episode_state(k).info["heading"] for k in range(2)])
    batch.close()
    np.testing.assert_array_equal(stepped, expected)


@pytest.mark.parametrize("wrap", CHANGING)
def test_wrappers_that_may_change_actions_prevent_begin_step(wrap):
    env = make(wrap)
    assert env.unwrapped.starter(env) is None
    env.close()


@pytest.mark.parametrize("wrap", PASSING_ON)
def test_wrappers_that_pass_actions_on_allow_begin_step(wrap, tmp_path):
    env = RecordMovie(make(wrap), tmp_path)
    assert env.unwrapped.starter(env) == env.unwrapped.begin_step
    env.close()


def test_a_step_with_another_action_than_begun_is_refused():
    with make(lambda env: env) as env:
        env.reset()
        env.unwrapped.begin_step(1)
        with pytest.raises(ValueError, match="step must get the action of begin_step, 1, found 2"):
            env.step(2)
        env.step(np.int64(1))

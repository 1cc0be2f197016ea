"""The settings frameskip, sticky_actions and max_episode_steps have the same meaning for every environment."""

import json

import gymnasium as gym
import numpy as np
import pytest

from a3c64.envs.batch import EnvironmentBatch
from a3c64.envs.making import make_one
from a3c64.hyperparameters import Hyperparameters


def made(env_id="counting_env:Counting-v0", length=0, count=1, **settings):
    arguments = json.dumps({"length": length}) if length else "{}"
    given = Hyperparameters(env_id=env_id, env_args=arguments, envs_per_worker=count, frame_stack=1, **settings)
    return EnvironmentBatch.make(given, worker=0)


def played(batch, actions):
    """Take steps with these actions; return the observations [T, B, 2] and the steps."""
    seen, steps = [], []
    for action in actions:
        step = batch.step(np.full(len(batch.environments), action, np.int32))
        seen.append(step.observations.vector.copy())
        steps.append(step)
    batch.close()
    return np.array(seen), steps


def test_frame_skip_repeats_an_action_and_adds_up_the_rewards():
    seen, steps = played(made(frameskip=4), [7, 8])
    assert seen[:, 0].tolist() == [[4, 7], [8, 8]]
    assert [step.rewards[0] for step in steps] == [1 + 2 + 3 + 4, 5 + 6 + 7 + 8]


def test_frame_skip_stops_at_the_end_of_an_episode():
    _, steps = played(made(frameskip=4, length=6), [7, 7, 7])
    assert [step.terminated[0] for step in steps] == [False, True, False]
    assert [step.rewards[0] for step in steps] == [1 + 2 + 3 + 4, 5 + 6, 1 + 2 + 3 + 4]
    assert [(one.total_reward, one.length) for one in steps[1].episodes] == [(21, 2)]


def test_a_film_of_skipped_frames_runs_at_the_speed_of_the_environment():
    env = make_one(Hyperparameters(env_id="counting_env:Counting-v0", frameskip=4))
    assert env.metadata["render_fps"] == 15
    assert env.unwrapped.metadata["render_fps"] == 60, "others of this class keep their rate"


def test_no_frame_is_skipped_by_default():
    seen, _ = played(made(), [7, 8])
    assert seen[:, 0].tolist() == [[1, 7], [2, 8]]


@pytest.mark.parametrize(("settings", "frames"), [({}, 4), ({"frameskip": 2}, 2)])
def test_n64gym_skips_its_own_frames(settings, frames):
    env = make_one(Hyperparameters(**settings))
    assert env.unwrapped.frameskip == frames
    assert "FrameSkip" not in str(env)


@pytest.mark.parametrize(
    ("env_id", "settings", "frames", "sticky"),
    [
        ("ALE/Pong-v5", {}, 4, 0.25),
        ("ALE/Pong-v5", {"frameskip": 3, "sticky_actions": 0.5}, 3, 0.5),
        ("PongNoFrameskip-v4", {}, 1, 0.0),
        ("PongNoFrameskip-v4", {"frameskip": 4}, 4, 0.0),
    ],
)
def test_ale_skips_its_own_frames_and_has_its_own_sticky_actions(env_id, settings, frames, sticky):
    pytest.importorskip("ale_py")
    given = Hyperparameters(env_id=env_id, envs_per_worker=1, **settings)
    batch = EnvironmentBatch.make(given, worker=0)
    env = batch.environments[0]
    assert "FrameSkip" not in str(env)
    assert env.unwrapped.ale.getFloat("repeat_action_probability") == sticky
    before = env.unwrapped.ale.getEpisodeFrameNumber()
    batch.step(np.zeros(1, np.int32))
    assert env.unwrapped.ale.getEpisodeFrameNumber() == before + frames
    assert not batch._sticky._probability, "only ALE repeats actions"
    batch.close()


def test_arguments_of_the_environment_come_before_the_settings():
    pytest.importorskip("ale_py")
    env = make_one(Hyperparameters(env_id="ALE/Pong-v5", env_args='{"frameskip": 2}', frameskip=3))
    assert env.unwrapped._frameskip == 2


def test_sticky_actions_repeat_the_last_action_with_the_given_probability():
    actions = np.arange(2000) % 100
    seen, _ = played(made(sticky_actions=0.25, count=2), actions)
    taken = seen[:, :, 1]
    repeated = taken[1:] == taken[:-1]
    assert ((taken[1:] == actions[1:, None]) | repeated).all()
    assert repeated.mean(axis=0) == pytest.approx(0.25, abs=0.03)
    assert (repeated[:, 0] != repeated[:, 1]).any(), "each environment draws for itself"


def test_sticky_actions_are_the_same_for_the_same_seed():
    actions = [t % 100 for t in range(50)]
    one, same = (played(made(sticky_actions=0.5, seed=3), actions)[0] for _ in range(2))
    other = played(made(sticky_actions=0.5, seed=4), actions)[0]
    assert (one == same).all()
    assert (one != other).any()


def test_the_first_action_of_an_episode_is_not_replaced():
    seen, _ = played(made(sticky_actions=0.99, length=5, seed=1), [7, 8] * 30)
    # The first observation of the next episode is returned at an episode's end, so first steps are those with t = 1.
    firsts = [(t, one[0, 1]) for t, one in enumerate(seen) if one[0, 0] == 1]
    assert len(firsts) == 12
    assert all(action == [7, 8][t % 2] for t, action in firsts)


@pytest.mark.parametrize(
    ("env_id", "settings", "length"),
    [
        ("counting_env:Counting-v0", {"max_episode_steps": 5}, 5),
        ("counting_env:Counting-v0", {"max_episode_steps": 5, "frameskip": 3}, 5),
        ("counting_env:CountingLimited-v0", {}, 10),
        ("counting_env:CountingLimited-v0", {"frameskip": 4}, 3),
        ("counting_env:CountingLimited-v0", {"max_episode_steps": 20}, 20),
        ("n64gym/OpenKart-v0", {"max_episode_steps": 5}, 5),
    ],
)
def test_episodes_are_cut_after_a_number_of_actions(env_id, settings, length):
    batch = made(env_id, **settings)
    steps = [batch.step(np.zeros((1, *batch.family.shape), batch.family.dtype)) for _ in range(length)]
    batch.close()
    assert [bool(step.truncated[0]) for step in steps] == [False] * (length - 1) + [True]
    assert not any(step.terminated[0] for step in steps)
    assert steps[-1].final_observations is not None, "the value of the last state is estimated"
    assert [one.length for one in steps[-1].episodes] == [length]


def test_open_kart_still_steps_in_parallel_with_these_settings():
    batch = made("n64gym/OpenKart-v0", max_episode_steps=5, sticky_actions=0.5)
    assert batch._starters[0] is not None
    batch.close()


def test_the_time_limit_of_an_unregistered_kind_is_gymnasiums():
    env = make_one(Hyperparameters(env_id="counting_env:Counting-v0", max_episode_steps=5))
    assert isinstance(env, gym.wrappers.TimeLimit)

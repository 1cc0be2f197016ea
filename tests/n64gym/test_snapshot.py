"""Taking a snapshot does not change an episode; restoring it restores reward and progress too."""

import gymnasium
import numpy as np
import pytest
from driving import STRAIGHT
from gymnasium.error import ResetNeeded

from n64gym import Playback, RecordMovie

ID = "n64gym/OpenKart-v0"
GRAND_PRIX = {
    "mode": "grand_prix",
    "course": "harbour",
    "laps": 1,
    "telemetry": True,
    "reward": {"progress": 1, "jerk": 2},
}


def drive(env, actions):
    """Return the result of each step."""
    return [env.step(int(action)) for action in actions]


def assert_same(found, expected):
    """Compare two lists of step results bit for bit."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_equal(one, other)


@pytest.fixture
def actions():
    """Random actions [60], most of them forwards."""
    random = np.random.default_rng(8)
    return np.where(random.random(60) < 0.6, STRAIGHT, random.integers(0, 12, 60))


@pytest.mark.parametrize("settings", [{}, GRAND_PRIX, {"obs_type": "grayscale", "size": (42, 42), "frameskip": 3}])
def test_an_episode_continues_identically_after_a_restore(settings, actions):
    with (
        gymnasium.make(ID, **settings) as env,
        gymnasium.make(ID, **settings) as other,
    ):
        other.reset(seed=1)
        undisturbed = drive(other, [*actions, *actions[:45]])
        env.reset(seed=1)
        found = drive(env, actions)
        moment = env.unwrapped.snapshot()
        found += drive(env, actions[:45])
        assert_same(found, undisturbed)
        for _ in range(2):
            np.testing.assert_equal(env.unwrapped.restore(moment), found[59][0])
            assert_same(drive(env, actions[:45]), found[60:])
        env.reset(seed=2)
        drive(env, actions[:7])
        np.testing.assert_equal(env.unwrapped.restore(moment), found[59][0])
        assert_same(drive(env, actions[:45]), found[60:])


def test_metrics_exclude_the_steps_that_a_restore_removed(actions):
    """The metrics must not contain the part of the race that the restore removed."""
    with gymnasium.make(ID, time_limit=6.0, reward={"progress": 100.0, "off_road": 1.0}) as env:
        _, info = env.reset()
        start, total = info["progress"], 0.0
        for outcome in drive(env, actions[:40]):
            total += outcome[1]
        moment = env.unwrapped.snapshot()
        drive(env, [3] * 30)
        env.unwrapped.restore(moment)
        truncated = False
        while not truncated:
            _, reward, _, truncated, info = env.step(STRAIGHT)
            total += reward
    metrics = info["metrics"]
    assert metrics["reward_progress"] + metrics["reward_off_road"] == pytest.approx(total)
    assert metrics["reward_progress"] == pytest.approx(100 * (info["progress"] - start))


def test_actions_found_by_search_play_back(tmp_path):
    """Each step tries three actions from a snapshot and takes the best. The chosen ones play back as a plain run."""
    with gymnasium.make(ID) as env:
        env.reset(seed=1)
        chosen, expected = [], []
        for _ in range(8):
            moment = env.unwrapped.snapshot()
            outcomes = {}
            for action in (1, 4, 8):
                env.unwrapped.restore(moment)
                outcomes[action] = env.step(action)
            best = max(outcomes, key=lambda action: outcomes[action][1])
            env.unwrapped.restore(moment)
            chosen.append(best)
            expected.append(env.step(best))
    with RecordMovie(gymnasium.make(ID), tmp_path) as env:
        env.reset(seed=1)
        assert_same(drive(env, chosen), expected)
    playback = Playback(env.last_movie)
    playback.advance(10_000)
    assert not playback.diverged
    playback.close()


def test_a_snapshot_can_be_restored_in_another_environment(actions):
    with gymnasium.make(ID) as one, gymnasium.make(ID) as other:
        one.reset(seed=1)
        drive(one, actions)
        moment = one.unwrapped.snapshot()
        other.reset(seed=7)
        np.testing.assert_equal(other.unwrapped.restore(moment), moment.observation)
        assert_same(drive(other, actions[:20]), drive(one, actions[:20]))


def test_a_snapshot_outlives_its_emulator(actions):
    with gymnasium.make(ID) as env:
        env.reset(seed=1)
        drive(env, actions)
        moment = env.unwrapped.snapshot()
        expected = env.step(STRAIGHT)
        env.unwrapped.emulator.close()
        assert env.step(STRAIGHT)[3], "the step must be truncated"
        with pytest.raises(ResetNeeded, match="the emulator has died"):
            env.unwrapped.snapshot()
        env.unwrapped.restore(moment)
        found = env.step(STRAIGHT)
        assert found[4].pop("emulator_restarts") == 1
        assert expected[4].pop("emulator_restarts") == 0
        assert_same([found], [expected])


def test_a_snapshot_outside_an_episode_is_refused():
    with gymnasium.make(ID) as env:
        with pytest.raises(ResetNeeded, match="an episode begins with reset"):
            env.unwrapped.snapshot()
        env.reset()
        env.unwrapped.begin_step(1)
        with pytest.raises(ResetNeeded, match="a step is in progress"):
            env.unwrapped.snapshot()
        env.step(1)
        env.unwrapped.snapshot()


def test_no_movie_is_written_of_an_episode_with_a_restore(tmp_path, actions):
    with RecordMovie(gymnasium.make(ID), tmp_path) as env:
        env.reset()
        moment = env.unwrapped.snapshot()
        drive(env, actions[:9])
        env.unwrapped.restore(moment)
        drive(env, actions[:9])
        env.reset()
        assert not list(tmp_path.iterdir())
        drive(env, actions[:9])
        env.unwrapped.snapshot()  # a snapshot without a restore keeps the movie valid
        drive(env, actions[:9])
    playback = Playback(env.last_movie)
    playback.advance(10_000)
    assert not playback.diverged
    playback.close()

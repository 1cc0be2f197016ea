"""The environment on the host game equals a time trial of n64gym/OpenKart-v0: observations, rewards and ends."""

import gymnasium
import host_env
import numpy as np
import pytest

import n64gym  # noqa: F401 - registers n64gym/OpenKart-v0

STEPS = 1500
HELD = 6  # steps that a random action is held; with shorter ones the kart would hardly move


@pytest.mark.parametrize(
    "settings",
    [
        {"noop_max": 30},
        {"noop_max": 3, "obs_type": "grayscale", "course": ["desert", "generated"], "course_seed": 7, "laps": 1},
        {"course": "mountain", "mirror": True, "frameskip": 3, "random_max": 60, "telemetry": True},
    ],
)
def test_the_host_plays_as_the_emulator_does(settings):
    arguments = {"size": (42, 42), "stuck_limit": 3.0, **settings}
    emulated = gymnasium.make("n64gym/OpenKart-v0", **arguments)
    hosted = gymnasium.make(host_env.ENV_ID, **arguments)
    random = np.random.default_rng(5)
    observed, other = emulated.reset(seed=11)[0], hosted.reset(seed=11)[0]
    episodes, moved, action = 0, 0.0, 0
    for step in range(STEPS):
        same(observed, other)
        if step % HELD == 0:
            action = int(random.choice(emulated.action_space.n))
        observed, *outcome, info = emulated.step(action)
        other, *other_outcome, other_info = hosted.step(action)
        assert outcome == other_outcome
        assert info.get("metrics") == other_info.get("metrics")
        moved += abs(outcome[0])
        if outcome[1] or outcome[2]:
            episodes += 1
            same(observed, other)
            observed, other = emulated.reset()[0], hosted.reset()[0]
    emulated.close()
    hosted.close()
    assert episodes > 0
    assert moved > 10.0


def same(observed, other):
    if isinstance(observed, dict):
        assert observed.keys() == other.keys()
        for name in observed:
            np.testing.assert_array_equal(observed[name], other[name])
    else:
        np.testing.assert_array_equal(observed, other)


def test_games_of_one_process_do_not_share_anything():
    one, two = (gymnasium.make(host_env.ENV_ID, size=(42, 42)) for _ in range(2))
    alone = gymnasium.make(host_env.ENV_ID, size=(42, 42))
    for environment in (one, two, alone):
        environment.reset(seed=1)
    for step in range(200):
        seen = one.step(7)
        two.step(step % 12)
        expected = alone.step(7)
        same(seen[0], expected[0])
        assert seen[1:4] == expected[1:4]

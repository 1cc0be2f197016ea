"""CarRacing draws less than Gymnasium's, and shows the same."""

import gymnasium as gym
import numpy as np
import pytest

from a3c64.envs.car_racing import CarRacingFrameSkip
from a3c64.envs.frame_skip import FrameSkip
from a3c64.envs.making import make_one
from a3c64.hyperparameters import Hyperparameters

pytest.importorskip("Box2D")


def both(count, **arguments):
    """Return Gymnasium's environment and ours, with actions of `count` steps."""
    made = [gym.make("CarRacing-v3", disable_env_checker=True, **arguments) for _ in range(2)]
    return FrameSkip(made[0], count), CarRacingFrameSkip(made[1], count)


@pytest.mark.parametrize(
    ("count", "arguments"), [(1, {}), (1, {"domain_randomize": True}), (4, {}), (8, {"render_mode": "rgb_array"})]
)
def test_pictures_and_rewards_are_equal_to_those_of_the_game(count, arguments):
    theirs, ours = both(count, **arguments)
    theirs.action_space.seed(1)
    for seed in (1, 2):
        assert np.array_equal(theirs.reset(seed=seed)[0], ours.reset(seed=seed)[0])
        for step in range(24):
            if step % 8 == 0:
                action = theirs.action_space.sample()
            expected, found = theirs.step(action), ours.step(action)
            assert np.array_equal(expected[0], found[0]), step
            assert expected[1:] == found[1:]
    if "render_mode" in arguments:
        assert np.array_equal(theirs.render(), ours.render())


def test_only_the_last_step_of_an_action_is_drawn():
    _, env = both(8)
    env.reset(seed=1)
    drawn, draw = [], env.unwrapped._draw_colored_polygon
    env.unwrapped._draw_colored_polygon = lambda *given, **named: (drawn.append(given[1]), draw(*given, **named))
    env.step(np.array([0.0, 1.0, 0.0], np.float32))
    assert 10 < len(drawn) < 400, "the game draws more than 700 in each of the 8 steps"


def test_an_episode_that_ends_within_an_action_is_drawn_as_it_ends():
    last = []
    for env in both(8, max_episode_steps=20):
        env.reset(seed=1)
        steps = [env.step(np.array([0.0, 1.0, 0.0], np.float32)) for _ in range(3)]
        assert [step[3] for step in steps] == [False, False, True]
        last.append(steps[-1][0])
    assert np.array_equal(last[0][:80], last[1][:80]), "above the score, which is newer by one step"


def test_training_uses_it():
    env = make_one(Hyperparameters(env_id="CarRacing-v3", frameskip=4))
    assert str(env).startswith("<CarRacingFrameSkip<")
    assert env.metadata["render_fps"] == 12.5


def test_a_version_that_draws_in_another_way_is_left_alone(monkeypatch):
    game = type(gym.make("CarRacing-v3").unwrapped)
    monkeypatch.delattr(game, "_render_road")
    env = make_one(Hyperparameters(env_id="CarRacing-v3", frameskip=4))
    assert str(env).startswith("<FrameSkip<")

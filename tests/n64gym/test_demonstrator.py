"""A movie shown as episodes of an environment: observations, actions, rewards and ends are those of the recording."""

import dataclasses

import gymnasium
import numpy as np
import pytest

import n64gym
from n64gym.games.openkart_driver import Driver
from n64gym.machine.controller import A, word
from n64gym.movies import m64

SIZE = {"obs_type": "grayscale", "size": (42, 42)}
STEPS = 40


def make(**settings):
    return gymnasium.make("n64gym/OpenKart-v0", **SIZE, **settings)


def shown(path, **settings):
    """Return what a movie shows: a list of (observation, action, exact, reward, terminated, truncated)."""
    env = make(**settings)
    movie = n64gym.Demonstrator(env.unwrapped, path)
    steps = []
    try:
        while movie.find_start():
            observation, ended = movie.reset()[0].copy(), False
            while not ended:
                action, exact = movie.shown()
                following, reward, terminated, truncated, _ = movie.step(action)
                steps.append((observation, action, exact, reward, terminated, truncated))
                observation, ended = following.copy(), terminated or truncated
        return steps
    finally:
        movie.close()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A movie of a race's end, and its steps."""
    folder, steps, over = tmp_path_factory.mktemp("recorded"), [], False
    with n64gym.RecordMovie(make(course="harbour", start=0.9, laps=1, noop_max=9), folder) as env:
        observation, driver = env.reset(seed=3)[0].copy(), Driver(env)
        while not over:
            action = driver()
            following, reward, terminated, truncated, _ = env.step(action)
            steps.append((observation, action, True, reward, terminated, truncated))
            observation, over = following.copy(), terminated or truncated
        assert terminated
        return env.last_movie, steps


def test_an_episode_is_shown_as_it_was_recorded(recorded):
    path, steps = recorded
    found = shown(path)
    assert len(found) == len(steps)
    for one, other in zip(found, steps, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        assert one[1:3] == other[1:3]
        assert one[3] == pytest.approx(other[3])
        assert one[4:] == other[4:]


def test_a_movie_of_another_program_begins_in_the_menus(recorded, tmp_path):
    path, steps = recorded
    movie = tmp_path / "foreign.m64"
    m64.write(movie, m64.read(path))  # without the JSON
    found = shown(movie)
    assert 0 <= len(found) - len(steps) <= 5  # the race's first VIs pass before a recording begins
    assert found[-1][4]
    assert sum(one[3] for one in found) == pytest.approx(sum(one[3] for one in steps), abs=0.5)


def test_actions_that_the_agent_lacks_are_mapped_to_the_nearest(tmp_path):
    sticks = [0, 40, 57, 80]  # 57 is not among the discrete actions
    with n64gym.RecordMovie(make(actions="signed", course="harbour"), tmp_path) as env:
        env.reset()
        for n in range(STEPS):
            env.step([sticks[n % 4], 0, 1, 0, 0])
        env.close()
        path = env.last_movie
    found = shown(path)
    exact = [one[2] for one in found]
    discrete = make().unwrapped
    for n, one in enumerate(found):
        assert one[1] == discrete.action_of(word(A, sticks[n % 4], 0))
    assert exact == [discrete._word(one[1]) == word(A, sticks[n % 4], 0) for n, one in enumerate(found)]
    assert 0 < sum(exact) < STEPS
    assert found[-1][5]  # the movie ended before the race


def test_a_changed_movie_is_refused(recorded, tmp_path):
    path, _ = recorded
    changed = tmp_path / path.name
    original = m64.read(path)
    samples = original.samples.copy()
    samples[-60:] ^= np.uint32(A)
    m64.write(changed, dataclasses.replace(original, samples=samples))
    changed.with_suffix(".json").write_bytes(path.with_suffix(".json").read_bytes())
    with pytest.raises(n64gym.MovieError, match="diverged between samples"):
        shown(changed)


def test_calls_in_the_wrong_order_are_refused(recorded):
    movie = n64gym.Demonstrator(make().unwrapped, recorded[0])
    with pytest.raises(n64gym.MovieError, match="call find_start before reset"):
        movie.reset()
    assert movie.find_start()
    movie.reset()
    with pytest.raises(n64gym.MovieError, match="call shown before step"):
        movie.step(0)
    movie.close()

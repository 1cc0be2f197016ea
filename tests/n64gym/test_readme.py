"""The Python listing in env-image/README.md works: these tests run the game that it adds."""

import sys
from importlib import import_module
from pathlib import Path

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env

import n64gym

README = Path(__file__).parents[2] / "env-image" / "README.md"


@pytest.fixture(scope="module")
def added(tmp_path_factory):
    """The game of the README's Python listing, saved, imported and registered as the README says."""
    (listing,) = README.read_text().split("```python\n")[1:]
    code = listing.partition("```")[0]
    assert len(code.splitlines()) < 60  # the README says about fifty lines
    folder = tmp_path_factory.mktemp("example")
    (folder / "full_speed.py").write_text(code)
    sys.path.insert(0, str(folder))
    import_module("full_speed")
    yield "FullSpeed-v0"
    sys.path.remove(str(folder))
    del gymnasium.registry["FullSpeed-v0"]


def test_the_added_game_is_an_environment(added):
    with gymnasium.make(added, render_mode="rgb_array", size=(42, 42), cache=False) as env:
        check_env(env.unwrapped)


def test_the_added_game_has_courses_and_rewards_speed(added, tmp_path):
    with n64gym.RecordMovie(gymnasium.make(added, course=2, cache=False), tmp_path) as env:
        first, info = env.reset()
        assert info["setup"] == {"course": 2}
        rewards = [env.step(1)[1] for _ in range(20)]
        assert rewards[-1] > rewards[0] >= 0
        assert (env.reset(options={"course": 1})[0] != first).any()
    movie = n64gym.Playback(next(tmp_path.glob("*.m64")))
    while not movie.over:
        movie.step()
    assert movie.diverged == ""
    movie.close()

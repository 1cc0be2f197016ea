"""n64gym/Game-v0: a game folder gives the same episodes as the class of its game."""

import pickle
import re
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import n64gym
from n64gym.game_folder import starts
from n64gym.game_folder.model import Start

OPEN_KART = Path(n64gym.__file__).parent / "game_folder" / "openkart"
LOOK = {"obs_type": "grayscale", "size": (42, 42), "telemetry": True}


def same(one, other):
    return {name: (one[name], other[name]) for name in one.keys() & other.keys() if one[name] != other[name]}


def test_open_karts_folder_gives_the_episodes_of_its_class():
    game = n64gym.make_game(OPEN_KART, **LOOK)
    kart = gymnasium.make("n64gym/OpenKart-v0", **LOOK)
    (seen, info), (expected, about) = game.reset(seed=1), kart.reset(seed=1)
    setups = {"setup", "title"}
    assert same(info, about).keys() == setups  # also the same savestate
    random, rewarded = np.random.default_rng(0), 0
    for _ in range(400):
        action = int(random.choice([1, 1, 1, 4, 8, 9, 0]))
        seen, *outcome, info = game.step(action)
        expected, *outcome_expected, about = kart.step(action)
        assert outcome == outcome_expected
        assert np.array_equal(seen["telemetry"], expected["telemetry"])
        assert np.array_equal(seen["picture"], expected["picture"])
        assert not same(info, about)
        rewarded += outcome[0] > 0
        if outcome[1] or outcome[2]:
            break
    assert rewarded > 100
    game.close()
    kart.close()


def test_a_game_passes_check_env_and_can_be_pickled_before_its_first_reset():
    env = n64gym.make_game(OPEN_KART, render_mode="rgb_array", size=(60, 80)).unwrapped
    assert pickle.loads(pickle.dumps(env)).game == env.game
    check_env(env, skip_render_check=True)
    env.close()


def test_an_episode_can_begin_at_a_savestate_of_the_folder(tmp_path):
    race = n64gym.make_game(OPEN_KART, obs_type="ram")
    race.reset(seed=1)
    for _ in range(100):
        race.step(1)
    game = race.unwrapped.game
    later = n64gym.GameFile(**{**vars(game), "starts": {"later": Start(state="later.state", check="progress > 0")}})
    n64gym.write_game(later, tmp_path)
    starts.write_state(race.unwrapped.emulator.save_state(), tmp_path, "later.state")
    expected = race.step(1)[4]
    env = n64gym.make_game(tmp_path, obs_type="ram", cache=False)
    _, info = env.reset()
    assert info["progress"] > 0.1
    assert env.step(1)[4]["speed"] == pytest.approx(expected["speed"], abs=1)
    race.close()
    env.close()


def test_the_documented_game_is_played(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "games.md").read_text()
    (text,) = re.findall(r'```toml title="my_game/game.toml"\n(.*?)```', page, re.DOTALL)
    (tmp_path / "game.toml").write_text(text)
    env = n64gym.make_game(tmp_path, size=(42, 42))
    env.reset()
    steps = [env.step(1) for _ in range(40)]
    assert steps[-1][1] == steps[-1][4]["kmh"] / 100 > 0.1
    env.close()

"""The settings `reward` and `wrapper`, and N64 games as classes of the user."""

import json

import numpy as np
import pytest

from a3c64.config import BadInputError
from a3c64.envs.batch import EnvironmentBatch
from a3c64.envs.making import check, find, is_n64, make_one
from a3c64.hyperparameters import Hyperparameters
from n64gym.machine.rom import OPEN_KART

SHORT = json.dumps({"laps": 1, "time_limit": 0.2})
COUNTING = {"env_id": "counting_env:Counting-v0", "env_args": '{"length": 3}'}


@pytest.mark.parametrize(
    ("wrapper", "reward"),
    [("own_code:Doubled,own_code:More", 3), ("own_code:More, own_code:Doubled", 4), ("none", 1)],
)
def test_the_first_wrapper_is_the_innermost(wrapper, reward):
    env = make_one(Hyperparameters(**COUNTING, wrapper=wrapper))
    env.reset(seed=0)
    assert env.step(5)[1] == reward


def test_wrappers_see_the_steps_of_the_agent():
    env = make_one(Hyperparameters(**COUNTING, frameskip=2, wrapper="own_code:More"))
    env.reset(seed=0)
    assert env.step(5)[1] == 1 + 2 + 1


def test_an_own_reward_replaces_the_games_and_its_terms_are_figures():
    given = Hyperparameters(env_args=SHORT, envs_per_worker=2, reward="own_code:faster", wrapper="gymnasium:Wrapper")
    batch = EnvironmentBatch.make(given, worker=0)
    try:
        assert all(batch._starters), "the emulators of a worker still step side by side"
        rewards, episodes = [], []
        while not episodes:
            step = batch.step(np.zeros(2, np.int32))
            rewards.append(step.rewards[0])
            episodes += step.episodes
    finally:
        batch.close()
    one = episodes[0]
    terms = {name: value for name, value in one.metrics.items() if name.startswith("reward_")}
    assert terms.keys() == {"reward_gained", "reward_words"}
    assert terms["reward_words"] == pytest.approx(one.length * 8 * 2**20 / 4 / 1e6), "8 MiB of words in each step"
    assert one.total_reward == pytest.approx(sum(terms.values()), rel=1e-4)
    assert sum(rewards) == pytest.approx(one.total_reward, rel=1e-4)
    assert "progress" in one.metrics, "the game's other figures are kept"


@pytest.mark.parametrize(
    ("setting", "name", "said"),
    [
        ("wrapper", "nowhere:Any", "there is no module 'nowhere': it is neither installed nor in "),
        ("wrapper", "own_code:Doubld", "own_code has no 'Doubld', did you mean Doubled?"),
        ("wrapper", "own_code:NeedsMore", "'amount' (own_parts.py"),
        ("wrapper", "own_code:nothing", "own_code:nothing must return an environment, found None"),
        ("reward", "nowhere:any", "there is no module 'nowhere'"),
        ("reward", "own_code:__doc__", "must be a class or a function, found"),
        ("reward", "own_code:a_number", "own_code:a_number must return a dict of terms and numbers, found 1.0"),
    ],
)
def test_own_code_that_cannot_be_used_is_one_line(setting, name, said):
    given = Hyperparameters(**COUNTING, **{setting: name})
    with pytest.raises(BadInputError) as error:
        EnvironmentBatch.make(given, worker=0).step(np.zeros(4, np.int32))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["own_code", "own_code:", ":More", "own code:More", "a:b:c", "clipped", "./x.py:More"])
def test_a_name_must_have_a_module(name):
    for setting in ("reward", "wrapper"):
        with pytest.raises(ValueError, match="module:name"):
            Hyperparameters(**{setting: name})


@pytest.mark.parametrize("env_id", ["own_code:OwnKart-v0", "own_code:NamedKart-v0"])
def test_a_game_of_the_user_gets_rom_size_and_frame_skip(env_id, tmp_path):
    given = Hyperparameters(env_id=env_id, frame_size=50, frameskip=3, frame_colours="grey")
    check(given)
    rom = tmp_path / "mine.z64"
    rom.write_bytes(OPEN_KART.read_bytes())
    env = make_one(given, str(rom))
    assert env.observation_space.shape == (50, 50)
    assert env.unwrapped.frameskip == 3
    assert "FrameSkip" not in str(env)
    with pytest.raises(BadInputError, match="there is no such file"):
        check(given, str(tmp_path / "missing.z64"))


def test_a_game_that_takes_no_size_keeps_its_own():
    env = make_one(Hyperparameters(env_id="own_code:SmallKart-v0", frameskip=3))
    assert env.observation_space.shape[:2] == (20, 30)
    assert "FrameSkip" in str(env)


def test_a_function_that_makes_an_environment_gets_its_arguments_only():
    assert not is_n64(find("CartPole-v1"))


def test_a_rom_without_a_reward_is_refused_unless_the_user_gives_one(tmp_path):
    rom = tmp_path / "any.z64"
    rom.write_bytes(OPEN_KART.read_bytes())
    given = Hyperparameters(env_id="n64gym/Rom-v0", frameskip=1)
    with pytest.raises(BadInputError, match="--reward my_module:function"):
        check(given, str(rom))
    check(given.model_copy(update={"reward": "own_code:faster"}), str(rom))

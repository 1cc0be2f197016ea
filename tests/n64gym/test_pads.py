"""Two to four controllers: each has its own words and counts; movies, savestates and PettingZoo have all of them."""

import json
import sys

import gymnasium
import numpy as np
import pytest
from pettingzoo.test import parallel_api_test

import n64gym
from n64gym.machine import controller
from n64gym.machine.emulator import Emulator
from n64gym.movies import m64

WORD, HASH = 0x410 // 4, 0x420 // 4  # see tests/roms/kinds/pads.c
IDLE = [80, 80] + [0] * 14  # an action of Rom-v0


def pressing(button):
    action = IDLE.copy()
    action[2 + controller.BUTTON_ORDER.index(button)] = 1
    return np.array(action)


def as_the_game_sees(words):
    return [int.from_bytes(int(word).to_bytes(4, "little"), "big") for word in words]


def test_each_controller_has_its_own_word_and_count(rom):
    with Emulator(rom("pads"), controllers=4) as emulator:
        emulator.step(3, 0x80, 0x40, 0x20, controller.word(x=-7))
        emulator.step(1, 0, 0x10)
        assert emulator.rdram[WORD : WORD + 4].tolist() == as_the_game_sees([0, 0x10, 0x00, 0])
        one, two, three, four = emulator.reads
        assert (one, two, four) == (4, 4, 4)
        assert three == 2
        assert emulator.controller_reads == 14
        assert emulator.samples()[:4].tolist() == [0x80, 0x40, controller.word(x=-7), 0x80]  # 3 is skipped at first
        with pytest.raises(ValueError, match="words for 5 controllers; expected 4"):
            emulator.step(1, 0, 0, 0, 0, 0)


def test_controllers_can_be_in_any_ports(rom):
    with Emulator(rom("pads"), controllers=[2, 4]) as emulator:
        emulator.step(2, 1, 2, 3, 4)
        assert emulator.reads == (0, 2, 0, 2)
        assert emulator.samples().tolist() == [2, 4, 2, 4]
    for wrong in (5, [0], [1, 5]):
        with pytest.raises(ValueError, match=r"controllers is .*; expected"):
            Emulator(rom("pads"), controllers=wrong)


def test_a_run_with_saves_and_loads_is_repeated_by_its_samples(rom):
    rng = np.random.default_rng(3)
    states = []
    with Emulator(rom("pads"), controllers=3) as emulator:
        for step in range(20):
            emulator.step(int(rng.integers(1, 5)), *(int(word) for word in rng.integers(1 << 14, size=3)))
            if step % 6 == 1:
                states.append((emulator.save_state(), emulator.reads))
            elif step % 6 == 5:
                state, reads = states[rng.integers(len(states))]
                emulator.load_state(state)
                assert emulator.reads == reads
        assert n64gym.State.from_data(state.data()).reads == reads
        samples, vis, reads, rdram = emulator.samples(), emulator.vi_count, emulator.reads, emulator.rdram.copy()
    assert sum(reads) == len(samples)
    with Emulator(rom("pads"), controllers=3, movie=samples) as emulator:
        emulator.step(vis - emulator.vi_count)
        assert (emulator.reads, emulator.movie_position) == (reads, len(samples))
        assert (emulator.rdram == rdram).all()


def test_one_player_acts_while_a_script_holds_the_others(rom):
    with gymnasium.make("n64gym/Rom-v0", rom=rom("pads"), controllers=2) as env:
        env.reset(seed=1)
        game, emulator = env.unwrapped, env.unwrapped.emulator
        env.step(pressing(controller.A))
        assert emulator.samples()[-2:].tolist() == [controller.A, 0]
        game.hold(2, pressing(controller.B))
        saved = game.snapshot()
        first = env.step(pressing(controller.Z))[0]
        assert emulator.samples()[-2:].tolist() == [controller.Z, controller.B]
        game.hold(2, IDLE)
        env.step(IDLE)
        game.restore(saved)  # with what the script held
        assert (env.step(pressing(controller.Z))[0] == first).all()
        assert emulator.samples()[-2:].tolist() == [controller.Z, controller.B]
        env.reset()
        env.step(IDLE)
        assert emulator.samples()[-2:].tolist() == [0, 0]
        for wrong in (1, 3):
            with pytest.raises(ValueError, match=f"controller is {wrong}; expected 2 to 2"):
                game.hold(wrong, IDLE)
    with pytest.raises(ValueError, match="controllers is 5; expected 1 to 4"):
        gymnasium.make("n64gym/Rom-v0", rom=rom("pads"), controllers=5)


@pytest.mark.parametrize("controllers", [2, 4])
def test_pettingzoos_own_test_passes(rom, controllers):
    env = n64gym.parallel_env(
        "n64gym/Rom-v0", rom=rom("pads"), controllers=controllers, size=(24, 32), max_episode_steps=10
    )
    try:
        assert env.possible_agents == [f"player_{number}" for number in range(1, controllers + 1)]
        parallel_api_test(env, num_cycles=100)
    finally:
        env.close()


def record(rom, folder, actions):
    """Play `actions`, a list of one dict for each step; return the movie, RDRAM, and what player 2 saw."""
    inside = gymnasium.make("n64gym/Rom-v0", rom=rom("pads"), controllers=2, size=(24, 32))
    env = n64gym.parallel_env(n64gym.RecordMovie(inside, folder))
    env.reset(seed=1)
    seen = [env.step(one)[0]["player_2"] for one in actions]
    rdram = inside.unwrapped.emulator.rdram.copy()
    env.close()
    return inside, next(folder.glob("*.m64")), rdram, seen


def test_a_movie_of_two_controllers_goes_out_and_in(rom, tmp_path):
    space = gymnasium.make("n64gym/Rom-v0", rom=rom("pads")).action_space
    space.seed(4)
    actions = [{"player_1": space.sample(), "player_2": space.sample()} for _ in range(25)]
    _, path, rdram, seen = record(rom, tmp_path, actions)
    assert len({picture.tobytes() for picture in seen}) == len(seen)

    movie = m64.read(path)
    assert (movie.controllers, movie.controller_flags, movie.ports) == (2, 0b11, [1, 2])
    assert m64.to_bytes(movie) == path.read_bytes()
    pad = controller.BUTTON_ORDER, controller.StickAndButtons(controller.BUTTON_ORDER)
    words = [[pad[1].word(one["player_1"]), pad[1].word(one["player_2"])] for one in actions]
    assert movie.samples[-2 * 4 * 25 :].reshape(25, 4, 2)[:, 0].tolist() == words
    assert json.loads(path.with_suffix(".json").read_text())["ends"]["sample"] == len(movie.samples)

    playback = n64gym.Playback(path, rom("pads"))
    try:
        while not playback.over:
            playback.step()
        assert playback.diverged == ""
        assert (playback.emulator.rdram == rdram).all()
        assert playback.emulator.reads[:2] == (len(movie.samples) // 2,) * 2
    finally:
        playback.close()


def test_another_word_of_player_2_is_noticed(rom, tmp_path):
    inside, path, *_ = record(rom, tmp_path, [{"player_1": IDLE, "player_2": pressing(controller.A)}] * 5)
    movie = m64.read(path)
    movie.samples[-7] ^= controller.B
    m64.write(path, movie)
    playback = n64gym.Playback(path, rom("pads"))
    try:
        while not playback.over:
            playback.step()
        assert playback.diverged
    finally:
        playback.close()
    with pytest.raises(n64gym.MovieError, match="has 2 controllers; expected one player's movie"):
        next(n64gym.demonstrations(path, inside.unwrapped))


def test_another_programs_movie_plugs_controllers_and_paks_in_as_its_header_says(rom, tmp_path):
    file = n64gym.open_rom(rom("pads"))
    movie = m64.M64(
        np.arange(1, 9, dtype=np.uint32), 5, file.name, file.crc1, file.country, controllers=2, controller_flags=0x99
    )
    m64.write(tmp_path / "other.m64", movie)
    playback = n64gym.Playback(tmp_path / "other.m64", file.path)
    try:
        playback.step()
        assert playback.emulator.reads == (4, 0, 0, 4)
        assert playback.emulator.samples().tolist() == list(range(1, 9))
        assert playback.emulator._control.with_pak == 0b1001
    finally:
        playback.close()


def test_mistakes_are_named(rom, monkeypatch):
    env = n64gym.parallel_env("n64gym/Rom-v0", rom=rom("pads"), controllers=2)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(dict.fromkeys(env.possible_agents, IDLE))
    env.reset()
    with pytest.raises(ValueError, match=r"actions are for \['player_1'\]; expected one for each of"):
        env.step({"player_1": IDLE})
    env.close()
    inside = gymnasium.make("n64gym/Rom-v0", rom=rom("pads"), controllers=2)
    with pytest.raises(ValueError, match="expected no wrapper that changes actions"):
        n64gym.parallel_env(gymnasium.wrappers.TransformAction(inside, lambda one: one, inside.action_space))
    with pytest.raises(ValueError, match="expected an N64 environment"):
        n64gym.parallel_env("CartPole-v1")
    monkeypatch.setitem(sys.modules, "pettingzoo", None)
    monkeypatch.delitem(sys.modules, "n64gym.parallel")
    with pytest.raises(ImportError, match=r'needs PettingZoo: pip install "n64gym\[parallel\]"'):
        n64gym.parallel_env(inside)

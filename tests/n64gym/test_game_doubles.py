"""Game folders for Mario Kart 64 and Super Smash Bros. give the episodes of their classes, on the games' doubles."""

import dataclasses
from itertools import repeat
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from driving import BRAKE
from kart64_driver import to_point

import n64gym
from n64gym.game_folder import starts
from n64gym.games.smash_menus import go_to_match
from n64gym.machine.rom import open_rom

FOLDERS = Path(__file__).parent / "games"
LOOK = {"obs_type": "grayscale", "size": (30, 40), "telemetry": True, "video": None, "cache": False}
KART_TERMS = {
    "progress": 100.0, "lap": 10.0, "checkpoint": 0.5, "place": 20.0, "finish": 100.0, "seconds_left": 1.0,
    "wrong_way": 15.0, "off_road": 15.0, "collisions": 5.0, "jerk": 1.0, "backwards": 1.0,
}  # fmt: skip
OTHER = {"setup", "title", "metrics"}  # of info, with another content in a game folder


def game_for(folder, rom):
    """Return the game of a folder with the hash of a double, which depends on the compiler that built it."""
    return dataclasses.replace(n64gym.read_game(FOLDERS / folder), rom_sha1=open_rom(rom).sha1)


def shared(info, about):
    """Return the parts of info that both have."""
    return [{key: one[key] for key in sorted(info.keys() & about.keys() - OTHER)} for one in (info, about)]


def play(game, expected, actions, place):
    """Play both to the end of the episode, and compare every step to the bit. Return the info of all steps.

    place: maps the class' info to what a game folder has instead of it: it has no tuples."""
    infos = []
    for action in actions:
        seen, *outcome, info = game.step(action)
        wanted, *outcome_wanted, about = expected.step(expected.unwrapped.action_of(game.unwrapped._word(action)))
        assert outcome == outcome_wanted
        assert info["reward_terms"] == about["reward_terms"]
        one, other = shared(info, about | place(about))
        assert one == other
        assert np.array_equal(seen["telemetry"], wanted["telemetry"])
        assert np.array_equal(seen["picture"], wanted["picture"])
        infos.append(info)
        if outcome[1] or outcome[2]:
            totals = [key for key in about["metrics"].keys() & info["metrics"].keys()]
            assert len(totals) > 5
            assert {key: info["metrics"][key] for key in totals} == {key: about["metrics"][key] for key in totals}
            return infos
    return infos


def terms_of(infos):
    """Return the terms that were ever not 0."""
    return {name for info in infos for name, share in info["reward_terms"].items() if share}


def place_of_a_kart(about):
    return dict(zip("xyz", about["position"], strict=True)) | {"path_point": about["path_point"][0]}


def place_of_fighters(about):
    (x, y), (opponent_x, opponent_y) = about["position"], about["opponent_position"]
    return {"x": x, "y": y, "opponent_x": opponent_x, "opponent_y": opponent_y}


@pytest.fixture
def karts(rom):
    """karts("grand_prix") returns Mario Kart 64's double twice: as a game folder and as its class."""
    made = []

    def make(start):
        path = rom("kart64")
        game = gymnasium.make("n64gym/Game-v0", game=game_for("mariokart64", path), rom=path, start=start, **LOOK)
        kart = gymnasium.make("n64gym/MarioKart64-v0", rom=path, check_rom=False, mode=start, reward=KART_TERMS, **LOOK)
        made.extend([game, kart])
        return game, kart

    yield make
    for env in made:
        env.close()


@pytest.mark.parametrize(("start", "end"), [("time_trial", "finished"), ("grand_prix", "stuck")])
def test_mario_kart_64s_folder_gives_the_episodes_of_its_class(karts, start, end):
    game, kart = karts(start)
    (_, info), (_, about) = game.reset(seed=1), kart.reset(seed=1)
    one, other = shared(info, about | place_of_a_kart(about))
    assert one == other  # also the same savestate
    random = np.random.default_rng(1)

    def actions():
        for _ in range(150):
            yield to_point(kart.unwrapped, 12)
        if end == "stuck":
            for _ in range(100):  # over the grass and into walls
                yield int(random.choice([1, 1, 1, 4, 11, 11, 0, 3]))
            for _ in range(100):
                yield to_point(kart.unwrapped, -12)
        while True:
            yield to_point(kart.unwrapped, 12) if end == "finished" else BRAKE

    infos = play(game, kart, actions(), place_of_a_kart)
    assert infos[-1]["ended"] == end
    at_the_finish = {"lap", "finish", "seconds_left"}
    assert terms_of(infos) >= (at_the_finish if end == "finished" else KART_TERMS.keys() - at_the_finish)


def test_super_smash_bros_folder_gives_the_episodes_of_its_class(rom, tmp_path):
    path = rom("smash64")
    fight = gymnasium.make(
        "n64gym/SuperSmashBros-v0", rom=path, check_rom=False, mode="stock", stocks=2, actions="signed", **LOOK
    )
    _, about = fight.reset(seed=1)
    n64gym.write_game(game_for("smash", path), tmp_path)
    with n64gym.Emulator(path) as emulator:
        go_to_match(emulator, about["setup"])
        starts.write_state(emulator.save_state(), tmp_path, "match.state")
    game = n64gym.make_game(tmp_path, path, **LOOK)
    _, info = game.reset(seed=1)
    one, other = shared(info, about | place_of_fighters(about))
    assert one == other  # also the same savestate
    random = np.random.default_rng(1)

    def actions():
        for _ in range(90):  # out of reach behind the shield, which costs reward in the end
            yield np.array([0, 0, 3])
        for step in range(150):
            yield np.array([4, 0, step % 2]) if step % 4 else random.integers([5, 5, 7])
        yield from repeat(np.array([1, 0, 0]))  # to the left, off the stage

    infos = play(game, fight, actions(), place_of_fighters)
    assert infos[-1]["ended"] == "over"
    assert terms_of(infos) == {"damage_dealt", "kill", "damage_taken", "death", "idle"}
    game.close()
    fight.close()

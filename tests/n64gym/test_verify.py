"""A verified time is the game's own, from a movie that plays from power-on to the finish; each fault has a name."""

import dataclasses
import hashlib
import json

import gymnasium
import pytest
from kart64_driver import to_point

import n64gym
from n64gym.games.openkart_driver import Driver
from n64gym.movies import m64

HALF_A_LAP = 16 * 60  # VIs; a lap takes about 30 s


@pytest.fixture(scope="module")
def race(tmp_path_factory):
    """A movie of two laps by the scripted driver, and the info of its last step."""
    env = gymnasium.make("n64gym/OpenKart-v0", obs_type="grayscale", size=(12, 16), laps=2, course="harbour")
    with n64gym.RecordMovie(env, tmp_path_factory.mktemp("race")) as env:
        env.reset(seed=0)
        driver, over = Driver(env), False
        while not over:
            *_, over, truncated, info = env.step(driver())
            assert not truncated
        return env.last_movie, info


def copy(path, folder, facts=True, cut=0, **changes):
    """Return the path of a copy, shortened by `cut` inputs. facts: changes of its JSON; False = no JSON."""
    movie = m64.read(path)
    kept = len(movie.samples) - cut
    target = folder / "copy.m64"
    m64.write(
        target, dataclasses.replace(movie, **{"samples": movie.samples[:kept], "vis": movie.vis - cut, **changes})
    )
    target.with_suffix(".json").unlink(missing_ok=True)
    if facts is not False:
        known = json.loads(path.with_suffix(".json").read_text())
        target.with_suffix(".json").write_text(json.dumps(known | (facts if isinstance(facts, dict) else {})))
    return target


def refused(path, **settings):
    """Return the name of the fault for which a movie is refused, and the text."""
    with pytest.raises(n64gym.MovieError) as caught:
        n64gym.verify(path, **settings)
    assert "\n" not in str(caught.value)
    return caught.value.name, str(caught.value)


def test_a_race_is_verified_with_the_times_that_the_game_showed(race):
    path, info = race
    found = n64gym.verify(path)
    assert (found.lap_times, found.race_time) == (info["lap_times"], info["race_time"])
    assert len(found.lap_times) == 2
    assert found.setup == {"mode": "time_trial", "course": "harbour", "laps": 2, "start": 0.0, "mirror": False}
    assert (found.title, found.compared) == ("harbour", True)
    assert found.inputs == len(m64.read(path).samples)
    assert abs(found.race_inputs - info["race_time"] * 60) <= 4
    assert found.movie_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.rom_sha1 == n64gym.open_rom(n64gym.machine.rom.OPEN_KART).sha1


def test_the_json_cannot_change_a_time_or_a_course(race, tmp_path):
    path, info = race
    lies = {"lap_times": [1.0, 1.0], "setup": {"course": "desert", "laps": 3}, "metrics": {"race_time_s": 2.0}}
    found = n64gym.verify(copy(path, tmp_path, lies))
    assert (found.lap_times, found.title, found.setup["laps"]) == (info["lap_times"], "harbour", 2)


def test_a_movie_without_json_has_the_same_times(race, tmp_path):
    path, info = race
    found = n64gym.verify(copy(path, tmp_path, facts=False), game="n64gym/OpenKart-v0")
    assert (found.lap_times, found.compared) == (info["lap_times"], False)


def test_a_changed_movie_is_refused(race, tmp_path):
    samples = m64.read(race[0]).samples.copy()
    samples[-HALF_A_LAP] ^= 0x80  # the A button
    assert refused(copy(race[0], tmp_path, samples=samples))[0] == "changed movie"


def test_another_rom_is_refused(race, tmp_path, rom):
    name, text = refused(race[0], rom=rom("pad"))
    assert name == "another ROM"
    assert "SHA-1" in text
    facts = {"rom": {"name": "OPEN KART", "sha1": "0" * 40}}
    assert refused(copy(race[0], tmp_path, facts))[0] == "another ROM"
    assert refused(copy(race[0], tmp_path, facts=False, crc1=7), game="n64gym/OpenKart-v0")[0] == "another ROM"


def test_a_cut_movie_a_cut_lap_and_half_a_lap_are_refused(race, tmp_path):
    assert refused(copy(race[0], tmp_path, cut=200))[0] == "cut movie"
    name, text = refused(copy(race[0], tmp_path, facts=False, cut=HALF_A_LAP), game="n64gym/OpenKart-v0")
    assert name == "cut lap"
    assert "1 of 2 laps" in text
    name, text = refused(copy(race[0], tmp_path, facts=False, cut=3 * HALF_A_LAP), game="n64gym/OpenKart-v0")
    assert name == "no whole lap"
    assert "0 of 2 laps" in text
    samples = len(m64.read(race[0]).samples)
    assert refused(copy(race[0], tmp_path, facts=False, cut=samples - 50), game="n64gym/OpenKart-v0")[0] == "no race"


def test_a_movie_from_a_savestate_is_refused(race, tmp_path):
    name, text = refused(copy(race[0], tmp_path, start=m64.SNAPSHOT))
    assert name == "not from power-on"
    assert "a savestate" in text


def test_a_console_with_saved_data_is_refused(race, tmp_path):
    saves = tmp_path / "game.eep"
    saves.write_bytes(b"\1" * 512)
    console = {"saves": n64gym.read_saves(saves)}
    assert refused(copy(race[0], tmp_path, {"console": console}))[0] == "saved data"


def test_a_game_without_laps_is_refused(race, tmp_path):
    assert refused(copy(race[0], tmp_path, {"game": "n64gym/Rom-v0"}))[0] == "not a race"
    assert refused(copy(race[0], tmp_path, {"game": "n64gym/MarioKart64-v0"}), arguments={"check_rom": False})[0] in (
        "no race",
        "no whole lap",
    )


def test_a_race_of_mario_kart_64_is_verified(tmp_path, rom):
    settings = {"video": None, "cache": tmp_path / "cache", "obs_type": "grayscale", "size": (15, 20)}
    env = gymnasium.make("n64gym/MarioKart64-v0", rom=rom("kart64"), check_rom=False, character="toad", **settings)
    with n64gym.RecordMovie(env, tmp_path) as env:
        env.reset(seed=0)
        over = False
        while not over:
            *_, over, truncated, info = env.step(to_point(env.unwrapped, 12))
            assert not truncated
    found = n64gym.verify(env.last_movie, rom("kart64"), arguments={"check_rom": False})
    assert (found.lap_times, found.race_time) == (info["lap_times"], info["race_time"])
    assert len(found.lap_times) == 3
    assert found.setup == {"mode": "time_trial", "course": "luigi_raceway", "character": "toad"}
    with pytest.raises(n64gym.RomError, match="is not Mario Kart 64"):
        n64gym.verify(env.last_movie, rom("kart64"))

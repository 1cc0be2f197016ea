"""n64gym/MarioKart64-v0 on its double (tests/roms/kart64), because the real cartridge cannot be shipped."""

import json
import math
import subprocess
import sys
from itertools import pairwise

import gymnasium
import numpy as np
import pytest
from driving import BRAKE, STRAIGHT
from gymnasium.utils.env_checker import check_env
from kart64_driver import to_point

import n64gym
from n64gym.games import mariokart64
from n64gym.games import mariokart64_memory as memory
from n64gym.games.mariokart64 import MarioKart64Env
from n64gym.machine import controller
from n64gym.machine.rom import OPEN_KART, RomError, open_rom

FRAME = 2 / 60  # seconds of the game's time


@pytest.fixture
def make(rom, tmp_path):
    """make(course="rainbow_road", …) returns an environment on the double."""
    made = []

    def make(path=None, **settings):
        settings = {"obs_type": "grayscale", "size": (60, 80), "video": None, "cache": tmp_path, **settings}
        made.append(gymnasium.make("n64gym/MarioKart64-v0", rom=path or rom("kart64"), check_rom=False, **settings))
        return made[-1].unwrapped

    yield make
    for env in made:
        env.close()


def test_the_environment_passes_check_env(make):
    for settings in ({}, {"mode": "grand_prix", "telemetry": True, "actions": "continuous"}):
        check_env(make(render_mode="rgb_array", **settings), skip_render_check=True)


@pytest.fixture(scope="module")
def driven(rom):
    """Drive a time trial to its end; return the info of every step, and the game's own completion values."""
    env = MarioKart64Env(rom("kart64"), check_rom=False, video=None, cache=False, size=(60, 80), course="yoshi_valley")
    _, info = env.reset()
    infos, completions, over = [info], [memory.read_race(env.emulator.memory).completion], False
    while not over:
        _, reward, terminated, truncated, info = env.step(to_point(env, 12))
        infos.append(info | {"reward": reward})
        completions.append(memory.read_race(env.emulator.memory).completion)
        assert not truncated, f"stuck after {info['progress']:.2f} laps"
        over = terminated
    env.close()
    return infos, completions


def test_a_time_trial_reports_its_lap_and_race_times(driven):
    infos, _ = driven
    last = infos[-1]
    assert (last["finished"], last["lap"], last["laps"], last["place"], last["karts"]) == (True, 3, 3, 1, 1)
    assert last["progress"] == pytest.approx(3, abs=0.02)
    laps = [next(info["vis"] for info in infos if info["lap"] == lap) for lap in (1, 2, 3)]
    for time, begun, ended in zip(last["lap_times"], [0, *laps], laps, strict=False):
        assert time == pytest.approx((ended - begun) / 60, abs=5 / 60)  # tolerance: a step and a game frame
    assert last["race_time"] == pytest.approx(sum(last["lap_times"]))
    assert last["lap_times"] == tuple(time / 100 for time in last["lap_hundredths"])
    assert last["metrics"]["race_time_s"] == last["race_time"]
    assert last["metrics"]["best_lap_s"] == min(last["lap_times"])


def test_progress_is_continuous_at_the_line(driven):
    """The game's own completion value is not continuous: path points restart at 0 a little before the line."""
    infos, completions = driven
    assert infos[0]["progress"] == pytest.approx(completions[0]) == pytest.approx(-0.01, abs=0.01)
    assert min(np.diff(completions)) < -0.9
    assert np.abs(np.diff([info["progress"] for info in infos])).max() < 0.01
    total = sum(info["reward"] for info in infos[1:])
    assert total == pytest.approx(100 * (infos[-1]["progress"] - infos[0]["progress"]) + 100)


def test_speed_matches_the_distance_driven(driven):
    infos, _ = driven
    for before, now in pairwise(infos[200:600]):
        metres = math.dist(before["position"], now["position"]) / 18  # the double has 18 units per metre
        assert now["speed"] == pytest.approx(metres * 15 * 3.6, rel=0.15)  # 15 steps a second


@pytest.mark.parametrize("course", list(memory.COURSES)[:4])  # the double's four circuits
def test_every_circuit_can_be_finished(make, course):
    env = make(course=course, reward="legacy", actions="multidiscrete")
    _, info = env.reset()
    over = False
    while not over:
        _, _, over, truncated, info = env.step(env.action_of(controller.DRIVING[to_point(env, 12)].word))
        assert not truncated
    assert (info["lap"], len(info["lap_times"])) == (3, 3)
    assert info["metrics"]["reward_lap"] == 200
    assert info["metrics"]["reward_finish"] == 1000


def test_observations_can_contain_picture_and_telemetry(make):
    env = make(telemetry=True, mode="grand_prix", course="toads_turnpike")
    observation, info = env.reset()
    speed, lap_progress, laps_left, place, off_road, wrong_way, drifting = observation["telemetry"].tolist()
    assert (speed, laps_left, place, off_road, wrong_way, drifting) == (0, 1, 1, 0, 0, 0)
    assert lap_progress == pytest.approx(1 + info["progress"])
    for _ in range(60):
        observation, *_, info = env.step(to_point(env, 12))
    assert observation["telemetry"][0] == pytest.approx(info["speed"] / 100)
    env.emulator.step(22, controller.word(controller.A | controller.R, x=80))  # a hop that lands in a drift
    assert env.observe(env.emulator)["telemetry"][-1] == 1


def test_a_recorded_race_plays_back_to_the_bit(rom, make, tmp_path):
    env = n64gym.RecordMovie(make(course="choco_mountain", character="toad"), tmp_path / "movies")
    env.reset(seed=1)
    for _ in range(100):
        env.step(to_point(env.unwrapped, 12))
    env.close()
    (movie,) = (tmp_path / "movies").glob("*.m64")
    playback = n64gym.Playback(movie, rom("kart64"))
    while not playback.over:
        playback.step()
    assert playback.diverged == ""
    race = memory.read_race(playback.emulator.memory)
    playback.close()
    assert (race.course, race.character, race.lap) == (memory.COURSES["choco_mountain"], 3, 0)
    shown = list(n64gym.demonstrations(movie, make()))
    assert 95 <= len(shown) <= 101  # the race only, without the menus
    assert {int(step.action) for step in shown} <= set(range(12))
    assert sum(int(step.action) == STRAIGHT for step in shown) > 10


def test_driving_the_wrong_way_is_reported(make):
    env = make()
    _, info = env.reset()
    assert not info["wrong_way"]
    while info["speed"] < 60:
        *_, info = env.step(to_point(env, 12))
    ahead = info["progress"]
    for _ in range(150):
        *_, info = env.step(to_point(env, -12))
    assert info["wrong_way"]
    assert info["progress"] < ahead
    for _ in range(60):
        *_, info = env.step(to_point(env, 12))
    assert not info["wrong_way"]


def test_crossing_the_line_backwards_and_forwards_is_not_a_lap(make):
    env = make(reward={"lap": 1.0})
    _, info = env.reset()
    total = 0.0
    for _ in range(3):
        for ahead, there in ((12, lambda at: at > 0.06), (-12, lambda at: at < -0.03)):
            while not there(info["progress"]):
                *_, info = env.step(to_point(env, ahead))
                assert abs(info["progress"]) < 0.2
                assert (info["lap"], info["lap_times"], info["finished"]) == (0, (), False)
                total += info["reward_terms"]["lap"]
    assert total == 0


def test_grass_and_walls_cost_reward(make):
    """The kart drives straight on at a bend: over the grass and into the wall."""
    env = make(reward={"off_road": 1.0, "collisions": 5.0})
    _, info = env.reset()
    seen, over = [], False
    while not over:
        *_, over, info = env.step(STRAIGHT)
        seen.append((info["surfaces"], info["off_road"], info["collisions"]))
    assert info["collisions"] >= 1
    assert sum(info["metrics"][f"reward_{cost}"] for cost in ("off_road", "collisions")) <= -5
    for surfaces, off_road, _ in seen:
        assert off_road == (surfaces.count(memory.GRASS) >= 2)
    assert [off_road for _, off_road, _ in seen].index(True) > 10  # the first straight is road
    assert {surfaces.count(memory.GRASS) for surfaces, *_ in seen} >= {0, 4}


@pytest.mark.parametrize(
    ("course", "surface", "expected"),
    [("luigi_raceway", 2, True), ("moo_moo_farm", 2, False), ("royal_raceway", 3, True), ("kalimari_desert", 13, True)],
)
def test_sand_is_the_road_on_some_courses(course, surface, expected):
    race = memory.Race(*[0] * len(memory.Race._fields))._replace(
        course=memory.COURSES[course], surfaces=(surface, surface, 1, 1)
    )
    assert memory.is_off_road(race) is expected
    assert not memory.is_off_road(race._replace(surfaces=(surface, 1, 1, 1)))


def test_a_grand_prix_can_be_won(make):
    env = make(mode="grand_prix", course="wario_stadium", engine="50cc", reward={"place": 1.0})
    _, info = env.reset()
    assert (info["place"], info["karts"]) == (8, 8)
    places, over, total = [8], False, 0.0
    while not over:
        _, reward, over, truncated, info = env.step(to_point(env, 12))
        places.append(info["place"])
        total += reward
        assert not truncated
    assert set(places) == set(range(1, 9))
    assert total == 8 - info["place"] == 7
    assert info["metrics"]["place"] == 1.0
    for _ in range(200):  # a finished player keeps its place
        *_, info = env.step(BRAKE)
    assert (info["place"], info["finished"]) == (1, True)


def test_a_grand_prix_can_be_lost(make):
    env = make(mode="grand_prix", engine="150cc", stuck_limit=400)
    env.reset()
    over = False
    while not over:
        *_, over, info = env.step(BRAKE)
    assert (info["place"], info["finished"]) == (8, False)


def test_every_setting_can_be_drawn_and_chosen_at_reset(make):
    env = make(course=["rainbow_road", "koopa_troopa_beach"], character=memory.CHARACTERS)
    drawn = {tuple(env.reset(seed=seed)[1]["setup"].values()) for seed in range(6)}
    assert len(drawn) > 2
    assert {course for _, course, *_ in drawn} == {"rainbow_road", "koopa_troopa_beach"}
    _, info = env.reset(options={"course": "mario_raceway", "character": "bowser"})
    assert info["path_point"][1] == 300
    assert memory.read_race(env.emulator.memory).character == 7
    with pytest.raises(ValueError, match=r"course is 'mario_kart'; expected 'luigi|maybe you meant"):
        env.reset(options={"course": "mario_racewy"})
    with pytest.raises(ValueError, match="number 4 of its cup"):
        env.reset(options={"course": "rainbow_road", "mode": "grand_prix"})


def test_the_start_state_is_built_once_and_then_loaded(make, monkeypatch):
    first, info = make().reset()
    monkeypatch.setattr(mariokart64, "go_to_race", lambda *_: pytest.fail("the menus were driven again"))
    again, info_again = make().reset()
    assert (first == again).all()
    assert info == info_again
    assert info["race_time"] <= 3 * FRAME


def test_all_byte_orders_are_the_same_game(rom, make, tmp_path):
    data = rom("kart64").read_bytes()
    data += bytes(-len(data) % 4)
    starts = set()
    for suffix, width in (("z64", 1), ("v64", 2), ("n64", 4)):
        path = tmp_path / f"game.{suffix}"
        path.write_bytes(np.frombuffer(data, f">u{width}").astype(f"<u{width}").tobytes())
        env = make(path, cache=False)
        observation, _ = env.reset()
        starts.add((observation.tobytes(), memory.read_race(env.emulator.memory)))
        assert env.rom.byte_order == suffix
    assert len(starts) == 1


def test_a_rom_with_another_hash_is_refused(rom):
    found = open_rom(rom("kart64")).sha1
    with pytest.raises(RomError, match=rf"(?s){found}.*579c48e211ae952530ffc8738709f078d5dd215e.*check_rom=False"):
        MarioKart64Env(rom("kart64"))
    with pytest.raises(ValueError, match="needs the ROM file"):
        MarioKart64Env()


def test_another_game_is_refused_at_reset(make):
    with pytest.raises(RomError, match=r"openkart.z64 \(OPEN KART\) does not behave like Mario Kart 64"):
        make(OPEN_KART).reset()


def test_a_race_without_a_human_is_refused_at_reset(rom, make):
    with pytest.raises(RomError, match=r"does not look like the start of a race.*flags 0x9000 \(expected 0xc000"):
        make(rom("kart64-cpu")).reset()


def test_without_a_plugin_a_gpu_game_runs_with_a_warning(rom, make):
    env = make(rom("kart64-gpu"))
    with pytest.warns(UserWarning, match='its picture is missing: pass video="glide64mk2"'):
        env.reset()
    lists = env.emulator.display_lists
    for _ in range(20):
        *_, info = env.step(STRAIGHT)
    assert info["speed"] > 30
    assert env.emulator.display_lists - lists == 40


def test_a_video_plugin_starts_its_own_display(make, monkeypatch):
    """The cartridge needs the plugin. The double draws with the CPU, so its picture is read from RDRAM."""
    monkeypatch.delenv("DISPLAY", raising=False)
    env = make(video="glide64mk2", obs_type="rgb", size=(48, 64))
    _, info = env.reset()
    picture = env.emulator.frame()
    assert picture.shape == (120, 160, 3)
    assert picture.any()
    for _ in range(30):
        *_, info = env.step(STRAIGHT)
    assert info["speed"] > 30


RUN = """
import hashlib, json, sys
import numpy as np
from n64gym.games.mariokart64 import MarioKart64Env
env = MarioKart64Env(sys.argv[1], check_rom=False, video=None, cache=False, mode="grand_prix", noop_max=30)
actions = np.random.default_rng(7)
way, pixels = [], hashlib.sha256()
observation, info = env.reset(seed=11)
for step in range(300):
    pixels.update(observation)
    observation, reward, *_, info = env.step(1 if step % 8 else int(actions.integers(12)))
    way.append((reward, info["position"]))
print(json.dumps([way, pixels.hexdigest(), hashlib.sha256(env.emulator.rdram).hexdigest(), env.emulator.vi_count]))
env.close()
"""


def test_the_same_run_in_two_processes_is_the_same_to_the_bit(rom):
    command = [sys.executable, "-c", RUN, str(rom("kart64"))]
    runs = [json.loads(subprocess.run(command, capture_output=True, check=True, timeout=120).stdout) for _ in range(2)]
    assert runs[0] == runs[1]
    assert len({str(step) for step in runs[0][0]}) > 250

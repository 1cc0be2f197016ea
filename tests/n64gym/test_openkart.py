"""n64gym/OpenKart-v0: Gymnasium's contract, reward, ends of episodes, and the same run in two processes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from driving import BRAKE, STRAIGHT
from gymnasium.utils.env_checker import check_env
from PIL import ImageGrab

import n64gym
from n64gym.games import openkart_menu, openkart_telemetry
from n64gym.games.openkart_driver import Driver
from n64gym.games.openkart_telemetry import RACE, CourseTelemetry, Telemetry, read_telemetry
from n64gym.machine.controller import DRIVING
from n64gym.machine.emulator import Emulator
from n64gym.race import PRESETS


def make(**settings):
    return gymnasium.make("n64gym/OpenKart-v0", **settings)


@pytest.fixture(scope="module")
def env():
    with make(obs_type="grayscale", size=(84, 84)) as env:
        yield env


def test_the_environment_passes_check_env():
    for settings in ({}, {"obs_type": "grayscale", "size": (84, 84)}, {"noop_max": 20}):
        with make(render_mode="rgb_array", **settings) as env:
            check_env(env.unwrapped)


def test_there_are_twelve_different_actions_as_in_gym_mupen64plus(env):
    assert env.action_space == gymnasium.spaces.Discrete(12)
    assert len({action.word for action in DRIVING}) == 12


def test_every_reset_is_the_same_start_of_a_race(env):
    pictures = []
    for _ in range(3):
        observation, info = env.reset()
        pictures.append(observation)
        assert info["stage"] == RACE
        assert info["lap"] == 0
        assert info["race_time"] < 0.1
        for _ in range(30):
            env.step(env.action_space.sample())
    assert (pictures[0] == pictures[1]).all()
    assert (pictures[0] == pictures[2]).all()


def test_the_reward_is_the_progress_made(env):
    _, info = env.reset()
    start, total = info["progress"], 0.0
    for _ in range(60):
        _, reward, _, _, info = env.step(STRAIGHT)
        total += reward
    assert info["progress"] > start
    assert info["speed"] > 0
    assert total == pytest.approx(PRESETS["progress"]["progress"] * (info["progress"] - start))


def test_a_whole_race_terminates_with_lap_times(env):
    _, info = env.reset()
    start, total, terminated = info["progress"], 0.0, False
    driver = Driver(env)
    while not terminated:
        _, reward, terminated, truncated, info = env.step(driver())
        total += reward
        assert not truncated, f"stuck after {info['progress']:.2f} laps"
    way = info["progress"] - start
    assert way == pytest.approx(3, abs=0.02)
    assert total == pytest.approx(PRESETS["progress"]["progress"] * way + PRESETS["progress"]["finish"])
    assert (info["finished"], info["lap"], len(info["lap_times"])) == (True, 3, 3)
    assert sum(info["lap_times"]) == pytest.approx(info["race_time"])
    assert info["metrics"]["finished"] == 1.0
    assert info["metrics"]["race_time_s"] == info["race_time"]
    assert 25 < info["metrics"]["best_lap_s"] == min(info["lap_times"]) < 60
    assert tuple(info["metrics"][f"lap_{n}_s"] for n in (1, 2, 3)) == info["lap_times"]


def test_standing_still_is_truncated_with_metrics(env):
    env.reset()
    steps, truncated = 0, False
    while not truncated:
        _, _, terminated, truncated, info = env.step(BRAKE)
        steps += 1
        assert not terminated
        assert ("metrics" in info) == truncated
    assert 140 <= steps <= 160  # 10 s of 15 steps each
    assert info["metrics"]["finished"] == 0.0
    assert abs(info["metrics"]["progress"]) < 0.05
    assert "best_lap_s" not in info["metrics"]


def test_the_time_limit_truncates():
    with make(time_limit=2.0) as env:
        env.reset()
        ends = [env.step(STRAIGHT)[3] for _ in range(30)]
    assert ends.index(True) == 29  # 2 s of 15 steps each


def test_render_returns_the_games_own_picture():
    with make(render_mode="rgb_array") as env:
        observation, _ = env.reset()
        assert env.render().shape == (120, 160, 3)
        assert (env.render() == observation).all()
        assert len(np.unique(observation.reshape(-1, 3), axis=0)) > 20  # a picture, not a colour


@pytest.mark.parametrize("size", [(84, 84), (42, 42), (60, 80)])
def test_observations_are_area_means_of_the_picture(size):
    """Observations equal those of a slow floating-point oracle. For an integer factor they also equal a mean of
    blocks."""
    with make(obs_type="rgb", size=size, render_mode="rgb_array") as env:
        env.reset()
        for _ in range(10):
            observation = env.step(STRAIGHT)[0]
        picture = env.render().astype(float)
        expected = shrink(shrink(picture, size[0]).swapaxes(0, 1), size[1]).swapaxes(0, 1)
        assert np.abs(observation - expected).max() <= 2.5
        assert np.abs(observation - expected).mean() <= 0.6
        if size == (60, 80):
            blocks = picture.reshape(60, 2, 80, 2, 3).mean(axis=(1, 3))
            assert np.abs(observation - blocks).max() <= 1


def shrink(picture, size):
    """Return the picture with its first axis reduced to the means of `size` equal parts."""
    edges = np.linspace(0, len(picture), size + 1)
    weights = np.clip(
        np.minimum(edges[1:, None], np.arange(1, len(picture) + 1))
        - np.maximum(edges[:-1, None], np.arange(len(picture))),
        0,
        None,
    )
    return np.tensordot(weights / weights.sum(1, keepdims=True), picture, 1)


WATCH = """
import sys, gymnasium, n64gym
with gymnasium.make("n64gym/OpenKart-v0", render_mode="human") as env:
    env.reset()
    env.step(1)
    print("shown", flush=True)
    sys.stdin.read()
"""


def test_human_mode_shows_the_game(display):
    """Runs in a separate process, because other tests have configured pygame differently in this one."""
    viewer = subprocess.Popen([sys.executable, "-c", WATCH], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert any(line == "shown\n" for line in viewer.stdout)
        screen = np.asarray(ImageGrab.grab(xdisplay=display))
    finally:
        viewer.communicate(timeout=30)
    assert viewer.returncode == 0
    assert screen.shape == (480, 640, 3)
    assert len(np.unique(screen.reshape(-1, 3), axis=0)) > 20


RUN = """
import hashlib, json
import gymnasium, numpy as np, n64gym
env = gymnasium.make(
    "n64gym/OpenKart-v0", obs_type="grayscale", size=(84, 84), noop_max=30, stuck_limit=3.0, time_limit=20.0,
    course=["meadow", "harbour", "generated"], course_seed=[3, 4], mode=["time_trial", "grand_prix"],
)
actions = np.random.default_rng(7)
hashes = {name: hashlib.sha256() for name in ("pixels", "telemetry", "rewards")}
observation, _ = env.reset(seed=11)
episodes = 0
for step in range(10_000):
    hashes["pixels"].update(observation)
    observation, reward, terminated, truncated, info = env.step(int(actions.integers(12)) if step % 3 else 1)
    hashes["telemetry"].update(env.unwrapped.emulator.rdram[0x100:0x140])
    hashes["rewards"].update(np.float64(reward))
    if terminated or truncated:
        observation, _ = env.reset()
        episodes += 1
rdram = hashlib.sha256(env.unwrapped.emulator.rdram.data).hexdigest()
print(json.dumps([episodes, rdram, {name: sums.hexdigest() for name, sums in hashes.items()}]))
env.close()
"""


def test_ten_thousand_steps_in_two_processes_are_the_same_to_the_bit():
    """Both have the same seed and actions. One runs alone, the other on a loaded machine."""
    quiet = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, check=True, timeout=120)
    load = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        busy = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, check=True, timeout=240)
    finally:
        for process in load:
            process.kill()
            process.wait()
    assert json.loads(quiet.stdout) == json.loads(busy.stdout)
    assert json.loads(quiet.stdout)[0] > 10  # number of episodes; each begins with a reset


def test_another_rom_is_refused_with_what_was_found(rom):
    with (
        pytest.raises(
            n64gym.RomError, match=r"does not behave like Open Kart: after \d+ VIs its telemetry has magic 0x0 "
        ),
        make(rom=rom("blank")) as env,
    ):
        env.reset()


def test_open_kart_of_another_build_is_refused(monkeypatch):
    monkeypatch.setattr(openkart_menu, "VERSION", openkart_telemetry.VERSION + 1)
    with (
        pytest.raises(
            n64gym.RomError, match=r"of another build: its telemetry is version 3, expected 4: run `make -C env-image`"
        ),
        make(cache=False) as env,
    ):
        env.reset(options={"course": "harbour", "laps": 2})


def test_telemetry_fields_match_the_c_header():
    """The Python tuple has the C header's words in the same order."""
    header = (Path(openkart_telemetry.__file__).parents[2] / "openkart" / "src" / "telemetry.h").read_text()
    words = re.findall(r"^ *TM_(\w+) = (\d+),", header, re.MULTILINE)
    first = openkart_telemetry.COURSE_WORD - openkart_telemetry.TELEMETRY_WORD
    assert f"TELEMETRY_WORDS {openkart_telemetry.TELEMETRY_WORDS}\n" in header
    assert first + len(CourseTelemetry._fields) == openkart_telemetry.TELEMETRY_WORDS
    assert [(name.lower(), int(word)) for name, word in words] == [
        *((name, word) for word, name in enumerate((*Telemetry._fields, "reserved"))),
        ("draw_from", openkart_telemetry.DRAW_FROM),
        *((name, word) for word, name in enumerate(CourseTelemetry._fields, start=first)),
    ]
    for name in ("frames", "vis"):
        assert Telemetry._fields.index(name) == getattr(openkart_telemetry, name.upper())
    assert f"TELEMETRY_MAGIC {openkart_telemetry.MAGIC:#x}".lower() in header.lower()
    assert f"TELEMETRY_VERSION {openkart_telemetry.VERSION}\n" in header


@pytest.mark.parametrize("frameskip", [1, 2, 3, 4, 7])
def test_unseen_pictures_are_not_drawn_and_seen_ones_are_unchanged(frameskip):
    with gymnasium.make("n64gym/OpenKart-v0", frameskip=frameskip, render_mode="rgb_array") as env:
        env.reset(seed=0)
        emulator = env.unwrapped.emulator
        with Emulator(emulator.rom, movie=emulator.samples()) as drawing_all:
            drawing_all.step(emulator.vi_count - drawing_all.vi_count)
            drawn = read_telemetry(emulator.rdram).frames
            for action in (1, 4, 1, 7, 2, 1, 1, 5):
                env.step(action)
                drawing_all.play(emulator.samples()[drawing_all.controller_reads :])
                drawing_all.step(frameskip)
                np.testing.assert_array_equal(env.render(), drawing_all.frame())
            drawn = read_telemetry(emulator.rdram).frames - drawn
            assert drawn == (8 if frameskip > 1 else 4)


def test_telemetry_follows_the_game(env):
    env.reset()
    before = read_telemetry(env.unwrapped.emulator.rdram)
    env.step(STRAIGHT)
    after = read_telemetry(env.unwrapped.emulator.rdram)
    assert (after.magic, after.version, after.stage, after.laps) == (
        openkart_telemetry.MAGIC,
        openkart_telemetry.VERSION,
        RACE,
        3,
    )
    assert (after.vis - before.vis, after.race_time - before.race_time, after.frames - before.frames) == (4, 4, 1)

"""Kinds of ROMs: each has a ROM of its own in tests/roms/kinds. n64gym/Rom-v0 opens it, and it repeats to the bit."""

import json
import subprocess
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from n64gym import Playback, RecordMovie
from n64gym.machine.emulator import Emulator, EmulatorError
from n64gym.machine.plugins import RSP_INTERPRETER
from n64gym.machine.state import State

RED, GREEN = [255, 0, 0], [0, 255, 0]


def titled(path, title, folder):
    """Return a copy of a ROM with another internal name, for which a video plugin has other settings."""
    data = bytearray(path.read_bytes())
    data[0x20:0x34] = title.encode().ljust(20)
    copy = folder / path.name
    copy.write_bytes(data)
    return copy


def need_interpreter():
    if not RSP_INTERPRETER.exists():
        pytest.skip("Debian has mupen64plus-rsp-z64 for amd64 and i386 only")


def run(path, steps=30, **settings):
    """Play a ROM twice with the same random actions. Return the pictures of one run, and its emulator's counts."""
    runs = []
    for _ in range(2):
        with gymnasium.make("n64gym/Rom-v0", rom=path, cache=False, **settings) as env:
            env.action_space.seed(1)
            pictures = [env.reset(seed=1)[0]]
            pictures += [env.step(env.action_space.sample())[0] for _ in range(steps)]
            emulator = env.unwrapped.emulator
            runs.append((np.array(pictures), emulator.rdram.copy()))
            names = ("display_lists", "rdp_lists", "unknown_tasks", "interpreted_tasks")
            counts = {name: getattr(emulator, name) for name in names}
    assert (runs[0][0] == runs[1][0]).all()
    assert (runs[0][1] == runs[1][1]).all()
    return runs[0][0], counts


def test_a_rom_that_hangs_in_the_recompiler_runs_in_the_interpreter(rom):
    with pytest.warns(UserWarning, match="stale.z64 does not start in the recompiler, so n64gym runs it in the interp"):
        pictures, _ = run(rom("stale"), steps=3)
    assert (pictures == GREEN).all()


@pytest.mark.parametrize("video", [None, "glide64mk2"])
def test_a_picture_of_the_cpu_is_shown_with_and_without_a_video_plugin(rom, display, video):
    """VI_ORIGIN is an address in the CPU's memory map; the plugin would read RDRAM there and crash."""
    pictures, _ = run(rom("cpu"), steps=3, video=video)
    assert (pictures == GREEN).all()


def test_a_picture_of_the_cpu_after_a_display_list_is_read_from_rdram(rom, display, tmp_path):
    """The plugin shows the CPU's picture for a game of this title, with messages in it."""
    path = titled(rom("cpu"), "STARCRAFT 64", tmp_path)
    pictures, counts = run(path, steps=30, video="glide64mk2", obs_type="rgb")
    assert counts["display_lists"] == 1
    assert (pictures[-10:] == RED).all()


def test_pictures_do_not_depend_on_a_games_way_to_swap_buffers(rom, display, tmp_path):
    path = titled(rom("gpu"), "Blast Corps", tmp_path)
    settings = {"video": "glide64mk2", "size": (240, 320), "steps": 20}
    assert (run(path, **settings)[0] == run(rom("gpu"), **settings)[0]).all()


@pytest.mark.parametrize("video", [None, "glide64mk2"])
def test_lists_of_rdp_commands_are_counted_and_reported(rom, display, video):
    with pytest.warns(UserWarning, match="lists of RDP commands without a display list. No video plugin of Debian"):
        pictures, counts = run(rom("rdp"), steps=5, video=video)
    assert counts["rdp_lists"] >= 20
    assert not pictures.any()


def test_lists_of_an_rsp_program_raise_the_gpu_s_interrupt(rom):
    """The ROM waits for it before each picture."""
    need_interpreter()
    with Emulator(rom("rdpmicrocode")) as emulator:
        emulator.step(20)
        assert emulator.rdp_lists >= 20
        assert emulator.rdram[0x404 // 4] == emulator.rdram[0x400 // 4] >= 20


@pytest.mark.parametrize("name", ["rdp", "rdpmicrocode"])
def test_a_plugin_of_the_user_s_draws_lists_of_rdp_commands(rom, display, monkeypatch, tmp_path, name):
    if name == "rdpmicrocode":
        need_interpreter()
    plugin, source = tmp_path / "own.so", Path(__file__).with_name("own_video.c")
    command = ["gcc", "-O2", "-Wall", "-Werror", "-I/usr/include/mupen64plus", "-shared", "-fPIC", "-o", plugin, source]
    subprocess.run(command, check=True, timeout=120)
    monkeypatch.setenv("A3C64_VIDEO_PLUGIN", str(plugin))
    pictures, counts = run(rom(name), steps=20, frameskip=1, video="own")
    assert counts["rdp_lists"] >= 20
    assert (pictures == pictures[:, :1, :1]).all()
    assert len(np.unique(pictures.reshape(len(pictures), -1), axis=0)) == 21, "each picture has another colour"


@pytest.mark.parametrize("path", ["", "/nowhere/own.so"])
def test_a_missing_plugin_of_the_user_s_is_one_line(rom, monkeypatch, path):
    monkeypatch.setenv("A3C64_VIDEO_PLUGIN", path)
    with (
        gymnasium.make("n64gym/Rom-v0", rom=rom("rdp"), video="own") as env,
        pytest.raises(EmulatorError, match=f"A3C64_VIDEO_PLUGIN is '{path}'; expected the path of a video plugin"),
    ):
        env.reset()


def test_microcode_of_a_game_s_own_runs_where_the_interpreter_is_installed(rom):
    need_interpreter()
    with pytest.warns(UserWarning, match="does not know: mupen64plus-rsp-z64 runs them, more slowly"):
        pictures, counts = run(rom("microcode"), steps=20, frameskip=1)
    assert counts["interpreted_tasks"] > 20
    assert counts["unknown_tasks"] == counts["display_lists"] == counts["rdp_lists"] == 0
    assert (pictures[..., [0, 2]] == 0).all()
    greens = pictures[..., 1]
    assert (greens == greens[:, :1, :1]).all()  # each is of one colour
    assert len(np.unique(greens)) == 21  # and another than the last: a register counts them
    with pytest.warns(UserWarning, match="so they do nothing, and its picture or its sound may be missing: install"):
        pictures, counts = run(rom("microcode"), steps=6, frameskip=60, console={"rsp": "hle"})
    assert not pictures.any()
    assert counts["interpreted_tasks"] == 0
    assert counts["unknown_tasks"] > 300


def test_registers_of_an_interpreted_rsp_belong_to_savestates(rom):
    need_interpreter()
    with Emulator(rom("microcode")) as emulator:
        emulator.step(9)
        state = State.from_data(emulator.save_state().data())
        emulator.step(5)
        expected = emulator.rdram.copy()
        emulator.step(3)
        emulator.load_state(state)
        emulator.step(5)
        assert (emulator.rdram == expected).all()
    with Emulator(rom("microcode")) as emulator:  # another process
        emulator.load_state(state)
        emulator.step(5)
        assert (emulator.rdram == expected).all()


def test_movies_repeat_with_the_processors_that_they_were_recorded_with(rom, tmp_path):
    need_interpreter()
    for console in ({"rsp": "auto"}, {"rsp": "hle"}, {"processor": "interpreter"}):
        with RecordMovie(gymnasium.make("n64gym/Rom-v0", rom=rom("microcode"), console=console), tmp_path) as env:
            env.reset(seed=1)
            for _ in range(20):
                env.step(env.action_space.sample())
        facts = json.loads(env.last_movie.with_suffix(".json").read_text())
        assert facts["console"].items() >= {"rsp": "auto", "processor": "recompiler", **console}.items()
        playback = Playback(env.last_movie, rom("microcode"))
        while not playback.over:
            playback.step()
        playback.close()
        assert not playback.diverged
        assert playback.emulator.console.processor == facts["console"]["processor"]
    # Movies of earlier releases name neither: at that time, such programs did nothing.
    for name in ("processor", "rsp"):
        del facts["console"][name]
    env.last_movie.with_suffix(".json").write_text(json.dumps(facts))
    playback = Playback(env.last_movie, rom("microcode"))
    playback.close()
    assert playback.emulator.console.rsp == "hle"


def test_an_interlaced_picture_has_the_rows_of_both_fields(rom):
    with Emulator(rom("interlaced")) as emulator:
        emulator.step(10)
        for _ in range(3):  # after the first field, and after the second
            emulator.step(1)
            picture = emulator.frame()
            assert picture.shape == (480, 640, 3)
            assert (picture[0::2, :, 2] == 0).all()
            assert (picture[1::2, :, 2] == 255).all()
            assert (np.diff(picture[:, 0, 0].astype(int)) >= 0).all()
            assert picture[479, 0, 0] > 230
    pictures, _ = run(rom("interlaced"), steps=5, frameskip=3)
    assert pictures.shape[1:] == (240, 320, 3)
    assert (pictures[1:] == pictures[1]).all()  # of both fields, at odd and even VIs


def test_a_rom_that_draws_nothing_is_reported(rom):
    with pytest.warns(UserWarning, match="has drawn nothing in its first 5 seconds: its picture is black"):
        run(rom("blank"), steps=6, frameskip=60)


def test_errors_of_a_missing_camera_or_screen_are_not_reported(rom, display):
    for path, video in ((rom("pad"), None), (rom("gpu"), "glide64mk2")):
        with gymnasium.make("n64gym/Rom-v0", rom=path, video=video) as env:
            env.reset()
            assert env.unwrapped.emulator._process.last_words() == ""

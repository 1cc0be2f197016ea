"""Kinds of ROMs: each has a ROM of its own in tests/roms/kinds. n64gym/Rom-v0 opens it, and it repeats to the bit."""

import gymnasium
import numpy as np
import pytest

import n64gym  # noqa: F401 - registers the environments
from n64gym.machine.emulator import Emulator

RED, GREEN = [255, 0, 0], [0, 255, 0]


def titled(path, title, folder):
    """Return a copy of a ROM with another internal name, for which a video plugin has other settings."""
    data = bytearray(path.read_bytes())
    data[0x20:0x34] = title.encode().ljust(20)
    copy = folder / path.name
    copy.write_bytes(data)
    return copy


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
            counts = {name: getattr(emulator, name) for name in ("display_lists", "rdp_lists", "unknown_tasks")}
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

"""The emulator process: exact steps, pictures, states, and a clear error when it dies or hangs."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from n64gym.machine import controller, shared
from n64gym.machine.emulator import Emulator, EmulatorError, ObservationFormat
from n64gym.machine.rom import OPEN_KART

COUNT, PAD = 0x100 // 4, 0x104 // 4  # RDRAM words that the test ROMs keep


def test_a_step_runs_exactly_its_number_of_vis(rom):
    with Emulator(rom("blank")) as emulator:
        before, counted = emulator.vi_count, int(emulator.rdram[COUNT])
        for vis in (1, 4, 7):
            emulator.step(vis)
        assert emulator.vi_count - before == 12
        assert int(emulator.rdram[COUNT]) - counted == 12
        assert emulator.controller_reads == 0  # this ROM never reads the pad


def test_the_controller_word_reaches_the_game(rom):
    with Emulator(rom("pad")) as emulator:
        for word in (controller.word(controller.A, x=-80, y=80), controller.word(controller.START | controller.R, x=1)):
            reads = emulator.controller_reads
            emulator.step(2, word)
            assert emulator.controller_reads - reads == 2
            assert int(emulator.rdram[PAD]) == int.from_bytes(word.to_bytes(4, "little"), "big")


def test_picture_and_observation_are_what_the_rom_painted(rom):
    with Emulator(rom("pad"), observation=ObservationFormat(24, 32, 3)) as emulator:
        emulator.step(3, controller.word(controller.A | controller.D_UP))  # halfword 0x8800: red 17 of 31
        picture = emulator.frame()
        assert picture.shape == (240, 320, 3)
        assert (picture[120:] == [17 << 3 | 17 >> 2, 0, 0]).all()
        assert (emulator.observation[12:] == [140, 0, 0]).all()


def test_a_missing_video_plugin_is_reported(rom):
    with pytest.raises(EmulatorError, match="mupen64plus-video-nothing"):
        Emulator(rom("blank"), video="nothing")


@pytest.mark.parametrize(("height", "width"), [(84, 84), (42, 42), (48, 64), (96, 128), (7, 5), (1, 1)])
def test_observations_are_area_means(rom, height, width):
    """The oracle is slow and uses floating point."""
    for channels in (1, 3):
        with Emulator(rom("pad"), observation=ObservationFormat(height, width, channels)) as emulator:
            emulator.step(1, controller.word(controller.B | controller.C_UP, x=33, y=-77))
            picture = emulator.frame().astype(float)
            if channels == 1:
                picture = picture @ [0.299, 0.587, 0.114]
            expected = area_mean(area_mean(picture, height).swapaxes(0, 1), width).swapaxes(0, 1)
            assert np.abs(emulator.observation - expected).max() <= 1.5


@pytest.mark.parametrize(
    ("crop", "part"),
    [
        ((0, 0, 0, 0), (slice(None), slice(None))),
        ((50, 31, 37, 83), (slice(50, 87), slice(31, 114))),
        ((20, 0, 0, 0), (slice(20, None), slice(None))),
        ((0, 7, 30, 0), (slice(0, 30), slice(7, None))),
        ((100, 150, 100, 100), (slice(100, 120), slice(150, 160))),  # cut off at the picture's edge
        ((4000, 4000, 9, 9), (slice(119, 120), slice(159, 160))),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_cropped_observation_is_the_area_mean_of_that_part(crop, part, channels):
    """Uses Open Kart's title screen, in which no two parts are the same."""
    with Emulator(OPEN_KART, observation=ObservationFormat(30, 40, channels, crop)) as emulator:
        emulator.step(400)
        picture = emulator.frame().astype(float)
        assert picture.shape == (120, 160, 3)
        if channels == 1:
            picture = picture @ [0.299, 0.587, 0.114]
        expected = area_mean(area_mean(picture[part], 30).swapaxes(0, 1), 40).swapaxes(0, 1)
        assert np.abs(emulator.observation - expected).max() <= 2
        assert picture.std() > 10


def area_mean(picture, size):
    """Return `picture` with its first axis resampled to `size` by area means."""
    n = len(picture)
    rows = []
    for i in range(size):
        low, high = i * n / size, (i + 1) * n / size
        weights = [max(0.0, min(high, y + 1) - max(low, y)) for y in range(n)]
        rows.append(sum(w * row for w, row in zip(weights, picture, strict=True)) / sum(weights))
    return np.array(rows)


def test_loading_a_state_restores_the_machine(rom):
    with Emulator(rom("pad")) as emulator:
        emulator.step(20)
        state = emulator.save_state()
        runs = []
        for _ in range(3):
            emulator.step(5)
            emulator.load_state(state)
            for i in range(10):
                emulator.step(3, controller.word(controller.A, x=i))
            runs.append(emulator.rdram.copy())
        assert (runs[0] == runs[1]).all()
        assert (runs[1] == runs[2]).all()


@pytest.mark.filterwarnings("ignore:silent.z64 did not switch on its video")
@pytest.mark.parametrize("name", ["silent", "blank"])
def test_a_rom_that_draws_nothing_can_be_stepped(rom, name):
    with Emulator(rom(name)) as emulator:
        for _ in range(10):
            emulator.step(4)
        assert emulator.vi_count == 41
        assert not emulator.frame().any()


def test_a_rom_with_libdragons_boot_code_that_does_not_start_is_refused_after_one_try(rom, tmp_path, recwarn):
    data = bytearray(rom("silent").read_bytes())
    data[0xFC0:0xFE0] = b" Libdragon IPL3  Coded by Rasky "
    (tmp_path / "new.z64").write_bytes(data)
    with pytest.raises(EmulatorError, match=r"new.z64: the ROM does not start: .* libdragon since 2024"):
        Emulator(tmp_path / "new.z64")
    assert not recwarn.list  # neither the interpreter nor a forced video was tried


def test_a_killed_emulator_raises_at_once(rom):
    emulator = Emulator(rom("blank"))
    os.kill(emulator.pid, signal.SIGKILL)
    begun = time.monotonic()
    with pytest.raises(EmulatorError, match="has died"):
        emulator.step()
    assert time.monotonic() - begun < 8


def test_a_stopped_emulator_raises_within_the_timeout(rom):
    emulator = Emulator(rom("blank"), timeout=1.0)
    pid = emulator.pid
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(EmulatorError, match=r'has not answered .* pass console=\{"processor": "interpreter"\}'):
        emulator.step()
    assert not psutil.pid_exists(pid)
    with pytest.raises(EmulatorError, match="closed"):
        emulator.step()
    emulator.close()


def test_an_emulator_ends_with_its_parent(rom):
    script = (
        "from n64gym.machine.emulator import Emulator; import sys, time\n"
        f"e = Emulator({str(rom('blank'))!r}); print(e.pid, e._process._workspace.path, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    pid, folder = parent.stdout.readline().split()
    parent.kill()
    parent.wait()
    end = time.monotonic() + 10
    while psutil.pid_exists(int(pid)) and time.monotonic() < end:
        time.sleep(0.1)
    assert not psutil.pid_exists(int(pid))
    assert not os.path.exists(folder)


def test_plugins_of_another_version_are_refused(rom, monkeypatch):
    monkeypatch.setattr(shared, "VERSION", 99)
    with pytest.raises(EmulatorError, match="different versions: run make"):
        Emulator(rom("blank"))

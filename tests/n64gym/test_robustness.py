"""Faults of the emulator's process and of the machine; and many emulators at the same time."""

import errno
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from namespace import run_with_mounts

from n64gym.machine import controller
from n64gym.machine import emulator as emulator_module
from n64gym.machine.emulator import Emulator, EmulatorError
from n64gym.machine.rom import OPEN_KART

LONG = 10_000_000  # VIs; no machine finishes that many during a test


def assert_no_trace_of(pid):
    """Check that neither a process nor a zombie remains."""
    assert not psutil.pid_exists(pid)
    assert all(child.status() != psutil.STATUS_ZOMBIE for child in psutil.Process().children())


def test_a_kill_during_a_step_raises_at_once(rom):
    emulator = Emulator(rom("pad"))
    emulator.step_async(LONG)
    time.sleep(0.2)
    os.kill(emulator.pid, signal.SIGKILL)
    begun = time.monotonic()
    with pytest.raises(EmulatorError, match=r"has died \(exit code -9\)"):
        emulator.step_wait()
    assert time.monotonic() - begun < 8
    assert_no_trace_of(emulator.pid)


def test_a_stop_during_a_step_raises_after_the_timeout(rom, monkeypatch):
    monkeypatch.setattr(emulator_module, "SLOWEST_VI_S", 0.0)  # the step's timeout no longer grows with its length
    emulator = Emulator(rom("pad"), timeout=1.0)
    emulator.step_async(LONG)
    time.sleep(0.2)
    os.kill(emulator.pid, signal.SIGSTOP)
    begun = time.monotonic()
    with pytest.raises(EmulatorError, match="has not answered for 1 s"):
        emulator.step_wait()
    assert time.monotonic() - begun < 20
    assert_no_trace_of(emulator.pid)


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGSTOP])
def test_a_lost_emulator_can_be_closed(rom, stop):
    emulator = Emulator(rom("pad"))
    os.kill(emulator.pid, stop)
    emulator.close()
    emulator.close()
    assert_no_trace_of(emulator.pid)


PLAY = """
import errno, pathlib, sys, tempfile
from n64gym.machine.emulator import Emulator
full = pathlib.Path(sys.argv[2])
try:
    (full / "more").write_bytes(bytes(4096))
except OSError as error:
    assert error.errno == errno.ENOSPC
else:
    raise AssertionError(f"{full} is not full")
if len(sys.argv) > 3:
    tempfile.tempdir = str(full)
with Emulator(sys.argv[1]) as emulator:
    emulator.step(10, 5)
    state = emulator.save_state()
    emulator.step(10, 6)
    emulator.load_state(state)
    print(emulator.vi_count, emulator.samples().tolist())
"""


def play_with_a_full(folder, rom_path, *arguments, options="size=4k"):
    """Run PLAY in a process for which `folder` is a small, full file system."""
    fill = f'mount -t tmpfs -o {options} tmpfs "{folder}" && (head -c 8k /dev/zero > "{folder}/filler" || true)'
    return run_with_mounts(fill, sys.executable, "-c", PLAY, rom_path, folder, *arguments)


PLAYED = "11 [5, 5, 5, 5, 5, 5, 5, 5, 5, 5]\n"


def test_a_full_dev_shm_does_not_matter(rom):
    result = play_with_a_full("/dev/shm", rom("pad"))
    assert (result.stdout, result.returncode) == (PLAYED, 0), result.stderr


def test_no_file_is_created_in_dev_shm(rom):
    with Emulator(rom("pad")) as emulator:
        emulator.save_state()
        process = Path(f"/proc/{emulator.pid}")
        files = {os.readlink(link) for link in (process / "fd").iterdir()}
        assert any("memfd:n64gym" in file for file in files)
        assert "memfd:n64gym" in (process / "maps").read_text()
        assert "/dev/shm" not in " ".join(files) + (process / "maps").read_text()


def test_a_full_temporary_folder_does_not_matter(rom, tmp_path):
    result = play_with_a_full(tmp_path, rom("pad"), "as the temporary folder")
    assert (result.stdout, result.returncode) == (PLAYED, 0), result.stderr


def test_a_temporary_folder_without_inodes_is_reported(rom, tmp_path):
    result = play_with_a_full(tmp_path, rom("pad"), "as the temporary folder", options="size=64k,nr_inodes=2")
    assert f"[Errno {errno.ENOSPC}] No space left on device: '{tmp_path}/n64gym-" in result.stderr
    assert "free space there, or set TMPDIR to a folder with space" in result.stderr


def test_a_missing_temporary_folder_is_reported(rom, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    files = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(EmulatorError, match=r"pad.z64: cannot create a folder .*gone/n64gym-.*set TMPDIR"):
        Emulator(rom("pad"))
    assert len(list(Path("/proc/self/fd").iterdir())) == files


def test_sixteen_emulators_do_not_affect_each_other():
    """Sixteen emulators with different stick positions run together, then each alone; the results must be equal."""
    words = [controller.word(controller.A, x=10 * i - 80) for i in range(16)]

    def machines(groups):
        for group in groups:
            emulators = [Emulator(OPEN_KART) for _ in group]
            for vis in (120, 7, 33):
                for emulator, word in zip(emulators, group, strict=True):
                    emulator.step_async(vis, word)
                for emulator in emulators:
                    emulator.step_wait()
            for emulator in emulators:
                yield emulator.rdram.copy(), emulator.samples()
                emulator.close()
                assert_no_trace_of(emulator.pid)

    together = list(machines([words]))
    assert len({samples.tobytes() for _, samples in together}) == 16
    for (rdram, samples), (rdram_alone, samples_alone) in zip(together, machines([[w] for w in words]), strict=True):
        assert np.array_equal(samples, samples_alone)
        assert np.array_equal(rdram, rdram_alone)


@pytest.mark.parametrize(
    ("library", "packages"),
    [
        ("/usr/lib/*/libmupen64plus.so.2", "libmupen64plus2 mupen64plus-data mupen64plus-rsp-hle"),
        ("/usr/lib/*/mupen64plus/mupen64plus-rsp-hle.so", "libmupen64plus2 mupen64plus-data mupen64plus-rsp-hle"),
        (str(OPEN_KART.parent / "lockstep-video.so"), "gcc, make, libmupen64plus-dev"),
    ],
)
def test_a_missing_library_is_reported_with_its_packages(library, packages):
    hide = f"for file in {library}; do mount --bind /dev/null $file; done"
    result = run_with_mounts(hide, sys.executable, "-c", f"from n64gym import Emulator; Emulator({str(OPEN_KART)!r})")
    assert result.returncode == 1
    assert packages in result.stderr.splitlines()[-1]

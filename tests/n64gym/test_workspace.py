"""An emulator's folder is removed at its end. If everything was killed at once, the next start removes it."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from n64gym.machine import workspace
from n64gym.machine.emulator import Emulator
from n64gym.machine.rom import OPEN_KART
from n64gym.machine.workspace import OWNER, PREFIX, Workspace, sweep

START = """
import sys, time
from n64gym.machine.emulator import Emulator
emulators = [Emulator(sys.argv[1]) for _ in range(2)]
print(*[emulator.pid for emulator in emulators], flush=True)
time.sleep(60)
"""


@pytest.fixture
def base(tmp_path, monkeypatch):
    """A folder for temporary files that this process has not swept yet."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(workspace, "_swept", set())
    return tmp_path


def folders(base):
    return sorted(base.glob(f"{PREFIX}*"))


def kill_all_at_once(base):
    """Start a program with two emulators, and kill all three processes at the same moment."""
    environment = {**os.environ, "TMPDIR": str(base)}
    program = subprocess.Popen(
        [sys.executable, "-c", START, OPEN_KART], stdout=subprocess.PIPE, text=True, env=environment
    )
    pids = [program.pid, *map(int, program.stdout.readline().split())]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)  # so that none of them can react to the end of another
    for pid in reversed(pids):
        os.kill(pid, signal.SIGKILL)
    program.communicate(timeout=10)


def test_the_next_start_removes_only_folders_of_killed_emulators(base):
    kill_all_at_once(base)
    assert len(folders(base)) == 2
    (base / "n64gym-results").mkdir()
    (base / "n64gym-results" / "mine.txt").write_text("a user's own")
    (base / "n64gym-link").symlink_to(base / "n64gym-results")
    (base / "n64gym-file").write_text("")
    alive = Workspace()  # the first start in a process sweeps
    assert folders(base) == sorted(
        [alive.path, *(base / name for name in ("n64gym-results", "n64gym-link", "n64gym-file"))]
    )
    assert (base / "n64gym-results" / "mine.txt").exists()
    sweep(base)
    assert alive.path.exists(), "a folder whose owner is alive must remain"
    alive.remove()
    alive.remove()
    assert not alive.path.exists()


REMOVE = """
import sys
from n64gym.machine.workspace import Workspace
one = Workspace()
for number in range(300):
    (one.path / f"{number}").write_text("")
print("filled", flush=True)
one.remove()
print("removed", flush=True)
"""


def test_a_process_killed_while_it_removes_its_folder_leaves_none_for_ever(base):
    environment = {**os.environ, "TMPDIR": str(base)}
    for count in range(8):
        program = subprocess.Popen([sys.executable, "-c", REMOVE], stdout=subprocess.PIPE, text=True, env=environment)
        assert program.stdout.readline() == "filled\n"
        threading.Event().wait(count * 0.0005)
        program.kill()
        program.communicate(timeout=60)
        sweep(base)
        assert not folders(base)


def test_a_folder_whose_process_was_killed_before_it_locked_it_is_removed(base):
    Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    sweep(base)
    assert not folders(base)


def test_a_folder_of_another_user_is_left_alone(base, monkeypatch):
    kill_all_at_once(base)
    found = folders(base)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    sweep(base)
    assert folders(base) == found


def test_an_emulator_leaves_nothing_behind(base):
    with Emulator(OPEN_KART) as emulator:
        emulator.step(3)
        assert len(folders(base)) == 1
    assert not folders(base)


def test_sweeping_removes_no_folder_in_use(base):
    """Four threads create folders as fast as they can and four sweep. No folder in use may be removed."""
    stop, lost, made = threading.Event(), [], []

    def make():
        while not stop.is_set():
            one = Workspace()
            made.append(one)
            (one.path / "file").write_text("")
            if not (one.path / OWNER).exists():
                lost.append(one.path)
            one.remove()

    def clean():
        while not stop.is_set():
            sweep(base)

    threads = [threading.Thread(target=work) for work in (make, clean) * 4]
    for thread in threads:
        thread.start()
    threading.Event().wait(2.0)
    stop.set()
    for thread in threads:
        thread.join()
    assert len(made) > 100
    assert not lost
    assert not folders(base)


def test_an_emulator_ends_when_its_object_is_gone_although_the_program_lives(base):
    program = (
        "import os, sys, time; from n64gym.machine.emulator import Emulator\n"
        "e = Emulator(sys.argv[1]); print(e.pid, flush=True); e._process._lifeline.close(); time.sleep(60)"
    )
    started = subprocess.Popen(
        [sys.executable, "-c", program, OPEN_KART],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(base)},
    )
    try:
        pid = int(started.stdout.readline())
        end = threading.Event()
        for _ in range(100):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                break
            end.wait(0.05)
        else:
            pytest.fail("the emulator still runs")
    finally:
        started.kill()
        started.communicate()

"""The locks of a sweep. The kernel releases a lock when its process ends or is killed, so locks tell who lives.

A trial's lock is a file with the trial's number. It is removed when the trial ends: a file that nobody has locked is
that of a killed process.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

STUDY = "lock"  # held for an instant, by the process that changes which trials there are
TRIALS = "locks"  # the folder of the trials' locks
RUN = "lock"  # of a run's folder, held by its server
LOOK_S = 0.2


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until no other process changes the sweep in `folder`."""
    with (folder / STUDY).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def held(folder: Path, number: int) -> Iterator[None]:
    """Hold the lock of a trial."""
    path = _path(folder, number)
    path.parent.mkdir(exist_ok=True)
    with alone(folder):  # nobody else looks at the file before it is locked
        file = path.open("a")
        fcntl.flock(file, fcntl.LOCK_EX)
    with file:
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def was_killed(folder: Path, number: int) -> bool:
    """Return whether the process that ran a trial has ended without ending the trial. Call it `alone`."""
    path = _path(folder, number)
    return path.exists() and _is_free(path)


def forget(folder: Path, number: int) -> None:
    """Remove the lock of a killed process' trial."""
    _path(folder, number).unlink(missing_ok=True)


def wait_for_run(run_dir: Path, timeout_s: float, stop: threading.Event) -> None:
    """Wait until no server uses a run's folder. That of a killed sweep saves its run before it ends."""
    deadline = time.monotonic() + timeout_s
    while not _is_free(run_dir / RUN) and time.monotonic() < deadline:
        if stop.wait(LOOK_S):
            return


def _path(folder: Path, number: int) -> Path:
    return folder / TRIALS / f"trial-{number:04d}"


def _is_free(path: Path) -> bool:
    with suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)  # this also unlocks it
    return True

"""A temporary folder for one emulator; those of processes that were killed are removed by the next start.

Its mark is a lock on a file in it, which the kernel gives back however the process that holds it ends. So no process id
is compared, containers that share a /tmp understand each other, and a folder without that file is never touched.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from pathlib import Path

PREFIX = "n64gym-"
OWNER = ".owner"  # the file that is locked as long as the folder is needed
TRIES = 100  # a folder is lost only to a sweep between two system calls

_swept: set[str] = set()  # folders for temporary files that this process has swept


class Workspace:
    """A folder of its own. Raises OSError if there is no room for one."""

    def __init__(self) -> None:
        base = tempfile.gettempdir()
        if base not in _swept:
            _swept.add(base)
            sweep(Path(base))
        for _ in range(TRIES):
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
            try:
                lock = lock_owner(self.path)
            except BaseException:
                shutil.rmtree(self.path, ignore_errors=True)
                raise
            if lock is not None:
                self._lock = lock
                return
        raise FileExistsError(f"each of {TRIES} new folders in {base} was removed at once")

    def remove(self) -> None:
        """Remove the folder and what is in it. May be called again."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.leave()

    def leave(self) -> None:
        """Forget the folder, as a forked process does with its parent's. May be called again."""
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)


def lock_owner(folder: Path) -> int | None:
    """Return the locked descriptor of a new folder's mark; None if a sweep has taken the folder for an old one."""
    try:
        descriptor = os.open(folder / OWNER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:  # still there: a sweep that held the lock would have removed it
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def sweep(base: Path) -> None:
    """Remove this user's folders whose owner is gone."""
    with contextlib.suppress(OSError), os.scandir(base) as entries:
        for entry in entries:
            if entry.name.startswith(PREFIX):
                with contextlib.suppress(OSError):  # not ours to look at, or gone in this moment
                    _sweep_one(Path(entry.path))


def _sweep_one(folder: Path) -> None:
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid():
        return
    descriptor = os.open(folder / OWNER, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)

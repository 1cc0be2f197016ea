"""A temporary folder for one emulator. A start removes the folders of processes that were killed.

A folder in use has a locked file. The kernel releases the lock when the process ends, even after a kill. No process
ids are compared, so this also works between containers that share /tmp. The locked file is the first that a folder gets
and the last that it loses, so a process that is killed in between leaves an empty folder at most. Any other folder
without that file is never removed.
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
OWNER = ".owner"  # the file that is locked while the folder is in use
TRIES = 100  # a sweep can remove a new folder only between two system calls, so this is plenty

_swept: set[str] = set()  # folders that this process has already swept


class Workspace:
    """A new temporary folder. Raises OSError if it cannot be created."""

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
        raise FileExistsError(f"{TRIES} new folders in {base} were created, and each was removed at once")

    def remove(self) -> None:
        """Remove the folder and its contents. May be called more than once."""
        remove_folder(self.path)
        self.leave()

    def leave(self) -> None:
        """Release the folder without removing it; a forked process does so with its parent's. May be called more than
        once."""
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)


def lock_owner(folder: Path) -> int | None:
    """Create and lock the owner file of a new folder and return its descriptor; None if a sweep has removed the
    folder."""
    try:
        descriptor = os.open(folder / OWNER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:  # False if a sweep removed the file before it was locked
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def remove_folder(folder: Path) -> None:
    """Remove a folder with its contents, the owner file last. If something fails, the next sweep tries again."""
    with contextlib.suppress(OSError):
        for entry in folder.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != OWNER:
                entry.unlink()
        (folder / OWNER).unlink(missing_ok=True)
        folder.rmdir()


def sweep(base: Path) -> None:
    """Remove this user's folders whose process has ended."""
    with contextlib.suppress(OSError), os.scandir(base) as entries:
        for entry in entries:
            if entry.name.startswith(PREFIX):
                with contextlib.suppress(OSError):  # no permission, or removed at this moment
                    _sweep_one(Path(entry.path))


def _sweep_one(folder: Path) -> None:
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid():
        return
    try:
        descriptor = os.open(folder / OWNER, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        folder.rmdir()  # fails if it is not empty; if its process is about to lock it, that process makes another
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove_folder(folder)
    finally:
        os.close(descriptor)

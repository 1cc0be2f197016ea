"""The disk below a3c64.files: it can be full, the power can fail at any sync, and unsynced data may be lost."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simulated_world import CrashError, World

SYNC_S = 0.002


class Disk:
    """Replaces the module `os` in a3c64.files; the files are real.

    Attributes:
        full: while true, every write fails.
        crash_in: number of syncs and renames until the power fails; None = it does not.
        faults: number of failed operations and power failures.
    """

    def __init__(self, world: World, folder: Path, crash: Callable[[], None]) -> None:
        self._world = world
        self._folder = folder
        self._crash = crash  # kills the server's process
        self.full = False
        self.crash_in: int | None = None
        self.faults = 0
        self._unsynced: list[tuple[Path, Path, Path | None]] = []  # renames: target, source, copy of the old target

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def fsync(self, descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        self._fault(f"sync of {path.name}", path)
        self._unsynced = [one for one in self._unsynced if one[0].parent != path]

    def replace(self, source: Path, target: Path) -> None:
        self._fault(f"rename to {Path(target).name}", None)
        source, target = Path(source), Path(target)
        before = None
        if target.is_file():
            before = self._folder / f".before-{len(self._unsynced)}"
            shutil.copyfile(target, before)
        os.replace(source, target)
        self._unsynced.append((target, source, before))

    def _fault(self, what: str, path: Path | None) -> None:
        world = self._world
        if world.running is not None and world.running.killed:
            raise CrashError  # a killed process must not write
        if self.crash_in is not None:
            self.crash_in -= 1
            if self.crash_in <= 0:
                self.crash_in = None
                self.faults += 1
                world.note(f"the power fails at the {what}")
                self._lose(path)
                self._crash()
                raise CrashError
        if self.full:
            self.faults += 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _lose(self, path: Path | None) -> None:
        """Lose a random part of the unsynced data: the end of a file, and renames, the newest first."""
        if path is not None and path.is_file():
            os.truncate(path, self._world.random.randrange(path.stat().st_size + 1))
        while self._unsynced and self._world.chance(0.5):
            target, source, before = self._unsynced.pop()
            self._world.note(f"the rename to {target.name} is lost")
            if target.exists():
                os.replace(target, source)
            if before is not None:
                os.replace(before, target)
        self._unsynced.clear()

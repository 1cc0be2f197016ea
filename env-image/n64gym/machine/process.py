"""The process of one emulator, with its folder and its log. It ends on request or when its parent is gone."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

from n64gym.machine.rom import DATA
from n64gym.machine.workspace import Workspace

SYSTEM = DATA / "lockstep-system.so"
LAST_WORDS = 1000  # characters of the log that an error message quotes


started: weakref.WeakSet[EmulatorProcess] = weakref.WeakSet()  # the processes that are still referenced


class EmulatorProcess:
    """A running host.py. workspace: removed at the end. request: the argument of host.py. descriptor: inherited by
    host.py.

    A forked copy of this program has a copy of this object. The copy can only release its resources.
    """

    def __init__(self, workspace: Workspace, request: dict[str, Any], descriptor: int) -> None:
        self.owner = os.getpid()  # the process that started it
        self.is_ours = True  # False in a fork of that process
        started.add(self)
        self._workspace = workspace
        self._log = os.fdopen(os.memfd_create("n64gym-log"), "rb")
        library = os.open(SYSTEM if SYSTEM.exists() else os.devnull, os.O_RDONLY)  # host.py reports a missing one
        try:
            # By its descriptor, because LD_PRELOAD cannot contain a path with spaces or colons.
            preload = f"/proc/self/fd/{library}:" + os.environ.get("LD_PRELOAD", "")
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-I",
                    str(Path(__file__).with_name("host.py")),
                    json.dumps({**request, "folder": str(workspace.path)}),
                ],
                pass_fds=[descriptor, library],
                env={**os.environ, "LD_PRELOAD": preload.rstrip(":")},
                stdin=subprocess.PIPE,  # nothing is sent; the emulator ends itself when this end is closed
                stdout=subprocess.DEVNULL,
                stderr=self._log,
                start_new_session=True,  # Ctrl-C goes to the parent only, which then ends the emulator
            )
        except BaseException:
            workspace.remove()
            self._log.close()
            raise
        finally:
            os.close(library)
        assert self._process.stdin is not None
        self._lifeline = self._process.stdin

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code; None while the process runs."""
        return self._process.poll()

    def cpu_seconds(self) -> float:
        """Return the processor time that it has used, in seconds: fields 14 and 15 of /proc/PID/stat, see proc(5)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def last_words(self) -> str:
        """Return the end of the log."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace").strip()[-LAST_WORDS:]

    def wait(self, seconds: float) -> None:
        """Wait up to `seconds` for the process to end."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def end(self) -> None:
        """Kill the process if it still runs, and remove its folder. In a fork, only close the inherited files.

        May be called more than once.
        """
        if self.is_ours:
            if self.exit_code is None:
                self._process.kill()
                self._process.wait()
            self._workspace.remove()
        self._workspace.leave()
        self._lifeline.close()
        self._log.close()


def _disown() -> None:
    """Mark all emulators as not ours: in a fork, they belong to the parent."""
    for process in started:
        process.is_ours = False


os.register_at_fork(after_in_child=_disown)  # cheaper than os.getpid() at every request

"""The process of one emulator, with its folder and its log: it ends when it is told to, or when nobody is left."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from n64gym.machine.workspace import Workspace

LAST_WORDS = 1000  # characters of the log that an error quotes


class EmulatorProcess:
    """host.py, running. workspace: is removed at its end. request: what it is asked to do. descriptor: it inherits.

    A forked copy of this program has a copy of this object, too. It can let go of what is in it, and no more.
    """

    def __init__(self, workspace: Workspace, request: dict[str, Any], descriptor: int) -> None:
        self._owner = os.getpid()
        self._workspace = workspace
        self._log = os.fdopen(os.memfd_create("n64gym-log"), "rb")
        try:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-I",
                    str(Path(__file__).with_name("host.py")),
                    json.dumps({**request, "folder": str(workspace.path)}),
                ],
                pass_fds=[descriptor],
                stdin=subprocess.PIPE,  # nothing is ever sent: when our end is closed, the emulator ends itself
                stdout=subprocess.DEVNULL,
                stderr=self._log,
                start_new_session=True,  # Ctrl-C is for the parent: it ends the emulator when it is done
            )
        except BaseException:
            workspace.remove()
            self._log.close()
            raise
        assert self._process.stdin is not None
        self._lifeline = self._process.stdin

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def is_ours(self) -> bool:
        """Whether this is the program that started it, rather than a fork of that."""
        return self._owner == os.getpid()

    @property
    def owner(self) -> int:
        """The id of the process that started it."""
        return self._owner

    @property
    def exit_code(self) -> int | None:
        """None as long as it runs."""
        return self._process.poll()

    def cpu_seconds(self) -> float:
        """Processor time that it has used: fields 14 and 15 of /proc/PID/stat, proc(5)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def last_words(self) -> str:
        """The end of its log."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace").strip()[-LAST_WORDS:]

    def wait(self, seconds: float) -> None:
        """Wait at most so long for its end."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def end(self) -> None:
        """Kill it if it still runs, and remove its folder; a fork only closes what it has inherited.

        May be called again.
        """
        if self.is_ours:
            if self.exit_code is None:
                self._process.kill()
                self._process.wait()
            self._workspace.remove()
        self._workspace.leave()
        self._lifeline.close()
        self._log.close()

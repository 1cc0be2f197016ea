"""The user's command after each checkpoint. The server never waits for it, and its failures do not harm the run."""

import logging
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

from a3c64 import command_template
from a3c64.config import BadInputError, named
from a3c64.processes import end, start, sweep

log = logging.getLogger(__name__)

MAX_TAIL = 4096  # bytes of the output's end that are read
MAX_LINE = 300  # characters of the line that is logged


class CheckpointCommand:
    """Runs a command after each checkpoint, one at a time. Of several checkpoints that wait, only the newest is taken.

    Args:
        template: the command, with {path}, {run} and {step}.
        run_dir: the run's folder.
    """

    def __init__(self, template: str, run_dir: Path) -> None:
        self._template, self._run_dir = template, run_dir
        self._output = run_dir / "checkpoint-command.log"
        self._child: subprocess.Popen | None = None
        self._waiting: Path | None = None  # a checkpoint
        self.failures = 0  # since this start of the server
        self.skipped = 0  # checkpoints for which there was no time

    def checkpoint(self, path: Path) -> None:
        """Run the command for a checkpoint, now or when the former command has ended."""
        self.skipped += self._waiting is not None
        self._waiting = path
        self.tend()

    def tend(self) -> None:
        """Look whether the command has ended, and start the next one. Call this often."""
        if self._child is not None and (code := self._child.poll()) is not None:
            sweep(self._child)
            self._child = None
            if code:
                self._failed(_how(code), self._last_line())
        if self._child is None and self._waiting is not None:
            path, self._waiting = self._waiting, None
            values = {"path": path.resolve(), "run": self._run_dir.resolve(), "step": path.name.rpartition("_")[2]}
            words = command_template.filled(self._template, {name: str(value) for name, value in values.items()})
            try:
                with self._output.open("wb") as output:
                    self._child = start(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
            except OSError as error:
                self._failed("cannot be started", str(error.strerror))

    def close(self, grace_s: float) -> None:
        """Wait for the command, also for that of the last checkpoint, at most `grace_s`; then end it."""
        deadline = time.monotonic() + grace_s
        while self._child is not None or self._waiting is not None:
            self.tend()
            if self._child is None:
                continue
            try:
                self._child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._waiting = None
                end([self._child], 1.0)
                self._child = None
                self._failed(f"did not end within {grace_s:.0f} s after the run", self._last_line())
        if self.failures or self.skipped:
            text = "the command after checkpoints failed %d times, and had no time for %d checkpoints"
            log.warning(text, self.failures, self.skipped)

    def _failed(self, how: str, line: str) -> None:
        self.failures += 1
        log.warning("the command after a checkpoint %s: %s; training goes on", how, line or "it said nothing")

    def _last_line(self) -> str:
        """Return the last line that the command has written."""
        try:
            with self._output.open("rb") as file:
                file.seek(max(0, file.seek(0, 2) - MAX_TAIL))
                lines = file.read().decode(errors="replace").split("\n")
        except OSError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")[:MAX_LINE]


def check(template: str) -> None:
    """Refuse a command whose program is not on this machine.

    Raises:
        BadInputError: there is no such program.
    """
    program = shlex.split(template)[0]
    if shutil.which(program) is None:
        raise BadInputError(f"{named('checkpoint_command')}: found {program}, expected a program on this machine")


def _how(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

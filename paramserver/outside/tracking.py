"""The server's side of an experiment tracker: it supervises the tracking process, and says how it goes."""

import logging
import subprocess
import time
from pathlib import Path

from a3c64.paramserver.outside.tracking_process import TrackingState
from a3c64.processes import spawn
from a3c64.supervisor import Supervisor

log = logging.getLogger(__name__)

LOOK_S = 2.0


class Tracking:
    """Sends the run's scalars to an experiment tracker.

    Args:
        library: name of the tracker.
        project: of the tracker.
        run_dir: the run's folder.
    """

    def __init__(self, library: str, project: str, run_dir: Path) -> None:
        self._library, self._project, self._run_dir = library, project, run_dir
        self._log = run_dir / f"tracking-{library}.log"
        self._arguments = ["-m", "a3c64.paramserver.outside.tracking_process", str(run_dir), library, project]
        self._supervisor = Supervisor(f"the tracker (see {self._log})", self._launch)
        self._before = TrackingState.read(run_dir, library)
        self._state = self._before.model_copy(update={"error": ""})
        self._next = 0.0
        self._running = False  # whether this start of the server has reached the tracker

    @property
    def failures(self) -> int:
        """Return the number of failures since this start of the server."""
        return self._state.failures - self._before.failures

    def tend(self) -> None:
        """Restart the process if it has ended, and log what has changed. Call this often."""
        self._supervisor.tend()
        if (now := time.monotonic()) >= self._next:
            self._next = now + LOOK_S
            self._look()

    def close(self, grace_s: float) -> None:
        """Let the process send what is left, and end it. The next start sends what it could not."""
        self._supervisor.close(grace_s)
        self._look()

    def _look(self) -> None:
        before, state = self._state, TrackingState.read(self._run_dir, self._library)
        if state == self._before:  # of the former start of the server
            return
        self._state = state
        if state.error and not before.error:
            log.warning(
                "%s fails: %s; training goes on, and its points are sent later (%d failures so far; %s has them)",
                self._library, state.error, self.failures, self._log,
            )  # fmt: skip
        elif before.error and not state.error:
            log.info("%s works again, after %d failures", self._library, self.failures)
        if state.offset and not state.error and not self._running:
            self._running = True
            log.info("%s has this run as %s, in the project %s", self._library, state.run, self._project)

    def _launch(self) -> subprocess.Popen:
        with self._log.open("ab") as log:
            return spawn(self._arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

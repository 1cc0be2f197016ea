"""Supervise a child process: when it ends, log it, and restart it after a backoff."""

import logging
import signal
import subprocess
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from a3c64.processes import end, sweep

log = logging.getLogger(__name__)

BACKOFF_S = 1.0  # before the first restart; doubles up to BACKOFF_MAX_S
BACKOFF_MAX_S = 60.0
STABLE_S = 60.0  # after running longer than this, the backoff is reset


@dataclass(frozen=True)
class RestartPolicy:
    """When a child is not restarted. By default it is always restarted."""

    finished: Callable[[], bool] = lambda: False  # called when it ends with exit code 0; True = its work is done
    fatal: Collection[int] = ()  # exit codes after which a restart would not help
    backoff_max_s: float = BACKOFF_MAX_S
    most_crashes: int | None = None  # crashes in a row before giving up; STABLE_S or progress resets their count
    progress: Callable[[], object] = lambda: None  # a value that changes when its work makes progress


class Supervisor:
    """Keeps one child running.

    Args:
        name: of the child, for the log.
        launch: starts it; may raise OSError.
        policy: when it is not restarted.
    """

    def __init__(self, name: str, launch: Callable[[], subprocess.Popen], policy: RestartPolicy | None = None) -> None:
        self._name = name
        self._launch = launch
        self._policy = policy or RestartPolicy()
        self.child: subprocess.Popen | None = None
        self.final: int | None = None  # the child's last exit code, once it will not be restarted
        self.crashes = 0
        self._in_a_row = 0
        self._progress: object = None
        self._backoff = BACKOFF_S
        self._started = self._due = 0.0

    def tend(self) -> None:
        """Start the child, or restart it if its backoff is over. Call this often, from the main thread."""
        if self.final is not None:
            return
        now = time.monotonic()
        if self.child is not None and (code := self.child.poll()) is not None:
            self._ended(code, now)
        if self.final is None and self.child is None and now >= self._due:
            self._started = now
            try:
                self.child = self._launch()
                log.debug("%s is process %d", self._name, self.child.pid)
            except OSError as error:
                log.warning("%s cannot be started: %s; next try in %.0f s", self._name, error, BACKOFF_MAX_S)
                self._due = now + BACKOFF_MAX_S

    def close(self, grace_s: float) -> None:
        """End the child and all that it started."""
        if self.child is not None:
            end([self.child], grace_s)

    def _ended(self, code: int, now: float) -> None:
        """Decide whether and when to restart the child, which has ended."""
        assert self.child is not None
        if (code == 0 and self._policy.finished()) or code in self._policy.fatal:
            self.final = code
            return
        sweep(self.child)  # if it was killed, its own children may still run
        self.child = None
        self.crashes += 1
        if now - self._started > STABLE_S:
            self._backoff, self._in_a_row = BACKOFF_S, 0
        if (progress := self._policy.progress()) != self._progress:
            self._progress, self._in_a_row = progress, 0
        self._in_a_row += 1
        if self._in_a_row == self._policy.most_crashes:
            self.final = code
            log.error(
                "%s %s. This happened %d times in a row, so it is not started again",
                self._name,
                _how(code),
                self._in_a_row,
            )
            return
        text = "%s %s (%d so far), next try in %.0f s"
        log.warning(text, self._name, _how(code), self.crashes, self._backoff)
        self._due = now + self._backoff
        self._backoff = min(2.0 * self._backoff, self._policy.backoff_max_s)


def _how(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"

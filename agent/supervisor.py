"""A child process that is kept running: when it ends, that is said, and it is started again after a growing pause."""

import logging
import subprocess
import time
from collections.abc import Callable

from a3c64.processes import end, sweep

log = logging.getLogger(__name__)

BACKOFF_S = 1.0  # before the first restart; doubles up to
BACKOFF_MAX_S = 60.0
STABLE_S = 60.0  # after running this long, the backoff begins anew


class Supervisor:
    """Keeps one child running that training can do without: TensorBoard, an evaluator, a viewer, a VNC server.

    Args:
        name: what people call it.
        launch: starts it; may raise OSError.
        may_finish: exit code 0 means that its work is done, so it is not started again.
    """

    def __init__(self, name: str, launch: Callable[[], subprocess.Popen], may_finish: bool = False) -> None:
        self._name = name
        self._launch = launch
        self._may_finish = may_finish
        self._finished = False
        self.child: subprocess.Popen | None = None
        self._backoff = BACKOFF_S
        self._started = self._due = 0.0

    def tend(self) -> None:
        """Start it, or start it again if that is due; call it often."""
        if self._finished:
            return
        now = time.monotonic()
        if self.child is not None and (code := self.child.poll()) is not None:
            if code == 0 and self._may_finish:
                self._finished = True
                return
            if now - self._started > STABLE_S:
                self._backoff = BACKOFF_S
            text = "%s ended with code %d, next try in %.0f s; training goes on"
            log.warning(text, self._name, code, self._backoff)
            sweep(self.child)  # what it had started, if it was killed
            self.child, self._due = None, now + self._backoff
            self._backoff = min(2.0 * self._backoff, BACKOFF_MAX_S)
        if self.child is None and now >= self._due:
            self._started = now
            try:
                self.child = self._launch()
            except OSError as error:
                log.warning("%s cannot be started, training goes on: %s", self._name, error)
                self._due = now + BACKOFF_MAX_S

    def close(self, grace_s: float) -> None:
        """End it and what it started."""
        if self.child is not None:
            end([self.child], grace_s)

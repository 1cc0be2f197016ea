"""What a run does for the first time, and its best returns, each said once."""

import time
from collections.abc import Callable

from a3c64.paramserver.metrics import WINDOW, Metrics

RETURN_S = 300.0  # between two messages about a new best return


class Milestones:
    """Compares the run's figures with what was reached before.

    Args:
        metrics: of the run. What they hold at first was reached before the server was started.
        clock: seconds.
    """

    def __init__(self, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._clock = clock
        self._lap, self._finish = self._has_lap(), self._has_finish()
        self._return: float | None = None  # the best so far
        self._due = clock() + RETURN_S

    def reached(self, step: int) -> list[str]:
        """Return a line for each milestone since the last call."""
        lines, metrics = [], self._metrics
        if not self._lap and self._has_lap():
            self._lap = True
            lines.append(f"first lap at step {step:,} | {metrics.best['best_lap_s'][0]:.2f} s")
        if not self._finish and self._has_finish():
            self._finish = True
            lines.append(f"first finish at step {step:,}")
        if not self._lap and metrics.episodes >= WINDOW and self._clock() >= self._due:
            self._due = self._clock() + RETURN_S
            mean = metrics.rollout()["rollout/ep_rew_mean"]
            if self._return is None or mean > self._return:
                self._return = mean
                lines.append(f"best mean return of {WINDOW} episodes so far, at step {step:,} | {mean:.2f}")
        return lines

    def _has_lap(self) -> bool:
        return "best_lap_s" in self._metrics.best

    def _has_finish(self) -> bool:
        return self._metrics.best.get("finished", (0.0, 0.0))[1] > 0.0

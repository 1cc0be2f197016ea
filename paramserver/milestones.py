"""Log lines for events that a run reaches for the first time, and for its best returns."""

import time
from collections.abc import Callable, Mapping

from a3c64.envs.figures import Figure
from a3c64.paramserver.metrics import WINDOW, Metrics

RETURN_S = 300.0  # least time between two lines about a new best return


class Milestones:
    """Compares the run's figures with those that it reached earlier.

    Args:
        metrics: of the run. Values that they hold now are from before this start of the server.
        clock: seconds.
    """

    def __init__(self, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._clock = clock
        self._before = dict(metrics.best)
        self._said: set[str] = set()
        self._return: float | None = None  # the best so far
        self._due = clock() + RETURN_S

    def reached(self, step: int) -> list[str]:
        """Return a line for each milestone since the last call."""
        lines, metrics = [], self._metrics
        done = [figure for figure in metrics.declared.headlines(metrics.best) if reached(figure, metrics.best)]
        for figure in done:
            if not reached(figure, self._before) and figure.name not in self._said:
                self._said.add(figure.name)
                value = "" if figure.summary == "rate" else f" | {figure.show(metrics.best[figure.name][0])}"
                lines.append(f"first {figure.label} at step {step:,}{value}")
        if not done and metrics.episodes >= WINDOW and self._clock() >= self._due:
            self._due = self._clock() + RETURN_S
            mean = metrics.mean_return
            if mean is not None and (self._return is None or mean > self._return):
                self._return = mean
                lines.append(f"best mean return of {WINDOW} episodes so far, at step {step:,} | {mean:.2f}")
        return lines


def reached(figure: Figure, best: Mapping[str, tuple[float, float]]) -> bool:
    """Return whether an episode has reached a milestone: an event (a "rate"), or a value (a "least" or "most").

    Args:
        figure: of the environment.
        best: name -> lowest and highest value of any episode.
    """
    if figure.summary == "rate":
        return best.get(figure.name, (0.0, 0.0))[1] > 0.0
    return figure.summary in ("least", "most") and figure.name in best

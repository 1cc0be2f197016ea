"""The page's sparklines: the run's main figures in a bounded number of points."""

from typing import Any

from a3c64.paramserver.figures import Point, SavedFigures
from a3c64.wire.report import RunReport

POINTS = 180  # at most; twice the pixels of a sparkline on a phone
FIRST_S = 2.0  # first interval of points; it doubles each time the number of points reaches the limit


class Sparklines:
    """A list of points over the time of the run."""

    def __init__(self) -> None:
        self._points: list[Point] = []
        self._every = FIRST_S
        self._began: float | None = None

    def resume(self, figures: SavedFigures) -> None:
        """Continue from the points of a checkpoint. The time until this start does not count."""
        self._points = list(figures.history)
        self._every = figures.history_every or FIRST_S

    def figures(self, figures: SavedFigures) -> SavedFigures:
        """Return `figures` with the points that `resume` needs."""
        return figures.model_copy(update={"history": tuple(self._points), "history_every": self._every})

    def add(self, now: float, report: RunReport) -> None:
        """Add a point if one is due."""
        if self._began is None:
            self._began = now - self._points[-1].seconds if self._points else now
        seconds = now - self._began
        if self._points and seconds - self._points[-1].seconds < self._every - 0.5:
            return
        if len(self._points) >= POINTS:  # drop every other point, so that the points still cover the whole run
            self._points = self._points[::2]
            self._every *= 2.0
        figures = {figure.name: round(figure.mean, 4) for figure in report.headlines}
        mean_return = None if report.mean_return is None else round(report.mean_return, 4)
        self._points.append(Point(round(seconds, 1), report.steps, report.steps_per_s, mean_return, figures))

    def points(self) -> dict[str, Any]:
        """Return a list of values for each field of a Point, all of one length; None where a value is missing."""
        names = dict.fromkeys(name for point in self._points for name in point.figures)
        columns: dict[str, Any] = {field: [getattr(point, field) for point in self._points] for field in Point._fields}
        return columns | {"figures": {name: [point.figures.get(name) for point in self._points] for name in names}}

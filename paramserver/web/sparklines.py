"""How the run's vital figures went while it trained, in a bounded number of points."""

from collections.abc import Callable

from a3c64.paramserver.figures import Figures
from a3c64.wire.report import RunReport

POINTS = 180  # at most; twice as many as a sparkline on a phone has pixels to tell apart
FIRST_S = 2.0  # between two points at first; doubles each time the points are full
FIGURES: dict[str, Callable[[RunReport], float | None]] = {  # name -> where a report has it
    "steps_per_s": lambda report: report.steps_per_s,
    "return": lambda report: report.mean_return,
    "best_lap": lambda report: report.means.get("env/best_lap_s"),
    "progress": lambda report: report.means.get("env/progress"),
}


class History:
    """Points of time, [seconds, steps, a value or None for each of FIGURES]."""

    def __init__(self) -> None:
        self._points: list[list[float | None]] = []
        self._every = FIRST_S
        self._began: float | None = None

    def resume(self, figures: Figures) -> None:
        """Go on from the points of a checkpoint; the time until this start is left out."""
        width = 2 + len(FIGURES)
        self._points = [list(point) for point in figures.history if len(point) == width and None not in point[:2]]
        self._every = figures.history_every or FIRST_S

    def figures(self, figures: Figures) -> Figures:
        """Add to `figures` what `resume` takes."""
        points = tuple(tuple(point) for point in self._points)
        return figures.model_copy(update={"history": points, "history_every": self._every})

    def add(self, now: float, report: RunReport) -> None:
        """Take a point if it is time to."""
        if self._began is None:
            self._began = now - float(self._points[-1][0] or 0.0) if self._points else now
        seconds = now - self._began
        if self._points and seconds - float(self._points[-1][0] or 0.0) < self._every - 0.5:
            return
        if len(self._points) >= POINTS:  # half as many, for twice as long: all of the run stays in view
            self._points = self._points[::2]
            self._every *= 2.0
        values = [figure(report) for figure in FIGURES.values()]
        self._points.append([round(seconds, 1), report.steps, *(v if v is None else round(v, 4) for v in values)])

    def points(self) -> dict[str, list[float | None]]:
        """Return a list of values for each name, all of one length."""
        names = ["seconds", "steps", *FIGURES]
        return {name: [point[column] for point in self._points] for column, name in enumerate(names)}

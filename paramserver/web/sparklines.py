"""How the run's vital figures went since the server was started, in a bounded number of points."""

from collections.abc import Callable

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

    def add(self, now: float, report: RunReport) -> None:
        """Take a point if it is time to."""
        if self._began is None:
            self._began = now
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

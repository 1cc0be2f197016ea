"""Races on one course, drawn for a report: speed round the lap, and a map of the driven lines."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from a3c64.report.charts import Series, chart, line
from a3c64.report.trace import PLACES, Trace, lap_speeds

LEVELS = 8  # of speed; each has a colour in report.css
MAP = (1140, 560)  # largest width and height, in units of the viewBox
EDGE = 16  # margin around the road, in the same units


class Map(NamedTuple):
    """A map and the legend of its colours."""

    svg: str
    legend: str


def speeds(traces: Sequence[Trace]) -> str:
    """Draw the speed of every lap, and the median; "" if no lap was driven."""
    laps = np.concatenate([lap_speeds(trace) for trace in traces])
    laps = laps[np.isfinite(laps).any(axis=1)]
    if not len(laps):
        return ""
    places = np.arange(PLACES) / PLACES
    known = np.isfinite(laps).any(axis=0)
    median = np.full(PLACES, np.nan)
    median[known] = np.nanmedian(laps[:, known], axis=0)
    thin = [Series(places, lap, "thin") for lap in laps]
    return chart("Speed round the lap", "way round the lap", [*thin, Series(places, median, "bold")])


def lines(traces: Sequence[Trace]) -> Map | None:
    """Draw the road and the karts' lines, coloured by speed; None if the game does not report positions."""
    traces = [trace for trace in traces if len(trace.position) > 1]
    if not traces:
        return None
    edges = traces[0].edges
    around = np.concatenate([trace.position for trace in traces] + list(edges or ()))
    low, high = around.min(axis=0), around.max(axis=0)
    turned = high[1] - low[1] > high[0] - low[0]  # rotate, so that the longer side is horizontal
    size = (high - low)[::-1] if turned else high - low
    scale = min((MAP[0] - 2 * EDGE) / size[0], (MAP[1] - 2 * EDGE) / size[1])

    def place(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Turn positions into coordinates; up on the map is up on the page or, if rotated, left."""
        a, b = (points[:, 0] - low[0]) * scale + EDGE, (high[1] - points[:, 1]) * scale + EDGE
        return (b, (high[0] - points[:, 0]) * scale + EDGE) if turned else (a, b)

    drawn = []
    if edges:
        both = "".join(f"{line(*place(edge))}Z" for edge in edges)
        drawn.append(f'<path class="road" fill-rule="evenodd" d="{both}"/>')
        start = np.array([edges[0][0], edges[1][0]])
        drawn.append(f'<path class="start" d="{line(*place(start))}"/>')
    every = np.concatenate([trace.speed for trace in traces])
    slow, fast = np.percentile(every, [5, 99.5])
    paths: list[list[str]] = [[] for _ in range(LEVELS)]
    for trace in traces:
        x, y = place(trace.position)
        level = np.clip((trace.speed - slow) / max(fast - slow, 1e-6) * LEVELS, 0, LEVELS - 1).astype(int)
        breaks = [0, *(np.flatnonzero(np.diff(level)) + 1), len(level)]
        for first, last in pairwise(breaks):
            begin = max(first - 1, 0)  # start at the last point of the previous colour
            paths[level[first]].append(line(x[begin:last], y[begin:last]))
    drawn += [f'<path class="s s{k}" d="{"".join(path)}"/>' for k, path in enumerate(paths) if path]
    width, height = size * scale + 2 * EDGE
    svg = f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="Driven lines">{"".join(drawn)}</svg>'
    steps = "".join(f'<span class="key k{k}"></span>' for k in range(LEVELS))
    return Map(svg, f"{slow:.0f} {steps} {fast:.0f} km/h, {len(traces)} races")

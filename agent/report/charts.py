"""Charts as inline SVG: lines, points and bars on axes with round numbers. CSS classes of the page set the colours."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np

WIDTH, HEIGHT = 560, 300  # of a chart, in units of its viewBox
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 12, 42  # margins around the axes
ROUND = (1, 2, 5, 10)  # steps between ticks, times a power of ten


class Series(NamedTuple):
    """A line or points on the axes of a chart."""

    x: np.ndarray  # [N]
    y: np.ndarray  # [N]; NaN interrupts a line
    style: str  # CSS class
    shape: str = "line"  # or "points"


def chart(title: str, x_label: str, series: Sequence[Series]) -> str:
    """Draw series on common axes; return SVG."""
    known = [(one.x[np.isfinite(one.y)], one.y[np.isfinite(one.y)]) for one in series]
    x, y = (np.concatenate(parts) for parts in zip(*known, strict=True))
    axes = Axes.around(np.append(x, 0.0), y)
    drawn = []
    for one in series:
        if one.shape == "points":
            points = zip(*axes.place(one.x, one.y), strict=True)
            drawn += [f'<circle class="{one.style}" cx="{a:.1f}" cy="{b:.1f}" r="4"/>' for a, b in points]
        else:
            drawn.append(f'<path class="{one.style}" d="{line(*axes.place(one.x, one.y))}"/>')
    return axes.frame(title, x_label, drawn)


def histogram(title: str, x_label: str, values: Sequence[float]) -> str:
    """Draw a histogram of values with their median; return SVG."""
    low, high = min(values), max(values)
    if high - low < 1e-6 * max(1.0, abs(high)):
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(values, bins=max(8, min(24, len(values) // 2)), range=(low, high))
    axes = Axes.around(edges, np.array([0, 1.12 * counts.max()]))  # room for the median's label
    left, top = axes.place(edges[:-1], counts)
    right, bottom = axes.place(edges[1:], np.zeros(len(counts)))
    drawn = [
        f'<rect class="bar" x="{a + 1:.1f}" y="{b:.1f}" width="{max(c - a - 2, 1):.1f}" height="{d - b:.1f}"/>'
        for a, b, c, d in zip(left, top, right, bottom, strict=True)
        if d - b > 0
    ]
    middle = float(np.median(values))
    [at], _ = axes.place(np.array([middle]), np.zeros(1))
    drawn.append(f'<path class="median" d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
    side, shift = ("end", -6) if at > WIDTH / 2 else ("start", 6)
    label = f"median {number(middle, 4)}"
    drawn.append(f'<text class="said" x="{at + shift:.1f}" y="{TOP + 12}" text-anchor="{side}">{label}</text>')
    return axes.frame(title, x_label, drawn)


def line(x: np.ndarray, y: np.ndarray) -> str:
    """Return an SVG path through points; a point that is not finite interrupts it."""
    words, pen = [], "M"
    for a, b in zip(x, y, strict=True):
        if np.isfinite(a) and np.isfinite(b):
            words.append(f"{pen}{a:.1f} {b:.1f}")
            pen = "L"
        else:
            pen = "M"
    return "".join(words)


def number(value: float, digits: int = 3) -> str:
    """Return a number as people write it: 1.2M, 300k, 33.5."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= 10 * size or (letter == "M" and abs(value) >= size):
            return f"{value / size:.{digits}g}{letter}"
    return f"{value:.{digits}g}" if abs(value) < 10**digits else f"{value:.0f}"


class Axes(NamedTuple):
    """The ticks of a chart's axes, and the scale that they set."""

    x: tuple[float, ...]  # ticks; the first and the last are the ends of the axis
    y: tuple[float, ...]

    @classmethod
    def around(cls, x: np.ndarray, y: np.ndarray) -> "Axes":
        """Return axes that hold all of these points."""
        return cls(ticks(float(x.min()), float(x.max()), 7), ticks(float(y.min()), float(y.max()), 5))

    def place(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Turn values into coordinates of the chart."""
        across = (np.asarray(x, float) - self.x[0]) / (self.x[-1] - self.x[0])
        up = (np.asarray(y, float) - self.y[0]) / (self.y[-1] - self.y[0])
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    def frame(self, title: str, x_label: str, drawn: Sequence[str]) -> str:
        """Return a chart as SVG: a grid with numbers, and `drawn` on top of it."""
        rows = []
        xs, _ = self.place(np.array(self.x), np.zeros(len(self.x)))
        _, ys = self.place(np.zeros(len(self.y)), np.array(self.y))
        for at, value in zip(ys, self.y, strict=True):
            rows.append(f'<path class="grid" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>')
            rows.append(f'<text x="{LEFT - 7}" y="{at + 4:.1f}" text-anchor="end">{number(value)}</text>')
        for at, value in zip(xs, self.x, strict=True):
            rows.append(f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 17}" text-anchor="middle">{number(value)}</text>')
        middle = (LEFT + WIDTH - RIGHT) / 2
        rows.append(f'<text x="{middle:.0f}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_label)}</text>')
        return (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
            f"{''.join(rows)}{''.join(drawn)}</svg>"
        )


def ticks(low: float, high: float, about: int) -> tuple[float, ...]:
    """Return at most `about` + 1 round numbers; the first is at most low, the last at least high."""
    if high <= low:
        low, high = low - 0.5, high + 0.5
    power = 10.0 ** np.floor(np.log10((high - low) / about))
    for step in (factor * power for factor in (*ROUND, *(10 * factor for factor in ROUND))):
        first, last = np.floor(low / step + 1e-9), np.ceil(high / step - 1e-9)
        if last - first <= about:
            break
    return tuple(float(k * step) for k in np.arange(first, last + 1))

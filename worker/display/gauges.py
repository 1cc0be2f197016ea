"""The gauges in the panel's right column: the observation, and the distribution of the action."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np

from a3c64.worker.display.ink import ACCENT, BAR, DIM, LINE, PLAIN, SMALL, TEXT, WELL, box, number, width_of, write
from a3c64.worker.display.scene import Choice, Span

ROW = 15  # usual height of a named bar, pixels
TALL_ROW = 22  # greatest height, if there is room
SHORT_ROW = 11  # least height, if there is little room; with small letters
MOST_ROWS = 24  # with more rows than this, options are drawn as columns without names
STRIP = 38  # height of a strip of such columns, with its heading
GAP = 4  # between two pictures


class Area(NamedTuple):
    """A part of the panel, pixels."""

    x: int
    y: int
    width: int
    height: int


def images(canvas: np.ndarray, area: Area, frames: np.ndarray, most: int) -> int:
    """Draw observed frames, uint8 [K, H, W, 1 or 3], in rows of two, each at most `most` pixels high.

    Return the y at which they end.
    """
    columns = min(len(frames), 2)
    rows = -(-len(frames) // columns)
    side = max(16, min(most, (area.height + GAP) // rows - GAP))
    step = area.width - most if side == most else side + GAP  # full-size frames are aligned to both edges
    for k, frame in enumerate(frames):
        left, top = area.x + k % columns * step, area.y + k // columns * (side + GAP)
        tile = cv2.resize(frame, (side, side), interpolation=cv2.INTER_NEAREST)
        canvas[top : top + side, left : left + side] = tile.reshape(side, side, -1)  # grey fills all three channels
    return area.y + rows * (side + GAP) - GAP


def vector(canvas: np.ndarray, area: Area, numbers: list[float], shares: list[float]) -> int:
    """Draw numbers as bars from the middle, with the shares (-1 to 1) as lengths; return the y at which they end."""
    height = min(TALL_ROW, area.height // len(numbers))
    if len(numbers) <= MOST_ROWS and height >= SHORT_ROW:
        name_width = width_of(str(len(numbers) - 1), PLAIN) + 8
        for k, (value, share) in enumerate(zip(numbers, shares, strict=True)):
            bar = _row(canvas, area, k, height, str(k), number(value), name_width, 50)
            middle = bar.x + bar.width // 2
            end = middle + round(share * (bar.width // 2))
            box(canvas, min(middle, end), bar.y, abs(end - middle), bar.height, BAR)
        return area.y + height * len(numbers)
    height = min(64, area.height)
    box(canvas, area.x, area.y, area.width, height, WELL)
    middle = area.y + height // 2
    for (left, width), share in zip(_columns(area, len(numbers)), shares, strict=True):
        end = middle - round(share * (height // 2 - 2))
        box(canvas, left, min(middle, end), width, abs(end - middle), BAR)
    return area.y + height


def rows_of(choices: Sequence[Choice], spans: Sequence[Span]) -> list[int]:
    """Return the number of rows of each choice and span; 0 for a choice that is drawn as a strip of columns.

    If there are several choices, one with two options takes one row, which shows the probability of the second.
    """
    rows = [1 if choice.name and len(choice.options) == 2 else len(choice.options) for choice in choices]
    named = sum(rows) <= MOST_ROWS
    return [count if named or count == 1 else 0 for count in rows] + [1] * len(spans)


def height_of(choices: Sequence[Choice], spans: Sequence[Span]) -> int:
    """Return the preferred height of the gauges of an action, pixels."""
    rows = rows_of(choices, spans)
    return sum(rows) * (ROW if sum(rows) <= 14 else SHORT_ROW) + rows.count(0) * STRIP


def action(canvas: np.ndarray, area: Area, choices: Sequence[Choice], spans: Sequence[Span]) -> None:
    """Draw the distribution of an action, and mark the sampled action."""
    spans = spans[: area.height // SHORT_ROW]
    rows = rows_of(choices, spans)
    strips = rows.count(0)
    if not strips and not sum(rows):
        return
    strip = min(STRIP if sum(rows) else 2 * STRIP, (area.height - sum(rows) * SHORT_ROW) // strips) if strips else 0
    height = min(TALL_ROW, (area.height - strips * strip) // sum(rows)) if sum(rows) else 0
    named = [name for choice, count in zip(choices, rows, strict=False) if count for name in _names(choice, count)]
    size = PLAIN if height >= ROW - 2 else SMALL
    name_width = min(100, max((width_of(name, size) for name in named + [span.name for span in spans]), default=0) + 8)
    y = area.y
    for choice, count in zip(choices, rows, strict=False):
        part = area._replace(y=y, height=strip)
        if count == 0:
            _many(canvas, part, choice)
            y += strip
            continue
        shares = choice.probabilities.tolist()
        pairs = [(shares[1], choice.chosen == 1)] if count == 1 < len(shares) else [
            (share, k == choice.chosen) for k, share in enumerate(shares)
        ]  # fmt: skip
        for k, (name, (share, taken)) in enumerate(zip(_names(choice, count), pairs, strict=True)):
            percent = f"{100 * share:.0f} %" if math.isfinite(share) else "nan"
            bar = _row(canvas, part, k, height, name, percent, name_width, 38, taken)
            if math.isfinite(share) and share * bar.width >= 0.5:
                box(canvas, bar.x, bar.y, round(share * bar.width), bar.height, ACCENT if taken else BAR)
        y += count * height
    for k, span in enumerate(spans):
        _span(canvas, area, k, height, span, name_width)


def _names(choice: Choice, count: int) -> list[str]:
    if count == 1 < len(choice.options):
        return [choice.name]
    return [f"{choice.name} {option}" if choice.name else option for option in choice.options]


def _row(
    canvas: np.ndarray,
    area: Area,
    k: int,
    height: int,
    name: str,
    text: str,
    name_width: int,
    text_width: int,
    taken: bool = False,
) -> Area:
    """Write name and text of row `k`, clear the place for a bar between them, and return it."""
    size = PLAIN if height >= ROW - 2 else SMALL
    thick = height - 6 if height > ROW else max(6, height - 5)
    y = area.y + k * height + (height - thick) // 2
    base = area.y + k * height + (height + size) // 2 - size // 6
    write(canvas, name, area.x, base, size, ACCENT if taken else TEXT)
    write(canvas, text, area.x + area.width, base, size, TEXT if taken else DIM, align=1.0)
    bar = Area(area.x + name_width, y, area.width - name_width - text_width, thick)
    box(canvas, *bar, WELL)
    return bar


def _many(canvas: np.ndarray, area: Area, choice: Choice) -> None:
    """Draw a choice of many options: a column for each, with the chosen one in colour."""
    taken = choice.options[choice.chosen]
    write(canvas, choice.name or "taken", area.x, area.y + 11, PLAIN, TEXT)
    write(canvas, taken, area.x + 70, area.y + 11, PLAIN, ACCENT)
    share = 100 * float(choice.probabilities[choice.chosen])
    write(canvas, f"{share:.0f} %", area.x + area.width, area.y + 11, PLAIN, TEXT, align=1.0)
    well = Area(area.x, area.y + 15, area.width, max(4, area.height - 19))
    box(canvas, *well, WELL)
    probabilities = np.nan_to_num(choice.probabilities)
    largest = max(float(probabilities.max()), 1e-9)
    for k, (left, width) in enumerate(_columns(well, len(probabilities))):
        tall = round(float(probabilities[k]) / largest * (well.height - 2))
        if k == choice.chosen:
            box(canvas, left, well.y, width, well.height, LINE)
        if tall:
            box(canvas, left, well.y + well.height - tall, width, tall, ACCENT if k == choice.chosen else BAR)


def _span(canvas: np.ndarray, area: Area, k: int, height: int, span: Span, name_width: int) -> None:
    """Draw a number: a line at its mean, a bar of one standard deviation to both sides, a mark at the sample."""
    known = all(map(math.isfinite, span[1:]))
    text = f"{number(span.mean)} ±{number(span.std)}"
    bar = _row(canvas, area, k, height, span.name, text, name_width, 86)
    if not known:
        return

    def at(value: float, margin: int) -> int:
        share = (min(max(value, span.low), span.high) - span.low) / (span.high - span.low)
        return bar.x + round(share * (bar.width - margin))

    first, end = at(span.mean - span.std, 1), at(span.mean + span.std, 1)
    box(canvas, first, bar.y, end - first + 1, bar.height, BAR)
    box(canvas, at(span.mean, 1), bar.y, 1, bar.height, TEXT)
    box(canvas, at(span.drawn, 3), bar.y - 1, 3, bar.height + 2, ACCENT)


def _columns(area: Area, count: int) -> list[tuple[int, int]]:
    """Return left end and width of each of `count` columns, with gaps if the columns are wide enough."""
    edges = np.linspace(area.x, area.x + area.width, count + 1).round().astype(int).tolist()
    gap = 1 if count <= area.width // 3 else 0
    return [(left, max(1, right - left - gap)) for left, right in pairwise(edges)]

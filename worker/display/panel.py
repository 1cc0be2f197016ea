"""The panel: one picture of the game, the agent's observation, its action and its value. It needs no screen."""

import math
from collections import deque

import cv2
import numpy as np

from a3c64.worker.display import gauges, ink
from a3c64.worker.display.gauges import Area
from a3c64.worker.display.ink import (
    ACCENT,
    BOLD,
    DIM,
    HEIGHT,
    LARGE,
    LINE,
    PLAIN,
    SMALL,
    TEXT,
    WELL,
    WIDTH,
    box,
    number,
    write,
)
from a3c64.worker.display.scene import Scene

HISTORY_S = 10.0  # time that the chart covers
AXIS = 64  # width of the chart's numbers, pixels

# The layout, in pixels. The game gets the room that the other blocks leave.
GAP = 12  # between two blocks, and to the edges
TOP, BOTTOM = 36, HEIGHT - GAP
GAME = Area(GAP, TOP, 384, 288)
RIGHT = Area(GAME.x + GAME.width + GAP, TOP, WIDTH - GAME.width - 3 * GAP, BOTTOM - TOP)
HEADING = 16  # height of a block's heading
FIGURES = (0, 80, 152, 234, 314)  # x of the figures below the game, from its left edge
FIGURE = 38  # height of a row of figures
TILE = 106  # largest side of an observed frame


class Panel:
    """Draws scenes. It keeps the values of the last HISTORY_S, and the largest size of each number of a vector."""

    def __init__(self) -> None:
        self._history: deque[tuple[float, float, bool]] = deque()  # time, value, True if an episode begins there
        self._last_length = 0
        self._largest = np.zeros(0, np.float32)

    def draw(self, picture: np.ndarray, scene: Scene) -> np.ndarray:
        """Return the panel, uint8 RGB [480, 640, 3].

        Args:
            picture: of the game, uint8 RGB [H, W, 3]; empty if there is none.
            scene: of the same moment.
        """
        self._remember(scene)
        canvas = ink.blank()
        _header(canvas, scene)
        _game(canvas, picture)
        bottom = _figures(canvas, scene)
        self._chart(canvas, Area(GAME.x, bottom, GAME.width, BOTTOM - bottom))
        wanted = HEADING + gauges.height_of(scene.choices, scene.spans)
        bottom = self._sees(canvas, RIGHT._replace(height=RIGHT.height - wanted - GAP), scene)
        _acts(canvas, RIGHT._replace(y=bottom + GAP, height=BOTTOM - bottom - GAP), scene)
        return canvas

    def _remember(self, scene: Scene) -> None:
        while self._history and not scene.time_s - HISTORY_S <= self._history[0][0] <= scene.time_s:
            self._history.popleft()
        self._history.append((scene.time_s, scene.value, scene.length < self._last_length))
        self._last_length = scene.length

    def _chart(self, canvas: np.ndarray, area: Area) -> None:
        """Draw the values of the last seconds."""
        box(canvas, *area, WELL)
        now, value, _ = self._history[-1]
        left, width, first, last = area.x + 8, area.width - AXIS, area.y + 22, area.y + area.height - 7
        write(canvas, "VALUE", left, area.y + 15, SMALL, DIM)
        write(canvas, number(value), left + 38, area.y + 16, PLAIN, ACCENT, BOLD)
        write(canvas, f"last {HISTORY_S:.0f} s", left + width, area.y + 15, SMALL, DIM, align=1.0)
        known = [moment for moment in self._history if math.isfinite(moment[1])]
        if not known:
            return
        values = [value for _, value, _ in known]
        middle = 0.5 * (min(values) + max(values))
        half = max(max(values) - middle, 0.05 * abs(middle), 1e-3)  # do not magnify very small changes
        for y, end in ((first, middle + half), (last, middle - half)):
            cv2.line(canvas, (left, y), (left + width, y), LINE)
            write(canvas, number(end), area.x + area.width - 8, y + 4, SMALL, DIM, align=1.0)
        along = [left + width * (1.0 - (now - when) / HISTORY_S) for when, *_ in known]
        for x, (_, _, begins) in zip(along, known, strict=True):
            if begins:
                cv2.line(canvas, (round(x), first), (round(x), last), LINE)
        up = [0.5 * (first + last) - (value - middle) / half * 0.5 * (last - first) for value in values]
        points = (np.array([along, up]).T * 16.0).round().astype(np.int32)  # in 1/16 pixel: shift=4 below
        cv2.polylines(canvas, [points], False, ACCENT, 1, cv2.LINE_AA, shift=4)
        cv2.circle(canvas, points[-1].tolist(), 40, ACCENT, cv2.FILLED, cv2.LINE_AA, shift=4)

    def _sees(self, canvas: np.ndarray, area: Area, scene: Scene) -> int:
        """Draw the network's input; return the y at which it ends."""
        count, bottom = len(scene.frames), area.y + area.height
        if count < scene.stack:
            note = f"the newest {count} of {scene.stack} frames"
        else:
            note = f"{count} frames" if count > 1 else ""
        y = _heading(canvas, area, "SEES", note)
        if count:
            reserved = gauges.STRIP + GAP if scene.vector.size else 0
            y = gauges.images(canvas, area._replace(y=y, height=bottom - y - reserved), scene.frames, TILE)
        if scene.vector.size:
            y += 8 if count else 0
            below = area._replace(y=y, height=bottom - y)
            y = gauges.vector(canvas, below, scene.vector.tolist(), self._shares(scene.vector))
        return y

    def _shares(self, vector: np.ndarray) -> list[float]:
        """Return each number of a vector divided by its largest absolute value so far."""
        finite = np.where(np.isfinite(vector), vector, 0.0)
        if self._largest.shape != vector.shape:
            self._largest = np.full(vector.shape, 1e-6, np.float32)
        np.maximum(self._largest, np.abs(finite), out=self._largest)
        return (finite / self._largest).tolist()


def _header(canvas: np.ndarray, scene: Scene) -> None:
    write(canvas, scene.title, GAP, 23, PLAIN + 2, TEXT, BOLD)
    x = WIDTH - GAP + 6
    for text, colour, gap in (
        (f"{scene.run_step:,}", TEXT, 6),
        ("steps of the run", DIM, 6),
        (str(scene.worker), TEXT, 20),
        ("worker", DIM, 6),
    ):
        x = write(canvas, text, x - gap, 23, PLAIN, colour, align=1.0)


def _game(canvas: np.ndarray, picture: np.ndarray) -> None:
    box(canvas, *GAME, WELL)
    if not picture.size:
        write(canvas, "no picture", GAME.x + GAME.width // 2, GAME.y + GAME.height // 2, PLAIN, DIM, align=0.5)
        return
    scale = min(GAME.width / picture.shape[1], GAME.height / picture.shape[0])
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    if scale > 1.0:  # enlarge by a whole factor, then shrink smoothly: neither blurred nor uneven
        whole = math.ceil(scale)
        picture = cv2.resize(picture, None, fx=whole, fy=whole, interpolation=cv2.INTER_NEAREST)
    picture = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR if scale > 1.0 else cv2.INTER_AREA)
    left, top = GAME.x + (GAME.width - size[0]) // 2, GAME.y + (GAME.height - size[1]) // 2
    canvas[top : top + size[1], left : left + size[0]] = picture


def _figures(canvas: np.ndarray, scene: Scene) -> int:
    """Write the figures below the game, with the environment's in a second row; return the y at which they end."""
    rows = [
        [
            ("return", number(scene.total_reward)),
            ("steps", str(scene.length)),
            ("last return", number(scene.last[0]) if scene.last else "-"),
            ("last steps", str(scene.last[1]) if scene.last else "-"),
            ("staleness", str(scene.staleness)),
        ]
    ]
    if scene.figures:
        rows.append(scene.figures)
    y = GAME.y + GAME.height + 8
    for row in rows:
        for x, (name, text) in zip(FIGURES, row, strict=False):
            write(canvas, name.upper(), GAP + x, y + 10, SMALL, DIM)
            write(canvas, text, GAP + x, y + 29, LARGE, TEXT)
        y += FIGURE
    return y + 2


def _acts(canvas: np.ndarray, area: Area, scene: Scene) -> None:
    y = _heading(canvas, area, "ACTS", "mean ± std" if scene.spans else "probability")
    gauges.action(canvas, area._replace(y=y, height=area.y + area.height - y), scene.choices, scene.spans)


def _heading(canvas: np.ndarray, area: Area, text: str, note: str) -> int:
    """Write a block's heading; return the y at which the block's content begins."""
    write(canvas, text, area.x, area.y + 9, SMALL, DIM, BOLD)
    write(canvas, note, area.x + area.width, area.y + 9, SMALL, DIM, align=1.0)
    return area.y + HEADING

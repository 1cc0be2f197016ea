"""Drawing tools of the panel: a font in a few sizes, a few colours, and boxes."""

import math

import cv2
import numpy as np

cv2.setNumThreads(0)

WIDTH, HEIGHT = 640, 480  # pixels, of the whole panel
# Font sizes in pixels. OpenCV's own font makes the picture the same on every machine.
SMALL, PLAIN, LARGE = 10, 12, 17
BOOK, BOLD = 400, 600  # weights

Colour = tuple[int, int, int]
BACK: Colour = (13, 16, 20)
WELL: Colour = (24, 29, 35)  # background of bars, charts and pictures
LINE: Colour = (48, 56, 66)
BAR: Colour = (72, 96, 118)
DIM: Colour = (126, 138, 150)
TEXT: Colour = (218, 224, 230)
ACCENT: Colour = (255, 176, 32)  # of the current moment: the chosen action, the value

_FACE = cv2.FontFace("sans")
_BLANK = np.full((HEIGHT, WIDTH, 3), BACK, np.uint8)


def blank() -> np.ndarray:
    """Return an empty panel, uint8 RGB [480, 640, 3]."""
    return _BLANK.copy()


def box(canvas: np.ndarray, x: int, y: int, width: int, height: int, colour: Colour) -> None:
    """Fill a rectangle of at least one pixel."""
    cv2.rectangle(canvas, (x, y), (x + max(1, width) - 1, y + max(1, height) - 1), colour, cv2.FILLED)


def width_of(text: str, size: int, weight: int = BOOK) -> int:
    """Return the width of a text, pixels."""
    return cv2.getTextSize((WIDTH, HEIGHT), text, (0, 0), _FACE, size, weight)[2]


def write(
    canvas: np.ndarray,
    text: str,
    x: int,
    y: int,
    size: int,
    colour: Colour,
    weight: int = BOOK,
    align: float = 0.0,
) -> int:
    """Write a text; return the x of its left end.

    Args:
        canvas: uint8 [H, W, 3].
        text: one line.
        x: pixels, of its left end (`align` 0), its middle (0.5) or its right end (1).
        y: pixels, of its baseline.
        size: pixels.
        colour: of the letters.
        weight: BOOK or BOLD.
        align: see x.
    """
    if text:
        x -= round(align * width_of(text, size, weight)) if align else 0
        cv2.putText(canvas, text, (x, y), colour, _FACE, size, weight)
    return x


def number(value: float) -> str:
    """Return a number in about seven characters."""
    if not math.isfinite(value):
        return str(value)
    text = f"{value:.2f}" if abs(value) < 1000 else f"{value:.0f}" if abs(value) < 1e6 else f"{value:.1e}"
    return text.replace("-", "\N{MINUS SIGN}")

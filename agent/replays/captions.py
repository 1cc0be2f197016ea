"""Small text in pictures, in pygame's own font; needs no display."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

GROUND = (20, 22, 28)  # background of captions
EDGE = 4  # pixels around text


def write(
    picture: np.ndarray, text: str, left: int, top: int, size: int = 18, colour: Sequence[int] = (255, 255, 255)
) -> int:
    """Write a line into a picture, uint8 RGB [H, W, 3], cropped at its edges. Return the line's height in pixels."""
    ink = _ink(text, size)
    region = picture[top : top + ink.shape[0], left : left + ink.shape[1]]
    part = ink[: region.shape[0], : region.shape[1], None]
    region[...] = (region * (255 - part) + np.asarray(colour, np.uint16) * part) // 255
    return ink.shape[0]


def band(lines: Sequence[str], width: int, height: int, size: int) -> np.ndarray:
    """Return a dark strip with lines of text, uint8 RGB [height, width, 3]."""
    picture = np.full((height, width, 3), GROUND, np.uint8)
    top = EDGE
    for line in lines:
        top += write(picture, line, 2 * EDGE, top, size)
    return picture


@lru_cache(maxsize=256)
def _ink(text: str, size: int) -> np.ndarray:
    """Return the coverage of each pixel by a line of text, uint16 [h, w], 0 to 255."""
    import pygame

    pygame.font.init()
    drawn = pygame.font.Font(None, size).render(text or " ", True, (255, 255, 255))
    return pygame.surfarray.array_alpha(drawn).T.astype(np.uint16)

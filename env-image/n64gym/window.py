"""A window for render_mode="human"."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

SIZE = (640, 480)  # width and height in pixels


class Window:
    """Shows pictures at the game's original speed: it waits if the environment runs faster."""

    def __init__(self, title: str) -> None:
        try:
            import pygame
        except ImportError:
            raise ImportError('render_mode="human" needs pygame: pip install "n64gym[human]"') from None
        self._pygame = pygame
        if not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")):
            os.environ["SDL_VIDEODRIVER"] = "dummy"  # the default, offscreen OpenGL, crashes with TensorFlow
        pygame.display.init()
        self._screen = pygame.display.set_mode(SIZE)
        pygame.display.set_caption(title)
        self._next = time.monotonic()

    def show(self, picture: Callable[[], NDArray[np.uint8]], fps: float) -> None:
        """Show picture(), uint8 [height, width, 3], at least 1/fps seconds after the last one."""
        time.sleep(max(0.0, self._next - time.monotonic()))
        self._next = max(self._next + 1 / fps, time.monotonic())
        surface = self._pygame.surfarray.make_surface(picture().swapaxes(0, 1))
        self._pygame.transform.scale(surface, SIZE, self._screen)
        self._pygame.display.flip()
        self._pygame.event.pump()

    def close(self) -> None:
        """Close the window."""
        self._pygame.display.quit()

"""A window that shows frames at a given rate, and its keys."""

import time
from contextlib import suppress

import numpy as np

KEYS = "space pauses, right arrow goes on by a frame, q ends"


class ReplayWindow:
    """Shows frames, uint8 RGB [H, W, 3]; call `enjoy.open_display` first: it must return True."""

    def __init__(self, fps: float) -> None:
        self._period = 1.0 / fps
        self._next = time.monotonic()
        self._paused = False
        self._size = (0, 0)

    def show(self, frame: np.ndarray) -> bool:
        """Show a frame and wait until the next is due or, while paused, for a key; return False if the user quits."""
        import pygame

        size = (frame.shape[1], frame.shape[0])
        if size != self._size:
            self._size = size
            pygame.display.set_mode(size)
            pygame.display.set_caption("a3c64 replay")
        screen = pygame.display.get_surface()
        screen.blit(pygame.image.frombuffer(np.ascontiguousarray(frame).data, size, "RGB"), (0, 0))
        pygame.display.flip()
        self._next = max(self._next + self._period, time.monotonic())
        while True:
            for event in pygame.event.get():
                if event.type == pygame.QUIT:
                    return False
                if event.type != pygame.KEYDOWN:
                    continue
                if event.key in (pygame.K_q, pygame.K_ESCAPE):
                    return False
                if event.key == pygame.K_SPACE:
                    self._paused = not self._paused
                if event.key == pygame.K_RIGHT and self._paused:
                    return True
            wait = self._next - time.monotonic()
            if not self._paused and wait <= 0:
                return True
            time.sleep(self._period if self._paused else min(wait, self._period))

    def close(self) -> None:
        """Close the window."""
        import pygame

        with suppress(pygame.error):
            pygame.display.quit()

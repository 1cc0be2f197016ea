"""The worker's side of its display: hands frames to the viewer process, which shows them on an X server of its own.

Drawing happens elsewhere (`worker/viewer.py`), so that a window, an X server or a VNC server that stalls or dies costs
training nothing; the two share one frame in memory.
"""

import mmap
import os
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import numpy as np

from agent.kept import Kept
from agent.processes import spawn

INTERVAL_S = 1.0 / 20.0  # between two frames shown; the eye wants 15 a second
MAX_SIDE = (1024, 1280)  # height, width; larger frames are thinned out
HEADER = struct.Struct("<QII")  # count, height, width; the count is odd while the pixels are being written
PIXELS = 64  # bytes before the pixels
SIZE = PIXELS + 3 * MAX_SIDE[0] * MAX_SIDE[1]


class Frame:
    """One RGB picture in shared memory, written by one process and read by another without locks."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._memory = mmap.mmap(descriptor, SIZE)
        self._pixels = np.frombuffer(self._memory, np.uint8, offset=PIXELS)
        self._count = 0

    @classmethod
    def create(cls) -> "Frame":
        """Make one that a child process can inherit."""
        descriptor = os.memfd_create("a3c64-frame")
        os.ftruncate(descriptor, SIZE)
        return cls(descriptor)

    def write(self, picture: np.ndarray) -> None:
        """Put a picture in, uint8 [H, W, 3]."""
        thin = max(1, -(-picture.shape[0] // MAX_SIDE[0]), -(-picture.shape[1] // MAX_SIDE[1]))
        picture = picture[::thin, ::thin]
        height, width = picture.shape[:2]
        HEADER.pack_into(self._memory, 0, self._count + 1, height, width)
        np.copyto(self._pixels[: 3 * height * width].reshape(height, width, 3), picture)
        self._count += 2
        HEADER.pack_into(self._memory, 0, self._count, height, width)

    def read(self, seen: int) -> tuple[int, np.ndarray] | None:
        """Return (count, picture) if there is a whole one newer than `seen`, else None."""
        count, height, width = HEADER.unpack_from(self._memory, 0)
        if count == seen or count % 2:
            return None
        picture = self._pixels[: 3 * height * width].reshape(height, width, 3).copy()
        again, *_ = HEADER.unpack_from(self._memory, 0)
        return (count, picture) if again == count else None  # else it was written meanwhile: torn


class Renderable(Protocol):
    """What can be shown: any Gymnasium environment made with render_mode "rgb_array"."""

    def render(self) -> object:
        """Return uint8 [H, W, 3]."""


class Display:
    """Shows one environment, at most every INTERVAL_S, and keeps the viewer process alive."""

    def __init__(self, environment: Renderable, host: str, port: int) -> None:
        self._environment = environment
        self._frame = Frame.create()
        self._arguments = ["-m", "worker.viewer", str(self._frame.descriptor), host, str(port)]
        self._viewer = Kept("the viewer", self._launch)
        self._next_frame = 0.0

    def show(self) -> None:
        """Draw if it is time to; costs a look at the clock if not."""
        now = time.monotonic()
        if now < self._next_frame:
            return
        # Late after a gradient, early the next time: the rate holds.
        self._next_frame = max(self._next_frame + INTERVAL_S, now + INTERVAL_S / 2)
        self._viewer.tend()
        picture = self._environment.render()
        if isinstance(picture, np.ndarray) and picture.ndim == 3 and picture.shape[2] == 3:
            self._frame.write(picture)

    def close(self) -> None:
        """End the viewer process and what it started."""
        self._viewer.close(grace_s=3.0)
        if self._viewer.child is not None and self._viewer.child.stdin:
            self._viewer.child.stdin.close()

    def _launch(self) -> subprocess.Popen:
        # Its standard input is a pipe nobody writes to: when it ends, so has this process.
        return spawn(self._arguments, stdin=subprocess.PIPE, pass_fds=[self._frame.descriptor])


@contextmanager
def show_on(host: str, port: int, environment: Renderable) -> Iterator[Callable[[], None]]:
    """Give a function that shows the environment to VNC viewers on a port; with port 0 it does nothing."""
    if port == 0:
        yield lambda: None
        return
    display = Display(environment, host, port)
    try:
        yield display.show
    finally:
        display.close()

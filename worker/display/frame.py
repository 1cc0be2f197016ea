"""A frame in shared memory: a picture and a note from worker to viewer, and a time from viewer to worker.

Neither side ever waits for the other. A frame that is half written, or was overwritten while it was read, is not
returned. The viewer process writes until when a VNC viewer is known to watch. It must renew this time, so the worker
does not render for a viewer process that died or hangs.
"""

import mmap
import os
import struct

import numpy as np

MAX_SIDE = (1024, 1280)  # height, width; larger pictures are subsampled
MAX_NOTE = 512 << 10  # bytes
COUNT = struct.Struct("<Q")  # odd while a frame is being written
SIZES = struct.Struct("<III")  # height, width, bytes of the note
WATCHED, PIXELS = 32, 64  # offsets in bytes; count and sizes come before them
NOTE = PIXELS + 3 * MAX_SIDE[0] * MAX_SIDE[1]
SIZE = NOTE + MAX_NOTE


class Frame:
    """One frame, written by one process and read by another without locks."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._memory = mmap.mmap(descriptor, SIZE)
        self._pixels = np.frombuffer(self._memory, np.uint8, offset=PIXELS)
        self._watched = memoryview(self._memory)[WATCHED : WATCHED + 8].cast("d")
        self._count = 0

    @classmethod
    def create(cls) -> "Frame":
        """Make a frame whose descriptor a child process can inherit."""
        descriptor = os.memfd_create("a3c64-frame")
        os.ftruncate(descriptor, SIZE)
        return cls(descriptor)

    @property
    def watched_until(self) -> float:
        """Return until when a VNC viewer is known to watch, seconds of the monotonic clock. The reader sets it."""
        return self._watched[0]

    @watched_until.setter
    def watched_until(self, when: float) -> None:
        self._watched[0] = when

    def write(self, picture: np.ndarray, note: bytes = b"") -> None:
        """Write a picture, uint8 [H, W, 3], and its note. A note longer than MAX_NOTE is left out."""
        thin = max(1, -(-picture.shape[0] // MAX_SIDE[0]), -(-picture.shape[1] // MAX_SIDE[1]))
        picture = picture[::thin, ::thin]
        height, width = picture.shape[:2]
        note = note if len(note) <= MAX_NOTE else b""
        COUNT.pack_into(self._memory, 0, self._count + 1)
        SIZES.pack_into(self._memory, COUNT.size, height, width, len(note))
        np.copyto(self._pixels[: 3 * height * width].reshape(height, width, 3), picture)
        self._memory[NOTE : NOTE + len(note)] = note
        self._count += 2
        COUNT.pack_into(self._memory, 0, self._count)

    def read(self, seen: int) -> tuple[int, np.ndarray, bytes] | None:
        """Return (count, picture, note) if there is a whole frame newer than `seen`, else None."""
        (count,) = COUNT.unpack_from(self._memory, 0)
        if count == seen or count % 2:
            return None
        height, width, length = SIZES.unpack_from(self._memory, COUNT.size)
        picture = self._pixels[: 3 * height * width].reshape(height, width, 3).copy()
        note = self._memory[NOTE : NOTE + length]
        (again,) = COUNT.unpack_from(self._memory, 0)
        return (count, picture, note) if again == count else None  # else it was overwritten during this read

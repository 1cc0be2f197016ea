"""A frame in shared memory: a picture and a note from worker to viewer, and a time from viewer to worker.

There are two places. The writer takes a place that the reader does not hold, the older one if it can. So neither side
ever waits for the other, and the newest frame is never lost. The viewer process writes the time until which a VNC
viewer is known to watch. It must renew this time, so the worker does not render for a viewer process that died or
hangs.

A process holds a place while it has a lock on the place's byte of the file (fcntl(2), F_SETLK). The kernel releases the
lock when its holder dies. The kernel also orders memory: it takes a spin lock to change its list of locks. The writer's
stores come before the writer releases this spin lock, and the reader's loads come after the reader acquires it. So the
reader sees what the writer wrote, on arm64 as well as on x86-64. A count read without a lock is only a hint.
"""

import fcntl
import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np

MAX_SIDE = (1024, 1280)  # height, width; larger pictures are subsampled
MAX_NOTE = 512 << 10  # bytes
PLACES = 2
WATCHED = 0  # bytes from the beginning
FIRST = 64
HEAD = struct.Struct("<QIII")  # count, 0 while the place is being written; height, width, bytes of the note
PIXELS = 64  # bytes from a place's beginning
NOTE = PIXELS + 3 * MAX_SIDE[0] * MAX_SIDE[1]
PLACE = NOTE + MAX_NOTE
SIZE = FIRST + PLACES * PLACE


class Frame:
    """The newest frame, written by one process and read by another."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._memory = mmap.mmap(descriptor, SIZE)
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
        """Return the time until which a VNC viewer is known to watch, seconds of the monotonic clock. The reader sets
        it."""
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
        for place in sorted(range(PLACES), key=self._count_at):  # the older one first
            with self._lock(place, fcntl.LOCK_EX) as locked:
                if not locked:
                    continue
                begin = FIRST + place * PLACE
                HEAD.pack_into(self._memory, begin, 0, 0, 0, 0)  # in case this process ends while it writes
                np.copyto(self._pixels(place, height, width), picture)
                self._memory[begin + NOTE : begin + NOTE + len(note)] = note
                self._count += 1
                HEAD.pack_into(self._memory, begin, self._count, height, width, len(note))
                return

    def read(self, seen: int) -> tuple[int, np.ndarray, bytes] | None:
        """Return (count, picture, note) if there is a frame newer than `seen`, else None."""
        for place in sorted(range(PLACES), key=self._count_at, reverse=True):
            if self._count_at(place) <= seen:
                continue
            with self._lock(place, fcntl.LOCK_SH) as locked:
                begin = FIRST + place * PLACE
                count, height, width, length = HEAD.unpack_from(self._memory, begin)
                if locked and count > seen:
                    note = self._memory[begin + NOTE : begin + NOTE + length]
                    return count, self._pixels(place, height, width).copy(), note
        return None

    def _count_at(self, place: int) -> int:
        """Return a place's count. Without the place's lock, it is only a hint."""
        return HEAD.unpack_from(self._memory, FIRST + place * PLACE)[0]

    def _pixels(self, place: int, height: int, width: int) -> np.ndarray:
        return np.ndarray((height, width, 3), np.uint8, self._memory, FIRST + place * PLACE + PIXELS)

    @contextmanager
    def _lock(self, place: int, kind: int) -> Iterator[bool]:
        """Lock a place unless the other process has locked it. Return whether it is locked now."""
        locked = False
        with suppress(BlockingIOError):
            fcntl.lockf(self.descriptor, kind | fcntl.LOCK_NB, 1, place)
            locked = True
        try:
            yield locked
        finally:
            if locked:
                fcntl.lockf(self.descriptor, fcntl.LOCK_UN, 1, place)

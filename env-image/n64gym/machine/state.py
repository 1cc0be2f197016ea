"""A savestate in a memory file: complete before it is used, and repacked so that loading it is quick."""

from __future__ import annotations

import gzip
import os
import struct
import time
import zlib
from typing import Self

import numpy as np
from numpy.typing import NDArray

POLL_S = 0.01
STORED = 0  # gzip level: a load costs no inflation
QUICK = 1  # gzip level for the disk: most of a machine is zeros, so more brings little
EVENTS = slice(44 + 16_788_244, 44 + 16_788_244 + 1024)  # in the core's file: pairs of words, then LAST, then garbage
LAST = b"\xff\xff\xff\xff"
COUNTS = struct.Struct("<II")  # data() begins with vi_count and the number of samples


class State:
    """One savestate; freed with the object."""

    vi_count = 0
    """VIs from power-on to this state."""
    samples: NDArray[np.uint32] = np.zeros(0, np.uint32)
    """The controller words that led here from power-on, [N]."""

    _fd = -1

    def __init__(self) -> None:
        self._fd = os.memfd_create("n64gym-state")

    @property
    def path(self) -> str:
        """Where any process of this user finds it, as long as this one lives."""
        return f"/proc/{os.getpid()}/fd/{self._fd}"

    def data(self) -> bytes:
        """All of it, compressed, to be kept on disk."""
        head = COUNTS.pack(self.vi_count, len(self.samples))
        machine = gzip.decompress(self._read())
        return gzip.compress(head + self.samples.astype("<u4").tobytes() + machine, QUICK, mtime=0)

    @classmethod
    def from_data(cls, data: bytes) -> Self:
        """What `data` was made from. Raises ValueError if it is cut off, or never was a state."""
        try:
            plain = gzip.decompress(data)
            vi_count, count = COUNTS.unpack_from(plain)
            machine = plain[COUNTS.size + 4 * count :]
            samples = np.frombuffer(plain, "<u4", count, COUNTS.size).astype(np.uint32)
        except (EOFError, gzip.BadGzipFile, zlib.error, struct.error, ValueError) as error:
            raise ValueError(f"this is no savestate, or a damaged one: {error}") from None
        state = cls()
        state.vi_count, state.samples = vi_count, samples
        state._write(gzip.compress(machine, STORED, mtime=0))
        return state

    def await_written(self, timeout: float) -> None:
        """Wait until the file is whole (the core announces a save before it is), then repack it.

        Raises TimeoutError.
        """
        end = time.monotonic() + timeout
        while True:
            try:
                machine = gzip.decompress(self._read())
                if machine:
                    break
                raise EOFError
            except (EOFError, gzip.BadGzipFile, zlib.error):  # not all of it is there yet
                if time.monotonic() > end:
                    raise TimeoutError(f"the emulator has not finished its savestate within {timeout:.0f} s") from None
                time.sleep(POLL_S)
        self._write(gzip.compress(without_garbage(machine), STORED, mtime=0))

    def _read(self) -> bytes:
        return os.pread(self._fd, os.fstat(self._fd).st_size, 0)

    def _write(self, data: bytes) -> None:
        os.ftruncate(self._fd, 0)
        written = 0
        while written < len(data):
            written += os.pwrite(self._fd, data[written:], written)

    def __del__(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)


def without_garbage(machine: bytes) -> bytes:
    """The same machine is the same file everywhere once what the core leaves of its stack in there is gone."""
    for at in range(EVENTS.start, EVENTS.stop, 8):
        if machine[at : at + 4] == LAST:
            return machine[: at + 4].ljust(EVENTS.stop, b"\0") + machine[EVENTS.stop :]
    return machine

"""A savestate in a memory file, repacked so that it loads fast."""

from __future__ import annotations

import gzip
import os
import struct
import time
import zlib
from typing import Self

import numpy as np
from numpy.typing import NDArray

from n64gym.machine.shared import CONTROLLERS, SAVES_BYTES

POLL_S = 0.01
STORED = 0  # gzip level: no compression, so that loading is fast
QUICK = 1  # gzip level for the disk: most bytes are 0, so higher levels save little
# In the core's file: pairs of words, then LAST, then leftover bytes of the core's stack.
EVENTS = slice(44 + 16_788_244, 44 + 16_788_244 + 1024)
LAST = b"\xff\xff\xff\xff"
COUNTS = struct.Struct(f"<II{CONTROLLERS}I")  # data() begins with vi_count, the number of samples, and `reads`


class State:
    """One savestate. Its memory is freed with the object."""

    vi_count = 0
    """VIs from power-on to this state."""
    samples: NDArray[np.uint32] = np.zeros(0, np.uint32)
    """The controller words from power-on to this state, [N]."""
    reads: tuple[int, ...] = (0,) * CONTROLLERS
    """The number of these words that belong to each controller."""

    saves = bytes(SAVES_BYTES)
    """The contents of EEPROM, SRAM, FlashRAM and controller paks, see lockstep.h."""

    _fd = -1

    def __init__(self) -> None:
        self._fd = os.memfd_create("n64gym-state")

    @property
    def path(self) -> str:
        """The file's path, valid for all processes of this user while this process runs."""
        return f"/proc/{os.getpid()}/fd/{self._fd}"

    def data(self) -> bytes:
        """Return the state as compressed bytes, for the disk."""
        head = COUNTS.pack(self.vi_count, len(self.samples), *self.reads)
        machine = gzip.decompress(self._read())
        return gzip.compress(head + self.samples.astype("<u4").tobytes() + self.saves + machine, QUICK, mtime=0)

    @classmethod
    def from_data(cls, data: bytes) -> Self:
        """Return the state in `data`. Raises ValueError if the bytes are truncated or not a state."""
        try:
            plain = gzip.decompress(data)
            vi_count, count, *reads = COUNTS.unpack_from(plain)
            begin = COUNTS.size + 4 * count
            saves, machine = plain[begin : begin + SAVES_BYTES], plain[begin + SAVES_BYTES :]
            samples = np.frombuffer(plain, "<u4", count, COUNTS.size).astype(np.uint32)
            if len(saves) < SAVES_BYTES:
                raise ValueError("it ends early")
        except (EOFError, gzip.BadGzipFile, zlib.error, struct.error, ValueError) as error:
            raise ValueError(f"not a savestate, or a damaged one: {error}") from None
        state = cls()
        state.vi_count, state.samples, state.reads, state.saves = vi_count, samples, tuple(reads), saves
        state._write(gzip.compress(machine, STORED, mtime=0))
        return state

    def await_written(self, timeout: float) -> None:
        """Wait until the file is complete, because the core reports a save too early. Then repack it.

        Raises TimeoutError.

        """
        end = time.monotonic() + timeout
        while True:
            try:
                machine = gzip.decompress(self._read())
                if machine:
                    break
                raise EOFError
            except (EOFError, gzip.BadGzipFile, zlib.error):  # still incomplete
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
    """Clear the bytes that the core copies from its stack, so that equal machine states give equal files."""
    for at in range(EVENTS.start, EVENTS.stop, 8):
        if machine[at : at + 4] == LAST:
            return machine[: at + 4].ljust(EVENTS.stop, b"\0") + machine[EVENTS.stop :]
    return machine

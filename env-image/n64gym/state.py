"""A savestate in a memory file: complete before it is used, and repacked so that loading it is quick."""

from __future__ import annotations

import gzip
import os
import time
import zlib

POLL_S = 0.01
COMPRESSION_LEVEL = 0  # stored: a load costs no inflation


class State:
    """One savestate; freed with the object."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @classmethod
    def empty(cls) -> State:
        """A state for the emulator to write."""
        return cls(os.memfd_create("n64gym-state"))

    @property
    def path(self) -> str:
        """Where any process of this user finds it, as long as this one lives."""
        return f"/proc/{os.getpid()}/fd/{self._fd}"

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
        self._write(gzip.compress(machine, COMPRESSION_LEVEL, mtime=0))

    def _read(self) -> bytes:
        return os.pread(self._fd, os.fstat(self._fd).st_size, 0)

    def _write(self, data: bytes) -> None:
        os.ftruncate(self._fd, 0)
        written = 0
        while written < len(data):
            written += os.pwrite(self._fd, data[written:], written)

    def __del__(self) -> None:
        os.close(self._fd)

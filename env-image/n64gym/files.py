"""Writes files atomically: a file is complete or absent. Reads regular files only, so that a read never blocks."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path

TEMPORARY = ".writing-"  # prefix of the names of unfinished files


def write_whole(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Write `data` to `path` atomically. Raises OSError.

    sync: wait for the disk, so that the file is complete even after a power failure. This takes milliseconds.
    """
    descriptor, temporary = tempfile.mkstemp(prefix=TEMPORARY, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            if sync:
                file.flush()
                os.fsync(file.fileno())
            os.fchmod(file.fileno(), 0o644)  # mkstemp creates files that only their owner can read
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def read_regular(path: Path, most: int) -> bytes:
    """Return the content of a regular file of at most `most` bytes. Raises OSError.

    A FIFO or a device is refused, because reading it could block or never end.
    """
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it must be a regular file")
        if status.st_size > most:
            raise OSError(errno.EFBIG, f"it must have at most {most} bytes, found {status.st_size}")
        return file.read(most)

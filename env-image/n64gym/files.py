"""Writes files atomically: a file is complete or absent."""

from __future__ import annotations

import os
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

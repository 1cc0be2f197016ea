"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

TEMPORARY = ".writing-"  # what the names of files being written begin with


def write_whole(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Write `data` to `path` so that nobody ever sees half of it there. Raises OSError.

    sync: wait for the disk, so that this holds even if the machine loses power; milliseconds.
    """
    descriptor, temporary = tempfile.mkstemp(prefix=TEMPORARY, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            if sync:
                file.flush()
                os.fsync(file.fileno())
            os.fchmod(file.fileno(), 0o644)  # mkstemp's files are for their owner alone
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise

"""Files: write them whole or not at all, and read regular files only, so that a read never blocks."""

import errno
import json
import math
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any

NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)  # what file systems without hard links answer, such as FAT
TEMPORARY = ".writing-"  # the names of unfinished files and folders begin with this


def write_whole(path: Path, data: bytes, sync: bool = True, mode: int = 0o644) -> None:
    """Write `data` to `path`. Readers see the old file or the whole new one, even after a crash.

    Args:
        path: its folder must exist.
        data: the content.
        sync: wait until the data is on the disk, so that this also holds after a power cut; takes milliseconds.
        mode: the permissions of the file.

    Raises:
        OSError: the file could not be written; the old file is unchanged.
    """
    descriptor, name = tempfile.mkstemp(prefix=TEMPORARY, dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)  # mkstemp makes files that only their owner can read
        move_into_place(temporary, path, sync)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_new(path: Path, data: bytes) -> None:
    """Write a new file that only its owner can read. Readers see no file or the whole one, even after a crash.

    Raises:
        FileExistsError: there is such a file; it is unchanged.
        OSError: the file could not be written.
    """
    descriptor, name = tempfile.mkstemp(prefix=TEMPORARY, dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(name, path)  # unlike a rename, this never replaces a file
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            if os.path.lexists(path):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
            os.replace(name, path)
        _sync(path.parent)
    finally:
        Path(name).unlink(missing_ok=True)


def why_unwritable(path: Path) -> str:
    """Return why a file cannot be written; "" if no reason is found. Nothing is written to find out."""
    try:
        if path.exists() and not path.is_file():
            return "it is a folder" if path.is_dir() else "it is not a regular file"
        folder = path.parent
        while not folder.exists():
            folder = folder.parent
        if not folder.is_dir():
            return f"{folder} is not a folder"
        if not os.access(folder, os.W_OK | os.X_OK):
            return f"{folder} is read-only"
        if os.statvfs(folder).f_bavail == 0:
            return "no space left on device"
    except OSError as error:
        return str(error.strerror)
    return ""


def write_synced(path: Path, data: bytes) -> None:
    """Write a new file and wait until it is on the disk. For files in a folder that is moved into place later.

    Raises:
        OSError: the file exists already or could not be written.
    """
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def move_into_place(temporary: Path, path: Path, sync: bool = True) -> None:
    """Rename a finished file or folder to `path` in one step.

    Raises:
        OSError: it could not be renamed.
    """
    if sync:
        _sync(temporary)
    os.replace(temporary, path)
    if sync:
        _sync(path.parent)


def remove(path: Path) -> None:
    """Remove a file of any type or a whole folder, if it is there.

    Raises:
        OSError: it could not be removed.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    """Remove the unfinished files of a killed process. Call this only where no other process writes.

    Raises:
        OSError: a file could not be removed.
    """
    for leftover in folder.glob(f"{TEMPORARY}*"):
        remove(leftover)


def set_aside(path: Path, reason: str) -> Path:
    """Rename a file or folder to the first free name of NAME.REASON, NAME.REASON-2, ... and return the new path.

    Raises:
        OSError: it could not be renamed.
    """
    number = 1
    while os.path.lexists(target := path.with_name(f"{path.name}.{reason}" + (f"-{number}" if number > 1 else ""))):
        number += 1
    path.rename(target)
    return target


def append_line(path: Path, line: str) -> None:
    """Append a line to a text file.

    Raises:
        OSError: the file could not be written, or is not a regular file.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "ab") as file:
        _check_regular(descriptor)
        file.write(f"{line}\n".encode(errors="surrogateescape"))


def read_regular(path: Path, most: int) -> bytes:
    """Return the content of a regular file of at most `most` bytes. A FIFO is refused, because reading it would block.

    Raises:
        OSError: the file could not be read, is not a regular file, or is larger.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        size = _check_regular(descriptor)
        if size > most:
            raise OSError(errno.EFBIG, f"it must have at most {most} bytes, found {size}")
        return file.read(most)


def read_json(path: Path, most: int, finite: bool = False) -> Any:
    """Return the value in a JSON file of at most `most` bytes.

    Raises:
        OSError: see `read_regular`.
        ValueError: the file is not JSON or is nested too deeply; with `finite`, also if a
            number is infinite, NaN or too large.
    """
    check = _finite if finite else None
    try:
        text = read_regular(path, most)
        return json.loads(text, parse_float=check, parse_constant=check, parse_int=_bounded if finite else None)
    except RecursionError:
        raise ValueError("its JSON is nested too deeply") from None


def printable(name: str | Path) -> str:
    """Return a path, or text that contains paths, as valid Unicode. Bytes that are not UTF-8 become U+FFFD."""
    return os.fsencode(name).decode(errors="replace")


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"numbers must be finite, found {text}")
    return value


def _bounded(text: str) -> int:
    if abs(value := int(text)) >= 2**63:  # msgpack, NumPy and TensorBoard hold 64 bits
        raise ValueError(f"integers must be below 2**63, found {text:.40}")
    return value


def _check_regular(descriptor: int) -> int:
    """Return a regular file's size in bytes; raise OSError for anything else."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it must be a regular file")
    return status.st_size


def _sync(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

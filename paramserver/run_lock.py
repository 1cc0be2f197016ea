"""The lock of a run's folder: one server at a time. The kernel releases it when the server ends or is killed."""

import errno
import fcntl
import logging
import os
import socket
import time
from pathlib import Path

from a3c64.config import BadInputError

log = logging.getLogger(__name__)

NAME = "lock"
PATIENCE_S = 1.0  # retry for this time: `holder` takes the lock for an instant to check whether it is free
UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
MOST = 512  # bytes of the file; more is not read


class RunLock:
    """Holds the lock of a run's folder until it is closed.

    Args:
        run_dir: the folder; it is created if missing.
        address: where this server listens; another server's error message shows it.

    Raises:
        BadInputError: another server holds the lock, or the folder cannot be used.
    """

    def __init__(self, run_dir: Path, address: str) -> None:
        try:
            run_dir.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(run_dir / NAME, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise BadInputError(f"A3C64_RUN_DIR: {run_dir} cannot be used: {error.strerror}") from None
        deadline = time.monotonic() + PATIENCE_S
        while not _locked(self._descriptor, fcntl.LOCK_EX, run_dir):
            if time.monotonic() > deadline:
                raise in_use(run_dir, _text(self._descriptor))
            time.sleep(0.05)
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"process {os.getpid()} on {socket.gethostname()}, {address}\n".encode(), 0)

    def close(self) -> None:
        """Release the lock."""
        os.close(self._descriptor)


def holder(run_dir: Path) -> str:
    """Return which server has locked the folder, as "process 12 on host, address", or "" if it is not locked."""
    try:
        descriptor = os.open(run_dir / NAME, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return _text(descriptor) if error.errno == errno.EWOULDBLOCK else ""
    finally:
        os.close(descriptor)  # this also unlocks it
    return ""


def in_use(run_dir: Path, who: str) -> BadInputError:
    """Return the error for a run folder that another server has locked."""
    return BadInputError(
        f"A3C64_RUN_DIR: {run_dir} is in use by another server ({who}): stop that one, or choose another --run-dir"
    )


def _locked(descriptor: int, kind: int, run_dir: Path) -> bool:
    """Lock a file; return False if another process has locked it."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno == errno.EWOULDBLOCK:
            return False
        if error.errno not in UNSUPPORTED:
            raise
        log.warning("%s is on a file system without locks: make sure that only one server uses it", run_dir)
    return True


def _text(descriptor: int) -> str:
    """Return the description of the lock's holder from the file."""
    return " ".join(os.pread(descriptor, MOST, 0).decode(errors="replace").split()) or "unknown"

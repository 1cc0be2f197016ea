"""Writing to standard output and standard error when they may fail: full disk, closed terminal, closed pipe."""

import io
import os
import reprlib
import select
import sys
from typing import Any, TextIO

PATIENCE_S = 1.0  # timeout for a reader that does not read; then lines are dropped until it reads again
SHORT = 200  # characters
CLEAR_LINE = "\r\x1b[K"  # ECMA-48: to the first column, erase to the end of the line

_stuck: set[int] = set()  # descriptors whose last write timed out


def write(descriptor: int, line: str) -> None:
    """Write a line at once, without Python's buffers. Drop the line if it cannot be written."""
    # On a terminal, another process may have drawn a progress bar on this line.
    begin = CLEAR_LINE if os.isatty(descriptor) else ""
    _put(descriptor, f"{begin}{line}\n")


def escaped(text: object) -> str:
    """Return text with each character that is not printable as an escape such as \\x1b.

    Names come from files and from the network. Printed as they are, they could control the terminal.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def short(value: object) -> str:
    """Return a value's repr for a message, bounded in depth and length: the value may come from a stranger."""
    text = reprlib.repr(value)
    return text if len(text) <= SHORT else f"{text[:SHORT]}..."


def say(line: object) -> None:
    """Print one line of a command's result at once, escaped."""
    print(escaped(line), flush=True)


def _put(descriptor: int, text: str) -> None:
    data = text.encode("utf-8", "backslashreplace")
    ready = select.poll()
    ready.register(descriptor, select.POLLOUT)
    try:
        if not ready.poll(0 if descriptor in _stuck else 1000 * PATIENCE_S):
            _stuck.add(descriptor)
            return
        _stuck.discard(descriptor)
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        return


class Dropping(io.TextIOBase):
    """A text stream that drops what cannot be written, so that a stopped or closed terminal blocks nothing."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def write(self, text: str) -> int:
        """Write text at once."""
        _put(self._descriptor, text)
        return len(text)

    def isatty(self) -> bool:
        """Return whether the descriptor is a terminal."""
        return os.isatty(self._descriptor)


class UnwritableError(OSError):
    """A command's result cannot be written to standard output."""


class Result(io.FileIO):
    """Standard output of a command that prints a result. Its errors have a separate class: UnwritableError."""

    def write(self, data: Any) -> int:
        """Write bytes.

        Raises:
            UnwritableError: the bytes cannot be written.
        """
        try:
            return super().write(data)
        except OSError as error:
            raise UnwritableError(error.errno, error.strerror) from None


def guard_results() -> None:
    """Make `print` raise UnwritableError if standard output cannot be written."""
    if sys.stdout is not None:
        sys.stdout.flush()
        raw = io.BufferedWriter(Result(sys.stdout.fileno(), "w", closefd=False))
        sys.stdout = io.TextIOWrapper(raw, sys.stdout.encoding, "backslashreplace", line_buffering=True)


def abandon(stream: TextIO) -> None:
    """Flush a stream; discard its buffer if that fails. Otherwise Python would fail at exit, with exit code 120."""
    if stream is None or stream.closed:  # None: the descriptor was closed when Python started
        return
    try:
        stream.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def open_missing() -> None:
    """Open /dev/null for each closed descriptor from 0 to 2, so that no other file gets its number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number

"""What a process says while it works: one line a message, with time, role and index, as text or JSON.

Progress goes to standard output, warnings and errors to standard error. Modules log as usual, with
`logging.getLogger(__name__)`; the first argument of a message names whom it is about (see `Limit`).
"""

import atexit
import json
import logging
import re
import sys
import time
import warnings
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import TextIO

from a3c64.output import abandon, open_missing, write

WINDOW_S = 60.0  # the same kind of message is said once in this time, then counted
MAX_KINDS = 200  # kinds of messages that are remembered
OUR_LOGGERS = ("a3c64", "n64gym", "__main__")  # what others log is heard from WARNING on
COLOUR = re.compile(r"\x1b\[[0-9;]*m")

log = logging.getLogger(__name__)


@dataclass
class Speaker:
    """Who says it."""

    role: str = "a3c64"
    index: int | None = None  # of a worker, once it has one


class Text(logging.Formatter):
    """`18:12:03 worker 1   joined`; what is not plain progress has its level before the message."""

    def __init__(self, speaker: Speaker) -> None:
        super().__init__()
        self._speaker = speaker

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, and the traceback's lines if there is one."""
        index = "" if self._speaker.index is None else f" {self._speaker.index}"
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        at = time.strftime("%H:%M:%S", time.localtime(record.created))
        line = f"{at} {self._speaker.role + index:<10} {level}{message_of(record)}"
        return line + ("\n" + self.formatException(record.exc_info) if record.exc_info else "")


class Json(logging.Formatter):
    """One JSON object a line, for programs."""

    def __init__(self, speaker: Speaker) -> None:
        super().__init__()
        self._speaker = speaker

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        line = {
            "time": datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "role": self._speaker.role,
            "index": self._speaker.index,
            "logger": record.name,
            "message": message_of(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def message_of(record: logging.LogRecord) -> str:
    """Return a record's message on one line, without control characters: names and reasons come over the network."""
    text = COLOUR.sub("", record.getMessage())
    message = "".join(c if c.isprintable() or "\udc80" <= c <= "\udcff" else " " for c in text)
    repeats = getattr(record, "repeats", 0)
    return f"{message} ({repeats} like this since the last one)" if repeats else message


class Limit:
    """Lets a kind of message through once in WINDOW_S and counts the rest; the last of these is said with the count.

    A kind is the message's template and its first argument, which by convention names whom it is about. A message that
    is formatted before it is logged, such as a line of progress, is a kind for itself, and its repeats are dropped.
    Debug messages are not limited.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[Hashable, float] = {}  # oldest first
        self._held: dict[Hashable, tuple[logging.LogRecord, int]] = {}  # the last one held back, and how many

    def admit(self, record: logging.LogRecord) -> list[logging.LogRecord]:
        """Return what is to be said now: counts that are due, and this record if its kind was not said lately."""
        if record.levelno < logging.INFO:
            return [record]
        now = self._clock()
        said = self.due(now)
        kind = self._kind(record)
        if kind not in self._since:
            self._since[kind] = now
            while len(self._since) > MAX_KINDS:
                said += self._forget(next(iter(self._since)))
            return [*said, record]
        self._held[kind] = (record, self._held[kind][1] + 1 if kind in self._held else 1)
        return said

    def due(self, now: float = float("inf")) -> list[logging.LogRecord]:
        """Return what was held back and is to be said by `now`; a kind that was said again starts a new window."""
        said = []
        for kind in [kind for kind, since in self._since.items() if now - since >= WINDOW_S]:
            if held := self._forget(kind):
                said += held
                self._since[kind] = now
        return said

    def _forget(self, kind: Hashable) -> list[logging.LogRecord]:
        del self._since[kind]
        if kind not in self._held:
            return []
        record, count = self._held.pop(kind)
        if not record.args:
            return []
        record.__dict__["repeats"] = count
        return [record]

    def _kind(self, record: logging.LogRecord) -> Hashable:
        about = repr(record.args[0])[:200] if isinstance(record.args, tuple) and record.args else ""
        kind = (record.name, record.levelno, record.msg, about)
        if kind not in self._since and len(self._since) >= MAX_KINDS:
            return (*kind[:3], "")  # a flood about ever new subjects
        return kind


class Lines(logging.Handler):
    """Writes lines to this process' standard output and standard error, and never raises.

    Args:
        output: descriptor for progress: 1, or 2 where standard output is for a command's result.
    """

    def __init__(self, output: int) -> None:
        super().__init__()
        self._output = output
        self._limit = Limit()

    def emit(self, record: logging.LogRecord) -> None:
        """Say it, if its kind was not said lately."""
        try:
            for one in self._limit.admit(record):
                self._say(one)
        except Exception:  # a template that does not fit its arguments
            write(2, f"{record.levelname}: {record.msg!r}")

    def close(self) -> None:
        """Say what was held back."""
        for one in self._limit.due():
            self._say(one)
        super().close()

    def _say(self, record: logging.LogRecord) -> None:
        write(self._output if record.levelno < logging.WARNING else 2, self.format(record))


_speaker = Speaker()
_chosen = ("info", "text")  # level and form


def configure(role: str, level: str = "info", form: str = "text", index: int | None = None, output: int = 1) -> None:
    """Have this process' log written.

    Args:
        role: server, worker, evaluator, viewer, web, local, or a command's name.
        level: debug, info, warning or error; what is below is not written.
        form: text or json.
        index: of a worker, if it is known already.
        output: descriptor for progress: 1, or 2 where standard output is for a command's result.
    """
    global _chosen
    _chosen = (level, form)
    _speaker.role, _speaker.index = role, index
    open_missing()
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, Lines)]:
        root.removeHandler(handler)
        handler.close()
    lines = Lines(output)
    lines.setFormatter(Json(_speaker) if form == "json" else Text(_speaker))
    root.addHandler(lines)
    for name in OUR_LOGGERS:
        logging.getLogger(name).setLevel(level.upper())
    sys.excepthook = _uncaught
    warnings.showwarning = _warned
    for stream in (sys.stdout, sys.stderr):
        atexit.register(abandon, stream)


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Log what a library warns about. Python's own two lines name a file of the library; Gymnasium's are coloured."""
    log.warning("%s", message)


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Log an exception that ends this process."""
    if issubclass(kind, Exception):
        log.critical("ended by an exception: %r", error, exc_info=(kind, error, trace))
    else:  # KeyboardInterrupt
        sys.__excepthook__(kind, error, trace)


def number(index: int) -> None:
    """Put a worker's index into what it says from now on."""
    _speaker.index = index


def choices() -> list[str]:
    """Return level, form and index as arguments for a child process that has no settings; see `configure_as`."""
    return [*_chosen, "" if _speaker.index is None else str(_speaker.index)]


def configure_as(role: str, told: Sequence[str]) -> None:
    """Configure a child process with what its parent's `choices` returned."""
    level, form, index = told
    configure(role, level, form, int(index) if index else None)


def refuse(program: str, reason: object) -> None:
    """Say on one line why a program ends with exit code 2."""
    if _chosen[1] == "json":
        log.error("%s", reason)
    else:
        write(2, f"{program}: {reason}")

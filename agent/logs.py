"""The log of a process: one line a message, with time, role and index, as text or JSON.

Progress goes to standard output, warnings and errors to standard error. Modules log with
`logging.getLogger(__name__)`. By convention, a message's first argument names its subject (see `Limit`).
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

from a3c64.output import abandon, escaped, open_missing, write

WINDOW_S = 60.0  # a kind of message is written once in this time; repeats are counted
MAX_KINDS = 200  # the most kinds of messages that are remembered
OUR_LOGGERS = ("a3c64", "n64gym", "__main__")  # other loggers stay at WARNING
COLOUR = re.compile(r"\x1b\[[0-9;]*m")

log = logging.getLogger(__name__)


@dataclass
class Speaker:
    """The process that a line comes from."""

    role: str = "a3c64"
    index: int | None = None  # of a worker; None until the server has assigned one


class Text(logging.Formatter):
    """Lines such as `18:12:03 worker 1   joined`. Except at level INFO, the level stands before the message."""

    def __init__(self, speaker: Speaker) -> None:
        super().__init__()
        self._speaker = speaker

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, followed by the traceback if there is one."""
        index = "" if self._speaker.index is None else f" {self._speaker.index}"
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        at = time.strftime("%H:%M:%S", time.localtime(record.created))
        line = f"{at} {self._speaker.role + index:<10} {level}{message_of(record)}"
        trace = self.formatException(record.exc_info).split("\n") if record.exc_info else []
        return "\n".join([line, *map(escaped, trace)])


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
    """Return a record's message on one line, escaped: files and the network can put control characters into names."""
    message = escaped(" ".join(COLOUR.sub("", record.getMessage()).splitlines()))
    repeats = getattr(record, "repeats", 0)
    return f"{message} ({repeats} like this since the last one)" if repeats else message


class Limit:
    """Rate limit: one message of a kind in WINDOW_S. Repeats are counted; the last one is written with the count.

    A kind is a logger, a level, the message's template and its first argument, which names the subject. A message that
    was formatted before it was logged, such as a line of progress, has no arguments; its repeats are dropped.
    Debug messages are not limited.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[Hashable, float] = {}  # oldest first
        self._held: dict[Hashable, tuple[logging.LogRecord, int]] = {}  # kind -> its last repeat, number of repeats

    def admit(self, record: logging.LogRecord) -> list[logging.LogRecord]:
        """Return the records to write now: repeats that are due, and this record unless it is a repeat."""
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
        """Return the repeats whose window has ended by `now`. Writing one starts a new window for its kind."""
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
            return (*kind[:3], "")  # too many subjects: count all of them as one kind
        return kind


class LineHandler(logging.Handler):
    """Writes lines to this process' standard output and standard error. It never raises.

    Args:
        output: descriptor for progress: 1, or 2 where standard output is for a command's result.
    """

    def __init__(self, output: int) -> None:
        super().__init__()
        self._output = output
        self._limit = Limit()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, unless it is a repeat."""
        try:
            for one in self._limit.admit(record):
                self._say(one)
        except Exception:  # a template that does not fit its arguments
            write(2, f"{record.levelname}: {record.msg!r}")

    def close(self) -> None:
        """Write the repeats that are still held back."""
        for one in self._limit.due():
            self._say(one)
        super().close()

    def _say(self, record: logging.LogRecord) -> None:
        write(self._output if record.levelno < logging.WARNING else 2, self.format(record))


_speaker = Speaker()
_chosen = ("info", "text")  # level and form


def configure(role: str, level: str = "info", form: str = "text", index: int | None = None, output: int = 1) -> None:
    """Set up this process' log.

    Args:
        role: server, worker, evaluator, viewer, web, local, or a command's name.
        level: debug, info, warning or error; messages below this level are not written.
        form: text or json.
        index: of a worker, if it is known already.
        output: descriptor for progress: 1, or 2 where standard output is for a command's result.
    """
    global _chosen
    _chosen = (level, form)
    _speaker.role, _speaker.index = role, index
    open_missing()
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, LineHandler)]:
        root.removeHandler(handler)
        handler.close()
    lines = LineHandler(output)
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
    """Log a library's warning on one line. Python would print two; Gymnasium's own printer adds colours."""
    log.warning("%s", message)


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Log an exception that ends this process."""
    if issubclass(kind, Exception):
        log.critical("ended by an exception: %r", error, exc_info=(kind, error, trace))
    else:  # KeyboardInterrupt
        sys.__excepthook__(kind, error, trace)


def number(index: int) -> None:
    """Set the worker index that this process' lines carry from now on."""
    _speaker.index = index


def choices() -> list[str]:
    """Return level, form and index as arguments for a child process that has no settings; see `configure_as`."""
    return [*_chosen, "" if _speaker.index is None else str(_speaker.index)]


def configure_as(role: str, told: Sequence[str]) -> None:
    """Configure the log of a child process with the result of its parent's `choices`."""
    level, form, index = told
    configure(role, level, form, int(index) if index else None)


def refuse(program: str, reason: object) -> None:
    """Write on one line why a program stops without doing its work."""
    if _chosen[1] == "json":
        log.error("%s", reason)
    else:
        write(2, escaped(f"{program}: {reason}"))

"""Progress of long work: a bar if standard error is a terminal, else a line every LINES_S."""

import os
import time
from types import TracebackType
from typing import Any

from a3c64.output import write

LINES_S = 10.0  # between two lines if there is no terminal


class Progress:
    """Shows how much of some work is done. Use it as a context manager. Other output appears above the bar.

    Args:
        what: the name of the things that are counted, such as "episodes".
        total: how many there are.
    """

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total = what, total
        self._done = 0
        self._began = self._said = time.monotonic()
        self._bar: Any = None  # rich.progress.Progress

    def advance(self) -> None:
        """Count one more as done."""
        self._done += 1
        now = time.monotonic()
        if self._bar is not None:
            self._bar.advance(self._task)
        elif now - self._said >= LINES_S:
            self._said = now
            write(2, f"{self._done} of {self._total} {self._what} in {now - self._began:.0f} s")

    def __enter__(self) -> "Progress":
        if os.isatty(2):
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self._what, total=self._total)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

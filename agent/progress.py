"""Progress of long work: a bar if standard error is a terminal, else a line every LINES_S."""

import os
import time
from types import TracebackType
from typing import Any

from a3c64.output import Dropping, write

LINES_S = 10.0  # between two lines if there is no terminal
BAR_COLUMNS = 20


class Progress:
    """Shows how much of some work is done. Use it as a context manager. Other output appears above the bar.

    Args:
        what: the name of the things that are counted, such as "episodes".
        total: how many there are.
        lines: whether to print lines if there is no terminal.
    """

    def __init__(self, what: str, total: int, lines: bool = True) -> None:
        self._what, self._total, self._lines = what, total, lines
        self._done = 0
        self._began = self._said = time.monotonic()
        self._bar: Any = None  # rich.progress.Progress

    def advance(self) -> None:
        """Count one more as done."""
        self.show(self._done + 1, self._what)

    def show(self, done: int, what: str) -> None:
        """Set how many are done, and the text beside the bar."""
        self._done = done
        now = time.monotonic()
        if self._bar is not None:
            self._bar.update(self._task, completed=done, description=what)
        elif self._lines and now - self._said >= LINES_S:
            self._said = now
            write(2, f"{done} of {self._total} {what} in {now - self._began:.0f} s")

    def open(self) -> None:
        """Draw the bar if there is a terminal."""
        if os.isatty(2):
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description}", markup=False), BarColumn(BAR_COLUMNS), MofNCompleteColumn())
            console = Console(file=Dropping(2))  # type: ignore[arg-type]  # it needs only write, flush and isatty
            self._bar = Bar(*columns, TimeElapsedColumn(), console=console, transient=True)
            self._task = self._bar.add_task(self._what, total=self._total)
            self._bar.start()

    def close(self) -> None:
        """Remove the bar. A second call does nothing."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def __enter__(self) -> "Progress":
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

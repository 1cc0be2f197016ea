"""A progress bar on a terminal: what a run's workers do until all of them train."""

import os
import time
from contextlib import suppress

from a3c64.config import BadInputError
from a3c64.progress import Progress
from a3c64.wire.address import ServerAddress
from a3c64.wire.status import fetch

LOOK_S = 0.5  # interval of reading the server's report
FETCH_S = 0.2  # timeout of one read
MOST_S = 300.0  # after this time the bar is removed, even if a worker does not train


class SetUp:
    """A progress bar that counts the workers that train.

    Args:
        address: of the run's server.
        workers: expected number of workers.
    """

    def __init__(self, address: ServerAddress, workers: int) -> None:
        self._address, self._workers = address, workers
        self._progress = Progress("starting workers", workers, lines=False)
        self._next = time.monotonic()
        self._end = self._next + MOST_S
        self._open = os.isatty(2)
        if self._open:
            self._progress.open()

    def look(self) -> None:
        """Show the newest state if it is due. Call this often."""
        now = time.monotonic()
        if not self._open or now < self._next:
            return
        self._next = now + LOOK_S
        report = None
        with suppress(BadInputError):
            report = fetch(self._address, FETCH_S)
        if report is not None:
            starting = [worker for worker in report.workers if not worker.steps]
            ready = len(report.workers) - len(starting)
            if report.over or ready >= self._workers:
                self.close()
                return
            self._progress.show(ready, starting[0].state if starting else "starting workers")
        if now > self._end:
            self.close()

    def close(self) -> None:
        """Remove the bar."""
        if self._open:
            self._open = False
            self._progress.close()

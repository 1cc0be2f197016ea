"""Ends a worker whose training thread hangs, so that another is started in its place."""

import faulthandler
import logging
import os
import statistics
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

EXIT_HANGS = 75  # neither success nor bad input, so local mode and Docker start another worker
TIMES = 10  # the usual time between gradients
MAKINGS = 3  # times what making the environments took: a reset is a part of it
GRADIENTS = 20  # whose median interval is the usual one
LOOK_S = 1.0
INTERPRETER_S = 600.0  # at least, until a thread that never lets another run is ended

log = logging.getLogger(__name__)


@dataclass
class Signs:
    """What the training thread has done so far. It only counts, so that a step costs nothing."""

    steps: int = 0  # of the batch of environments
    gradients: int = 0
    waits: int = 0  # for the server, which may be away for as long as it likes

    def wait(self) -> None:
        """Count a moment of waiting for the server."""
        self.waits += 1


class Watchdog:
    """A thread that ends this process when the signs have stood still for too long.

    Too long is `least_s`, TIMES the usual time between gradients, or MAKINGS times what making the environments took,
    whatever is longest. Before the first gradient it is TIMES `least_s`, as a start
    may compile, download or render what later steps only use. Time in which this process was paused does not count.

    Args:
        signs: of the training thread.
        least_s: seconds; 0 = never end it.
        end: is called with the reason.
    """

    def __init__(self, signs: Signs, least_s: float, end: Callable[[str], None] | None = None) -> None:
        self._signs = signs
        self._least_s = least_s
        self._end = end or _end
        self._intervals: deque[float] = deque(maxlen=GRADIENTS)
        self._making_s = 0.0
        self._look_s = min(LOOK_S, least_s / 10)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        if self._least_s:
            self._thread.start()

    def made(self, seconds: float) -> None:
        """Take note of how long making the environments took, their first reset included."""
        self._making_s = seconds
        self._intervals.clear()

    def close(self) -> None:
        """Stop watching: training has ended."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2 * LOOK_S)

    @property
    def limit_s(self) -> float:
        """Return how long the signs may stand still."""
        if not self._intervals:
            return max(TIMES * self._least_s, MAKINGS * self._making_s)
        return max(self._least_s, TIMES * statistics.median(self._intervals), MAKINGS * self._making_s)

    def _watch(self) -> None:
        seen, gradients = (-1, -1, -1), 0
        quiet = since_gradient = 0.0
        looked = time.monotonic()
        try:
            while not self._closed.wait(self._look_s):
                # Where the training thread does not let this one run at all, only a thread without Python can end it.
                faulthandler.dump_traceback_later(max(INTERPRETER_S, 2 * self.limit_s), exit=True)
                now = time.monotonic()
                passed = min(now - looked, 2 * self._look_s)  # more than that was a pause
                looked = now
                since_gradient += passed
                signs = (self._signs.steps, self._signs.gradients, self._signs.waits)
                quiet = 0.0 if signs != seen else quiet + passed
                seen = signs
                if (new := self._signs.gradients - gradients) > 0:
                    self._intervals.append(since_gradient / new)
                    gradients, since_gradient = self._signs.gradients, 0.0
                if quiet > self.limit_s:
                    self._end(
                        f"the training thread has taken no step for {quiet:.0f} s (limit {self.limit_s:.0f} s, "
                        f"A3C64_HANG_TIMEOUT {self._least_s:g}): this worker ends, so that another is started"
                    )
                    return
        finally:
            faulthandler.cancel_dump_traceback_later()


def _end(reason: str) -> None:
    """Say where each thread is, and end this process without waiting for any of them."""
    log.error("%s", reason)
    faulthandler.dump_traceback(sys.stderr, all_threads=True)
    os._exit(EXIT_HANGS)

"""A watchdog: ends a worker whose training thread hangs, so that its supervisor restarts it."""

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

EXIT_HANGS = 75  # neither success nor bad input, so local mode and Docker restart the worker
TIMES = 10  # limit, as a multiple of the usual time between gradients
MAKINGS = 3  # limit, as a multiple of the time that making the environments took, which includes a reset
GRADIENTS = 20  # the usual time is the median of this many intervals
LOOK_S = 1.0
INTERPRETER_S = 600.0  # least timeout for a training thread that never releases Python's interpreter lock

log = logging.getLogger(__name__)


@dataclass
class Signs:
    """Progress of the training thread. These are plain counters, so that a step costs almost nothing."""

    steps: int = 0  # of the batch of environments
    gradients: int = 0  # of different rollouts
    waits: int = 0  # for the server, which may be away for any time

    def wait(self) -> None:
        """Count a moment of waiting for the server."""
        self.waits += 1


class Watchdog:
    """A thread that ends this process if the signs do not change for longer than `limit_s`.

    The limit is the longest of these: `least_s`, TIMES the usual time between gradients, and MAKINGS times the time
    that making the environments took. Before the first gradient it is TIMES `least_s` instead of `least_s`, because
    the first steps may compile, download or render things. Time in which this process is paused does not count.

    Args:
        signs: of the training thread.
        least_s: least limit, seconds; 0 = never end the process.
        end: called with the reason; by default it ends the process.
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
        """Start the thread, unless the limit is 0."""
        if self._least_s:
            self._thread.start()

    def made(self, seconds: float) -> None:
        """Set how long making the environments took, with their first reset; forget the earlier intervals."""
        self._making_s = seconds
        self._intervals.clear()

    def close(self) -> None:
        """Stop the thread, because training has ended."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2 * LOOK_S)

    @property
    def limit_s(self) -> float:
        """Return the longest time without a change of the signs, seconds."""
        if not self._intervals:
            return max(TIMES * self._least_s, MAKINGS * self._making_s)
        return max(self._least_s, TIMES * statistics.median(self._intervals), MAKINGS * self._making_s)

    def _watch(self) -> None:
        seen, gradients = (-1, -1, -1), 0
        quiet = since_gradient = 0.0
        looked = time.monotonic()
        try:
            while not self._closed.wait(self._look_s):
                # If the training thread never releases the interpreter lock, this thread stops too. faulthandler's
                # own thread does not need the lock; it then ends the process.
                faulthandler.dump_traceback_later(max(INTERPRETER_S, 2 * self.limit_s), exit=True)
                now = time.monotonic()
                passed = min(now - looked, 2 * self._look_s)  # a longer time means that the process was paused
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
    """Print the traceback of each thread, and end this process without waiting for them."""
    log.error("%s", reason)
    faulthandler.dump_traceback(sys.stderr, all_threads=True)
    os._exit(EXIT_HANGS)

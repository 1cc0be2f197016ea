"""A clock that stands still while this process is paused."""

import time
from collections.abc import Callable

MAX_GAP_S = 1.0  # the server reads the clock ten times a second; only a long checkpoint takes more than this


class RunningClock:
    """Seconds since it was made, without pauses: SIGSTOP, a paused container, a suspended machine.

    Whatever lies between two readings counts as MAX_GAP_S at most. So a pause is not training time, and nobody is taken
    for dead because this process was not there to listen. The time of day plays no part.

    Args:
        clock: seconds that never fall.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._read = clock()
        self._passed = 0.0

    def __call__(self) -> float:
        """Return the seconds so far."""
        now = self._clock()
        self._passed += min(now - self._read, MAX_GAP_S)
        self._read = now
        return self._passed

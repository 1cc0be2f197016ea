"""A clock that does not advance while this process is paused."""

import time
from collections.abc import Callable

MAX_GAP_S = 1.0  # the server reads the clock ten times a second; only a long checkpoint takes more than this


class RunningClock:
    """Seconds since its creation, without pauses: SIGSTOP, a paused container, a suspended machine.

    The time between two readings counts as MAX_GAP_S at most. So a pause is not training time. Workers do not time out
    because this process was paused. Changes of the time of day have no effect.

    Args:
        clock: seconds, monotonic.
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

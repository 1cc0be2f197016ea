"""Time per section of a process' loop, charted as time/*."""

import time
from collections.abc import Sequence


class Timings:
    """Seconds spent per section. A call reads the clock once and adds, so this is cheap enough to leave on."""

    def __init__(self, sections: Sequence[str]) -> None:
        self.seconds = dict.fromkeys(sections, 0.0)
        self._mark = time.perf_counter()

    def add(self, section: str) -> None:
        """Add the time since the last call to a section."""
        now = time.perf_counter()
        self.seconds[section] += now - self._mark
        self._mark = now

    def drain(self) -> dict[str, float]:
        """Return each section's share of the time, 0 to 1, and reset all sums."""
        total = sum(self.seconds.values()) or 1.0
        shares = {section: seconds / total for section, seconds in self.seconds.items()}
        self.seconds = dict.fromkeys(self.seconds, 0.0)
        return shares

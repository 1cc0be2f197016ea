"""Starts an emulator on demand, replaces a dead one, and counts the replacements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from n64gym.machine.emulator import Emulator


class EmulatorSupervisor:
    """Holds at most one emulator. start: returns a new emulator; called when one is needed."""

    def __init__(self, start: Callable[[], Emulator]) -> None:
        self._start = start
        self.emulator: Emulator | None = None
        """None before the first start, and between the end of an emulator and the next start."""
        self.restarts = 0  # emulators that have died

    def ready(self) -> Emulator:
        """Return the emulator; start one if there is none. A forked process gets a new one."""
        if self.emulator is not None and not self.emulator.is_ours:
            self.close()
        if self.emulator is None:
            self.emulator = self._start()
        return self.emulator

    def switched_on(self) -> Emulator:
        """Return an emulator at power-on; replace the present one if it has run on."""
        if self.emulator is not None and self.emulator.vi_count > 1:
            self.close()
        return self.ready()

    def lose(self) -> None:
        """End an emulator that has died or is unusable, and count it."""
        if self.emulator is not None:
            self.close()
            self.restarts += 1

    def close(self) -> None:
        """End the emulator, if there is one."""
        emulator, self.emulator = self.emulator, None
        if emulator is not None:
            emulator.close()

    def __getstate__(self) -> dict[str, Any]:
        if self.emulator is not None:
            raise TypeError(
                "a running emulator cannot be copied: copy an environment before its first reset, or use "
                "snapshot() to save a moment of its episode"
            )
        return dict(vars(self))

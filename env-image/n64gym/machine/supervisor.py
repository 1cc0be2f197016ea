"""Starts an emulator when one is needed, and another after it has died; counts those that have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from n64gym.machine.emulator import Emulator


class EmulatorSupervisor:
    """Has an emulator, or none. start: returns a new one; it is called when one is needed for the first time."""

    def __init__(self, start: Callable[[], Emulator]) -> None:
        self._start = start
        self.emulator: Emulator | None = None
        """None before the first is needed, and from one's end to the next."""
        self.restarts = 0  # emulators that were lost

    def ready(self) -> Emulator:
        """The emulator; a new one if there is none. A forked process gets its own."""
        if self.emulator is not None and not self.emulator.is_ours:
            self.close()
        if self.emulator is None:
            self.emulator = self._start()
        return self.emulator

    def switched_on(self) -> Emulator:
        """A new emulator in place of one that has gone on from power-on."""
        if self.emulator is not None and self.emulator.vi_count > 1:
            self.close()
        return self.ready()

    def lose(self) -> None:
        """The emulator is dead or useless."""
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
                "a running emulator cannot be copied: copy an environment before its first reset, or keep a moment of "
                "its episode with snapshot()"
            )
        return dict(vars(self))

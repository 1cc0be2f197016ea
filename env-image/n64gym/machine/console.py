"""What a console has besides the game and its controllers: a clock, paks, and the way in which it is emulated."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

from n64gym.machine.saves import from_text

LAST_CLOCK = 2**32 - 1  # seconds since 1970: the year 2106
VALUES = {"processor": ("auto", "recompiler", "interpreter", "interpreter+video"), "rsp": ("auto", "hle")}


class Console(NamedTuple):
    """A console. Its clock is a part of the run: it does not depend on the time of day."""

    clock: str = "2000-01-01T00:00:00"
    """Time of the cartridge's clock chip at power-on, UTC. Few games have the chip."""
    expansion_pak: bool = True
    """8 MB of RDRAM, else 4 MB."""
    controller_pak: bool = False
    """Each controller has a controller pak."""
    saves: str = ""
    """What EEPROM, SRAM, FlashRAM and controller paks contain at power-on: text of `read_saves`, or "": nothing."""
    processor: str = "auto"
    """What runs the game's program: "recompiler", "interpreter" (slow), "interpreter+video", which also switches on the
    video for the game, or "auto": the first of these with which the game shows a picture."""
    rsp: str = "auto"
    """What runs the RSP's programs: "hle", which imitates those of most games and leaves out others, or "auto": the
    others run in mupen64plus-rsp-z64, if that is installed."""

    @classmethod
    def of(cls, value: Any) -> Self:
        """Return `value`, a Console or a mapping with some of its fields. Raises ValueError."""
        if isinstance(value, cls):
            console = value
        elif isinstance(value, Mapping) and set(value) <= set(cls._fields):
            console = cls(**value)
        else:
            raise ValueError(f"console is {value!r:.100}; expected an object with {', '.join(cls._fields)}")
        for name in ("expansion_pak", "controller_pak"):
            if not isinstance(getattr(console, name), bool):
                raise ValueError(f"console: {name} is {getattr(console, name)!r:.100}; expected true or false")
        for name, values in VALUES.items():
            if getattr(console, name) not in values:
                expected = " or ".join(repr(one) for one in values)
                raise ValueError(f"console: {name} is {getattr(console, name)!r:.100}; expected {expected}")
        from_text(console.saves)
        _ = console.seconds
        return console

    @property
    def seconds(self) -> int:
        """The clock in seconds since 1970. Raises ValueError."""
        try:
            seconds = int(datetime.fromisoformat(self.clock).replace(tzinfo=UTC).timestamp())
        except (TypeError, ValueError):
            seconds = -1
        if not 0 <= seconds <= LAST_CLOCK:
            raise ValueError(f"console: clock is {self.clock!r:.100}; expected a time such as {Console().clock}")
        return seconds


CONSOLE = Console()

"""A game that is played to learn how it works: step it, keep savestates, search its memory, name variables.

session = Session("game.z64")
session.step(60, word=controller.A)
lives = session.search("u8").equal(3)
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from n64gym.integration.search import KINDS, KSEG0, Search
from n64gym.machine.console import CONSOLE, Console
from n64gym.machine.emulator import Emulator, EmulatorError
from n64gym.machine.rom import Rom, open_rom
from n64gym.machine.shared import RDRAM_BYTES
from n64gym.machine.state import State
from n64gym.machine.supervisor import EmulatorSupervisor


class Variable(NamedTuple):
    """A value in the game's memory."""

    address: int  # 80000000 to 807FFFFF
    kind: str  # of KINDS


class Session:
    """A running game, stopped between two steps.

    video, console, timeout: see N64Env. Raises RomError, EmulatorError, ValueError. After an EmulatorError, `load` and
    `power_on` start another emulator.
    """

    def __init__(
        self, rom: str | Path | Rom, *, video: str | None = None, console: Console = CONSOLE, timeout: float = 10.0
    ) -> None:
        self.rom = rom if isinstance(rom, Rom) else open_rom(rom)
        self.variables: dict[str, Variable] = {}
        self.states: dict[str, State] = {}
        self._supervisor = EmulatorSupervisor(
            lambda: Emulator(self.rom, video=video, console=Console.of(console), timeout=timeout)
        )
        self._supervisor.ready()

    @property
    def emulator(self) -> Emulator:
        """The emulator. Raises EmulatorError if it has died."""
        emulator = self._supervisor.emulator
        if emulator is None:
            raise EmulatorError("the emulator has died: load a savestate, or begin at power-on")
        return emulator

    def step(self, vis: int = 1, word: int = 0) -> None:
        """Play `vis` VIs (60 a second) with the controller held at `word`, see controller.word."""
        try:
            self.emulator.step(vis, word)
        except EmulatorError:
            self._supervisor.lose()
            raise

    def play(self, words: Iterable[int], vis: int = 1) -> None:
        """Hold each word for `vis` VIs."""
        for word in words:
            self.step(vis, word)

    def frame(self) -> NDArray[np.uint8]:
        """Return the picture, uint8 [height, width, 3]. No time passes."""
        return self.emulator.frame()

    def save(self, name: str = "") -> State:
        """Keep a savestate of this moment under a name. No time passes."""
        self.states[name] = state = self.emulator.save_state()
        return state

    def load(self, name: str = "") -> None:
        """Return to a savestate. Raises ValueError if there is none of this name."""
        if name not in self.states:
            raise ValueError(f"there is no savestate {name!r}; expected {_listed(self.states)}")
        self._supervisor.ready().load_state(self.states[name])

    def power_on(self) -> None:
        """Switch the console off and on."""
        self._supervisor.switched_on()

    def search(self, kind: str, align: int | None = None) -> Search:
        """Begin a search of memory."""
        return Search(lambda: self.emulator.rdram, kind, align)

    def read(self, address: int, kind: str) -> int | float:
        """Return the value at an address. Raises ValueError."""
        offset, dtype = _placed(address, kind)
        words = self.emulator.rdram[offset >> 2 : (offset + dtype.itemsize + 3) >> 2]
        value: int | float = np.frombuffer(words.byteswap().tobytes(), dtype, 1, offset & 3)[0].item()
        return value

    def write(self, address: int, kind: str, value: float) -> None:
        """Write a value to memory. Raises ValueError."""
        offset, dtype = _placed(address, kind)
        if kind != "f32" and not (value == int(value) and np.iinfo(dtype).min <= value <= np.iinfo(dtype).max):
            raise ValueError(f"{value} is not a value of type {kind}")
        first, last = offset >> 2, (offset + dtype.itemsize + 3) >> 2
        memory = bytearray(self.emulator.rdram[first:last].byteswap().tobytes())
        memory[offset & 3 : (offset & 3) + dtype.itemsize] = np.array(value).astype(dtype).tobytes()
        self.emulator.rdram[first:last] = np.frombuffer(memory, ">u4")

    def name(self, name: str, address: int, kind: str) -> None:
        """Give the value at an address a name. Raises ValueError."""
        if not name.isidentifier():
            raise ValueError(f"{name!r} is not a name; expected letters, digits and _, beginning with a letter")
        _placed(address, kind)
        self.variables[name] = Variable(address, kind)

    def forget(self, name: str) -> None:
        """Forget a variable. Raises ValueError if there is none of this name."""
        if name not in self.variables:
            raise ValueError(f"there is no variable {name!r}; expected {_listed(self.variables)}")
        del self.variables[name]

    def values(self) -> dict[str, int | float]:
        """Return the variables' present values."""
        return {name: self.read(*variable) for name, variable in self.variables.items()}

    def close(self) -> None:
        """End the emulator."""
        self._supervisor.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def _placed(address: int, kind: str) -> tuple[int, np.dtype[Any]]:
    """Return an address' offset in RDRAM, and its type. Raises ValueError."""
    if kind not in KINDS:
        raise ValueError(f"type is {kind!r}; expected {', '.join(KINDS)}")
    offset, dtype = address - KSEG0, KINDS[kind]
    if not 0 <= offset <= RDRAM_BYTES - dtype.itemsize:
        raise ValueError(f"address is {address:08X}; expected 80000000 to 807FFFFF")
    return offset, dtype


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names) or "a name, but there are none"

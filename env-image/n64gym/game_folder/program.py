"""Reads a game's variables and computes its expressions: values, reward, ends, telemetry, figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from n64gym.game_folder.expressions import BUILT_IN, Function, Number, build, result
from n64gym.game_folder.model import TYPES, GameFile, Variable
from n64gym.machine.memory import DIRECT, Memory
from n64gym.machine.shared import RDRAM_BYTES

POINTERS = (0x100, 0x140)  # the upper nine bits of an address in memory, cached or uncached


class Program:
    """A game's expressions as functions of two lists: the values now, and those at the end of the step before.

    A list has the built-in names, then the variables, then the values.
    """

    def __init__(self, game: GameFile) -> None:
        self.names = (*BUILT_IN, *game.variables, *game.values)
        index = {name: number for number, name in enumerate(self.names)}
        self._variables = tuple(game.variables.values())
        self._values = self._built(game.values, index)
        self.reward = self._built(game.reward, index)
        self.done = self._built(game.done, index)
        self.truncated = self._built(game.truncated, index)
        self.telemetry = list(self._built(game.telemetry, index).values())
        self.progress = build(game.progress, index) if game.progress else None
        self.lap_times = [build(text, index) for text in game.lap_times]
        self.figures = {name: build(one.value, index) for name, one in game.figures.items()}
        self.when = {name: build(one.when, index) for name, one in game.figures.items() if one.when}
        self._index = index
        self._there: _Variables | None = None

    @staticmethod
    def _built(texts: Mapping[str, str], index: Mapping[str, int]) -> dict[str, Function]:
        return {name: build(text, index) for name, text in texts.items()}

    def condition(self, text: str) -> Function:
        """Return an expression that is needed outside steps."""
        return build(text, self._index)

    def read(self, memory: Memory, built_in: list[Number], before: list[Number]) -> list[Number]:
        """Return the values now. built_in: those of BUILT_IN in order."""
        if self._there is None or self._there.memory is not memory:
            self._there = _Variables(memory, self._variables)
        now = built_in + self._there.read()
        for function in self._values.values():
            now.append(result(function, now, before))
        return now


class _Variables:
    """The variables in one emulator's memory."""

    def __init__(self, memory: Memory, variables: Sequence[Variable]) -> None:
        self.memory = memory
        numbers = [getattr(memory, one.type) for one in variables]
        self._reads = [(of.view, of.index(one.address)) for of, one in zip(numbers, variables, strict=True)]
        self._others = [(number, one) for number, one in enumerate(variables) if one.follow or one.bits]

    def read(self) -> list[Number]:
        """Return the variables' values in order."""
        found: list[Number] = [view[index] for view, index in self._reads]
        for number, variable in self._others:
            value = self._follow(variable) if variable.follow else found[number]
            if variable.bits:
                lowest, highest = variable.bits
                value = int(value) >> lowest & (1 << highest - lowest + 1) - 1
            found[number] = value
        return found

    def _follow(self, variable: Variable) -> Number:
        """Return a variable behind pointers; 0 if one of them is not an address in memory."""
        address = variable.address
        for number, offset in enumerate(variable.follow, start=1):
            pointer = self.memory.u32[address]
            address = pointer + offset
            size = TYPES[variable.type].size if number == len(variable.follow) else 4
            if pointer >> 23 not in POINTERS or (address & DIRECT) >= RDRAM_BYTES or address % size:
                return 0
        return getattr(self.memory, variable.type)[address]

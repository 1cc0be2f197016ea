"""Reads a game's variables and computes its expressions: values, reward, ends, telemetry, figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from n64gym.game_folder.expressions import BUILT_IN, Function, Number, build, result
from n64gym.game_folder.model import TYPES, GameFile, Variable

LANES = {1: 3, 2: 1, 4: 0}  # RDRAM is words in the host's byte order: xor with a byte's or halfword's index


class Plain(NamedTuple):
    """How to read a variable at a fixed address."""

    code: str  # of the view of memory
    place: int  # index in that view


class Program:
    """A game's expressions as functions of two lists: the values now, and those at the end of the step before.

    A list has the built-in names, then the variables, then the values.
    """

    def __init__(self, game: GameFile) -> None:
        self.names = (*BUILT_IN, *game.variables, *game.values)
        index = {name: number for number, name in enumerate(self.names)}
        self._variables = [(one, plain(one.type, one.address)) for one in game.variables.values()]
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
        self._memory: _Variables | None = None

    @staticmethod
    def _built(texts: Mapping[str, str], index: Mapping[str, int]) -> dict[str, Function]:
        return {name: build(text, index) for name, text in texts.items()}

    def condition(self, text: str) -> Function:
        """Return an expression that is needed outside steps."""
        return build(text, self._index)

    def read(self, rdram: NDArray[np.uint32], built_in: list[Number], before: list[Number]) -> list[Number]:
        """Return the values now. built_in: those of BUILT_IN in order."""
        memory = self._memory
        if memory is None or memory.rdram is not rdram:
            memory = self._memory = _Variables(rdram, self._variables)
        now = built_in + memory.read()
        for function in self._values.values():
            now.append(result(function, now, before))
        return now


class _Variables:
    """The variables in one emulator's RDRAM."""

    def __init__(self, rdram: NDArray[np.uint32], variables: list[tuple[Variable, Plain]]) -> None:
        self.rdram = rdram
        self._views = {code: rdram.data.cast("B").cast(code) for _, code in TYPES.values()}  # type: ignore[call-overload]
        self._reads = [(self._views[how.code], how.place) for _, how in variables]
        self._others = [(number, one) for number, (one, _) in enumerate(variables) if one.follow or one.bits]

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
        """Return a variable behind pointers; 0 if one of them is not an aligned address in RDRAM."""
        address = variable.address
        for number, offset in enumerate(variable.follow, start=1):
            pointer = self._views["I"][(address & 0x7FFFFF) >> 2]
            address = pointer + offset
            size = TYPES[variable.type].size if number == len(variable.follow) else 4
            if pointer >> 23 not in (0x100, 0x140) or not 0 <= (address & 0x1FFFFFFF) < 0x800000 or address % size:
                return 0
        how = plain(variable.type, address)
        return self._views[how.code][how.place]


def plain(kind: str, address: int) -> Plain:
    """Return how to read a variable of a type at an address."""
    size, code = TYPES[kind]
    return Plain(code, (address & 0x7FFFFF) // size ^ LANES[size])

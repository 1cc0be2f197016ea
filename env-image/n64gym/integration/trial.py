"""Tries a reward while the game is played: the reward and the ends that an agent would get."""

from __future__ import annotations

from n64gym.game_folder.expressions import Number, result
from n64gym.game_folder.program import Program
from n64gym.machine.controller import stick_of
from n64gym.machine.emulator import Emulator


class Trial:
    """An episode of a game that is still being described. It begins at the emulator's present moment."""

    def __init__(self, program: Program, emulator: Emulator) -> None:
        self._program = program
        self._fps = emulator.rom.vis_per_second
        self._time = 0.0
        self._steps = 0
        self.totals = dict.fromkeys(program.reward, 0.0)
        """The sum of each term of the reward."""
        self.last = 0.0
        """The reward of the last step."""
        self.ends: list[str] = []
        """The conditions of an episode's end that hold now."""
        self._values = self._read(emulator, 0, 0, [0] * len(program.names))

    @property
    def total(self) -> float:
        """The reward so far."""
        return sum(self.totals.values())

    def step(self, emulator: Emulator, vis: int, word: int) -> None:
        """Judge a step that has just ended: `vis` VIs with the controller at `word`."""
        self._time += vis / self._fps
        self._steps += 1
        before = self._values
        self._values = self._read(emulator, vis, word, before)
        terms = {name: result(term, self._values, before) for name, term in self._program.reward.items()}
        for name, term in terms.items():
            self.totals[name] += term
        self.last = float(sum(terms.values()))
        self.ends = [name for name, end in self._program.done.items() if result(end, self._values, before)]

    def _read(self, emulator: Emulator, vis: int, word: int, before: list[Number]) -> list[Number]:
        built_in: list[Number] = [vis, vis / self._fps, self._time, self._steps, *stick_of(word)]
        return self._program.read(emulator.memory, built_in, before)

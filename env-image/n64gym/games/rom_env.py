"""n64gym/Rom-v0: any N64 ROM with the whole controller and no reward, to explore a game or as a base class."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from n64gym.episode import Outcome
from n64gym.machine.controller import BUTTON_ORDER, StickAndButtons
from n64gym.machine.emulator import Emulator
from n64gym.machine.rom import RomError
from n64gym.n64_env import N64Env


class RomEnv(N64Env):
    """An episode starts at power-on and never ends by itself.

    Actions: MultiDiscrete [16], stick x and y from 0 to 160, of which 80 is the centre, then 0 or 1 for each button of
    controller.BUTTON_ORDER. Other arguments: see N64Env. A ROM that draws with
    the GPU needs video="glide64mk2" and an X display. Otherwise the picture shows only what the CPU has drawn.
    """

    def __init__(self, rom: str | Path = "", **settings: Any) -> None:
        if not str(rom):
            raise RomError('n64gym/Rom-v0 needs a ROM: gymnasium.make("n64gym/Rom-v0", rom="/path/to/game.z64")')
        self._actions = StickAndButtons(BUTTON_ORDER)
        self.action_space = self._actions.space()
        super().__init__(rom, **settings)

    @classmethod
    def has_reward(cls) -> bool:
        """Return whether a subclass defines a reward."""
        return cls._judge is not RomEnv._judge

    def _word(self, action: Any) -> int:
        return self._actions.word(action)

    def _begin_episode(self, emulator: Emulator, setup: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def _judge(self, emulator: Emulator, word: int) -> Outcome:
        return Outcome(0.0, False, False, {})

"""The two action spaces of gym-mupen64plus: stick and buttons, or 127 discrete actions.

Each class gives a Gymnasium space, the controller word of an action, and the action nearest to a word (for
demonstrations).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from gymnasium import spaces

from n64gym.machine.controller import C_RIGHT, STICK, A, B, L, R, StickAndButtons, Z, stick_of, whole_number, word
from n64gym.settings import listed, nearest

BUTTONS = (A, B, R, L, Z, C_RIGHT)  # L taunts, Z shields, C jumps; R grabs, but gym-mupen64plus had no R
STICKS = (-STICK, -60, 0, 60, STICK)  # gym-mupen64plus used 120, which the game limits to 80
PRESSED = (0, A, B, Z, C_RIGHT)
GRAB, TAUNT = A | Z, L


class MultiDiscrete(StickAndButtons):
    """Stick x and y from 0 to 255, of which 128 is the centre, then A, B, R, L, Z, C-right as 0 or 1.

    A real stick reaches 80 to each side of the centre, and so do these.
    signed: x and y go from -128 to 127, as in gym-mupen64plus.
    """

    def __init__(self, signed: bool = False) -> None:
        super().__init__(BUTTONS, -128, 127, signed)


class Discrete:
    """25 stick positions (x, then y, from -80 to 80), each with no button, A, B, Z or C-right; grab; taunt."""

    def __init__(self) -> None:
        self._words = [word(button, x, y) for x in STICKS for y in STICKS for button in PRESSED]
        self._words += [word(GRAB), word(TAUNT)]

    def space(self) -> spaces.Space:
        """Return Discrete(127)."""
        return spaces.Discrete(len(self._words))

    def word(self, action: Any) -> int:
        """Return the controller word of action 0 to 126."""
        return self._words[whole_number(action, len(self._words))]

    def action(self, buttons: int) -> np.int64:
        """Return the action with the most buttons in common. Of equal ones, the nearest stick position wins."""
        cared_for = sum(BUTTONS)

        def distance(index: int) -> int:
            mine = self._words[index]
            (x, y), (other_x, other_y) = stick_of(buttons), stick_of(mine)
            return ((buttons ^ mine) & cared_for).bit_count() * 1000 + abs(x - other_x) + abs(y - other_y)

        return np.int64(min(range(len(self._words)), key=distance))


KINDS: dict[str, Callable[[], MultiDiscrete | Discrete]] = {
    "multidiscrete": MultiDiscrete,
    "signed": partial(MultiDiscrete, signed=True),
    "discrete": Discrete,
}


def fighting(kind: str) -> MultiDiscrete | Discrete:
    """Return the action class for `kind`. Raises ValueError if `kind` is unknown."""
    if kind not in KINDS:
        raise ValueError(f"actions is {kind!r}{nearest(kind, list(KINDS))}; expected {listed(KINDS)}")
    return KINDS[kind]()

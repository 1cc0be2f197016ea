"""The N64 controller: mupen64plus' BUTTONS word, and the parts of action spaces that all games share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from n64gym.machine.shared import CONTROLLERS

D_RIGHT, D_LEFT, D_DOWN, D_UP, START, Z, B, A = (1 << bit for bit in range(8))
C_RIGHT, C_LEFT, C_DOWN, C_UP, R, L = (1 << bit for bit in range(8, 14))

STICK = 80  # the largest value that games expect; the word can hold -128 to 127


def word(buttons: int = 0, x: int = 0, y: int = 0) -> int:
    """Return the BUTTONS word of buttons (the constants above) and a stick position: x right, y up, both -128 to
    127."""
    return buttons | (x & 0xFF) << 16 | (y & 0xFF) << 24


def stick_of(buttons: int) -> tuple[int, int]:
    """Return the stick's x and y in a BUTTONS word, -128 to 127."""
    x, y = buttons >> 16 & 0xFF, buttons >> 24 & 0xFF
    return (x ^ 0x80) - 0x80, (y ^ 0x80) - 0x80


def plugged_in(controllers: int | Sequence[int]) -> int:
    """Return the bits of the ports with a controller, port 1 the lowest: of a number of controllers, or a list of
    ports. Raises ValueError."""
    ports = range(1, controllers + 1) if isinstance(controllers, int) else controllers
    if not set(ports) <= set(range(1, CONTROLLERS + 1)):
        raise ValueError(f"controllers is {controllers!r}; expected 0 to {CONTROLLERS}, or a list of ports from 1 on")
    return sum(1 << port - 1 for port in set(ports))


class DrivingAction(NamedTuple):
    """One of the discrete driving actions."""

    name: str
    word: int


DRIVING = (  # the twelve of gym-mupen64plus, in its order
    DrivingAction("NOOP", word()),  # the name that wrappers for Atari games look for
    DrivingAction("straight", word(A)),
    DrivingAction("brake", word(B)),
    DrivingAction("back up", word(B, y=-80)),
    DrivingAction("soft left", word(A, x=-20)),
    DrivingAction("left", word(A, x=-40)),
    DrivingAction("hard left", word(A, x=-60)),
    DrivingAction("extreme left", word(A, x=-80)),
    DrivingAction("soft right", word(A, x=20)),
    DrivingAction("right", word(A, x=40)),
    DrivingAction("hard right", word(A, x=60)),
    DrivingAction("extreme right", word(A, x=80)),
)

BUTTON_ORDER = (A, B, Z, START, R, L, D_UP, D_DOWN, D_LEFT, D_RIGHT, C_UP, C_DOWN, C_LEFT, C_RIGHT)


def whole_number(action: Any, choices: int) -> int:
    """Return a discrete action as an int. Raises ValueError unless it is an integer from 0 to `choices` - 1."""
    try:
        number = int(action)
        if number == action and 0 <= number < choices:
            return number
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"action is {action!r}; expected a whole number from 0 to {choices - 1}")


def whole_numbers(action: Any, bounds: Sequence[tuple[int, int]]) -> list[int]:
    """Return an action of several parts as ints. Raises ValueError unless each part is within its bounds."""
    try:
        numbers = [int(part) for part in action]
        if len(numbers) == len(bounds) and all(
            low <= number <= high and number == part
            for number, part, (low, high) in zip(numbers, action, bounds, strict=True)
        ):
            return numbers
    except (TypeError, ValueError, OverflowError):
        pass
    ranges = ", ".join(f"{low} to {high}" for low, high in bounds)
    raise ValueError(f"action is {action!r}; expected {len(bounds)} whole numbers: {ranges}")


class StickAndButtons:
    """Actions [x, y, then 0 or 1 for each button], int64.

    x and y count from 0, because many libraries ignore the `start` of a MultiDiscrete space. So `-low` is the centre of
    the stick, 0 is full left or full down.

    buttons: constants of this module, in their order. low, high: the stick's range in the controller word.
    signed: x and y are the stick's own values instead, from low to high, as in gym-mupen64plus.
    """

    def __init__(self, buttons: Sequence[int], low: int = -STICK, high: int = STICK, signed: bool = False) -> None:
        self._buttons, self._low, self._high = buttons, low, high
        self._first = low if signed else 0

    def space(self) -> spaces.MultiDiscrete:
        """Return MultiDiscrete [2 + number of buttons]."""
        zeros = [0] * len(self._buttons)
        sizes = [self._high - self._low + 1] * 2 + [2] * len(self._buttons)
        return spaces.MultiDiscrete(sizes, start=[self._first, self._first, *zeros])

    def word(self, action: Any) -> int:
        """Return the controller word of an action. A stick beyond STICK gives the same word as one at STICK."""
        last = self._first + self._high - self._low
        bounds = ((self._first, last),) * 2 + ((0, 1),) * len(self._buttons)
        x, y, *pressed = whole_numbers(action, bounds)
        x, y = (max(-STICK, min(STICK, value - self._first + self._low)) for value in (x, y))
        return word(sum(button for button, down in zip(self._buttons, pressed, strict=True) if down), x, y)

    def action(self, buttons: int) -> np.ndarray:
        """Return the action nearest to a controller word."""
        x, y = (max(self._low, min(self._high, value)) - self._low + self._first for value in stick_of(buttons))
        return np.array([x, y, *(bool(buttons & button) for button in self._buttons)], np.int64)

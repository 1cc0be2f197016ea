"""The N64 controller: mupen64plus' BUTTONS word, and the parts of action spaces that all games share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

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


class DrivingAction(NamedTuple):
    """One of the discrete driving actions."""

    name: str
    word: int


DRIVING = (  # the twelve of gym-mupen64plus, in its order
    DrivingAction("no-op", word()),
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
WHOLE_BOUNDS = ((-STICK, STICK),) * 2 + ((0, 1),) * len(BUTTON_ORDER)


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


def whole_controller() -> spaces.MultiDiscrete:
    """MultiDiscrete [16]: stick x and y from -80 to 80, then a 0 or 1 for each button of BUTTON_ORDER."""
    sizes = [2 * STICK + 1] * 2 + [2] * len(BUTTON_ORDER)
    return spaces.MultiDiscrete(sizes, start=[-STICK, -STICK] + [0] * len(BUTTON_ORDER))


def whole_controller_word(action: Sequence[int] | np.ndarray) -> int:
    """Return the BUTTONS word of an action of `whole_controller`."""
    x, y, *pressed = whole_numbers(action, WHOLE_BOUNDS)
    return word(sum(button for button, down in zip(BUTTON_ORDER, pressed, strict=True) if down), x, y)

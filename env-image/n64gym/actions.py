"""The ways to drive: twelve discrete actions, stick and buttons, or continuous controls.

Each class gives a Gymnasium space, the names of the actions (or of an action's parts), the controller word of an
action, and the action nearest to a word (for demonstrations)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from gymnasium import spaces

from n64gym.machine.controller import DRIVING, STICK, A, B, R, StickAndButtons, stick_of, whole_number, word
from n64gym.settings import listed, nearest

BUTTONS = (A, B, R)


class Discrete:
    """The twelve driving actions of gym-mupen64plus, see controller.DRIVING."""

    def space(self) -> spaces.Space:
        """Return Discrete(12)."""
        return spaces.Discrete(len(DRIVING))

    def names(self) -> list[str]:
        """Return the names of the actions."""
        return [action.name for action in DRIVING]

    def word(self, action: Any) -> int:
        """Return the controller word of action 0 to 11."""
        return DRIVING[whole_number(action, len(DRIVING))].word

    def action(self, buttons: int) -> np.int64:
        """Return the action with the same A and B and the nearest stick."""

        def distance(index: int) -> int:
            mine = DRIVING[index].word
            (x, y), (other_x, other_y) = stick_of(buttons), stick_of(mine)
            differing = bin((buttons ^ mine) & (A | B)).count("1")
            return differing * 1000 + abs(x - other_x) + abs(y - other_y)

        return np.int64(min(range(len(DRIVING)), key=distance))


class MultiDiscrete(StickAndButtons):
    """Stick and buttons: x and y from 0 to 160, of which 80 is the centre, then A, B, R as 0 or 1.

    signed: x and y go from -80 to 80, as in gym-mupen64plus.
    """

    def __init__(self, signed: bool = False) -> None:
        super().__init__(BUTTONS, signed=signed)

    def names(self) -> list[str]:
        """Return what the parts of an action are called."""
        return ["x", "y", "A", "B", "R"]


class Continuous:
    """[steer, throttle, brake, drift] as float32. Steer goes from -1 (left) to 1.

    The others go from 0 to 1 and count as pressed above 0.5.
    Brake also pulls the stick back, so that a standing kart drives backwards.
    """

    def space(self) -> spaces.Space:
        """Return Box [4]."""
        return spaces.Box(np.array([-1, 0, 0, 0], np.float32), np.ones(4, np.float32))

    def names(self) -> list[str]:
        """Return what the parts of an action are called."""
        return ["steer", "throttle", "brake", "drift"]

    def word(self, action: Any) -> int:
        """Return the controller word of [steer, throttle, brake, drift]. Values out of range are clipped."""
        steer, *pressed = values = [float(value) for value in action]
        if len(values) != 1 + len(BUTTONS) or any(map(math.isnan, values)):
            raise ValueError(f"action is {action!r}; expected four numbers: steer, throttle, brake, drift")
        x = round(STICK * max(-1.0, min(1.0, steer)))
        buttons = sum(button for button, value in zip(BUTTONS, pressed, strict=True) if value > 0.5)
        return word(buttons, x, -STICK if buttons & B and not buttons & A else 0)

    def action(self, buttons: int) -> np.ndarray:
        """Return [steer, throttle, brake, drift], float32."""
        x = max(-STICK, min(STICK, stick_of(buttons)[0]))
        return np.array([x / STICK, *(bool(buttons & button) for button in BUTTONS)], np.float32)


KINDS: dict[str, Callable[[], Discrete | MultiDiscrete | Continuous]] = {
    "discrete": Discrete,
    "multidiscrete": MultiDiscrete,
    "signed": partial(MultiDiscrete, signed=True),
    "continuous": Continuous,
}


def driving(kind: str) -> Discrete | MultiDiscrete | Continuous:
    """Return the action class for `kind`. Raises ValueError if `kind` is unknown."""
    if kind not in KINDS:
        raise ValueError(f"actions is {kind!r}{nearest(kind, list(KINDS))}; expected {listed(KINDS)}")
    return KINDS[kind]()

"""The action spaces of a game.toml: a list of actions, groups of them, or stick and buttons as numbers."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
from gymnasium import spaces

from n64gym.game_folder.model import BUTTONS, Action, Actions
from n64gym.machine.controller import STICK, stick_of, whole_number, whole_numbers, word

DIFFERENT_BUTTON = 1000  # a differing button counts more than any difference of the stick


class ActionSpace(Protocol):
    """A way to act: a Gymnasium space, and its translation to and from controller words."""

    def space(self) -> spaces.Space[Any]:
        """Return the Gymnasium space."""

    def names(self) -> list[str]:
        """Return the names of the actions, or of an action's parts."""

    def word(self, action: Any) -> int:
        """Return the controller word of an action. Raises ValueError."""

    def action(self, buttons: int) -> Any:
        """Return the action nearest to a controller word."""


class Listed:
    """One of a list of actions: Discrete."""

    def __init__(self, actions: tuple[Action, ...]) -> None:
        self._actions = actions
        self._words = [one.word for one in actions]

    def space(self) -> spaces.Discrete:
        """Return Discrete(N)."""
        return spaces.Discrete(len(self._words))

    def names(self) -> list[str]:
        """Return the actions' names."""
        return [name_of(one) for one in self._actions]

    def word(self, action: Any) -> int:
        """Return the controller word of an action."""
        return self._words[whole_number(action, len(self._words))]

    def action(self, buttons: int) -> np.int64:
        """Return the action with the fewest different buttons; of equal ones the nearest stick wins."""
        return np.int64(min(range(len(self._words)), key=lambda index: distance(buttons, self._words[index])))


class Grouped:
    """One action of each group, all held together: MultiDiscrete. The stick is the sum of theirs."""

    def __init__(self, groups: tuple[tuple[Action, ...], ...]) -> None:
        self._groups = groups
        self._bounds = [(0, len(group) - 1) for group in groups]

    def space(self) -> spaces.MultiDiscrete:
        """Return MultiDiscrete [groups]."""
        return spaces.MultiDiscrete([len(group) for group in self._groups])

    def names(self) -> list[str]:
        """Return the names of each group's actions, separated by /."""
        return ["/".join(name_of(one) for one in group) for group in self._groups]

    def word(self, action: Any) -> int:
        """Return the controller word of an action."""
        chosen = zip(self._groups, whole_numbers(action, self._bounds), strict=True)
        return together([group[number] for group, number in chosen])

    def action(self, buttons: int) -> np.ndarray:
        """Return for each group the action whose buttons and stick fit best, judged alone."""
        found = []
        for group in self._groups:
            mine = 0
            for one in group:
                mine |= one.word & 0xFFFF
            has_stick = any(one.stick != (0, 0) for one in group)
            wanted = buttons & (mine | (0xFFFF0000 if has_stick else 0))
            found.append(min(range(len(group)), key=lambda index: distance(wanted, group[index].word)))
        return np.array(found, np.int64)


class Analog:
    """The stick from -1 to 1 and buttons from 0 to 1, pressed above 0.5: Box. Values out of range are clipped."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names

    def space(self) -> spaces.Box:
        """Return Box [N]."""
        low = np.array([-1.0 if name in "xy" else 0.0 for name in self._names], np.float32)
        return spaces.Box(low, np.ones(len(self._names), np.float32))

    def names(self) -> list[str]:
        """Return "x", "y", or the name of a button for each number."""
        return list(self._names)

    def word(self, action: Any) -> int:
        """Return the controller word of an action."""
        values = [float(value) for value in action]
        if len(values) != len(self._names) or any(map(math.isnan, values)):
            raise ValueError(f"action is {action!r}; expected {len(self._names)} numbers: {', '.join(self._names)}")
        held = dict(zip(self._names, values, strict=True))
        x, y = (round(STICK * max(-1.0, min(1.0, held.pop(axis, 0.0)))) for axis in "xy")
        return word(sum(BUTTONS[name] for name, value in held.items() if value > 0.5), x, y)

    def action(self, buttons: int) -> np.ndarray:
        """Return an action's numbers, float32."""
        stick = dict(zip("xy", stick_of(buttons), strict=True))
        numbers = [
            max(-1.0, min(1.0, stick[name] / STICK)) if name in stick else float(bool(buttons & BUTTONS[name]))
            for name in self._names
        ]
        return np.array(numbers, np.float32)


def action_space(actions: Actions) -> ActionSpace:
    """Return the action space of a game."""
    if actions.list:
        return Listed(actions.list)
    return Grouped(actions.groups) if actions.groups else Analog(actions.analog)


def name_of(action: Action) -> str:
    """Return an action's name, or else its buttons and stick."""
    stick = f"stick {action.stick[0]},{action.stick[1]}" if action.stick != (0, 0) else ""
    return action.name or " ".join([*action.buttons, *([stick] if stick else [])]) or "NOOP"


def together(actions: list[Action]) -> int:
    """Return the controller word of actions that are held at the same time."""
    buttons = 0
    for one in actions:
        buttons |= one.word & 0xFFFF
    x, y = (max(-STICK, min(STICK, sum(one.stick[axis] for one in actions))) for axis in (0, 1))
    return word(buttons, x, y)


def distance(one: int, other: int) -> int:
    """Return how different two controller words are."""
    (x, y), (other_x, other_y) = stick_of(one), stick_of(other)
    return ((one ^ other) & 0xFFFF).bit_count() * DIFFERENT_BUTTON + abs(x - other_x) + abs(y - other_y)

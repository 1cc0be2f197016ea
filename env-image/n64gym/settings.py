"""The settings of an episode, such as its course. Each game declares its settings; this module checks and draws
values."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np


class Setting(NamedTuple):
    """One setting."""

    allowed: Sequence[Any]  # the allowed names, or a range of numbers
    default: Any
    parts: int = 1  # the range is in units of 1 / parts: 100 = hundredths


def check(settings: Mapping[str, Setting], chosen: Mapping[str, Any]) -> None:
    """Raise ValueError unless every choice is an allowed value or a list of allowed values."""
    for name, value in chosen.items():
        if name not in settings:
            raise ValueError(
                f"there is no setting {name!r}{nearest(name, list(settings))}; expected {listed(settings)}"
            )
        candidates = value if is_list(value) else [value]
        if not len(candidates):
            raise ValueError(f"{name} is an empty list; expected a value, or a list of values to draw from")
        for candidate in candidates:
            normal(name, settings[name], candidate)


def draw(settings: Mapping[str, Setting], chosen: Mapping[str, Any], random: np.random.Generator) -> dict[str, Any]:
    """Return a value for every setting: the default or the chosen value. From a list, a random value is drawn."""
    drawn: dict[str, Any] = {}
    for name, setting in settings.items():
        value = chosen.get(name, setting.default)
        if is_list(value):
            value = value[int(random.integers(len(value)))]
        drawn[name] = normal(name, setting, value)
    return drawn


def is_list(value: Any) -> bool:
    """Return whether `value` is a list of values to draw from."""
    return isinstance(value, Sequence | np.ndarray) and not isinstance(value, str)


def normal(name: str, setting: Setting, value: Any) -> Any:
    """Return the member of `setting.allowed` for `value`. Raises ValueError if `value` is not allowed."""
    allowed = setting.allowed
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(allowed, range):
        parts = setting.parts
        number = round(value * parts) if isinstance(value, int | float) and math.isfinite(value) else None
        if number is None or number not in allowed:
            raise ValueError(
                f"{name} is {value!r}; expected a number from {allowed[0] / parts:g} to {allowed[-1] / parts:g}"
            )
        return number if parts == 1 else number / parts
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}{nearest(value, allowed)}; expected {listed(allowed)}")
    return value


def nearest(name: Any, names: Sequence[Any]) -> str:
    """Return " (maybe you meant …?)", or "" if no name is similar."""
    near = difflib.get_close_matches(str(name), [str(one) for one in names], n=1)
    return f" (maybe you meant {near[0]!r}?)" if near else ""


def listed(names: Any) -> str:
    """Return the names as a list for an error message."""
    return ", ".join(repr(name) for name in names) or "none at all: this game has no settings"

"""Data about an episode: its arguments, a step in progress, the outcome of a step, and a snapshot."""

from __future__ import annotations

from typing import Any, NamedTuple

from n64gym.machine.rom import RomError
from n64gym.machine.shared import CONTROLLERS
from n64gym.machine.state import State


class Begun(NamedTuple):
    """A step that has begun and not ended."""

    action: Any
    word: int  # the action's controller word


class Outcome(NamedTuple):
    """The outcome of a step."""

    reward: float
    terminated: bool
    truncated: bool
    info: dict[str, Any]


class Snapshot(NamedTuple):
    """A moment of an episode, see `N64Env.snapshot`."""

    state: State
    episode: dict[str, Any]  # the environment's state, see N64Env.remembers
    observation: Any  # at the time of the snapshot


class StartError(RomError):
    """The game is not at the start of an episode."""


def check_arguments(frameskip: int, noop_max: int, random_max: int, render_mode: str | None, controllers: int) -> None:
    """Raise ValueError if an argument of an environment is invalid."""
    if frameskip < 1:
        raise ValueError(f"frameskip is {frameskip}; expected a number of VIs per step, 1 or more")
    for name, vis in (("noop_max", noop_max), ("random_max", random_max)):
        if vis < 0:
            raise ValueError(f"{name} is {vis}; expected a maximum number of VIs, 0 or more")
    if not 1 <= controllers <= CONTROLLERS:
        raise ValueError(f"controllers is {controllers}; expected 1 to {CONTROLLERS}")
    if render_mode not in (None, "rgb_array", "human"):
        raise ValueError(f'render_mode is {render_mode!r}; expected None, "rgb_array" or "human"')

"""Data about an episode: a step in progress, the outcome of a step, and a snapshot."""

from __future__ import annotations

from typing import Any, NamedTuple

from n64gym.machine.rom import RomError
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

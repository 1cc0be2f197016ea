"""What is told of an episode: a step under way, what it was worth, a moment to come back to."""

from __future__ import annotations

from typing import Any, NamedTuple

from n64gym.machine.rom import RomError
from n64gym.machine.state import State


class Begun(NamedTuple):
    """A step that is under way."""

    action: Any
    word: int  # the action's controller word


class Outcome(NamedTuple):
    """What a step was worth."""

    reward: float
    terminated: bool
    truncated: bool
    info: dict[str, Any]


class Snapshot(NamedTuple):
    """A moment of an episode, see `N64Env.snapshot`."""

    state: State
    episode: dict[str, Any]  # what the environment remembered
    observation: Any  # of that moment


class StartError(RomError):
    """The game is not where an episode begins."""

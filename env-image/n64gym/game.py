"""What a game's class defines: the controller words of actions, the way to the start, and the reward of a step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from n64gym.episode import Outcome
from n64gym.machine.emulator import Emulator
from n64gym.machine.shared import RDRAM_BYTES
from n64gym.road import RoadEdges
from n64gym.settings import Setting


class Game(ABC):
    """The attributes and methods of a game. `N64Env` calls them; a game's class is a subclass of `N64Env`."""

    native_size: ClassVar[tuple[int, int]] = (240, 320)
    settings: ClassVar[Mapping[str, Setting]] = {}
    telemetry_names: ClassVar[tuple[str, ...]] = ()
    watch: ClassVar[Sequence[list[int]]] = ([0, RDRAM_BYTES // 4, 509],)
    """Words of RDRAM, [first, end, stride], that a movie's playback compares after every step."""
    watch_at_end: ClassVar[Sequence[list[int]]] = ([0, RDRAM_BYTES // 4, 1],)
    """The same at the movie's end: all words that do not depend on how often pictures are read."""
    remembers: ClassVar[tuple[str, ...]] = ("_start_vi", "_start_read", "_start_state", "_held")
    """Names of the attributes that hold the episode's state; a game adds more. A snapshot copies them."""

    @abstractmethod
    def _word(self, action: Any) -> int:
        """Return the controller word of `action`."""

    def action_of(self, word: int) -> Any:
        """Return the action nearest to a controller word."""
        raise ValueError(f"{type(self).__name__} cannot convert a controller word to an action")

    def in_play(self, emulator: Emulator) -> bool:
        """Return whether the game is in play, rather than in a menu."""
        return True

    @classmethod
    def has_reward(cls) -> bool:
        """Return whether there is a reward to learn from."""
        return True

    @classmethod
    def title(cls, setup: Mapping[str, Any]) -> str:
        """Return a short text for the course or stage of `setup`; empty if there is only one."""
        return ""

    @classmethod
    def position(cls, emulator: Emulator) -> tuple[float, float] | None:
        """Return the player's position on a map (x right, y up); None if the game does not give it."""
        return None

    @classmethod
    def road(cls, emulator: Emulator) -> RoadEdges | None:
        """Return the road, in the units of `position`; None if the game has no road."""
        return None

    def _what_matters(self, setup: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the parts of the setup that change the start state."""
        return setup

    def _go_to_start(self, emulator: Emulator, setup: Mapping[str, Any]) -> None:  # noqa: B027 - optional
        """Operate the game from power-on to the start of an episode. Raises RomError if that fails."""

    def _check_start(self, emulator: Emulator, setup: Mapping[str, Any]) -> None:  # noqa: B027 - optional
        """Raise StartError, with the values found, unless the game is at the start of an episode of `setup`."""

    @abstractmethod
    def _begin_episode(self, emulator: Emulator, setup: Mapping[str, Any]) -> dict[str, Any]:
        """Reset the episode's state when the game is at the start. Return the info of reset."""

    @abstractmethod
    def _judge(self, emulator: Emulator, word: int) -> Outcome:
        """Return the outcome of the step that has just ended, in which `word` was held."""

    def live_figures(self, info: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return names and texts for display beside the game, made from the info of a step or reset."""
        return []

    def _telemetry(self, emulator: Emulator) -> list[float]:
        """Return the values of `telemetry_names`, in order."""
        return []

"""Shows a movie as episodes of an environment, for imitation learning: observations, actions and rewards."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import gymnasium

from n64gym.movies.m64 import MovieError
from n64gym.movies.playback import Playback
from n64gym.n64_env import N64Env


class Shown(NamedTuple):
    """What the movie does in the next step."""

    action: Any  # the environment's nearest action
    exact: bool  # whether this action gives every controller word that the game reads in the step


class Demonstrator(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment whose episodes are those of a movie.

    It must be the innermost wrapper, so that the others see the movie's episodes. For each episode: `find_start`,
    `reset`, and until the episode ends `shown` and `step` with its action. The movie's emulator becomes the
    environment's; `close` ends it.

    env: the unwrapped environment. It gives frame skip, observations, actions and rewards.
    path: a movie from power-on, of any program. Its JSON, if there is one, is compared with what is played.
    Raises MovieError, RomError, EmulatorError.
    """

    def __init__(self, env: N64Env, path: str | Path) -> None:
        super().__init__(env)
        self._game = env
        self._playback = Playback(path, env.rom.path, observation=env.observations.format, video=env.video)
        env._supervisor.close()
        env._supervisor.emulator = self._playback.emulator  # so that wrappers that read the emulator's memory work
        self._held = 0
        self._found = self._left = False  # a start was found; play must be left before the next start
        self._outcome: tuple[Any, float, bool, bool, dict[str, Any]] | None = None

    def find_start(self) -> bool:
        """Play until an episode begins. Return False if none begins before the movie's end."""
        while not self._playback.over:
            in_play = self._game.in_play(self._playback.emulator)
            if in_play and not self._left:
                self._found = True
                return True
            self._left &= in_play
            self._advance()
        return False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin the episode that `find_start` has found."""
        if not self._found:
            raise MovieError(f"{self._playback.path}: call find_start before reset")
        self._found, self._outcome = False, None
        emulator, setup = self._playback.emulator, self._playback.facts.get("setup", {})
        info = self._game._begin_episode(emulator, setup)
        info.update(setup=setup)
        return self._game.observe(emulator), info

    def shown(self) -> Shown:
        """Play the next step, and return its action; `step` then returns the outcome."""
        words = self._advance()
        action = self._game.action_of(self._held)
        word = self._game._word(action)
        emulator = self._playback.emulator
        outcome = self._game._judge(emulator, self._held)
        truncated = outcome.truncated or (self._playback.over and not outcome.terminated)
        self._left = outcome.terminated  # after a truncation, the same race is the next episode
        observation = self._game.observe(emulator)
        self._outcome = observation, outcome.reward, outcome.terminated, truncated, outcome.info
        return Shown(action, all(int(one) == word for one in words) if len(words) else self._held == word)

    @property
    def word(self) -> int:
        """The controller word in the middle of the step that `shown` has played; see mupen64plus' BUTTONS."""
        return self._held

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Return the outcome of the step that `shown` has played. The action is ignored."""
        if self._outcome is None:
            raise MovieError(f"{self._playback.path}: call shown before step")
        outcome, self._outcome = self._outcome, None
        return outcome

    def close(self) -> None:
        """End the movie's emulator, and close the environment."""
        super().close()  # ends the movie's emulator, too

    def _advance(self) -> list[int]:
        """Play a step; return the words that the game read. Raises MovieError if the movie has diverged."""
        playback = self._playback
        before = playback.emulator.movie_position
        playback.advance(self._game.frameskip)
        if playback.diverged:
            raise MovieError(f"{playback.path} {playback.diverged}: it was changed, or recorded on another machine")
        words = [int(word) for word in playback.movie.samples[before : playback.emulator.movie_position]]
        # A game that reads no controller in this step still acts on the last word.
        self._held = words[len(words) // 2] if words else self._held
        return words

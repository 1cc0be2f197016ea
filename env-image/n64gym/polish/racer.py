"""An emulator that plays a race from any of its moments, with any inputs."""

from typing import Any, NamedTuple

import numpy as np

from n64gym.machine.console import Console
from n64gym.machine.emulator import Emulator
from n64gym.machine.rom import Rom
from n64gym.machine.state import State
from n64gym.movies.m64 import MovieError
from n64gym.polish.mutations import Words
from n64gym.race import RaceStatus
from n64gym.race_env import RaceEnv

NOT_DRAWN_VIS = 60  # no picture is read during a race
START_VIS = 60 * 60 * 10  # a race begins at most so long after power-on: ten minutes


class Moment(NamedTuple):
    """A moment of a race."""

    state: State  # its samples are all words that the game has read since power-on
    status: RaceStatus
    memory: dict[str, Any]  # what the environment remembers of the race


class Racer:
    """One emulator with a race.

    Args:
        env: reads the race; two racers cannot share one.
        rom: the game.
        facts: the JSON beside the movie; {} = none.
        movie: the movie's words, from power-on.

    Raises:
        EmulatorError: also from all methods.
    """

    def __init__(self, env: RaceEnv, rom: Rom, facts: dict[str, Any], movie: Words) -> None:
        self._env = env
        console = Console.of(facts.get("console", {}))
        self._emulator = Emulator(rom, console=console, video=facts.get("video"), movie=movie)

    def to_start(self) -> Moment:
        """Play the movie from power-on to the start of its race. Call this once, before anything else.

        Raises:
            MovieError: there is no race.
        """
        while not self._env.in_play(self._emulator):
            if self._emulator.vi_count >= START_VIS:
                raise MovieError("the game does not begin a race")
            self._emulator.step(1)
        status = self._env.begin_race(self._emulator)
        return Moment(self._emulator.save_state(), status, self._memory())

    def run(self, moment: Moment, words: Words, vis: int) -> tuple[RaceStatus, int]:
        """Play `words` from a moment for `vis` VIs; the last word is held.

        Return the race at the end, and how many words the game has read.
        """
        self._load(moment, words)
        self._env.foresee(self._emulator, vis)
        self._emulator.step(vis, int(words[-1]))
        return self._env.read_race(self._emulator), self._emulator.controller_reads - len(moment.state.samples)

    def advance(self, moment: Moment, words: Words, vis: int) -> Moment:
        """Play as `run` does, and return the moment at the end."""
        status, _ = self.run(moment, words, vis)
        return Moment(self._emulator.save_state(), status, self._memory())

    def to_finish(self, moment: Moment, words: Words, most_vis: int) -> tuple[list[RaceStatus], Words]:
        """Play from a moment to the finish, at most `most_vis` VIs.

        Return the race after each VI, and all words that the game has read since power-on.
        """
        self._load(moment, words)
        found: list[RaceStatus] = []
        for _ in range(most_vis):
            self._env.foresee(self._emulator, 1 + NOT_DRAWN_VIS)
            self._emulator.step(1, int(words[-1]))
            found.append(self._env.read_race(self._emulator))
            if found[-1].finished:
                break
        return found, self._emulator.samples()

    def close(self) -> None:
        """End the emulator."""
        self._emulator.close()
        self._env.close()

    def _load(self, moment: Moment, words: Words) -> None:
        self._emulator.load_state(moment.state)
        self._emulator.play(np.ascontiguousarray(words, np.uint32))
        for name, value in moment.memory.items():
            setattr(self._env, name, value)

    def _memory(self) -> dict[str, Any]:
        names = set(self._env.remembers) - set(RaceEnv.remembers)  # the rest belongs to rewards, which are not read
        return {name: getattr(self._env, name) for name in names}

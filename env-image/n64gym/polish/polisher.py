"""Polishes a movie of a race: a search on its emulators, and the movie of the best race so far."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from n64gym.actions import BUTTONS
from n64gym.machine.console import Console
from n64gym.machine.controller import BUTTON_ORDER, START
from n64gym.machine.rom import OPEN_KART, open_rom
from n64gym.movies import m64
from n64gym.movies.facts import read_facts
from n64gym.movies.record import write_movie
from n64gym.movies.retake import retake
from n64gym.movies.track import game_of
from n64gym.movies.verify import RefusedError, verify
from n64gym.polish.mutations import Words
from n64gym.polish.racer import Racer
from n64gym.polish.search import Race, Search
from n64gym.race_env import RaceEnv


class Polisher:
    """A search for a faster race than a movie's. Use it as a context manager: it ends the emulators.

    path: a movie that `verify` accepts. rom, game, arguments: see `verify`. emulators: how many search at once. goal,
    seed, effort, stop, most: see Search.
    Raises MovieError with the fault's `name`, RomError, EmulatorError.
    """

    def __init__(
        self,
        path: str | Path,
        rom: str | Path | None = None,
        game: str = "",
        arguments: Mapping[str, Any] | None = None,
        *,
        emulators: int = 1,
        goal: str = "lap",
        seed: int = 0,
        effort: int = 48,
        stop: threading.Event,
        most: int = 0,
    ) -> None:
        verified = verify(path, rom, game, arguments)
        self.game = verified.game
        self._rom = open_rom(rom or OPEN_KART)
        self._arguments = dict(arguments or {})
        self._facts, words = read_facts(Path(path)), m64.read(path).samples
        self._about = {
            "movie_sha256": verified.movie_sha256,
            "goal": goal,
            "seed": seed,
            "effort": effort,
        }
        self._racers: list[Racer] = []
        try:
            for _ in range(emulators):
                self._racers.append(Racer(self._env(), self._rom, self._facts, words))
            start, *_ = [racer.to_start() for racer in self._racers]
            buttons = buttons_for(words[len(start.state.samples) :])
            self.search = Search(
                self._racers, start, words, goal=goal, seed=seed, effort=effort, stop=stop, buttons=buttons, most=most
            )
        except BaseException:
            self.close()
            raise

    def write(self, out: str | Path) -> None:
        """Play the best race from power-on, and write it as a movie with its JSON.

        Raises RefusedError if it is another race then; OSError, EmulatorError.
        """
        race: Race = self.search.best
        env = self._env()
        try:
            console = Console.of(self._facts.get("console", {}))
            made = retake(race.words, env, self.game, self._rom, console, self._facts.get("video"))
        finally:
            env.close()
        if made.finish.lap_times != race.status.lap_times:
            raise RefusedError(
                "not repeatable",
                f"the race found has laps of {race.status.lap_times} s, but {made.finish.lap_times} s from power-on: "
                "this game does not repeat exactly from a savestate, so it cannot be polished",
            )
        polished = {**self._about, "changes": self.search.done.tried}
        write_movie(Path(out), made.movie, made.facts | {"polished": polished})

    def close(self) -> None:
        """End the emulators."""
        if hasattr(self, "search"):
            self.search.close()
        for racer in self._racers:
            racer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _env(self) -> RaceEnv:
        """Return a new environment that reads the race. It starts no emulator."""
        kind = game_of({"game": self.game})
        assert kind is not None, "the movie was verified"
        assert issubclass(kind, RaceEnv), "the movie was verified"
        return kind(self._rom.path, **self._arguments)


def buttons_for(words: Words) -> tuple[int, ...]:
    """Return the buttons for driving, and those that the words press, except the one that pauses the race."""
    pressed = int(np.bitwise_or.reduce(words)) if len(words) else 0
    return tuple(bit for bit in BUTTON_ORDER if bit != START and (bit in BUTTONS or pressed & bit))

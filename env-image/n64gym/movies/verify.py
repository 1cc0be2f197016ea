"""Verifies a movie of a race: plays it from power-on and reads course, laps and times from the game's memory.

Nothing in the JSON beside a movie becomes part of the result. It only names the game's environment and helps to detect
that a file was damaged: somebody who changes a movie can change its JSON too. Such a movie is another movie, with
another hash and the times that the game shows for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from n64gym.files import read_regular
from n64gym.movies.facts import read_facts
from n64gym.movies.m64 import MAX_BYTES, MovieError
from n64gym.movies.playback import Playback
from n64gym.movies.track import game_of
from n64gym.race import RaceStatus
from n64gym.race_env import RaceEnv

LOOK_VIS = 4  # VIs between two looks at the race; without JSON 1, because such a movie ends with its last input


class RefusedError(MovieError):
    """A movie is not a record. `name` says which kind of fault it has, in a few words."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(why)
        self.name = name


class Verified(NamedTuple):
    """A race that was played from power-on to its finish."""

    game: str  # the environment's id
    title: str  # of the course
    setup: dict[str, Any]  # the race's settings, as the game shows them
    lap_times: tuple[float, ...]  # seconds; without a lap that began in its middle
    race_time: float  # seconds
    inputs: int  # controller words from power-on to the movie's end
    race_inputs: int  # those from the start of the race to its finish
    rom: str  # title
    rom_sha1: str
    movie_sha256: str  # of the .m64 file
    compared: bool  # whether the movie was also compared with its JSON


def verify(
    path: str | Path, rom: str | Path | None = None, game: str = "", arguments: Mapping[str, Any] | None = None
) -> Verified:
    """Play the movie at `path` and return what the game shows at the finish.

    rom: default Open Kart. game: the environment's id for a movie without JSON. arguments: more arguments for that
    environment. Raises MovieError with the fault's `name`, RomError, EmulatorError.
    """
    path = Path(path)
    facts = read_facts(path)
    game = str(facts.get("game") or game)
    kind = game_of({"game": game})
    if kind is None or not issubclass(kind, RaceEnv):
        raise RefusedError("not a race", f"{path} is a movie of {game!r}, which is not a racing game of this release")
    if facts and facts.get("console", {}).get("saves"):
        raise RefusedError("saved data", f"{path} begins with saved data in the console; expected empty memory")
    playback = Playback(path, rom)
    try:
        expected, found = facts.get("ends", {}).get("sample"), len(playback.movie.samples)
        if isinstance(expected, int) and found < expected:
            raise RefusedError("cut movie", f"{path} has {found} inputs, but {expected} were recorded")
        env = kind(playback.emulator.rom.path, **(arguments or {}))
        try:
            finish, began, setup = _watch(playback, env)
        finally:
            env.close()
        if playback.diverged:
            raise RefusedError("changed movie", f"{path} {playback.diverged}")
        if facts and playback.emulator.controller_reads > found:
            reads = playback.emulator.controller_reads
            raise RefusedError("cut movie", f"{path} has {found} inputs, but the game read {reads} to its end")
        if finish is None:
            raise RefusedError("no race", f"{path}: the game does not begin a race")
        if not finish.finished:
            done = f"{finish.lap} of {finish.laps} laps are complete, at {finish.progress:.2f} laps"
            raise RefusedError("cut lap" if finish.lap else "no whole lap", f"{path} ends before the finish: {done}")
        if not finish.lap_times:
            raise RefusedError("no whole lap", f"{path} has a race that begins within its only lap")
        return Verified(
            game=game,
            title=kind.title(setup) if setup else game,
            setup=setup,
            lap_times=finish.lap_times,
            race_time=finish.race_time,
            inputs=found,
            race_inputs=began[1] - began[0],
            rom=playback.emulator.rom.title,
            rom_sha1=playback.emulator.rom.sha1,
            movie_sha256=hashlib.sha256(read_regular(path, MAX_BYTES)).hexdigest(),
            compared=bool(facts),
        )
    finally:
        playback.close()


def _watch(playback: Playback, env: RaceEnv) -> tuple[RaceStatus | None, tuple[int, int], dict[str, Any]]:
    """Play to the movie's end. Return the race at its finish, else at the end; the inputs before and after it; its
    settings."""
    emulator = playback.emulator
    status: RaceStatus | None = None
    was_in_play, first, last, setup = False, 0, 0, {}
    while True:
        if status is None or not status.finished:
            in_play = env.in_play(emulator)
            if in_play and not was_in_play:
                status, first = env.begin_race(emulator), emulator.controller_reads
            elif status is not None:
                status = env.read_race(emulator)
            was_in_play = in_play
            if status is not None and status.finished:
                last, setup = emulator.controller_reads, env.race_in(emulator)
        if playback.over:
            return status, (first, last), setup
        playback.advance(LOOK_VIS if playback.facts else 1)

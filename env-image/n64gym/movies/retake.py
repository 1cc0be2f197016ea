"""Makes a movie, with the JSON beside it, from a race's inputs: plays them from power-on to the finish."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from n64gym.machine.console import Console
from n64gym.machine.emulator import Emulator
from n64gym.machine.rom import Rom
from n64gym.movies.facts import FORMAT
from n64gym.movies.m64 import M64, MovieError
from n64gym.movies.record import Watch, facts_at_end, movie_of
from n64gym.race import RaceStatus
from n64gym.race_env import RaceEnv

FRAMESKIP = 4  # VIs between two checks
MOST_VIS_PER_READ = 4  # a game that reads its controller less often is not awaited to the finish
UNREAD_VIS = 600  # nor one that reads it so long after power-on


class Retake(NamedTuple):
    """A movie and its JSON."""

    movie: M64
    facts: dict[str, Any]
    finish: RaceStatus


def retake(
    samples: NDArray[np.uint32], env: RaceEnv, game: str, rom: Rom, console: Console, video: str | None
) -> Retake:
    """Play `samples`, the controller words from power-on [N], to the finish of the race, and record that.

    env: reads the race. game: its environment's id. Raises MovieError if the race is not finished; EmulatorError.
    """
    with Emulator(rom, console=console, video=video, movie=samples) as emulator:
        while not env.in_play(emulator):
            _go_on(emulator, 1, samples)
        status, checks, watch = env.begin_race(emulator), bytearray(), Watch(emulator, env.watch)
        begins = {"sample": emulator.controller_reads, "vi": emulator.vi_count}
        while not status.finished:
            _go_on(emulator, FRAMESKIP, samples)
            status = env.read_race(emulator)
            checks += watch.look()
        setup = env.race_in(emulator)
        movie = movie_of(emulator, f"{game} {env.title(setup) if setup else ''}")
        facts = {
            "format": FORMAT,
            "game": game,
            "setup": setup,
            "frameskip": FRAMESKIP,
            "video": video,
            "console": console._asdict(),
            "begins": begins,
            "watch": list(env.watch),
            "watch_at_end": list(env.watch_at_end),
            "ended": "terminated",
            "lap_times": list(status.lap_times),
            "metrics": {"race_time_s": status.race_time, "best_lap_s": min(status.lap_times), "finished": 1.0},
            **facts_at_end(emulator, movie, env.watch_at_end, checks),
        }
        return Retake(movie, facts, status)


def _go_on(emulator: Emulator, vis: int, samples: NDArray[np.uint32]) -> None:
    if emulator.vi_count > MOST_VIS_PER_READ * len(samples) + UNREAD_VIS:
        raise MovieError(f"{len(samples)} inputs do not lead to the finish of a race")
    emulator.step(vis)

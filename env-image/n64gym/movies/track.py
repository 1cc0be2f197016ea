"""Extracts the player's path and the road from a recorded episode."""

from __future__ import annotations

from typing import Any, NamedTuple

import gymnasium
import numpy as np
from numpy.typing import NDArray

from n64gym.movies.m64 import MovieError
from n64gym.movies.playback import Playback
from n64gym.n64_env import N64Env
from n64gym.road import RoadEdges


class Track(NamedTuple):
    """A player's path in an episode, seen from above."""

    title: str  # name of the course; equal for equal roads
    places: NDArray[np.float64]  # x (right) and y (up) on a map, in the game's units [T, 2]
    road: RoadEdges | None  # None if the game has no road


def track(playback: Playback, vis: int) -> Track:
    """Play a movie to its end and return its Track, with a position every `vis` VIs.

    Raises MovieError if the movie diverges or its game gives no position; EmulatorError.
    """
    game = game_of(playback.facts)
    if game is None or game.position(playback.emulator) is None:
        name = playback.facts.get("game", playback.movie.rom_name)
        raise MovieError(f"{playback.path} is a movie of {name}: this game has no player positions")
    road, places = game.road(playback.emulator), []
    while not playback.over:
        playback.advance(vis)
        places.append(game.position(playback.emulator))
    if playback.diverged:
        raise MovieError(f"{playback.path} {playback.diverged}")
    try:
        title = game.title(playback.facts["setup"])
    except (KeyError, TypeError, ValueError) as error:
        raise MovieError(f"{playback.path}: its setup names no course: {error!r}") from None
    return Track(title, np.array(places, float).reshape(-1, 2), road)


def game_of(facts: dict[str, Any]) -> type[N64Env] | None:
    """Return the class of the environment that recorded a movie, if it is registered."""
    spec = gymnasium.registry.get(str(facts.get("game")))
    found: Any = spec and spec.entry_point
    if isinstance(found, str):
        try:
            found = gymnasium.envs.registration.load_env_creator(found)
        except (ImportError, AttributeError, gymnasium.error.Error):  # a package that is not installed
            return None
    return found if isinstance(found, type) and issubclass(found, N64Env) else None

"""Play movies as demonstrations: what a run's environment would have shown to the policy, and what the player did."""

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from a3c64.config import BadInputError, flag, named
from a3c64.envs.actions import Family, family_of
from a3c64.envs.batch import view_of
from a3c64.envs.demonstrations import Demonstrations, movies_in
from a3c64.envs.making import check, find, is_n64, make_one
from a3c64.envs.spaces import Observations
from a3c64.hyperparameters import Hyperparameters
from n64gym import Demonstrator, EmulatorError, MovieError, RomError, meant

MAX_STEPS = 50_000  # of all demonstrations; with the default observations they take 530 MB

log = logging.getLogger(__name__)


class _Step(NamedTuple):
    """One step of a demonstration."""

    image: np.ndarray
    vector: np.ndarray
    start: bool
    action: Any  # of the environment
    exact: bool
    reward: float
    terminated: bool
    ended: bool


def check_movies(hyperparameters: Hyperparameters, paths: Sequence[Path], rom: str, setting: str) -> list[Path]:
    """Return the movies in files and folders that can teach a run's environment. Nothing is played.

    Raises:
        BadInputError: there is none, or the environment is not one of n64gym's, or cannot be trained in.
    """
    check(hyperparameters, rom)
    if not is_n64(find(hyperparameters.env_id)):
        raise BadInputError(
            f"{setting}: {hyperparameters.env_id} is not an environment of n64gym; expected one, because movies "
            "(.m64) are inputs of Nintendo 64 games"
        )
    movies = movies_in(paths)
    if not movies:
        raise BadInputError(f"{setting}: no movie (.m64) found in {', '.join(map(str, paths))}")
    return movies


def demonstrated(
    hyperparameters: Hyperparameters, movies: Sequence[Path], rom: str, stop: threading.Event
) -> Demonstrations | None:
    """Play movies, each in an environment of the run, and return their steps, at most MAX_STEPS.

    Return None if `stop` was set first.

    Args:
        hyperparameters: of the run; they give the environment, its wrappers and what the policy sees.
        movies: at least one.
        rom: path of an N64 ROM; empty = Open Kart.
        stop: set to end early.

    Raises:
        BadInputError: a movie cannot be played, or never reaches an episode; or the environment cannot be made.
    """
    steps: list[_Step] = []
    family: Family | None = None
    for path in movies:
        if stop.is_set():
            return None
        if len(steps) >= MAX_STEPS:
            log.warning("%s and later movies are left out: %d steps are used at most", path, MAX_STEPS)
            break
        env = make_one(hyperparameters, rom)
        try:
            family = family_of(env.action_space)
            before = len(steps)
            _play(env, path, hyperparameters, steps)
            if len(steps) == before:
                raise BadInputError(f"{path} never reaches a race or match: none of its steps is in play")
        except (MovieError, RomError, EmulatorError, ValueError) as error:
            if isinstance(error, BadInputError):
                raise
            said = " ".join(str(error).split())
            raise BadInputError(said if str(path) in said else f"{path}: {said}") from None
        finally:
            env.close()
    assert family is not None, "there must be a movie"
    return Demonstrations(
        family,
        Observations(np.stack([step.image for step in steps]), np.stack([step.vector for step in steps])),
        np.array([step.start for step in steps], np.float32),
        family.stored(np.array([step.action for step in steps])),
        np.array([step.exact for step in steps]),
        np.array([step.reward for step in steps], np.float32),
        np.array([step.terminated for step in steps]),
        np.array([step.ended for step in steps]),
    )


def of_run(hyperparameters: Hyperparameters, rom: str, stop: threading.Event) -> Demonstrations | None:
    """Return the demonstrations of a run's setting, for a worker. None if there are none, or if `stop` was set first.

    A worker on another machine may lack the folder. It logs that and learns without demonstrations.

    Raises:
        BadInputError: the movies cannot be used.
    """
    if not hyperparameters.demonstrations:
        return None
    folder = Path(hyperparameters.demonstrations)
    if not folder.exists():
        log.warning("%s: %s does not exist here; this worker learns without it", flag("demonstrations"), folder)
        return None
    shown = demonstrated(
        hyperparameters, check_movies(hyperparameters, [folder], rom, flag("demonstrations")), rom, stop
    )
    if shown is not None:
        log.info(
            "%s: %d episodes, %d steps; %.1f %% of the actions are not among the agent's",
            flag("demonstrations"),
            shown.episodes,
            shown.steps,
            100 * shown.inexact,
        )
    return shown


def _play(env: gym.Env, path: Path, hyperparameters: Hyperparameters, steps: list[_Step]) -> None:
    """Play a movie as episodes of `env`, and append their steps."""
    if env.action_space != env.unwrapped.action_space:
        raise BadInputError(
            f"{named('env_id')}: a wrapper of {hyperparameters.env_id} changes the actions, so those of a movie are "
            f"not known: expected {env.unwrapped.action_space}, found {env.action_space}"
        )
    view = view_of(env, hyperparameters)
    movie = Demonstrator(env.unwrapped, path)  # type: ignore[arg-type]
    env = _innermost(env, movie)
    one = view.shape.empty(1)
    seen = Observations(one.image[0], one.vector[0])
    try:
        while len(steps) < MAX_STEPS and movie.find_start():
            observation, _ = env.reset()
            view.begin(observation, seen)
            start, ended = True, False
            first, words = len(steps), []
            while not ended:
                action, exact = movie.shown()
                words.append(movie.word)
                image, vector = seen.copy()
                observation, reward, terminated, truncated, _ = env.step(action)
                view.follow(observation, seen)
                ended = terminated or truncated
                steps.append(_Step(image, vector, start, action, exact, float(reward), terminated, ended))
                start = False
            if hyperparameters.imitation_reaction:
                game = env.unwrapped
                actions = map(game.action_of, meant(words, game.frameskip, hyperparameters.imitation_reaction))  # type: ignore[attr-defined]
                steps[first:] = [
                    step._replace(action=action) for step, action in zip(steps[first:], actions, strict=True)
                ]
    finally:
        movie.close()


def _innermost(env: gym.Env, movie: Demonstrator) -> gym.Env:
    """Return `env` with the movie as its innermost wrapper."""
    if not isinstance(env, gym.Wrapper):
        return movie
    inner = env
    while isinstance(inner.env, gym.Wrapper):
        inner = inner.env
    inner.env = movie
    return env

"""Play whole episodes with given weights, or at random."""

import json
import threading
from collections.abc import Callable

import gymnasium as gym
import numpy as np

from a3c64.config import Hyperparameters
from a3c64.envs.batch import EnvironmentBatch
from a3c64.envs.episode import Episode
from a3c64.learning.actor import Actor
from a3c64.learning.network import design

SEED_OFFSET = 500_000  # evaluation sees starts that training has not seen
MAX_CUTS = 100  # episodes with numbers that are not finite, for each one that is to be played
NOOP_MAX = 30  # VIs that an N64 episode may wait before it begins, as when Atari games are judged


def varied(run: Hyperparameters) -> Hyperparameters:
    """Return a run whose N64 episodes begin after a random wait, unless its arguments name `noop_max`.

    All that the same greedy policy plays from the same start would be one and the same.
    """
    if not run.env_id.startswith("n64gym/"):
        return run
    return run.model_copy(update={"env_args": json.dumps({"noop_max": NOOP_MAX, **json.loads(run.env_args)})})


def play(
    run: Hyperparameters,
    weights: np.ndarray | None,
    episodes: int,
    rom: str = "",
    greedy: bool = True,
    stop: threading.Event | None = None,
    tell: Callable[[Episode], None] = lambda episode: None,
    wrap: Callable[[gym.Env], gym.Env] = lambda env: env,
) -> list[Episode]:
    """Play at least `episodes` episodes; every environment plays equally many.

    Otherwise short episodes, which end first, would count too much.

    Args:
        run: what was trained; its seed says which episodes are played.
        weights: float32 [parameters]; None = act at random.
        episodes: how many at least.
        rom: path of an N64 ROM; empty = Open Kart.
        greedy: take the likeliest action instead of drawing one.
        stop: ends it early, with the episodes that have been played.
        tell: called with each of them when it ends.
        wrap: puts something around each environment, such as a camera.
    """
    batch = min(run.envs_per_worker, episodes)
    run = run.model_copy(update={"envs_per_worker": batch, "seed": run.seed + SEED_OFFSET})
    environments = EnvironmentBatch.make(run, worker=0, rom=rom, wrap=wrap)
    try:
        return _play(environments, run, weights, -(-episodes // batch), greedy, stop or threading.Event(), tell)
    finally:
        environments.close()


def _play(
    environments: EnvironmentBatch,
    run: Hyperparameters,
    weights: np.ndarray | None,
    each: int,
    greedy: bool,
    stop: threading.Event,
    tell: Callable[[Episode], None],
) -> list[Episode]:
    """Let every environment play `each` episodes."""
    batch = len(environments.environments)
    generator = np.random.default_rng(run.seed)
    family = environments.family
    actor = None
    if weights is not None:
        actor = Actor(design(environments.view.shape, environments.family, run), batch)
        actor.load(weights)
        memory = actor.forget()
    observations, starts = environments.observations, np.ones(batch, np.float32)
    played, cuts = np.zeros(batch, int), 0
    finished: list[Episode] = []
    while played.min() < each and not stop.is_set():
        if actor is None:
            actions = family.draw(np.zeros((batch, family.outputs + family.free), np.float32), generator)
        else:
            action = actor.act(observations, starts, memory, None if greedy else generator)
            actions, memory = action.actions, action.memory
        step = environments.step(actions)
        ended = step.terminated | step.truncated
        cuts += int(step.cut.sum())
        if cuts > MAX_CUTS * each:
            raise RuntimeError(
                f"{cuts} episodes were cut (see above), {len(finished)} were whole: {run.env_id} is broken"
            )
        for k, episode in zip(np.flatnonzero(ended & ~step.cut), step.episodes, strict=True):
            if played[k] < each:
                finished.append(episode)
                tell(episode)
            played[k] += 1
        observations, starts = step.observations, ended.astype(np.float32)
    return finished

"""Play whole episodes with given weights, or with random actions."""

import json
import logging
import threading
from collections.abc import Callable

import gymnasium as gym
import numpy as np

from a3c64.config import BadInputError
from a3c64.envs.batch import EnvironmentBatch
from a3c64.envs.episode import Episode
from a3c64.envs.failures import GivenUpError
from a3c64.envs.making import accepted, find, is_n64
from a3c64.envs.masks import masked
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.actor import Actor
from a3c64.learning.network import design

SEED_OFFSET = 500_000  # so that evaluation uses other seeds than training
MAX_CUTS = 100  # limit of episodes with non-finite numbers, per round of episodes to play
MAX_STEPS = 30_000  # actions of an episode without a limit; above 27,000, the usual limit of Atari games (30 min)
NOOP_MAX = 30  # longest random delay before an N64 episode, VIs; as in evaluations of Atari games

log = logging.getLogger(__name__)


def varied(hyperparameters: Hyperparameters) -> Hyperparameters:
    """Return a run whose N64 episodes start after a random delay, unless its arguments set `noop_max`.

    Without the delay, a greedy policy would repeat exactly the same episode.
    """
    spec = find(hyperparameters.env_id)
    if not is_n64(spec) or "noop_max" not in accepted(spec):
        return hyperparameters
    return hyperparameters.model_copy(
        update={"env_args": json.dumps({"noop_max": NOOP_MAX, **json.loads(hyperparameters.env_args)})}
    )


def bounded(hyperparameters: Hyperparameters) -> Hyperparameters:
    """Return a run whose episodes end after MAX_STEPS actions, unless a setting or the environment's id limits them."""
    if hyperparameters.max_episode_steps or "max_episode_steps" in json.loads(hyperparameters.env_args):
        return hyperparameters
    limit = find(hyperparameters.env_id).max_episode_steps
    if limit and limit <= MAX_STEPS * max(1, hyperparameters.frameskip):
        return hyperparameters
    return hyperparameters.model_copy(update={"max_episode_steps": MAX_STEPS})


def play(
    hyperparameters: Hyperparameters,
    weights: np.ndarray | None,
    episodes: int,
    rom: str = "",
    greedy: bool = True,
    stop: threading.Event | None = None,
    tell: Callable[[Episode], None] = lambda episode: None,
    wrap: Callable[[gym.Env], gym.Env] = lambda env: env,
) -> list[Episode]:
    """Play at least `episodes` episodes. Each environment plays the same number.

    Otherwise short episodes would be overrepresented, because they end first. An environment whose episode reaches
    MAX_STEPS without an end plays no further episode.

    Args:
        hyperparameters: of the trained run; its seed decides which episodes are played.
        weights: float32 [parameters]; None = random actions.
        episodes: the least number to play.
        rom: path of an N64 ROM; empty = Open Kart.
        greedy: take the most probable action instead of a sampled one.
        stop: when set, return early with the episodes that have ended.
        tell: called with each episode when it ends.
        wrap: returns a wrapper of an environment, such as a camera.

    Raises:
        BadInputError: the weights do not fit the environment.
        GivenUpError: too many episodes were cut because of exceptions or non-finite numbers.
    """
    hyperparameters = bounded(hyperparameters)
    batch = min(hyperparameters.envs_per_worker, episodes)
    hyperparameters = hyperparameters.model_copy(
        update={"envs_per_worker": batch, "seed": hyperparameters.seed + SEED_OFFSET}
    )
    environments = EnvironmentBatch.make(hyperparameters, worker=0, rom=rom, wrap=wrap)
    try:
        return play_in(
            environments,
            hyperparameters,
            weights,
            -(-episodes // len(environments.environments)),
            greedy,
            stop,
            tell,
        )
    finally:
        environments.close()


def play_in(
    environments: EnvironmentBatch,
    hyperparameters: Hyperparameters,
    weights: np.ndarray | None,
    each: int,
    greedy: bool = True,
    stop: threading.Event | None = None,
    tell: Callable[[Episode], None] = lambda episode: None,
) -> list[Episode]:
    """Let every environment play `each` episodes, or fewer if one has no end. See `play`; nothing is closed."""
    batch = len(environments.environments)
    generator = np.random.default_rng(hyperparameters.seed)
    family = environments.family
    actor = None
    if weights is not None:
        actor = Actor(design(environments.view.shape, environments.family, hyperparameters), batch)
        try:
            actor.load(weights)
        except ValueError as error:
            raise BadInputError(f"these weights do not fit {hyperparameters.env_id}: {error}") from None
        memory = actor.forget()
    observations, starts = environments.observations, np.ones(batch, np.float32)
    played, cuts, endless = np.zeros(batch, int), 0, 0
    finished: list[Episode] = []
    while played.min() < each and not (stop and stop.is_set()):
        if actor is None:
            uniform = np.zeros((batch, family.outputs + family.free), np.float32)
            actions = family.draw(masked(uniform, environments.allowed), generator)
        else:
            action = actor.act(observations, starts, memory, None if greedy else generator, environments.allowed)
            actions, memory = action.actions, action.memory
        step = environments.step(actions)
        ended = step.terminated | step.truncated
        cuts += int(step.cut.sum())
        if cuts > MAX_CUTS * each:
            raise GivenUpError(
                f"{cuts} episodes of {hyperparameters.env_id} were cut and {len(finished)} were completed: "
                "correct the environment as the warnings above say"
            )
        for k, episode in zip(np.flatnonzero(ended & ~step.cut), step.episodes, strict=True):
            if played[k] < each:
                finished.append(episode)
                tell(episode)
            played[k] += 1
            if step.truncated[k] and episode.length == MAX_STEPS:
                played[k], endless = each, endless + 1
        observations, starts = step.observations, ended.astype(np.float32)
    if endless:
        text = (
            "%s: %d of %d episodes had not ended after %s actions and were cut; --max-episode-steps sets another limit"
        )
        log.warning(text, hyperparameters.env_id, endless, len(finished), f"{MAX_STEPS:,}")
    return finished

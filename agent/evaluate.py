"""Playing whole episodes with a checkpoint, or at random, and saying how they went."""

from typing import Any

import numpy as np

from agent import checkpoint
from agent.config import BadInputError, Hyperparameters, Settings
from agent.envs import EnvironmentBatch
from agent.episode import Episode

SEED_OFFSET = 500_000  # evaluation sees starts that training has not seen


def evaluate(settings: Settings, episodes: int, random: bool, greedy: bool) -> dict[str, Any]:
    """Play at least `episodes` episodes and return means; every environment plays equally many.

    Otherwise short episodes, which end first, would count too much.

    Raises:
        BadInputError: there is no checkpoint.
    """
    run, snapshot = settings.hyperparameters(), None
    if not random:
        snapshot = checkpoint.newest(settings.run_dir / "checkpoints")
        if snapshot is None:
            raise BadInputError(f"no checkpoint in {settings.run_dir}: train first, or give --run-dir or --random")
        run = Hyperparameters(**snapshot.hyperparameters)
    batch = min(run.envs_per_worker, episodes)
    run = run.model_copy(update={"envs_per_worker": batch, "seed": settings.seed + SEED_OFFSET})
    environments = EnvironmentBatch.make(run, worker=0, rom=settings.rom)
    try:
        finished = _play(environments, run, snapshot, -(-episodes // batch), greedy)
    finally:
        environments.close()
    rewards = [episode.total_reward for episode in finished]
    names = sorted({name for episode in finished for name in episode.metrics})
    return {
        "env_id": run.env_id,
        "policy": "random" if snapshot is None else f"step {snapshot.step}",
        "greedy": greedy and snapshot is not None,
        "n": len(finished),
        "mean_return": float(np.mean(rewards)),
        "std_return": float(np.std(rewards)),
        "mean_length": float(np.mean([episode.length for episode in finished])),
        "means": {
            name: float(np.mean([episode.metrics[name] for episode in finished if name in episode.metrics]))
            for name in names
        },
    }


def _play(
    environments: EnvironmentBatch,
    run: Hyperparameters,
    snapshot: checkpoint.Snapshot | None,
    each: int,
    greedy: bool,
) -> list[Episode]:
    """Let every environment play `each` episodes."""
    batch = len(environments.environments)
    generator = np.random.default_rng(run.seed)
    policy = None
    if snapshot is not None:
        from agent.model import Policy

        policy = Policy(environments.observation_space, environments.action_space, run, batch)
        policy.load(snapshot.weights)
        state = policy.initial_state()
    else:
        environments.action_space.seed(run.seed)
    observations, starts = environments.observations, np.ones(batch, np.float32)
    played, finished = np.zeros(batch, int), []
    while played.min() < each:
        if policy is None:
            actions = np.array([environments.action_space.sample() for _ in range(batch)])
        else:
            seed = generator.integers(2**31 - 1, size=2, dtype=np.int32)
            action = (
                policy.act_greedily(observations, starts, state)
                if greedy
                else policy.act(observations, starts, state, seed)
            )
            actions, state = action.actions, action.state
        step = environments.step(actions)
        ended = step.terminated | step.truncated
        for k, episode in zip(np.flatnonzero(ended), step.episodes, strict=True):
            if played[k] < each:
                finished.append(episode)
            played[k] += 1
        observations, starts = step.observations, ended.astype(np.float32)
    return finished

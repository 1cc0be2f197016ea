"""Judge a policy: play episodes and sum them up (`a3c64 eval`)."""

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from a3c64.config import Hyperparameters, Settings
from a3c64.envs.episode import Episode
from a3c64.policy.episodes import play, varied
from a3c64.policy.policy_file import Policy
from a3c64.report.page import write
from a3c64.report.trace import Trace, Traced


def to_play(settings: Settings, policy: Policy | None) -> Hyperparameters:
    """Return what is played: the policy's environment, or the settings' where it plays at random; varied.

    Arguments that the user gives take the place of those it was trained with.
    """
    run = settings.hyperparameters() if policy is None else policy.run
    arguments = settings.env_args if "env_args" in settings.model_fields_set else run.env_args
    return varied(run.model_copy(update={"env_args": arguments, "seed": settings.seed}))


def evaluate(
    settings: Settings,
    policy: Policy | None,
    episodes: int,
    greedy: bool,
    report: Path | None = None,
    folder: Path | None = None,
) -> dict[str, Any]:
    """Play with a trained policy, or at random, and return means; with `report`, draw a page about it.

    The page has the learning curve of the run in `folder`.
    """
    run = to_play(settings, policy)
    traces: list[Trace] = []

    def wrap(env: gym.Env) -> gym.Env:
        return Traced(env, traces) if report else env

    finished = play(run, None if policy is None else policy.weights, episodes, settings.rom, greedy, wrap=wrap)
    if report:
        write(report, run, policy, greedy, finished, traces, folder)
    return {
        "env_id": run.env_id,
        "policy": "random" if policy is None else f"step {policy.step}",
        "greedy": greedy and policy is not None,
        **summary(finished),
    }


def summary(episodes: list[Episode]) -> dict[str, Any]:
    """Return means over episodes; what only some of them report is the mean over those."""
    rewards = [episode.total_reward for episode in episodes]
    names = sorted({name for episode in episodes for name in episode.metrics})
    return {
        "n": len(episodes),
        "mean_return": float(np.mean(rewards)),
        "std_return": float(np.std(rewards)),
        "mean_length": float(np.mean([episode.length for episode in episodes])),
        "means": {
            name: float(np.mean([episode.metrics[name] for episode in episodes if name in episode.metrics]))
            for name in names
        },
        "least": {
            name: float(min(episode.metrics[name] for episode in episodes if name in episode.metrics)) for name in names
        },
    }

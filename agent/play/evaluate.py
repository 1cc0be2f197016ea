"""Evaluate a policy: play episodes and summarise them (`a3c64 eval`)."""

import threading
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from a3c64.envs.episode import Episode
from a3c64.envs.figures import UNDECLARED, Figures, declared_by
from a3c64.hyperparameters import Hyperparameters
from a3c64.policy.episodes import play, varied
from a3c64.policy.policy_file import Policy
from a3c64.progress import Progress
from a3c64.report.page import write
from a3c64.report.trace import Trace, Traced


def evaluate(
    hyperparameters: Hyperparameters,
    policy: Policy | None,
    episodes: int,
    greedy: bool,
    rom: str = "",
    stop: threading.Event | None = None,
    report: Path | None = None,
    folder: Path | None = None,
) -> dict[str, Any] | None:
    """Play episodes of a run's environment and summarise them; return None if `stop` was set first.

    Args:
        hyperparameters: gives the environment and the seed.
        policy: the policy that plays; None = random actions.
        episodes: number of episodes, at least.
        greedy: take the greedy action instead of drawing one.
        rom: path of an N64 ROM; empty = Open Kart.
        stop: set to end early.
        report: an HTML page to write.
        folder: run folder whose learning curve the page shows.
    """
    hyperparameters = varied(hyperparameters)
    traces: list[Trace] = []
    figures = UNDECLARED

    def wrap(env: gym.Env) -> gym.Env:
        nonlocal figures
        figures = declared_by(env)
        return Traced(env, traces) if report else env

    weights = None if policy is None else policy.weights
    batch = min(hyperparameters.envs_per_worker, episodes)
    with Progress("episodes", -(-episodes // batch) * batch) as progress:
        finished = play(hyperparameters, weights, episodes, rom, greedy, stop, lambda episode: progress.advance(), wrap)
    if stop is not None and stop.is_set():
        return None
    if report:
        write(report, hyperparameters, policy, greedy, finished, figures, traces, folder)
    return result(hyperparameters, policy, greedy, finished, figures)


def result(
    hyperparameters: Hyperparameters, policy: Policy | None, greedy: bool, episodes: list[Episode], figures: Figures
) -> dict[str, Any]:
    """Return what was played, and a summary of the episodes."""
    return {
        "env_id": hyperparameters.env_id,
        "policy": "random" if policy is None else f"step {policy.step}",
        "greedy": greedy and policy is not None,
        **summary(episodes, figures),
    }


def summary(episodes: list[Episode], figures: Figures) -> dict[str, Any]:
    """Summarise episodes; each figure is summarised over the episodes that report it."""
    rewards = [episode.total_reward for episode in episodes]
    return {
        "n": len(episodes),
        "mean_return": float(np.mean(rewards)),
        "std_return": float(np.std(rewards)),
        "mean_length": float(np.mean([episode.length for episode in episodes])),
        "figures": figures.sum_up(episodes),
    }

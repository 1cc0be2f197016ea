"""Judge a policy: play episodes and sum them up (`a3c64 eval`)."""

import threading
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from a3c64.config import Hyperparameters
from a3c64.envs.episode import Episode
from a3c64.envs.figures import UNDECLARED, Figures, declared_by
from a3c64.policy.episodes import play, varied
from a3c64.policy.policy_file import Policy
from a3c64.progress import Progress
from a3c64.report.page import write
from a3c64.report.trace import Trace, Traced


def evaluate(
    run: Hyperparameters,
    policy: Policy | None,
    episodes: int,
    greedy: bool,
    rom: str = "",
    stop: threading.Event | None = None,
    report: Path | None = None,
    folder: Path | None = None,
) -> dict[str, Any] | None:
    """Play episodes of a run's environment and sum them up, or return None if `stop` came first.

    Args:
        run: its environment and its seed are played.
        policy: who plays; None = at random.
        episodes: how many at least.
        greedy: take the likeliest action instead of drawing one.
        rom: path of an N64 ROM; empty = Open Kart.
        stop: ends it early.
        report: a page to write, HTML.
        folder: of the run whose learning curve that page shows.
    """
    run = varied(run)
    traces: list[Trace] = []
    figures = UNDECLARED

    def wrap(env: gym.Env) -> gym.Env:
        nonlocal figures
        figures = declared_by(env)
        return Traced(env, traces) if report else env

    weights = None if policy is None else policy.weights
    batch = min(run.envs_per_worker, episodes)
    with Progress("episodes", -(-episodes // batch) * batch) as progress:
        finished = play(run, weights, episodes, rom, greedy, stop, lambda episode: progress.advance(), wrap)
    if stop is not None and stop.is_set():
        return None
    if report:
        write(report, run, policy, greedy, finished, figures, traces, folder)
    return {
        "env_id": run.env_id,
        "policy": "random" if policy is None else f"step {policy.step}",
        "greedy": greedy and policy is not None,
        **summary(finished, figures),
    }


def summary(episodes: list[Episode], figures: Figures) -> dict[str, Any]:
    """Sum up episodes; what only some of them report is summed up over those."""
    rewards = [episode.total_reward for episode in episodes]
    return {
        "n": len(episodes),
        "mean_return": float(np.mean(rewards)),
        "std_return": float(np.std(rewards)),
        "mean_length": float(np.mean([episode.length for episode in episodes])),
        "figures": figures.sum_up(episodes),
    }

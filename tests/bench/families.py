"""The environments of bench_families.py: one or two for each family that people try first."""

from __future__ import annotations

from typing import NamedTuple

from bench_learn_experiments import Experiment, Goal

SEEDS = (1, 2, 3)
JUDGED_STEPS = 2000  # of Breakout: a greedy policy may never serve the ball, and its limit is 27,000 actions


class Family(NamedTuple):
    """One row of the table."""

    env_id: str
    seconds: float  # of learning, each run
    threshold: float | None  # Gymnasium's reward threshold
    episodes: int = 20  # of each judgement, or a few more


FAMILIES = {
    "frozenlake": Family("FrozenLake-v1", 25, 0.7, 200),
    "taxi": Family("Taxi-v4", 30, 8, 200),
    "acrobot": Family("Acrobot-v1", 30, -100),
    "mountaincar": Family("MountainCar-v0", 25, -110),
    "mountaincar-continuous": Family("MountainCarContinuous-v0", 25, 90),
    "lunarlander": Family("LunarLander-v3", 60, 200),
    "minatar-breakout": Family("MinAtar/Breakout-v1", 60, None),
    "doorkey": Family("MiniGrid-DoorKey-5x5-v0", 50, None),
    "bipedalwalker": Family("BipedalWalker-v3", 60, 300),
    "ale-breakout": Family("ALE/Breakout-v5", 60, None),
    "carracing": Family("CarRacing-v3", 300, 900),
}


def experiment_of(name: str, algorithm: str) -> Experiment:
    """Return one side's run. The goal only has the threshold's place: nothing searches for it."""
    family = FAMILIES[name]
    goal = Goal("mean_return", at_least=family.threshold if family.threshold is not None else float("inf"))
    return Experiment(
        family.env_id,
        family.env_id,
        family.seconds / 60,
        goal,
        algorithm=algorithm,  # type: ignore[arg-type]
        judged_steps=JUDGED_STEPS if name == "ale-breakout" else 0,
        workers=1,
        seeds=SEEDS,
    )

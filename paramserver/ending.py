"""When a run is over, and why."""

from a3c64.config import Hyperparameters
from a3c64.paramserver.evaluations import Evaluations
from a3c64.paramserver.metrics import WINDOW, Metrics


def steps_taken(hyperparameters: Hyperparameters, step: int) -> str:
    """Return why the run's steps are a reason to end it, or nothing."""
    return f"the run has taken its {step} steps" if 0 < hyperparameters.total_timesteps <= step else ""


def time_over(hyperparameters: Hyperparameters, seconds: float) -> str:
    """Return why the time it was trained is one, or nothing."""
    return (
        f"the run has trained for {seconds:.0f} s (A3C64_TIME_LIMIT)"
        if 0 < hyperparameters.time_limit <= seconds
        else ""
    )


def reward_reached(
    hyperparameters: Hyperparameters, metrics: Metrics, evaluations: Evaluations, evaluated: bool
) -> str:
    """Return why what it has learned is one, or nothing.

    Args:
        hyperparameters: of the run.
        metrics: of training.
        evaluations: of before; one that was good enough still counts after a restart.
        evaluated: there is an evaluator, so that training's own figures, with drawn actions, are not asked.
    """
    goal = hyperparameters.stop_at_reward
    if goal is None:
        return ""
    for one in evaluations.all:
        if one.mean_reward >= goal:
            return (
                f"greedy episodes at step {one.step} had a mean return of {one.mean_reward:.2f} (A3C64_STOP_AT_REWARD)"
            )
    mean = metrics.mean_return
    if evaluated or metrics.episodes < WINDOW or mean is None or mean < goal:
        return ""
    return f"the last {WINDOW} episodes had a mean return of {mean:.2f} (A3C64_STOP_AT_REWARD)"

"""Conditions that end a run: steps, time, reward."""

from a3c64.hyperparameters import Hyperparameters
from a3c64.paramserver.evaluations import Evaluations
from a3c64.paramserver.metrics import WINDOW, Metrics


def steps_taken(hyperparameters: Hyperparameters, step: int) -> str:
    """Return the reason to stop if the run has taken all its steps, else ""."""
    return f"the run has taken its {step} steps" if 0 < hyperparameters.total_timesteps <= step else ""


def time_over(hyperparameters: Hyperparameters, seconds: float) -> str:
    """Return the reason to stop if the time limit is reached, else ""."""
    return (
        f"the run has trained for {seconds:.0f} s (A3C64_TIME_LIMIT)"
        if 0 < hyperparameters.time_limit <= seconds
        else ""
    )


def reward_reached(
    hyperparameters: Hyperparameters, metrics: Metrics, evaluations: Evaluations, evaluated: bool
) -> str:
    """Return the reason to stop if the reward goal is reached, else "".

    Args:
        hyperparameters: of the run.
        metrics: of training.
        evaluations: all of the run, so that one that reached the goal still counts after a restart.
        evaluated: whether there is an evaluator; if so, returns of training, with sampled actions, do not count.
    """
    goal = hyperparameters.stop_at_reward
    if goal is None:
        return ""
    for one in evaluations.all:
        if one.mean_reward >= goal:
            return (
                f"the {one.actions} evaluation at step {one.step} had a mean return of {one.mean_reward:.2f} "
                "(A3C64_STOP_AT_REWARD)"
            )
    mean = metrics.mean_return
    if evaluated or metrics.episodes < WINDOW or mean is None or mean < goal:
        return ""
    return f"the last {WINDOW} episodes had a mean return of {mean:.2f} (A3C64_STOP_AT_REWARD)"

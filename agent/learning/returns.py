"""From rewards and values to advantages and value targets; pure NumPy.

T is time, B the batch of environments.
"""

from typing import NamedTuple

import numpy as np


class Targets(NamedTuple):
    """What the losses need from a rollout."""

    advantages: np.ndarray  # [T, B] float32
    returns: np.ndarray  # [T, B] float32


def next_values(
    values: np.ndarray, bootstrap_value: np.ndarray, truncated: np.ndarray, final_values: np.ndarray
) -> np.ndarray:
    """Return V of the state that followed each step, [T, B].

    Args:
        values: V(s_t), [T, B].
        bootstrap_value: V(s_T), the state after the last step, [B].
        truncated: bool [T, B], where the next stored state belongs to another episode.
        final_values: [T, B], V of the last state of each truncated episode, used there instead.
    """
    following = np.concatenate([values[1:], bootstrap_value[None]], axis=0)  # [T, B]
    return np.where(truncated, final_values, following)


def normalised(advantages: np.ndarray) -> np.ndarray:
    """Return advantages with mean 0 and standard deviation 1, so that costs and rates suit rewards of any size."""
    return (advantages - advantages.mean()) / (advantages.std() + 1e-8)


def generalised_advantages(
    rewards: np.ndarray,
    values: np.ndarray,
    following_values: np.ndarray,
    terminated: np.ndarray,
    truncated: np.ndarray,
    discount: float,
    gae_lambda: float,
) -> Targets:
    """Return GAE (Schulman et al. 2015, equations 11, 12 and 16); with gae_lambda 1 the n-step returns of A3C.

    All arrays are [T, B]; reward[t] follows action[t]. After a termination nothing follows: V of the next state is 0.
    A truncated episode could have gone on, so V of its next state is used. Advantages do not propagate back across
    either.
    """
    if not rewards.shape == values.shape == following_values.shape == terminated.shape == truncated.shape:
        raise ValueError(
            "rewards, values and following values must have one shape, found "
            f"{rewards.shape}, {values.shape} and {following_values.shape}"
        )
    deltas = rewards + discount * following_values * ~terminated - values  # [T, B], equation 11
    carry = discount * gae_lambda * ~(terminated | truncated)  # [T, B]
    advantages = np.empty_like(deltas, dtype=np.float32)
    running = np.zeros(rewards.shape[1], np.float32)  # [B]
    for t in reversed(range(rewards.shape[0])):
        running = deltas[t] + carry[t] * running
        advantages[t] = running
    return Targets(advantages, (advantages + values).astype(np.float32))

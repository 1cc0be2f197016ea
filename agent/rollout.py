"""A preallocated stretch of experience, [T, B]: it knows append, full and restart, and nothing else."""

import numpy as np


class Rollout:
    """T steps of B environments.

    Attributes:
        observations: [T, B, ...], what the policy saw before it acted.
        starts: float32 [T, B], 1 where observations[t] begins an episode and memory must be forgotten first.
        actions: int32 [T, B] or [T, B, K].
        values: float32 [T, B], V(observations[t]).
        rewards: float32 [T, B], reward[t] follows action[t].
        terminated, truncated: bool [T, B], how the step ended the episode, if it did.
        final_values: float32 [T, B], V of the state in which a truncated episode was cut off, else 0.
    """

    def __init__(
        self, length: int, batch: int, shape: tuple[int, ...], dtype: np.dtype, action_shape: tuple[int, ...]
    ) -> None:
        self.length = length
        self.filled = 0
        self.observations = np.zeros((length, batch, *shape), dtype)
        self.starts = np.zeros((length, batch), np.float32)
        self.actions = np.zeros((length, batch, *action_shape), np.int32)
        self.values = np.zeros((length, batch), np.float32)
        self.rewards = np.zeros((length, batch), np.float32)
        self.terminated = np.zeros((length, batch), bool)
        self.truncated = np.zeros((length, batch), bool)
        self.final_values = np.zeros((length, batch), np.float32)

    @property
    def full(self) -> bool:
        """Say whether the next append has no room."""
        return self.filled == self.length

    def append(
        self,
        observations: np.ndarray,
        starts: np.ndarray,
        actions: np.ndarray,
        values: np.ndarray,
        rewards: np.ndarray,
        terminated: np.ndarray,
        truncated: np.ndarray,
        final_values: np.ndarray,
    ) -> None:
        """Add one step of all B environments.

        Raises:
            IndexError: the rollout is full.
        """
        if self.full:
            raise IndexError(f"the rollout already holds its {self.length} steps")
        t = self.filled
        self.observations[t] = observations
        self.starts[t] = starts
        self.actions[t] = actions
        self.values[t] = values
        self.rewards[t] = rewards
        self.terminated[t] = terminated
        self.truncated[t] = truncated
        self.final_values[t] = final_values
        self.filled = t + 1

    def restart(self) -> None:
        """Make room; the arrays stay where they are and are written again."""
        self.filled = 0

"""A preallocated rollout buffer, [T, B]."""

import numpy as np

from a3c64.envs.actions import Family
from a3c64.envs.spaces import Observations, Shape


class Rollout:
    """T steps of B environments.

    Attributes:
        observations: [T, B, ...], what the policy saw before it acted.
        starts: float32 [T, B], 1 where observations[t] begins an episode, so that memory must be reset first.
        actions: [T, B, *family.shape].
        values: float32 [T, B], V(observations[t]).
        parameters: float32 [T, B, outputs + free], of the distribution that actions[t] were drawn from.
        rewards: float32 [T, B]; reward[t] follows action[t].
        terminated, truncated: bool [T, B], whether the step ended the episode, and how.
        final_values: float32 [T, B], V of the last state of a truncated episode, else 0.
    """

    def __init__(self, length: int, batch: int, shape: Shape, family: Family) -> None:
        self.length = length
        self.filled = 0
        self.observations = shape.empty(length, batch)
        self.starts = np.zeros((length, batch), np.float32)
        self.actions: np.ndarray = np.zeros((length, batch, *family.shape), family.dtype)
        self.values = np.zeros((length, batch), np.float32)
        self.parameters = np.zeros((length, batch, family.outputs + family.free), np.float32)
        self.rewards = np.zeros((length, batch), np.float32)
        self.terminated = np.zeros((length, batch), bool)
        self.truncated = np.zeros((length, batch), bool)
        self.final_values = np.zeros((length, batch), np.float32)

    @property
    def full(self) -> bool:
        """Return whether all T steps are filled."""
        return self.filled == self.length

    def saw(self, observations: Observations) -> None:
        """Store what the policy sees before it acts; `append` completes the step.

        This is a separate call because the environments overwrite their observations when they step.

        Raises:
            IndexError: the rollout is full.
        """
        if self.full:
            raise IndexError(f"the rollout already holds its {self.length} steps")
        self.observations.image[self.filled] = observations.image
        self.observations.vector[self.filled] = observations.vector

    def append(
        self,
        starts: np.ndarray,
        actions: np.ndarray,
        parameters: np.ndarray,
        values: np.ndarray,
        rewards: np.ndarray,
        terminated: np.ndarray,
        truncated: np.ndarray,
        final_values: np.ndarray,
    ) -> None:
        """Add one step of all B environments, begun with `saw`.

        Raises:
            IndexError: the rollout is full.
        """
        if self.full:
            raise IndexError(f"the rollout already holds its {self.length} steps")
        t = self.filled
        self.starts[t] = starts
        self.actions[t] = actions
        self.parameters[t] = parameters
        self.values[t] = values
        self.rewards[t] = rewards
        self.terminated[t] = terminated
        self.truncated[t] = truncated
        self.final_values[t] = final_values
        self.filled = t + 1

    def restart(self) -> None:
        """Empty the rollout; the arrays are reused."""
        self.filled = 0

"""An environment without end that shows the actions it gets (`counting_env:Counting-v0`)."""

from typing import ClassVar

import gymnasium as gym
import numpy as np


class Counting(gym.Env):
    """Reward n for the n-th step of an episode. The observation is the step and the action.

    Args:
        length: steps of an episode; 0 = no end.
        nan_at: step of an episode whose reward is NaN; 0 = none.
    """

    metadata: ClassVar = {"render_modes": ["rgb_array"], "render_fps": 60}

    def __init__(self, length: int = 0, nan_at: int = 0, render_mode: str | None = None) -> None:
        self.length, self.nan_at, self.render_mode = length, nan_at, render_mode
        self.observation_space, self.action_space = gym.spaces.Box(0, np.inf, (2,)), gym.spaces.Discrete(100)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(2, np.float32), {}

    def step(self, action):
        self.t += 1
        reward = np.nan if self.t == self.nan_at else float(self.t)
        return np.array([self.t, action], np.float32), reward, self.t == self.length, False, {}


gym.register("Counting-v0", entry_point=Counting)
gym.register("CountingLimited-v0", entry_point=Counting, max_episode_steps=10)
gym.register("CountingFar-v0", entry_point=Counting, max_episode_steps=100_000)

"""A wrapper that crops Atari's frames to the rows of the playing field, as universe-starter-agent does (envs.py)."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box

ROWS = slice(34, 34 + 160)  # without the score above and the border below, in Pong


class Crop(gym.ObservationWrapper):
    """Images of 210 rows lose the rows outside ROWS."""

    def __init__(self, env: gym.Env) -> None:
        super().__init__(env)
        space: Any = env.observation_space
        self.observation_space = Box(space.low[ROWS], space.high[ROWS], dtype=space.dtype.type)

    def observation(self, observation: np.ndarray) -> np.ndarray:
        """Return the image's rows of the playing field."""
        return observation[ROWS]

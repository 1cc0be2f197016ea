"""An environment that hangs in the first process that reaches step AT, and in no other (`hanging_env:Hanging-v0`)."""

import time
from pathlib import Path

import gymnasium as gym
import numpy as np

AT = 300


class Hanging(gym.Env):
    """If the file `flag` does not exist at step AT, creates it and hangs."""

    observation_space, action_space = gym.spaces.Box(-1, 1, (2,), np.float32), gym.spaces.Discrete(2)

    def __init__(self, flag: str, render_mode: str | None = None) -> None:
        self.render_mode, self._flag, self._n = render_mode, Path(flag), 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(2, np.float32), {}

    def step(self, action):
        self._n += 1
        if self._n >= AT and not self._flag.exists():
            self._flag.touch()
            time.sleep(1e6)
        return np.zeros(2, np.float32), 0.0, self._n % 20 == 0, False, {}


gym.register("Hanging-v0", entry_point=Hanging)

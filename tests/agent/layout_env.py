"""One picture in four layouts. The action must choose its lit half: `layout_env:Layout-v0`, layout="channels first"."""

from typing import Any

import gymnasium as gym
import numpy as np

LENGTH = 20  # steps; the end is a truncation
SIDE = 64
LAYOUTS = {  # name -> space of the observation
    "channels last": gym.spaces.Box(0, 255, (SIDE, SIDE, 3), np.uint8),
    "channels first": gym.spaces.Box(0, 255, (3, SIDE, SIDE), np.uint8),
    "four channels": gym.spaces.Box(0, 255, (SIDE, SIDE, 4), np.uint8),
    "float": gym.spaces.Box(0.0, 1.0, (SIDE, SIDE, 3), np.float32),
}


class Layout(gym.Env):
    """Reward 1 for the lit half, else 0."""

    def __init__(self, layout: str) -> None:
        self._layout = layout
        self.observation_space = LAYOUTS[layout]
        self.action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self._steps = 0
        return self._observe(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        reward = float(action == self._lit)
        self._steps += 1
        return self._observe(), reward, False, self._steps == LENGTH, {}

    def _observe(self) -> np.ndarray:
        self._lit = int(self.np_random.integers(2))
        picture = np.full((SIDE, SIDE, 3), (20, 60, 30), np.uint8)
        picture[:, SIDE // 2 * self._lit :][:, : SIDE // 2] = (200, 60, 30)
        if self._layout == "channels first":
            return picture.transpose(2, 0, 1)
        if self._layout == "four channels":
            return np.concatenate((picture, np.full((SIDE, SIDE, 1), 255, np.uint8)), axis=2)
        return (picture / 255).astype(np.float32) if self._layout == "float" else picture


gym.register("Layout-v0", entry_point=Layout)

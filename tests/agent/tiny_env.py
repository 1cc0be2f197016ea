"""A tiny image environment: one half of the picture is lit, and the action must choose it (`tiny_env:TinyImage-v0`)."""

from typing import Any

import gymnasium as gym
import numpy as np

LENGTH = 20  # steps; the end is a truncation


class TinyImage(gym.Env):
    """Reward 1 for the lit half, else 0."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}  # noqa: RUF012

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode
        self._drawn = 0
        self.observation_space = gym.spaces.Box(0, 255, (42, 42), np.uint8)
        self.action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self._right, self._steps = 0, 0
        return self._observe(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        reward = float(action == self._lit)
        self._right += int(reward)
        self._steps += 1
        truncated = self._steps == LENGTH
        info = {"metrics": {"progress": self._right / LENGTH}} if truncated else {}
        return self._observe(), reward, False, truncated, info

    def render(self) -> np.ndarray:
        picture = np.zeros((120, 160, 3), np.uint8)
        picture[:, 80 * self._lit : 80 * self._lit + 80] = (255, 160, 0)
        picture[:8] = (self._drawn * 7) % 251  # consecutive pictures differ
        self._drawn += 1
        return picture

    def _observe(self) -> np.ndarray:
        self._lit = int(self.np_random.integers(2))
        picture = np.zeros((42, 42), np.uint8)
        picture[:, 21 * self._lit : 21 * self._lit + 21] = 255
        return picture


class TinyFight(TinyImage):
    """TinyImage as a fight: it declares and reports other figures than a race."""

    metadata = TinyImage.metadata | {
        "figures": {
            "won": {"summary": "rate", "headline": True},
            "damage": {"unit": "%", "headline": True},
            "score": {"label": "high score", "summary": "most", "headline": True},
            "round_*_s": {"label": "round *"},
        }
    }

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = super().step(action)
        if truncated:
            metrics = {"lives": 3.0, "damage": 5.0 * self._right, "won": float(self._right > LENGTH / 2)}
            info = {"metrics": metrics | {"score": 1000.0 + self._right, "round_1_s": 2.5, "round_2_s": 1.5}}
        return observation, reward, terminated, truncated, info


gym.register("TinyFight-v0", entry_point=TinyFight)
gym.register("TinyImage-v0", entry_point=TinyImage)

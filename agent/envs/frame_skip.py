"""A wrapper that repeats each action for some steps of the environment, for environments without a frame skip."""

from typing import Any

import gymnasium as gym


class FrameSkip(gym.Wrapper):
    """Each step takes up to `count` steps of the environment with the same action, and returns the sum of the rewards.

    Observation and info are those of the last of these steps. The end of an episode ends the step.
    """

    def __init__(self, env: gym.Env, count: int) -> None:
        super().__init__(env)
        self._count = count
        if rate := env.metadata.get("render_fps"):
            self.metadata = {**env.metadata, "render_fps": rate / count}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step the environment until `count` steps are taken or the episode ends."""
        total: Any = 0.0  # a number, or an array of one number
        for _ in range(self._count):
            observation, reward, terminated, truncated, info = self.env.step(action)
            total = total + reward
            if terminated or truncated:
                break
        return observation, total, terminated, truncated, info

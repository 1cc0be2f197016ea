"""A wrapper that replaces an environment's reward by the sum of the terms that the user's function returns."""

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym

RewardFunction = Callable[[Mapping[str, Any], Mapping[str, Any]], Mapping[str, float]]


class OwnReward(gym.Wrapper):
    """Calls the user's function after each step. The episode's total of each term becomes the figure `reward_<term>`.

    Args:
        env: the environment.
        name: the function's name, for errors.
        function: gets `info` of the step before (or of reset) and `info` of this step; returns terms. For an N64 game,
            the second also has `rdram`, the console's memory as uint32 words, without a copy.
    """

    hands_on_actions = True  # so that n64gym's emulators may step in parallel

    def __init__(self, env: gym.Env, name: str, function: RewardFunction) -> None:
        super().__init__(env)
        self._name, self._function = name, function
        self._console = env.unwrapped if hasattr(env.unwrapped, "emulator") else None
        self._before: Mapping[str, Any] = {}
        self._totals: dict[str, float] = {}

    def reset(self, **arguments: Any) -> tuple[Any, dict[str, Any]]:
        """Begin an episode."""
        observation, info = self.env.reset(**arguments)
        self._before, self._totals = info, {}
        return observation, info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Step the environment and judge the step. If the emulator has died in it, the reward is 0.

        Raises:
            TypeError: the function does not return a mapping.
        """
        observation, _, terminated, truncated, info = self.env.step(action)
        if "emulator_error" in info:
            return observation, 0.0, terminated, truncated, info
        now = info if self._console is None else {**info, "rdram": self._console.emulator.rdram}
        terms = self._function(self._before, now)
        if not isinstance(terms, Mapping):
            raise TypeError(f"{self._name} must return a dict of terms and numbers, found {terms!r:.60}")
        shares = {str(term): float(share) for term, share in terms.items()}
        for term, share in shares.items():
            self._totals[term] = self._totals.get(term, 0.0) + share
        self._before = info
        info = {key: value for key, value in info.items() if key not in ("reward_objectives", "reward_costs")}
        info["reward_terms"] = shares
        if terminated or truncated:
            others = {key: value for key, value in info.get("metrics", {}).items() if not key.startswith("reward_")}
            info["metrics"] = others | {f"reward_{term}": total for term, total in self._totals.items()}
        return observation, sum(shares.values()), terminated, truncated, info

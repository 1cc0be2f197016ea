"""An environment that gives rewards, observations or metrics that are not finite numbers (`odd_env:Odd-v0`)."""

import gymnasium as gym
import numpy as np

LENGTH = 50  # steps of an episode
VALUES = {"nan": float("nan"), "inf": float("inf"), "none": None, "text": "1.0", "list": [1.0, 2.0], "huge": 1e300}


class Odd(gym.Env):
    """Reward 1 for action 1; one value in `every` steps is wrong.

    Args:
        where: where that value stands: "reward", "observation", "reset", "metrics" or "nowhere".
        what: a key of VALUES; for metrics also "many" and "list of metrics".
        every: steps from one wrong value to the next; resets, if `where` is "reset".
    """

    observation_space, action_space = gym.spaces.Box(-1, 1, (3,), np.float64), gym.spaces.Discrete(2)

    def __init__(self, where="nowhere", what="nan", every=97, render_mode=None):
        self.render_mode, self.where, self.what, self.every = render_mode, where, what, every
        self.n = self.resets = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t, self.resets = 0, self.resets + 1
        return self._observe("reset"), {}

    def step(self, action):
        self.t, self.n = self.t + 1, self.n + 1
        reward = VALUES[self.what] if self._is_wrong("reward") else float(action)
        over = self.t >= LENGTH
        return self._observe("observation"), reward, over, False, {"metrics": self._metrics()} if over else {}

    def _is_wrong(self, where):
        return self.where == where and (self.resets if where == "reset" else self.n) % self.every == 0

    def _observe(self, where):
        seen = self.np_random.uniform(-1, 1, 3)
        if self._is_wrong(where):
            if self.what in ("none", "text"):
                return VALUES[self.what]
            seen[1] = VALUES["nan" if self.what == "list" else self.what]
        return seen

    def _metrics(self):
        if self.where != "metrics":
            return {"good": 1.0}
        if self.what == "many":
            return {f"m{n}": 1.0 for n in range(65)}
        if self.what == "list of metrics":
            return [1.0]
        return {"good": 1.0, "x": VALUES[self.what], "": 1.0, "n" * 65: 1.0, 7: np.float32(2.0)}


gym.register("Odd-v0", entry_point=Odd)

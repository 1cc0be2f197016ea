"""Environments with one fault each (`strange_env:Strange-v0`, argument `fault`)."""

import sys

import gymnasium as gym
import numpy as np

LENGTH = 20  # steps of an episode
LATE = 30  # the step of the process from which "late" faults raise
RAISED = {
    "RuntimeError": (RuntimeError, "no licence"),
    "KeyError": (KeyError, "x"),
    "NotImplementedError": (NotImplementedError,),
    "AssertionError": (AssertionError,),
}


class Strange(gym.Env):
    """Reward 1 for action 1. `fault` is "where what", such as "reset KeyError"."""

    def __init__(self, fault: str = "", length: int = LENGTH, render_mode: str | None = None) -> None:
        self.render_mode, self.fault, self.length = render_mode, fault, length
        self.observation_space, self.action_space = gym.spaces.Box(-1, 1, (3,), np.float32), gym.spaces.Discrete(2)
        if fault == "a missing key":
            part = gym.spaces.Box(-1, 1, (2,))
            self.observation_space = gym.spaces.Dict({"place": part, "speed": part})
        elif fault == "a short tuple":
            self.observation_space = gym.spaces.Tuple((gym.spaces.Discrete(2), gym.spaces.Discrete(3)))
        self.n = 0
        self._raise("make")

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        self._raise("reset")
        observation = self._observe("reset")
        changed = {
            "reset bare": observation,
            "reset three": (observation, {}, {}),
            "reset no info": (observation, None),
            "reset None": None,
        }
        return changed.get(self.fault, (observation, {}))

    def step(self, action):
        self.t, self.n = self.t + 1, self.n + 1
        self._raise("step")
        if self.n > LATE:
            self._raise("late")
        if self.n % 97 == 0:
            self._raise("sometimes")
        over = self.t >= self.length
        observation, reward = self._observe("step"), float(action)
        changed = {
            "step four": (observation, reward, over, {}),
            "step six": (observation, reward, over, False, {}, {}),
            "step None": None,
            "step no info": (observation, reward, over, False, None),
            "late no info": (observation, reward, over, False, None if self.n > LATE else {}),
            "late four": (observation, reward, over, {}) if self.n > LATE else (observation, reward, over, False, {}),
            "reward array": (observation, np.array([reward]), over, False, {}),
            "reward vector": (observation, np.array([reward, 0.0]), over, False, {}),
            "reward None": (observation, None, over, False, {}),
            "reward bool": (observation, bool(action), over, False, {}),
            "ends are integers": (observation, reward, int(over), 0, {}),
        }
        return changed.get(self.fault, (observation, reward, over, False, {}))

    def close(self):
        self._raise("close")

    def _raise(self, where: str) -> None:
        if self.fault == f"{where} SystemExit":
            sys.exit("bye")
        if self.fault == f"{where} library":
            np.linalg.inv(np.zeros((2, 2)))
        if (raised := RAISED.get(self.fault.removeprefix(f"{where} "))) and self.fault.startswith(where):
            kind, *arguments = raised
            raise kind(*arguments)

    def _observe(self, where: str):
        seen = self.np_random.uniform(-1, 1, 3).astype(np.float32)
        changed = {
            f"{where} None observed": None,
            f"{where} shape": seen[:2],
            "float64": seen.astype(np.float64),
            "a list": seen.tolist(),
            "a column": seen[:, None],
            "ragged": [[1.0], [1.0, 2.0]],
            "too large": 9 * seen,
            "always nan": seen * np.nan,
            "a missing key": {"place": seen[:2]},
            "a short tuple": (1,),
        }
        return changed.get(self.fault, seen)


class Old(gym.Env):
    """An environment with the interface of Gym before 0.26."""

    observation_space, action_space = gym.spaces.Box(-1, 1, (3,), np.float32), gym.spaces.Discrete(2)

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self):
        return np.zeros(3, np.float32)

    def step(self, action):
        return np.zeros(3, np.float32), 1.0, False, {}


gym.register("Strange-v0", entry_point=Strange)
gym.register("StrangeNeverEnds-v0", entry_point=Strange, kwargs={"length": 10**9})
gym.register("Old-v0", entry_point=Old)
gym.register("NotAnEnv-v0", entry_point=lambda render_mode=None: object())

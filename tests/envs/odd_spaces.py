"""An environment for any observation and action space (`odd_spaces:Odd-v0`, arguments `sees` and `does`)."""

import gymnasium as gym
import numpy as np

Box, Dict, Tuple, Discrete = gym.spaces.Box, gym.spaces.Dict, gym.spaces.Tuple, gym.spaces.Discrete
PICTURE = Box(0, 255, (64, 64, 3), np.uint8)
SEES = {
    "picture": PICTURE,
    "channels first": Box(0, 255, (3, 64, 64), np.uint8),
    "four channels": Box(0, 255, (64, 64, 4), np.uint8),
    "float": Box(0, 1, (64, 64, 3), np.float32),
    "grey": Box(0, 255, (84, 84), np.uint8),
    "stack": Box(0, 255, (4, 84, 84), np.uint8),
    "bool grid": Box(0, 1, (9, 9, 5), bool),
    "two cameras": Dict(left=PICTURE, right=PICTURE),
    "nested": Dict(a=Tuple((PICTURE, Discrete(3))), b=Dict(c=Box(-1, 1, (2,)))),
    "tiny": Box(0, 255, (3, 3), np.uint8),
    "one number": Box(0, 1, (), np.float32),
    "no bounds": Box(-np.inf, np.inf, (64, 64, 3), np.float64),
    "doubles": Box(-1e300, 1e300, (3,), np.float64),
    "choices": gym.spaces.MultiDiscrete([3, 4]),
    "table of choices": gym.spaces.MultiDiscrete([[3, 4], [2, 2]]),
    "bits": gym.spaces.MultiBinary(6),
    "negative choice": Discrete(5, start=-2),
    "text": gym.spaces.Text(9),
    "text beside": Dict(said=gym.spaces.Text(9), at=Box(-1, 1, (2,))),
    "graph": gym.spaces.Graph(Discrete(3), None),
    "sequence": gym.spaces.Sequence(Discrete(3)),
    "one of": gym.spaces.OneOf((Discrete(2), Discrete(3))),
    "nothing": Dict(),
    "vector": Box(-1, 1, (4,), np.float32),
}
DOES = {
    "choice": Discrete(3),
    "one choice": Discrete(1),
    "negative choice": Discrete(3, start=-1),
    "choices": gym.spaces.MultiDiscrete([3, 2], start=[-1, 0]),
    "table of choices": gym.spaces.MultiDiscrete([[3, 4], [2, 2]]),
    "bits": gym.spaces.MultiBinary(4),
    "box": Box(-2, 3, (2,), np.float32),
    "matrix": Box(-1, 1, (2, 3), np.float64),
    "no bounds": Box(-np.inf, np.inf, (2,), np.float32),
    "integers": Box(0, 9, (2,), np.int64),
    "dict": Dict(a=Discrete(2)),
    "tuple": Tuple((Discrete(2), Discrete(2))),
    "text": gym.spaces.Text(3),
}


class Odd(gym.Env):
    """Observations are drawn from the space; an action outside of its space is an error."""

    def __init__(self, sees: str = "vector", does: str = "choice", render_mode: str | None = None) -> None:
        self.render_mode = render_mode
        self.observation_space, self.action_space = SEES[sees], DOES[does]

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self.observation_space.sample(), {}

    def step(self, action):
        if not self.action_space.contains(action):
            raise ValueError(f"{action!r} is not in {self.action_space}")
        self.t += 1
        return self.observation_space.sample(), 1.0, self.t >= 5, False, {}


gym.register("Odd-v0", entry_point=Odd)

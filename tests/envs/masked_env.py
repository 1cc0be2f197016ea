"""An environment that gives action masks and refuses masked actions (`masked_env:Masked-v0`)."""

import gymnasium as gym
import numpy as np

SPACES = {
    "discrete": gym.spaces.Discrete(4),
    "from 3": gym.spaces.Discrete(4, start=3),
    "multi": gym.spaces.MultiDiscrete([3, 4]),
    "tuple": gym.spaces.MultiDiscrete([3, 4]),
    "box": gym.spaces.Box(-1, 1, (2,)),
}


class Masked(gym.Env):
    """Each step allows other actions; action 0 seldom. `wrong` is a fault of the mask from step 12 on, or at once.

    Args:
        actions: a name of SPACES.
        wrong: the mask given instead of the right one.
        late: whether `wrong` begins at step 12.
        bare: the method that gives no mask, "reset" or "step".
    """

    def __init__(self, actions="discrete", wrong=None, late=False, bare="", render_mode=None):
        self.render_mode = render_mode
        self.action_space, self.observation_space = SPACES[actions], gym.spaces.Box(0, 1, (4,), np.float32)
        self.actions, self.wrong, self.late, self.bare = actions, wrong, late, bare

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self._next("reset")

    def step(self, action):
        self.t += 1
        if self.actions == "from 3":
            action = action - 3
        chosen = zip(self.masks, np.atleast_1d(action), strict=True) if self.actions != "box" else ()
        assert all(mask[one] for mask, one in chosen), f"{action} is masked"
        observation, info = self._next("step")
        return observation, float(np.sum(action)), self.t == 20, False, info

    def _next(self, method):
        sizes = {"discrete": [4], "from 3": [4], "box": [2]}.get(self.actions, [3, 4])
        self.masks = [(self.np_random.random(size) < np.linspace(0.1, 0.6, size)).astype(np.int8) for size in sizes]
        for mask in self.masks:
            mask[-1] |= not mask.any()
        mask = tuple(self.masks) if self.actions == "tuple" else np.concatenate(self.masks)
        if self.wrong is not None and (not self.late or self.t >= 12):
            mask = self.wrong if isinstance(self.wrong, str) else np.array(self.wrong)
        if method == self.bare:
            self.masks = [np.ones(size, np.int8) for size in sizes]
        return self.np_random.random(4).astype(np.float32), {} if method == self.bare else {"action_mask": mask}


gym.register("Masked-v0", entry_point=Masked)

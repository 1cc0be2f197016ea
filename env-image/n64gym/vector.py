"""Several environments in one process, stepped in parallel: all emulators start a step before any is waited for.

envs = gymnasium.make_vec("n64gym/OpenKart-v0", num_envs=8, vectorization_mode="vector_entry_point", size=(84, 84))
"""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium
from gymnasium.vector import SyncVectorEnv


class LockstepVectorEnv(SyncVectorEnv):
    """Gymnasium's vector API for N64 environments. As in SyncVectorEnv, the step after an episode's last one resets it.

    An environment with a wrapper that may change actions does not run in parallel, see N64Env.starter.
    """

    def __init__(self, env_fns: Any, **settings: Any) -> None:
        super().__init__(env_fns, **settings)
        self._starters = [env.unwrapped.starter(env) for env in self.envs]  # type: ignore[attr-defined]

    def step(self, actions: Any) -> Any:
        """Step each environment with its action."""
        each = gymnasium.vector.utils.iterate(self.action_space, actions)
        for start, action, over in zip(self._starters, each, self._autoreset_envs, strict=True):
            if start is not None and not over:
                start(action)
        return super().step(actions)


def make(env_id: str, num_envs: int, **settings: Any) -> LockstepVectorEnv:
    """Return `num_envs` environments of one id with the same settings."""
    return LockstepVectorEnv([lambda: gymnasium.make(env_id, **settings)] * num_envs)


# gymnasium.make_vec's entry point as a string, so that an environment's spec can be written as JSON.
open_kart = partial(make, "n64gym/OpenKart-v0")
mario_kart_64 = partial(make, "n64gym/MarioKart64-v0")
super_smash_bros = partial(make, "n64gym/SuperSmashBros-v0")
rom = partial(make, "n64gym/Rom-v0")

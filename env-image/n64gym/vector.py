"""Several environments in one program, stepped side by side: all emulators run before any of them is waited for.

envs = gymnasium.make_vec("n64gym/OpenKart-v0", num_envs=8, vectorization_mode="vector_entry_point", size=(84, 84))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
from gymnasium.vector import SyncVectorEnv


class LockstepVectorEnv(SyncVectorEnv):
    """Gymnasium's vector API over N64 environments; autoreset as SyncVectorEnv does it, in the step after the last."""

    def step(self, actions: Any) -> Any:
        """Step every environment with its action."""
        for env, action, over in zip(
            self.envs, gymnasium.vector.utils.iterate(self.action_space, actions), self._autoreset_envs, strict=True
        ):
            if not over:
                env.unwrapped.begin_step(action)  # type: ignore[attr-defined]
        return super().step(actions)


def entry_point(env_id: str) -> Callable[..., LockstepVectorEnv]:
    """Return what gymnasium.make_vec calls for `env_id`."""

    def make(num_envs: int, **settings: Any) -> LockstepVectorEnv:
        return LockstepVectorEnv([lambda: gymnasium.make(env_id, **settings)] * num_envs)

    return make

"""Several environments in one program, stepped side by side: all emulators run before any of them is waited for.

envs = gymnasium.make_vec("n64gym/OpenKart-v0", num_envs=8, vectorization_mode="vector_entry_point", size=(84, 84))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
from gymnasium.vector import SyncVectorEnv


class LockstepVectorEnv(SyncVectorEnv):
    """Gymnasium's vector API over N64 environments; autoreset as SyncVectorEnv does it, in the step after the last.

    An environment with a wrapper that may change actions is not begun before the others, see N64Env.starter.
    """

    def __init__(self, env_fns: Any, **settings: Any) -> None:
        super().__init__(env_fns, **settings)
        self._starters = [env.unwrapped.starter(env) for env in self.envs]  # type: ignore[attr-defined]

    def step(self, actions: Any) -> Any:
        """Step every environment with its action."""
        each = gymnasium.vector.utils.iterate(self.action_space, actions)
        for start, action, over in zip(self._starters, each, self._autoreset_envs, strict=True):
            if start is not None and not over:
                start(action)
        return super().step(actions)


def entry_point(env_id: str) -> Callable[..., LockstepVectorEnv]:
    """Return what gymnasium.make_vec calls for `env_id`."""

    def make(num_envs: int, **settings: Any) -> LockstepVectorEnv:
        return LockstepVectorEnv([lambda: gymnasium.make(env_id, **settings)] * num_envs)

    return make

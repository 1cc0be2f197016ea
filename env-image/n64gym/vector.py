"""Several environments in one process, stepped in parallel: all emulators start a step before any is waited for.

envs = gymnasium.make_vec("n64gym/OpenKart-v0", num_envs=8, vectorization_mode="vector_entry_point", size=(84, 84))
"""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium
from gymnasium.vector import AutoresetMode, SyncVectorEnv


class LockstepVectorEnv(SyncVectorEnv):
    """Gymnasium's vector API for N64 environments. `metadata["autoreset_mode"]` tells when an episode's end resets.

    An environment with a wrapper that may change actions does not run in parallel, see N64Env.starter.
    """

    def __init__(self, env_fns: Any, **settings: Any) -> None:
        super().__init__(env_fns, **settings)
        self._starters = [env.unwrapped.starter(env) for env in self.envs]  # type: ignore[attr-defined]

    def step(self, actions: Any) -> Any:
        """Step each environment with its action."""
        each = gymnasium.vector.utils.iterate(self.action_space, actions)
        # In mode SAME_STEP, those that ended have been reset already. In mode DISABLED, they make super().step raise.
        over = self._autoreset_envs & (self.autoreset_mode != AutoresetMode.SAME_STEP)
        if self.autoreset_mode != AutoresetMode.DISABLED or not over.any():
            for start, action, waits in zip(self._starters, each, over, strict=True):
                if start is not None and not waits:
                    start(action)
        return super().step(actions)


def make(
    env_id: str, num_envs: int, autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP, **settings: Any
) -> LockstepVectorEnv:
    """Return `num_envs` environments of one id with the same settings.

    autoreset_mode: "NextStep" (the step after an episode's last one resets), "SameStep" (the last step resets, and
    infos["final_obs"] has the last observation) or "Disabled" (you reset, with options={"reset_mask": ...}).
    """
    return LockstepVectorEnv([lambda: gymnasium.make(env_id, **settings)] * num_envs, autoreset_mode=autoreset_mode)


# gymnasium.make_vec's entry point as a string, so that an environment's spec can be written as JSON.
open_kart = partial(make, "n64gym/OpenKart-v0")
mario_kart_64 = partial(make, "n64gym/MarioKart64-v0")
super_smash_bros = partial(make, "n64gym/SuperSmashBros-v0")
rom = partial(make, "n64gym/Rom-v0")
game = partial(make, "n64gym/Game-v0")

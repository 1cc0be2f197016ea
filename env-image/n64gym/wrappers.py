"""Lists the wrappers that pass actions on unchanged. Inside them, an emulator may start a step early."""

from __future__ import annotations

from typing import Any

import gymnasium
from gymnasium import wrappers

HAND_ON = (  # Gymnasium's wrappers, identified by the `step` that they define or inherit
    gymnasium.Wrapper,
    gymnasium.ObservationWrapper,
    gymnasium.RewardWrapper,
    wrappers.FrameStackObservation,
    wrappers.HumanRendering,
    wrappers.MaxAndSkipObservation,
    wrappers.NormalizeReward,
    wrappers.OrderEnforcing,
    wrappers.PassiveEnvChecker,
    wrappers.RecordEpisodeStatistics,
    wrappers.RecordVideo,
    wrappers.RenderCollection,
    wrappers.TimeAwareObservation,
    wrappers.TimeLimit,
)


def hand_on_actions(env: gymnasium.Env[Any, Any]) -> bool:
    """Return whether all wrappers of `env` pass every action to the environment unchanged.

    True only if that is certain: each wrapper's `step` is defined in a class of HAND_ON, or in a class that also sets
    `hands_on_actions = True`.
    """
    inside = env.unwrapped
    while isinstance(env, gymnasium.Wrapper):
        owner = next(cls for cls in type(env).__mro__ if "step" in vars(cls))
        if "step" in vars(env) or not (owner in HAND_ON or vars(owner).get("hands_on_actions")):
            return False
        env = env.env
    return env is inside

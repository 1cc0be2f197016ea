"""Which wrappers hand on every action as it is, so that an emulator may begin before they are asked."""

from __future__ import annotations

from typing import Any

import gymnasium
from gymnasium import wrappers

HAND_ON = (  # Gymnasium's own, by the `step` that they have or inherit
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
    """Whether the environment inside is stepped with the very action that `env` is stepped with.

    True where that is certain: each wrapper has the `step` of one in HAND_ON, or of a class with the attribute
    `hands_on_actions = True` beside it.
    """
    inside = env.unwrapped
    while isinstance(env, gymnasium.Wrapper):
        owner = next(cls for cls in type(env).__mro__ if "step" in vars(cls))
        if "step" in vars(env) or not (owner in HAND_ON or vars(owner).get("hands_on_actions")):
            return False
        env = env.env
    return env is inside

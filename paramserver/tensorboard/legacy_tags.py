"""The tags of universe-starter-agent (2016), for tools that expect them. A3C64_LEGACY_TAGS turns them on.

There, worker 0 wrote model/* every eleventh update. Every worker wrote global/* with each episode, and diagnostics/fps
every 503 steps. Here each is one figure of all workers, written with every point. docs/metrics.md explains the
differences in meaning.
"""

from collections.abc import Mapping

import numpy as np

STATE = "model/state"  # a picture
SAME = {  # ours -> theirs
    "rollout/ep_rew_mean": "global/episode_reward",
    "rollout/ep_len_mean": "global/episode_length",
    "train/policy_loss": "model/policy_loss",
    "train/value_loss": "model/value_loss",
    "train/entropy": "model/entropy",
    "train/grad_norm": "model/grad_global_norm",
}


def legacy(scalars: Mapping[str, float], weights: np.ndarray | None, environments: int) -> dict[str, float]:
    """Return a point's scalars under the old tags.

    Args:
        scalars: under our tags.
        weights: the learned weights, float32 [N], or None before there are any.
        environments: number of environments of all workers now.
    """
    values = {theirs: scalars[ours] for ours, theirs in SAME.items() if ours in scalars}
    if weights is not None:
        values["model/var_global_norm"] = float(np.linalg.norm(weights))
    if environments and scalars["time/fps"] > 0.0:
        values["diagnostics/fps"] = fps = scalars["time/fps"] / environments  # their figure was that of one environment
        if length := values.get("global/episode_length"):
            values["global/episode_time"] = length / fps
            values["global/reward_per_time"] = values["global/episode_reward"] * fps / length
    return values

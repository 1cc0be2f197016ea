"""The tags of universe-starter-agent (2016), for tools and eyes that are used to them; on with A3C64_LEGACY_TAGS.

There, worker 0 wrote model/* every eleventh update, every worker global/* with each episode and diagnostics/fps every
503 steps. Here each is one figure of all workers with every point, and what differs in meaning is said in
docs/metrics.md.
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
        scalars: under ours.
        weights: that are learned, float32 [N], or None before there are any.
        environments: that are being stepped now, all workers' together.
    """
    values = {theirs: scalars[ours] for ours, theirs in SAME.items() if ours in scalars}
    if weights is not None:
        values["model/var_global_norm"] = float(np.linalg.norm(weights))
    if environments and scalars["time/fps"] > 0.0:
        values["diagnostics/fps"] = fps = scalars["time/fps"] / environments  # each of theirs was one environment
        if length := values.get("global/episode_length"):
            values["global/episode_time"] = length / fps
            values["global/reward_per_time"] = values["global/episode_reward"] * fps / length
    return values

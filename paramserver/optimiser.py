"""RMSProp with shared statistics (Mnih et al. 2016, section 4, equations 2 and 3), in place on flat float32 vectors."""

import numpy as np


def rmsprop(
    weights: np.ndarray,
    mean_square: np.ndarray,
    gradient: np.ndarray,
    scratch: np.ndarray,
    updates: int,
    learning_rate: float,
    decay: float,
    epsilon: float,
) -> None:
    """Apply one gradient: g <- decay g + (1 - decay) d^2; theta <- theta - learning_rate d / sqrt(g / c + epsilon).

    c = 1 - decay^updates makes up for g beginning at 0 (as Adam does; Kingma & Ba 2014, section 3). Without it the
    first steps are ten times too long; beginning at 1, as TensorFlow 1 did, they are a hundred times too short for a
    thousand updates.

    Args:
        weights: theta, float32 [N], changed.
        mean_square: g, float32 [N], changed; zeros at first.
        gradient: d, float32 [N], left alone.
        scratch: float32 [N], overwritten; kept by the caller so that nothing is allocated per update.
        updates: how many gradients g will have seen with this one, 1 or more.
        learning_rate: eta.
        decay: alpha.
        epsilon: inside the root, as in the paper.
    """
    np.multiply(gradient, gradient, out=scratch)
    scratch -= mean_square
    scratch *= np.float32(1.0 - decay)
    mean_square += scratch  # g + (1 - decay)(d^2 - g)
    np.multiply(mean_square, np.float32(1.0 / (1.0 - decay**updates)), out=scratch)
    scratch += np.float32(epsilon)
    np.sqrt(scratch, out=scratch)
    np.divide(gradient, scratch, out=scratch)
    scratch *= np.float32(learning_rate)
    weights -= scratch


def damped(learning_rate: float, staleness: int, damping: float) -> float:
    """Return the learning rate for a gradient that was computed `staleness` updates ago: lower, the older it is.

    Damping 1 is that of Zhang, Gupta, Lian & Liu 2016, "Staleness-aware Async-SGD for Distributed Deep Learning",
    which divides by the staleness, but counts a gradient of the newest weights as 1 old; 0 damps nothing.
    """
    return learning_rate / (1.0 + staleness) ** damping


def scheduled(learning_rate: float, schedule: str, step: int, total: int) -> float:
    """Return the learning rate at a step: constant, or falling linearly to 0 at `total` (if there is one)."""
    if schedule == "linear" and total > 0:
        return learning_rate * max(0.0, 1.0 - step / total)
    return learning_rate

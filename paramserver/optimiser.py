"""RMSProp with shared statistics (Mnih et al. 2016, section 4, equations 2 and 3), in place on flat float32 vectors."""

import logging
import math
from collections.abc import Mapping

import numpy as np

log = logging.getLogger(__name__)

MEAN_SQUARE = "mean_square"
VECTORS = {MEAN_SQUARE: 0.0}  # the vectors that a checkpoint holds for the optimiser: name -> first value
TINY = 1e-12  # a step of zeros has no length to divide by
PACE_GAIN = 0.05  # of the logarithm of the pace, for the push of a single worker
PACE_PUSHES = 10.0  # that the measured divergence is averaged over
PACE_RANGE = (0.01, 2.0)  # a higher pace builds up while there is nothing to learn, and meets the next surprise
FARTHEST = 100.0  # times the target, or a hundredth of it: what a single measurement counts at most


def begun(size: int) -> dict[str, np.ndarray]:
    """Return the vectors that the optimiser begins a run with, each float32 [size]."""
    return {name: np.full(size, value, np.float32) for name, value in VECTORS.items()}


def completed(vectors: Mapping[str, np.ndarray], size: int) -> dict[str, np.ndarray]:
    """Return the vectors that the optimiser needs, out of a checkpoint's: missing ones begin, others are dropped.

    Args:
        vectors: of a checkpoint, each float32 [size]; they are not copied.
        size: of the vector of all parameters.
    """
    if missing := [f"{name} ({value:g})" for name, value in VECTORS.items() if name not in vectors]:
        log.warning(
            "the checkpoint lacks vectors of the optimiser; they begin at their first value: %s", ", ".join(missing)
        )
    if unknown := [name for name in vectors if name not in VECTORS]:
        log.warning("the checkpoint holds vectors that the optimiser does not use; dropped: %s", ", ".join(unknown))
    return {**begun(size), **{name: flat for name, flat in vectors.items() if name in VECTORS}}


def rmsprop(
    weights: np.ndarray,
    mean_square: np.ndarray,
    gradient: np.ndarray,
    scratch: np.ndarray,
    updates: int,
    learning_rate: float,
    decay: float,
    epsilon: float,
    pace: float | None = None,
) -> None:
    """Apply one gradient: g <- decay g + (1 - decay) d^2; theta <- theta - learning_rate p d / sqrt(g / c + epsilon).

    c = 1 - decay^updates makes up for g beginning at 0 (as Adam does; Kingma & Ba 2014, section 3). Without it the
    first steps are ten times too long; beginning at 1, as TensorFlow 1 did, they are a hundred times too short for a
    thousand updates.

    p is 1, or the pace if there is one. With a pace, p is reduced where the weights would change by more than the
    learning rate, as a root mean square: g lags behind, so a gradient ten times as long as usual would otherwise make a
    step ten times as long as usual (Shazeer & Stern 2018, section 6, "update clipping").

    Args:
        weights: theta, float32 [N], changed.
        mean_square: g, float32 [N], changed; zeros at first.
        gradient: d, float32 [N], left alone.
        scratch: float32 [N], overwritten; kept by the caller so that nothing is allocated per update.
        updates: how many gradients g will have seen with this one, 1 or more.
        learning_rate: eta.
        decay: alpha.
        epsilon: inside the root, as in the paper.
        pace: of Pace; None = the paper's steps.
    """
    np.multiply(gradient, gradient, out=scratch)
    scratch -= mean_square
    scratch *= np.float32(1.0 - decay)
    mean_square += scratch  # g + (1 - decay)(d^2 - g)
    np.multiply(mean_square, np.float32(1.0 / (1.0 - decay**updates)), out=scratch)
    scratch += np.float32(epsilon)
    np.sqrt(scratch, out=scratch)
    np.divide(gradient, scratch, out=scratch)
    if pace is not None:
        size = math.sqrt(float(scratch @ scratch) / scratch.size)
        learning_rate *= min(pace, 1.0 / max(size, TINY))
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


class Pace:
    """How much longer or shorter steps are than the learning rate says, so that the policy changes at a given speed.

    Workers measure how far the policy has moved between two rollouts: the KL divergence of the old one from the new
    one. It grows with the square of the steps' length, so the pace follows the logarithm of target / measured. rl_games
    steers its learning rate by the same measurement.
    """

    def __init__(self, target: float) -> None:
        self._target = target  # nats; 0 = there is no pace
        self._mean = target
        self.value: float | None = 1.0 if target else None

    def measured(self, divergence: float, workers: int) -> None:
        """Take a worker's measurement, nats, which covers a push of each of the workers."""
        if self.value is None:
            return
        bounded = min(max(divergence, self._target / FARTHEST), self._target * FARTHEST)
        self._mean += (bounded - self._mean) / PACE_PUSHES
        change = PACE_GAIN / math.sqrt(max(1, workers)) * math.log(self._target / self._mean)
        self.value = min(max(self.value * math.exp(change), PACE_RANGE[0]), PACE_RANGE[1])

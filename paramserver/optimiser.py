"""RMSProp with shared statistics (Mnih et al. 2016, section 4, equations 2 and 3), in place on flat float32 vectors."""

import logging
import math
from collections.abc import Mapping

import numpy as np

from a3c64.policy.checkpoint import MEAN_SQUARE

log = logging.getLogger(__name__)

VECTORS = {MEAN_SQUARE: 0.0}  # the vectors that a checkpoint holds for the optimiser: name -> first value
TINY = 1e-12  # avoids a division by zero for a step of length 0
PACE_GAIN = 0.05  # of the logarithm of the pace, per push, with one worker
PACE_PUSHES = 10.0  # the measured divergence is averaged over this many pushes
PACE_RANGE = (0.01, 2.0)  # a higher pace would grow while gradients are small, and then step too far
MOST_PACE = 32.0  # of all workers together; at a pace of 1, 64 overshot, as their gradients are 30 updates late
UNMEASURED = 4  # updates before the first measurement that have the first pace; then it falls as one over their number
FARTHEST = 100.0  # measurements are clipped to target / FARTHEST ... target * FARTHEST


def begun(size: int) -> dict[str, np.ndarray]:
    """Return the optimiser's vectors at the start of a run, each float32 [size]."""
    return {name: np.full(size, value, np.float32) for name, value in VECTORS.items()}


def completed(vectors: Mapping[str, np.ndarray], size: int) -> dict[str, np.ndarray]:
    """Return the optimiser's vectors from a checkpoint. Missing ones get their first value, others are dropped.

    Args:
        vectors: of a checkpoint, each float32 [size]; they are not copied.
        size: of the vector of all parameters.
    """
    if missing := [f"{name} ({value:g})" for name, value in VECTORS.items() if name not in vectors]:
        log.warning(
            "the checkpoint lacks vectors of the optimiser, so they start at their first value: %s", ", ".join(missing)
        )
    if unknown := [name for name in vectors if name not in VECTORS]:
        log.warning("the optimiser drops vectors of the checkpoint that it does not use: %s", ", ".join(unknown))
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

    c = 1 - decay^updates corrects the bias of g, which begins at 0 (as Adam does; Kingma & Ba 2014, section 3). Without
    c the first steps are ten times too long. If g began at 1, as in TensorFlow 1, steps would be a hundred times too
    short for a thousand updates.

    p is 1, or the pace if there is one. With a pace, p is reduced if the root mean square of the change of the weights
    would exceed the learning rate. g reacts slowly, so a gradient of ten times the usual length would otherwise make a
    step of ten times the usual length (Shazeer & Stern 2018, section 6, "update clipping").

    Args:
        weights: theta, float32 [N], changed.
        mean_square: g, float32 [N], changed; zeros at first.
        gradient: d, float32 [N], not changed.
        scratch: float32 [N], overwritten; the caller reuses it, so that an update allocates nothing.
        updates: number of gradients in g including this one, 1 or more.
        learning_rate: eta.
        decay: alpha.
        epsilon: inside the root, as in the paper.
        pace: factor from Pace; None = steps as in the paper.
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


def scheduled(learning_rate: float, schedule: str, step: int, total: int) -> float:
    """Return the learning rate at a step. With the schedule "linear" it falls to 0 at `total`, unless `total` is 0."""
    if schedule == "linear" and total > 0:
        return learning_rate * max(0.0, 1.0 - step / total)
    return learning_rate


def decayed(target: float, step: int, decay_steps: int) -> float:
    """Return the target divergence at a step: target / (1 + step / decay_steps), or `target` if decay_steps is 0.

    Divergence grows with the square of the step length, so steps become shorter with the inverse root.
    """
    return target / (1.0 + step / decay_steps) if decay_steps else target


class Pace:
    """A factor of the learning rate. It is adapted so that the policy changes at a given rate.

    Workers measure the change of the policy between two rollouts, as KL(old || new).
    The divergence grows with the square of the step length, so the logarithm of the pace changes in proportion to
    log(target / measured). rl_games adapts its learning rate to the same measurement.

    Args:
        target: divergence to reach now, nats; 0 = no pace.
        value: the first pace, from a checkpoint; None = 1, which falls during the updates before the first measurement,
            because many workers push many gradients until then: with 64, the policy moved by 8 nats.
    """

    def __init__(self, target: float, value: float | None = None) -> None:
        self._mean = target
        self._unmeasured: int | None = 0 if value is None else None  # updates so far; None = measured
        self.value: float | None = None
        if target:
            self.value = 1.0 if value is None else _within_range(value, 1)

    def applied(self) -> None:
        """Count an update."""
        if self.value is not None and self._unmeasured is not None:
            self._unmeasured += 1
            self.value = min(self.value, UNMEASURED / self._unmeasured)

    def measured(self, divergence: float, workers: int, target: float) -> None:
        """Add a worker's measurement, nats, and adapt the pace to a target.

        Between two of the worker's rollouts each of the `workers` has used one rollout. With more than 16, the pace is
        at most MOST_PACE / workers: a late gradient does not see that others have corrected the same error already.
        """
        if self.value is None:
            return
        self._unmeasured = None
        bounded = min(max(divergence, target / FARTHEST), target * FARTHEST)
        self._mean += (bounded - self._mean) / PACE_PUSHES
        change = PACE_GAIN / math.sqrt(max(1, workers)) * math.log(target / self._mean)
        self.value = _within_range(self.value * math.exp(change), workers)


def _within_range(pace: float, workers: int) -> float:
    low, high = PACE_RANGE
    return max(low, min(pace, high, MOST_PACE / max(1, workers)))

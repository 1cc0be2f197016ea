"""Running moments of observations and returns, and the scaling of rewards and gradients; pure NumPy."""

import math
from typing import Any, NamedTuple

import numpy as np

LEAST_VARIANCE = 1e-8
LARGEST_LOG_VARIANCE = 88.0  # exp(88), about 2e38, is still a finite float32 number
SCALED_LIMIT = 10.0  # standard deviations; scaled observations and rewards are clipped to it, as in OpenAI's baselines


class Moments(NamedTuple):
    """Sample size, mean and variance of one quantity, or of N."""

    size: float  # of the sample
    mean: Any  # a number, or [N]
    variance: Any  # a number, or [N]

    def merge(self, other: "Moments") -> "Moments":
        """Return the moments of both samples together (Chan, Golub & LeVeque 1979, equations 2.1)."""
        size = self.size + other.size
        if size == 0.0:
            return self
        share, difference = other.size / size, other.mean - self.mean
        variance = (1.0 - share) * self.variance + share * other.variance + share * (1.0 - share) * difference**2
        return Moments(size, self.mean + share * difference, variance)


def moments_of(sample: np.ndarray) -> Moments:
    """Return the moments of a sample, [..., N], over all axes but the last."""
    rows = sample.reshape(-1, sample.shape[-1]).astype(np.float64)
    return Moments(float(len(rows)), rows.mean(axis=0), rows.var(axis=0))


def packed(moments: Moments) -> np.ndarray:
    """Return moments as one vector for messages and weights, float32 [1 + 2 N]: count, mean, log variance.

    Parameters without a gain start at zero. A log variance of 0 is a standard deviation of 1.
    """
    log_variance = np.log(np.maximum(moments.variance, LEAST_VARIANCE))
    return np.concatenate(([moments.size], moments.mean, log_variance)).astype(np.float32)


def unpacked(numbers: np.ndarray) -> Moments:
    """Invert `packed`. A count or log variance out of range, which a faulty peer may send, is clipped."""
    mean, log_variance = np.split(numbers[1:].astype(np.float64), 2)
    variance = np.exp(np.clip(log_variance, -LARGEST_LOG_VARIANCE, LARGEST_LOG_VARIANCE))
    return Moments(max(0.0, float(numbers[0])), mean, variance)


def clipped(vector: np.ndarray, most: float) -> np.ndarray:
    """Return a vector scaled down to the norm `most`, if it is longer (Pascanu et al. 2013)."""
    norm = float(np.linalg.norm(vector))
    return vector * np.float32(most / norm) if norm > most else vector


class RewardScale:
    """Transforms the rewards of B environments for learning; `kind` is "raw", "clipped" or "scaled".

    "clipped" limits rewards to -1..1. "scaled" divides them by the standard deviation of the discounted returns so far,
    as VecNormalize of OpenAI's baselines does, so that value targets have the same size in every environment.
    """

    def __init__(self, kind: str, batch: int, discount: float) -> None:
        self._kind = kind
        self._discount = discount
        self._returns = np.zeros(batch)
        self._moments = Moments(0.0, 0.0, 1.0)

    def __call__(self, rewards: np.ndarray, ended: np.ndarray) -> np.ndarray:
        """Return the transformed rewards, float32 [B].

        Args:
            rewards: as the environments returned them, [B].
            ended: bool [B], whether an episode ended with this step.
        """
        if self._kind == "raw":
            return rewards
        if self._kind == "clipped":  # Mnih et al. 2015
            return np.clip(rewards, -1.0, 1.0)
        returns = self._returns * self._discount + rewards
        mean = float(returns.sum()) / len(returns)  # by hand: moments_of takes three times as long
        away = returns - mean
        self._moments = self._moments.merge(Moments(len(returns), mean, float(away @ away) / len(returns)))
        returns[ended] = 0.0
        self._returns = returns
        scaled = rewards / math.sqrt(self._moments.variance + LEAST_VARIANCE)
        return np.minimum(np.maximum(scaled, -SCALED_LIMIT), SCALED_LIMIT).astype(np.float32, copy=False)

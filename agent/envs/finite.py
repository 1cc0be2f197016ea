"""Checks that rewards, observations and metrics of an environment are finite numbers."""

import logging
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from a3c64.envs.episode import LARGEST, MAX_METRICS, MAX_NAME

LARGEST_REWARD = 1e15  # sums over an episode stay below LARGEST, and squares of float32 numbers stay finite
MAX_SAID = 100  # the most dropped metrics of one environment that are logged

log = logging.getLogger(__name__)


class NotFiniteError(ValueError):
    """An environment returned a value that is not a finite number."""

    def __init__(self, quantity: str, found: object) -> None:
        super().__init__(f"{quantity} must be finite numbers, found {found!r:.60}")
        self.quantity = quantity
        self.found = found


def reward_of(value: Any) -> float:
    """Return a reward as a float.

    Raises:
        NotFiniteError: it is not a number, not finite, or larger than LARGEST_REWARD.
    """
    number = _number(value)
    if not -LARGEST_REWARD < number < LARGEST_REWARD:
        raise NotFiniteError("rewards", value)
    return number


def check_vector(vector: np.ndarray) -> None:
    """Refuse an observation, float32 [N], with numbers that are not finite, or whose squares are not.

    Raises:
        NotFiniteError: the observation has such numbers.
    """
    # One pass, a microsecond. The sum of squares is not finite if any number is not.
    if not math.isfinite(np.dot(vector, vector)):
        with np.errstate(over="ignore"):
            bad = vector[~np.isfinite(vector * vector)]
        raise NotFiniteError("observations", float(bad[0]) if bad.size else "a sum of squares too large for float32")


class MetricsFilter:
    """Drops invalid figures of episodes, and logs each dropped name once.

    Args:
        environment: its id, for the log.
    """

    def __init__(self, environment: str) -> None:
        self._environment = environment
        self._said: set[str] = set()

    def __call__(self, raw: Any) -> dict[str, float]:
        """Return the valid figures: finite numbers with a short printable name, at most MAX_METRICS."""
        if not isinstance(raw, Mapping):
            self._drop("all", f'info["metrics"] must be a dict, found {raw!r:.60}')
            return {}
        metrics: dict[str, float] = {}
        for name, value in raw.items():
            key, number = str(name), _number(value)
            if not 0 < len(key) <= MAX_NAME or not key.isprintable():
                self._drop(key, f"names must be 1 to {MAX_NAME} printable characters")
            elif not -LARGEST < number < LARGEST:
                self._drop(key, f"metrics must be finite numbers, found {value!r:.60}")
            elif len(metrics) >= MAX_METRICS:
                self._drop("more", f"an episode may have {MAX_METRICS} metrics, found {len(raw)}")
                break
            else:
                metrics[key] = number
        return metrics

    def _drop(self, name: str, reason: str) -> None:
        if name not in self._said and len(self._said) < MAX_SAID:
            self._said.add(name)
            log.warning("%s: metric %.70r is dropped: %s", self._environment, name, reason)


def _number(value: Any) -> float:
    """Return a value as a float; NaN if it is not a number. Text is never a number, not even "1"."""
    if type(value) is float:
        return value
    if isinstance(value, str | bytes | bytearray) or (isinstance(value, np.ndarray) and value.size != 1):
        return math.nan
    try:
        return float(value.item()) if isinstance(value, np.ndarray) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan

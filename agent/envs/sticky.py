"""Sticky actions: an environment sometimes repeats its last action (Machado et al. 2018, section 5)."""

from collections.abc import Callable

import numpy as np


class StickyActions:
    """Replaces actions of B environments with the last ones, each with the same probability.

    Args:
        probability: of repeating the last action; 0 = never, and no random numbers are drawn.
        seed: of the random numbers.
    """

    def __init__(self, probability: float, seed: int) -> None:
        self._probability = probability
        self._generator = np.random.default_rng([seed, 1])
        self._last: np.ndarray | None = None

    def __call__(
        self, actions: np.ndarray, lengths: list[int], allow: Callable[[np.ndarray], np.ndarray]
    ) -> np.ndarray:
        """Return the actions [B, ...] that the environments take.

        Args:
            actions: the policy's, [B, ...].
            lengths: steps of each environment's episode so far; an episode's first action is never replaced.
            allow: returns which of B actions are allowed, bool [B]; a masked action is not repeated.
        """
        if not self._probability:
            return actions
        if self._last is not None:
            repeats = (
                (self._generator.random(len(actions)) < self._probability) & (np.array(lengths) > 0) & allow(self._last)
            )
            actions = np.where(repeats.reshape(-1, *[1] * (actions.ndim - 1)), self._last, actions)
        self._last = actions
        return actions

"""Adam (Kingma & Ba 2014, algorithm 1), in place on a flat float32 vector."""

import numpy as np

DECAY, SQUARE_DECAY, EPSILON = 0.9, 0.999, 1e-8  # beta 1, beta 2 and epsilon of the paper


class Adam:
    """The state for N weights.

    Attributes:
        learning_rate: step size; it may be changed between steps.
        mean_square: float32 [N], of the gradients, corrected for its first value of 0.
    """

    def __init__(self, size: int, learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self._mean, self._square = np.zeros(size, np.float32), np.zeros(size, np.float32)
        self._count = 0

    @property
    def mean_square(self) -> np.ndarray:
        """Return the mean squares of the gradients."""
        return self._square / np.float32(1.0 - SQUARE_DECAY ** max(1, self._count))

    def apply(self, weights: np.ndarray, gradient: np.ndarray) -> None:
        """Take one step; `weights`, float32 [N], are changed in place."""
        self._count += 1
        self._mean += np.float32(1.0 - DECAY) * (gradient - self._mean)
        self._square += np.float32(1.0 - SQUARE_DECAY) * (np.square(gradient) - self._square)
        mean = self._mean / np.float32(1.0 - DECAY**self._count)
        weights -= np.float32(self.learning_rate) * mean / (np.sqrt(self.mean_square) + np.float32(EPSILON))

"""A fading imitation loss beside A3C's: the gradient of demonstrations, with a weight that falls to 0."""

import numpy as np

from a3c64.envs.demonstrations import Demonstrations
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.imitation import Imitation, Lessons, judged
from a3c64.learning.network import Network
from a3c64.learning.scaling import clipped

REMEMBER_EVERY = 200  # gradients between two passes that refresh the LSTM's states before the lessons


class Fading:
    """Adds the gradient of imitation to those of a worker.

    The value does not learn from demonstrations here, because the teacher's returns are not the policy's.

    Args:
        shown: the demonstrations.
        network: of the run.
        hyperparameters: of the run.
        batch: number of windows in a lesson.
        seed: of the drawn lessons.
    """

    def __init__(
        self, shown: Demonstrations, network: Network, hyperparameters: Hyperparameters, batch: int, seed: list[int]
    ) -> None:
        self._hyperparameters, self._network = hyperparameters, network
        self._shown: Demonstrations | None = shown
        self._lessons: Lessons | None = Lessons(shown, network, hyperparameters, batch)
        self._imitation = Imitation(network, hyperparameters.t_max, batch, value_cost=0.0)
        self._generator = np.random.default_rng(seed)
        self._count = 0

    def weight(self, step: int) -> float:
        """Return the weight at a step of the run; it falls linearly to 0 at `imitation_steps`."""
        hyperparameters = self._hyperparameters
        return hyperparameters.imitation_cost * max(0.0, 1.0 - step / hyperparameters.imitation_steps)

    def add(self, gradient: np.ndarray, weights: np.ndarray, step: int, statistics: dict[str, float]) -> np.ndarray:
        """Return the sum of a gradient and of that of a lesson, clipped again; the same gradient if the weight is 0.

        Args:
            gradient: float32 [learned_size].
            weights: with which it was computed, float32 [parameters].
            step: of the run.
            statistics: get `imitation_loss`, in nats, if there is a lesson.
        """
        weight = self.weight(step)
        if weight == 0.0:
            self._shown = self._lessons = None  # the run's steps never fall, so no lesson follows
        if self._lessons is None or self._shown is None:
            return gradient
        if self._network.units and self._count % REMEMBER_EVERY == 0:
            self._lessons.remember(judged(self._network, weights, self._shown).memory)
        self._count += 1
        taught = self._imitation.gradient(weights, self._lessons.draw(self._generator))
        statistics["imitation_loss"] = taught.loss
        return clipped(gradient + np.float32(weight) * taught.vector, self._hyperparameters.max_gradient_norm)

"""The guard: goes back to the best weights when evaluations stay far below the best one."""

import math
import statistics
from collections.abc import Sequence
from typing import Any

from a3c64.learning.parameters import signature
from a3c64.paramserver.evaluations import Evaluations
from a3c64.paramserver.figures import SavedFigures
from a3c64.paramserver.metrics import Metrics
from a3c64.paramserver.weights import SharedWeights
from a3c64.policy.checkpoint import Snapshot
from a3c64.wire.report import Evaluation

PATIENCE = 3  # evaluations in a row; a single one can be low by chance
ERRORS = 3.0  # standard errors of the difference between two evaluations
LEARNED = 3.0  # standard deviations of the first returns; a run whose best is not this much better has learned nothing


def half_way(best: Evaluation, first: Sequence[float]) -> float:
    """Return the mean return half way from the run's beginning to the best evaluation.

    Args:
        best: the best evaluation.
        first: returns of the run's first episodes. A positive mean counts as 0, which gives half of the best.
    """
    return (_beginning(first) + best.mean_reward) / 2.0


def fell(one: Evaluation, best: Evaluation, first: Sequence[float]) -> bool:
    """Return whether an evaluation is below `half_way`, and chance does not explain the difference to the best.

    It is False for a run that has learned nothing yet.
    """
    learned = best.mean_reward > _beginning(first) + LEARNED * statistics.pstdev(first or [0.0])
    error = math.hypot(_standard_error(one), _standard_error(best))
    chance = best.mean_reward - one.mean_reward <= ERRORS * error
    return learned and not chance and one.mean_reward < half_way(best, first)


def _beginning(first: Sequence[float]) -> float:
    return min(0.0, statistics.fmean(first or [0.0]))


def _standard_error(one: Evaluation) -> float:
    return one.std_reward / math.sqrt(max(1, one.episodes))


class Guard:
    """Counts the evaluations in a row that fell, and the returns to the best weights.

    Attributes:
        fallen: number of evaluations in a row that fell.
        since: version of the weights right after the last return; 0 = there was none. Gradients and evaluations of
            older weights do not count.
        restored: number of returns so far.
    """

    def __init__(self, weights: SharedWeights, metrics: Metrics, evaluations: Evaluations) -> None:
        self._weights, self._metrics, self._evaluations = weights, metrics, evaluations
        self.fallen = self.since = self.restored = 0

    def resume(self, figures: SavedFigures) -> None:
        """Continue from the figures of a checkpoint."""
        self.fallen, self.since, self.restored = figures.fallen, figures.since, figures.restored

    def figures(self) -> dict[str, Any]:
        """Return the fields of SavedFigures that `resume` needs."""
        return {"fallen": self.fallen, "since": self.since, "restored": self.restored}

    def scalars(self) -> dict[str, float]:
        """Return a TensorBoard point of every tag."""
        return {"guard/fallen": float(self.fallen), "guard/restored": float(self.restored)}

    @property
    def _acts(self) -> bool:
        hyperparameters = self._weights.hyperparameters
        # The time at which an evaluation arrives is not deterministic.
        return hyperparameters.guard and not hyperparameters.deterministic

    @property
    def due(self) -> bool:
        """Return whether to go back to the best weights."""
        return self._acts and self.fallen >= PATIENCE

    @property
    def warning(self) -> str:
        """Return a warning about evaluations that fell, as one line; "" if the newest one did not."""
        best = self._evaluations.best
        if not self.fallen or best is None:
            return ""
        which = "the last evaluation is" if self.fallen == 1 else f"the last {self.fallen} evaluations are"
        half = half_way(best, self._metrics.first_returns)
        text = f"{which} below {half:.2f}, half way from the beginning to the best ({best.mean_reward:.2f})"
        then = f"; after {PATIENCE} in a row training goes back to the best weights"
        return text + then if self._acts and not self.due else text

    def judge(self, one: Evaluation) -> None:
        """Count an evaluation, after it was added to the run's evaluations."""
        best = self._evaluations.best
        if best is not None and one.version >= self.since:
            self.fallen = self.fallen + 1 if fell(one, best, self._metrics.first_returns) else 0

    def go_back(self, best: Snapshot) -> bool:
        """Continue with the best weights; return False if they are of another model."""
        if signature(best.specs) != self._weights.signature:
            return False
        self._weights.go_back(best)
        self.fallen, self.since, self.restored = 0, self._weights.version, self.restored + 1
        return True

"""Limits on what a client may send, even one that belongs to the run: the gradient of a rollout, a score."""

import hashlib
import math

import numpy as np

from a3c64.envs.episode import Episode
from a3c64.hyperparameters import Hyperparameters
from a3c64.paramserver.weights import SharedWeights
from a3c64.wire import messages as wire

NORM_SLACK = 1.01  # factor; our float32 sum of 64 million squares is up to 0.7 % off, that of 93,000 less than 1e-6
MAX_HANDED_OUT = 16_384  # weights that a score may name: at 50 updates/s, those of the last five minutes at least
PLAUSIBLE = 1e9  # a score may be this large, or LARGER times as large as any return of training
LARGER = 1000.0


class RefusalError(Exception):
    """A message is refused."""

    def __init__(self, kind: str, remedy: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind  # the counter of `refused`
        self.remedy = remedy  # see wire.Refused


def check_rollout(hyperparameters: Hyperparameters, worker: int, steps: int, episodes: int) -> None:
    """Check the numbers of steps and episodes of a worker's push. A further gradient from the same rollout has none.

    Raises:
        RefusalError: a worker of this run cannot have them.
    """
    length, most = hyperparameters.t_max_of(worker), hyperparameters.envs_per_worker
    least = 0 if hyperparameters.epochs_of(worker) > 1 else 1
    if steps % length or not least <= steps // length <= most:
        numbers = f"{length} (t_max) times {least} to {most} (envs_per_worker{'; 0: a further gradient' * (not least)})"
        raise RefusalError("steps", "none", f"push.steps must be {numbers}, found {steps}")
    if episodes > steps:  # a step ends at most one episode
        raise RefusalError("episodes", "none", f"a push must have at most {steps} episodes, found {episodes}")


def check_gradient(weights: SharedWeights, gradient: np.ndarray) -> None:
    """Check the numbers of a gradient, float32 [parameters]. Takes 15 us for 93,000 of them.

    Raises:
        RefusalError: a number is not finite, or the gradient is longer than workers clip it to.
    """
    learned, most = weights.learned_size, weights.hyperparameters.max_gradient_norm
    squared = wire.squared_norm(gradient[:learned])
    if not math.isfinite(squared) or not wire.finite(gradient[learned:]):
        raise RefusalError("not finite", "join", "a gradient must be finite, found nan, inf or a number above 1e19")
    if (norm := math.sqrt(squared)) > NORM_SLACK * most:
        raise RefusalError("norm", "join", f"a gradient's norm must be at most {most:g}, found {norm:g}")


def check_score(episodes: list[Episode], largest: float) -> None:
    """Check the returns of an evaluation's episodes; `largest` is the largest absolute return of training.

    Raises:
        RefusalError: there are none, or their mean is far larger than any return of training.
    """
    if not episodes:
        raise RefusalError("malformed", "none", "a score must have at least one episode, found 0")
    mean, most = sum(episode.total_reward for episode in episodes) / len(episodes), max(PLAUSIBLE, LARGER * largest)
    if abs(mean) > most:
        raise RefusalError("score", "none", f"a score must be from -{most:g} to {most:g}, found {mean:g}")


class HandedOut:
    """The weights that evaluators have been sent. Only these may be scored."""

    def __init__(self) -> None:
        self._digests: dict[tuple[int, int], bytes] = {}  # by version and step

    def add(self, weights: SharedWeights) -> None:
        """Add the newest weights. Takes about 0.5 ms for 93,000 parameters, once for each version."""
        key = weights.version, weights.step
        if key not in self._digests:
            self._digests[key] = _digest(weights.vector)
            if len(self._digests) > MAX_HANDED_OUT:
                del self._digests[next(iter(self._digests))]

    def clear(self) -> None:
        """Forget all: the run has another model."""
        self._digests.clear()

    def check(self, body: wire.Score, vector: np.ndarray) -> None:
        """Check that a score is of weights that were handed out.

        Raises:
            RefusalError: it is not.
        """
        if self._digests.get((body.version, body.step)) != _digest(vector):
            reason = f"a score's weights must be those that were pulled at version {body.version}, step {body.step}"
            raise RefusalError("score", "join", reason)


def _digest(vector: np.ndarray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(vector).data, digest_size=16).digest()

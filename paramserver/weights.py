"""The shared weights: one flat vector, the optimiser's vectors, and the counts of updates and steps."""

import logging
from collections.abc import Sequence

import numpy as np

from a3c64.config import BadInputError
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.parameters import ParameterSpec, learned_size, signature
from a3c64.learning.scaling import packed, unpacked
from a3c64.paramserver.optimiser import MEAN_SQUARE, Pace, begun, completed, decayed, rmsprop, scheduled
from a3c64.policy.checkpoint import Snapshot, first
from a3c64.policy.policy_file import Policy
from a3c64.policy.transplant import transplant

log = logging.getLogger(__name__)

MOMENTS_MEMORY = 1e6  # observations; older ones get less weight, because a changed policy sees other observations


class SharedWeights:
    """Weights that all workers read and update. Nothing here opens a file or a socket."""

    def __init__(
        self, hyperparameters: Hyperparameters, snapshot: Snapshot | None, start: Policy | None = None
    ) -> None:
        self.hyperparameters = hyperparameters
        self._start = start  # a new run begins with its weights
        self.signature = ""
        self._snapshot: Snapshot | None = None
        if snapshot is not None:
            self._take(snapshot._replace(optimiser=completed(snapshot.optimiser, snapshot.weights.size)))
        self.pace = Pace(self.target_kl, snapshot.pace if snapshot else None)

    @property
    def known(self) -> bool:
        """Return whether there are weights. A new run gets them when its first worker describes the model."""
        return self._snapshot is not None

    @property
    def version(self) -> int:
        """Return how many gradients have been applied since the run began."""
        return self._snapshot.version if self._snapshot else 0

    @property
    def step(self) -> int:
        """Return how many environment steps the run has taken."""
        return self._snapshot.step if self._snapshot else 0

    @property
    def vector(self) -> np.ndarray:
        """Return the weights, float32 [N]; they change with the next update."""
        return self.snapshot().weights

    @property
    def learned(self) -> np.ndarray | None:
        """Return the learned weights, float32 [n], without the moments at the end; None before there are any."""
        return self._snapshot.weights[: self._learned] if self._snapshot else None

    @property
    def learned_size(self) -> int:
        """Return the number of learned weights."""
        return self._learned

    @property
    def learning_rate(self) -> float:
        """Return the learning rate at this step."""
        hyperparameters = self.hyperparameters
        return scheduled(
            hyperparameters.learning_rate,
            hyperparameters.learning_rate_schedule,
            self.step,
            hyperparameters.total_timesteps,
        )

    @property
    def target_kl(self) -> float:
        """Return the target divergence at this step, nats."""
        return decayed(self.hyperparameters.target_kl, self.step, self.hyperparameters.target_kl_decay_steps)

    def snapshot(self) -> Snapshot:
        """Return the content of a checkpoint. The arrays are not copies: they change with the next update."""
        if self._snapshot is None:
            raise LookupError("no worker has described the model yet")
        return self._snapshot

    def begin(self, specs: Sequence[ParameterSpec]) -> None:
        """Create the first weights of a run from its seed, or from the policy that it begins with if that fits."""
        snapshot = first(specs, self.hyperparameters.seed, self.hyperparameters.model_dump())
        if self._start:
            try:
                log.info(transplant(self._start, specs, snapshot.weights))
            except BadInputError as error:  # `train` refuses it before a server starts
                log.warning("%s. The run begins with random weights", error)
        self._take(snapshot._replace(optimiser=begun(snapshot.weights.size)))

    def count(self, steps: int) -> None:
        """Add environment steps to the run's count."""
        snapshot = self.snapshot()
        self._snapshot = snapshot._replace(step=snapshot.step + steps)

    def apply(self, gradient: np.ndarray, steps: int) -> None:
        """Apply a checked gradient, and merge the moments of observations at its end, if there are any.

        The moments' own size is clipped to `steps`. So one push cannot outweigh the observations of all workers, and a
        further gradient from the same rollout, which has 0 steps, does not count its observations again.

        Args:
            gradient: float32 [N].
            steps: environment steps that it was computed from; 0 if an earlier gradient has brought them.
        """
        hyperparameters, snapshot = self.hyperparameters, self.snapshot()
        learned = self._learned
        self.pace.applied()
        rmsprop(
            snapshot.weights[:learned],
            snapshot.optimiser[MEAN_SQUARE][:learned],
            gradient[:learned],
            self._scratch,
            snapshot.version + 1,
            self.learning_rate,
            hyperparameters.rmsprop_decay,
            hyperparameters.rmsprop_epsilon,
            self.pace.value,
        )
        if learned < gradient.size:
            counted = snapshot.weights[learned:]
            before = unpacked(counted)
            before = before._replace(size=min(before.size, MOMENTS_MEMORY))
            seen = unpacked(gradient[learned:])
            seen = seen._replace(size=min(seen.size, steps))
            counted[...] = packed(before.merge(seen))
        self._snapshot = snapshot._replace(version=snapshot.version + 1)

    def go_back(self, best: Snapshot) -> None:
        """Continue with the weights, optimiser and pace of an earlier snapshot, as a new version.

        Steps and updates are not counted back. The snapshot's arrays are copied.
        """
        now = self.snapshot()
        self.pace = Pace(self.target_kl, self.pace.value if best.pace is None else best.pace)
        optimiser = {name: flat.copy() for name, flat in completed(best.optimiser, best.weights.size).items()}
        self._take(now._replace(weights=best.weights.copy(), optimiser=optimiser, version=now.version + 1))

    def _take(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot._replace(hyperparameters=self.hyperparameters.model_dump())
        self._learned = learned_size(snapshot.specs)
        self._scratch = np.empty(self._learned, np.float32)
        self.signature = signature(snapshot.specs)

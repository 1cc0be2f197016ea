"""A record of a simulated run, from which the invariants are checked."""

from hashlib import blake2b

import numpy as np
from simulated_world import World

from a3c64.wire.client import Update

STEPS = 20  # environment steps per push


class Broken(AssertionError):
    """An invariant does not hold."""


def digest(vector: np.ndarray) -> bytes:
    return blake2b(vector.tobytes(), digest_size=8).digest()


class Ledger:
    """Records what the server and the clients did, and checks the invariants."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.lineage: list[int | None] = []  # gradients that made the current weights, in order; None = a return
        self.digests: list[bytes] = []  # of the initial weights and of the weights after each of them
        self.applied: dict[int, float] = {}  # gradient -> time, also of gradients lost in a restart
        self.acknowledged: set[int] = set()
        self.versions: dict[int, list[np.ndarray]] = {}  # weights of all versions that ever existed
        self.promised = 0  # version of the newest written checkpoint
        self.scores: dict[float, bytes] = {}  # submitted scores: mean return -> digest of the weights
        self.best_noted = float("-inf")
        self.returns = 0  # to the best weights

    def check(self, holds: bool, what: str) -> None:
        if not holds:
            self._world.fail(Broken(what))

    def begun(self, weights: np.ndarray) -> None:
        if not self.digests:
            self.digests = [digest(weights)]
            self.versions[0] = [weights.copy()]

    def apply(self, gradient: int, version: int, step: int, stale: int, weights: np.ndarray) -> None:
        self.check(gradient not in self.applied, f"gradient {gradient} was applied twice")
        self.applied[gradient] = self._world.now
        self._grow(gradient, version, weights)
        self._count(step, stale)

    def went_back(self, version: int, weights: np.ndarray) -> None:
        """Check a return to the best weights."""
        self.returns += 1
        self._world.note(f"the guard goes back to the best weights, as version {version}")
        self._grow(None, version, weights)
        known = digest(weights) in self.scores.values()
        self.check(known, f"version {version} has weights that were never evaluated")

    def _grow(self, entry: int | None, version: int, weights: np.ndarray) -> None:
        self.lineage.append(entry)
        self.digests.append(digest(weights))
        self.versions.setdefault(version, []).append(weights.copy())
        self.check(version == len(self.lineage), f"version {version} after {len(self.lineage)} updates")

    def _count(self, step: int, stale: int) -> None:
        """Check the steps. Those of stale gradients count too: of weights from before a return."""
        gradients = sum(entry is not None for entry in self.lineage) + stale
        self.check(step == STEPS * gradients, f"step {step} after {gradients} gradients of {STEPS}")

    def resumed(self, version: int, step: int, stale: int, weights: np.ndarray, since: float) -> None:
        """Check a restarted server: no gradient that was acknowledged and applied before `since` may be lost."""
        self.check(version >= self.promised, f"resumed at version {version}, {self.promised} was saved")
        self.check(version < len(self.digests), f"resumed at version {version}, which never existed")
        self.check(digest(weights) == self.digests[version], f"the weights of version {version} have changed")
        lost = [gradient for gradient in self.lineage[version:] if gradient in self.acknowledged]
        old = [gradient for gradient in lost if self.applied[gradient] < since]
        self.check(not old, f"gradients {old} were acknowledged before {since:.2f} and are lost")
        self._world.note(f"the server resumes at version {version}; lost {len(lost)} acknowledged gradients")
        del self.lineage[version:], self.digests[version + 1 :]
        self._count(step, stale)

    def update(self, name: str, update: Update, error: float = 0.0) -> None:
        """Check the weights that a worker has got; `error` is the largest that compression may cause."""
        errors = [np.abs(weights - update.weights).max() for weights in self.versions.get(update.version, [])]
        known = min(errors, default=np.inf) <= error
        self.check(known, f"{name} got weights as version {update.version} that never existed")

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
        self.lineage: list[int] = []  # gradients that made the current weights, in order
        self.digests: list[bytes] = []  # of the initial weights and of the weights after each gradient
        self.applied: dict[int, float] = {}  # gradient -> time, also of gradients lost in a restart
        self.acknowledged: set[int] = set()
        self.versions: set[tuple[int, bytes]] = set()  # all versions that ever existed, with their weights' digests
        self.promised = 0  # version of the newest written checkpoint
        self.scores: dict[float, bytes] = {}  # submitted scores: mean return -> digest of the weights
        self.best_noted = float("-inf")

    def check(self, holds: bool, what: str) -> None:
        if not holds:
            self._world.fail(Broken(what))

    def begun(self, weights: np.ndarray) -> None:
        if not self.digests:
            self.digests = [digest(weights)]
            self.versions.add((0, digest(weights)))

    def apply(self, gradient: int, version: int, step: int, weights: np.ndarray) -> None:
        self.check(gradient not in self.applied, f"gradient {gradient} was applied twice")
        self.lineage.append(gradient)
        self.digests.append(digest(weights))
        self.applied[gradient] = self._world.now
        self.versions.add((version, digest(weights)))
        self.check(version == len(self.lineage), f"version {version} after {len(self.lineage)} gradients")
        self.check(step == STEPS * len(self.lineage), f"step {step} after {len(self.lineage)} gradients of {STEPS}")

    def resumed(self, version: int, step: int, weights: np.ndarray, since: float) -> None:
        """Check a restarted server: no gradient that was acknowledged and applied before `since` may be lost."""
        self.check(version >= self.promised, f"resumed at version {version}, {self.promised} was saved")
        self.check(version < len(self.digests), f"resumed at version {version}, which never existed")
        self.check(step == STEPS * version, f"resumed at step {step} with version {version}")
        self.check(digest(weights) == self.digests[version], f"the weights of version {version} have changed")
        lost = [gradient for gradient in self.lineage[version:] if gradient in self.acknowledged]
        old = [gradient for gradient in lost if self.applied[gradient] < since]
        self.check(not old, f"gradients {old} were acknowledged before {since:.2f} and are lost")
        self._world.note(f"the server resumes at version {version}; lost {len(lost)} acknowledged gradients")
        del self.lineage[version:], self.digests[version + 1 :]

    def update(self, name: str, update: Update) -> None:
        known = (update.version, digest(update.weights)) in self.versions
        self.check(known, f"{name} got weights as version {update.version} that never existed")

"""Runs a server and N workers in this process on a simulated clock. Each worker uses the product's own loop.

The workers' steps have the order of N equally fast workers on N cores. A rollout and its first gradient take one unit
of time. Open Kart is the game compiled for the host (tests/openkart).
"""

from __future__ import annotations

import heapq
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from a3c64.config import load
from a3c64.envs.batch import EnvironmentBatch
from a3c64.envs.demonstrations import Demonstrations
from a3c64.envs.episode import Episode
from a3c64.hyperparameters import Hyperparameters
from a3c64.paramserver.service import Service
from a3c64.paramserver.weights import SharedWeights
from a3c64.policy.episodes import NOOP_MAX, play
from a3c64.wire.client import Client
from a3c64.wire.transport import LocalTransport
from a3c64.worker import loop

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "openkart"))

import host_env

OPEN_KART = "n64gym/OpenKart-v0"
SLOWER = 10  # factor by which the slow worker is slower
DIFFERENTIATING = 0.2  # share of a worker's time for computing gradients; the rest is acting, stepping and waiting
JITTER = 0.1  # largest relative deviation of a duration


def hyperparameters_of(env_id: str, given: dict[str, Any]) -> Hyperparameters:
    """Return the hyperparameters of `a3c64 train --env-id ID`, changed by `given`. Open Kart runs on the host."""
    hyperparameters = load({"env_id": env_id, **{name: str(value) for name, value in given.items()}}).hyperparameters()
    if env_id != OPEN_KART:
        return hyperparameters
    size, colours = [hyperparameters.frame_size] * 2, {"rgb": "rgb", "grey": "grayscale"}[hyperparameters.frame_colours]
    arguments = {"obs_type": colours, "size": size, "noop_max": NOOP_MAX}
    arguments |= json.loads(hyperparameters.env_args)
    return hyperparameters.model_copy(update={"env_id": host_env.ENV_ID, "env_args": json.dumps(arguments)})


class ManyWorkers:
    """A server and its workers.

    Args:
        hyperparameters: of the run.
        workers: how many.
        one_slow: whether the first worker is ten times slower than the others.
        compress: whether gradients and weights are compressed, as with `a3c64 worker --join`.
        weights: of the server; None = those of a new run.
        shown: demonstrations that the workers imitate; None = none.
    """

    def __init__(
        self,
        hyperparameters: Hyperparameters,
        workers: int,
        one_slow: bool = False,
        compress: bool = False,
        weights: SharedWeights | None = None,
        shown: Demonstrations | None = None,
    ) -> None:
        self.hyperparameters = hyperparameters
        self.service = Service(weights or SharedWeights(hyperparameters, None), "run", {})
        self._one_slow = one_slow
        self._workers: list[Iterator[str]] = []
        self._next: list[tuple[float, int]] = []  # time, worker
        self._batches: list[EnvironmentBatch] = []
        shared: dict[tuple[int, int], Any] = {}

        def learner(network: Any, given: Hyperparameters, batch: int, **named: Any) -> Any:
            """Share one compiled learner for each size of rollouts. Workers load their weights before they use it."""
            size = given.t_max, batch
            if size not in shared:
                shared[size] = compiled(network, given, batch, **named)
            return shared[size]

        compiled, loop.Learner = loop.Learner, learner  # type: ignore[misc, assignment]
        random = self._random = np.random.default_rng([hyperparameters.seed, workers])
        try:
            for number in range(workers):
                name = f"worker{number}"
                transport = LocalTransport(self.service.handle)
                client = Client(transport, name, name, threading.Event(), compress=compress)
                batch = EnvironmentBatch.make(client.hello(), client.index)
                self._batches.append(batch)
                never = threading.Event()
                self._workers.append(loop.turns(batch, client, hyperparameters, never, lambda _: None, shown))
                next(self._workers[-1])
                heapq.heappush(self._next, (random.random(), number))
        finally:
            loop.Learner = compiled  # type: ignore[misc]

    @property
    def step(self) -> int:
        """Return the environment steps of all workers."""
        return self.service.weights.step

    def go_on(self, until: int) -> None:
        """Let the workers work until the run has `until` steps, or is finished."""
        while self.step < until and self._next:
            now, number = heapq.heappop(self._next)
            completed = next(self._workers[number], None)
            if completed is None:  # the run is finished
                continue
            takes = DIFFERENTIATING if completed == loop.GRADIENT else 1.0 - DIFFERENTIATING
            takes *= self._random.uniform(1.0 - JITTER, 1.0 + JITTER)
            takes *= SLOWER if self._one_slow and number == 0 else 1.0
            heapq.heappush(self._next, (now + takes, number))

    def judged(self, episodes: int, seed: int | None = None) -> list[Episode]:
        """Play episodes with the newest weights as an evaluator does, with the run's seed or another one."""
        changes = {"envs_per_worker": episodes, **({} if seed is None else {"seed": seed})}
        hyperparameters = self.hyperparameters.model_copy(update=changes)
        greedy = hyperparameters.eval_policy == "greedy"
        return play(hyperparameters, self.service.weights.vector.copy(), episodes, greedy=greedy)

    def close(self) -> None:
        """Close the environments."""
        for batch in self._batches:
            batch.close()

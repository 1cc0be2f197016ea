"""Ray's side of bench_server.py: Ray's published parameter-server pattern, with the same vector and RMSProp.

python tests/bench/ray_side.py WORKERS PARAMETERS SECONDS runs in the environment of requirements/ray.txt, and prints
the result as its last line. An actor holds the weights. Workers are actors that push a gradient and pull the weights
asynchronously. Sources: "Implementing a Parameter Server in 15 Lines of Python with Ray", 2018, asynchronous version;
Ray's documentation, "Parameter Server". Arrays travel through the object store in shared memory.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import sys
import time
from pathlib import Path

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_DEDUP_LOGS"] = "0"

import numpy as np
import ray

# a3c64 is not installed beside Ray. Pickling by value sends this one module to Ray's processes.
spec = importlib.util.spec_from_file_location("optimiser", Path(__file__).parents[2] / "paramserver" / "optimiser.py")
assert spec is not None
assert spec.loader is not None
optimiser = sys.modules["optimiser"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(optimiser)
ray.cloudpickle.register_pickle_by_value(optimiser)

GRADIENTS = 4  # as in worker_side.py
WARM_UP_S = 1.0
STORE_BYTES = 1 << 30
START_S = 60.0


@ray.remote(num_cpus=0)
class ParameterServer:
    def __init__(self, size: int) -> None:
        self.weights, self.mean_square, self.scratch = (np.zeros(size, np.float32) for _ in range(3))
        self.updates = 0

    def push(self, gradient: np.ndarray) -> None:
        self.updates += 1
        optimiser.rmsprop(self.weights, self.mean_square, gradient, self.scratch, self.updates, 3e-4, 0.99, 1e-8)

    def pull(self) -> np.ndarray:
        return self.weights

    def used(self) -> tuple[float, float]:
        """Return the CPU time so far, s, and the resident memory, MB."""
        times = os.times()
        with open("/proc/self/statm") as file:
            pages = int(file.read().split()[1])
        return times.user + times.system, pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@ray.remote(num_cpus=0)
class Worker:
    def __init__(self, server: ray.actor.ActorHandle, size: int, seed: int) -> None:
        generator = np.random.default_rng(seed)
        self.gradients = [generator.normal(scale=1e-3, size=size).astype(np.float32) for _ in range(GRADIENTS)]
        self.server = server

    def work(self, seconds: float) -> list[float]:
        """Push and pull for `seconds`; return the seconds of each round."""
        rounds: list[float] = []
        end = time.perf_counter() + seconds
        while (begin := time.perf_counter()) < end:
            self.server.push.remote(self.gradients[len(rounds) % GRADIENTS])
            ray.get(self.server.pull.remote(), timeout=START_S)
            rounds.append(time.perf_counter() - begin)
        return rounds


def main() -> None:
    count, size, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    ray.init(
        num_cpus=os.cpu_count(),
        object_store_memory=STORE_BYTES,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    server = ParameterServer.remote(size)
    alone = ray.get(server.used.remote(), timeout=START_S)[1]
    workers = [Worker.remote(server, size, seed) for seed in range(count)]
    ray.get([worker.work.remote(WARM_UP_S) for worker in workers], timeout=START_S)
    before = ray.get(server.used.remote(), timeout=START_S)
    begin = time.perf_counter()
    rounds = ray.get([worker.work.remote(seconds) for worker in workers], timeout=seconds + START_S)
    taken = time.perf_counter() - begin
    after = ray.get(server.used.remote(), timeout=START_S)
    every = np.concatenate(rounds)
    result = {
        "updates_per_s": len(every) / taken,
        "p50_ms": float(np.percentile(every, 50)) * 1000,
        "p99_ms": float(np.percentile(every, 99)) * 1000,
        "sent_kb": 4 * size / 1000,
        "received_kb": 4 * size / 1000,
        "cpu_ms": (after[0] - before[0]) / len(every) * 1000,
        "alone_mb": alone,
        "resident_mb": after[1],
    }
    ray.shutdown()
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()

"""Compares the training speed with pure simulation, with one worker, and with Stable-Baselines3.

`make bench-training` measures all of them in turn, in under 4 minutes. The result is a table in Markdown on stdout. For
pure simulation it starts `bench_training.py --simulate SECONDS PROCESS`.
"""

from __future__ import annotations

import argparse
import datetime
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from programs import A3C64, hardware, n64gym_arguments, running, sb3

from a3c64.envs.batch import EnvironmentBatch
from a3c64.hyperparameters import Hyperparameters
from a3c64.processes import limit_threads
from a3c64.wire.address import ServerAddress
from a3c64.wire.status import fetch

ROUNDS = 3
SECONDS = 4.0  # per measurement
START_S = 60.0  # longest start of a program
WARM_STEPS = 2000  # steps of each worker before the measurement
ONE_CORE = 0
VARIANTS = [(vector, threads) for vector in ("lockstep", "subproc") for threads in (1, 2)]

DEFAULTS = Hyperparameters()  # the defaults of `a3c64 train`: Open Kart


def simulate(seconds: float, process: int) -> None:
    """Step a worker's number of environments with random actions. Waits for a line on stdin before it begins."""
    limit_threads()
    environments = EnvironmentBatch.make(DEFAULTS, worker=process)
    family, generator = environments.family, np.random.default_rng(process)
    flat = np.zeros((len(environments.environments), family.outputs + family.free), np.float32)  # uniform distribution
    actions = [family.draw(flat, generator) for _ in range(256)]
    for chosen in actions[:50]:
        environments.step(chosen)
    print("ready", flush=True)
    sys.stdin.readline()
    rounds, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        environments.step(actions[rounds % len(actions)])
        rounds += 1
    taken = time.perf_counter() - begin
    environments.close()
    print(json.dumps({"steps": rounds * len(environments.environments), "seconds": taken}), flush=True)


def pinned(cores: int) -> list[str]:
    """Return the prefix of a command that may use only one core; [] for more cores."""
    return ["taskset", "-c", str(ONE_CORE)] if cores == 1 else []


def simulation(processes: int) -> float:
    """Return the steps per second of pure simulation, with one core per process."""
    script = [*pinned(processes), sys.executable, __file__, "--simulate", str(SECONDS)]
    with ExitStack() as stack:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        sides = [stack.enter_context(running([*script, str(number)], **pipes)) for number in range(processes)]
        for side in sides:
            if side.stdout.readline() != "ready\n":
                raise RuntimeError("pure simulation has not begun")
        for side in sides:
            side.stdin.write("go\n")
            side.stdin.flush()
        results = [json.loads(side.communicate(timeout=START_S)[0]) for side in sides]
    return sum(result["steps"] / result["seconds"] for result in results)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def training(workers: int) -> float:
    """Return the steps per second of `a3c64 train`, with one core per worker, by the server's count."""
    address = f"tcp://127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory() as folder:
        settings = [
            "--workers",
            str(workers),
            "--bind",
            address,
            "--run-dir",
            f"{folder}/run",
            "--tensorboard-port",
            "0",
            "--web-port",
            "0",
        ]
        with running([*pinned(workers), *A3C64, "train", *settings], stdout=subprocess.DEVNULL) as process:
            deadline = time.monotonic() + START_S
            server = ServerAddress(address, Path(folder) / "run" / "keys" / "client")
            while steps_at(server)[1] < WARM_STEPS * workers:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"a3c64 train has not made {WARM_STEPS * workers} steps")
                time.sleep(0.2)
            begin, first = steps_at(server)
            time.sleep(SECONDS)
            end, last = steps_at(server)
    return (last - first) / (end - begin)


def steps_at(address: ServerAddress) -> tuple[float, int]:
    """Return the time and the run's steps; 0 steps before the server answers."""
    report = fetch(address, 2.0)
    return time.perf_counter(), report.steps if report else 0


def stable_baselines(algorithm: str, vector: str, threads: int) -> float:
    result = sb3(
        "speed",
        algorithm,
        timeout=90.0,
        env_id=DEFAULTS.env_id,
        env_args=n64gym_arguments(DEFAULTS, {}),
        vector=vector,
        threads=threads,
        seconds=SECONDS,
    )
    return result["steps"] / result["seconds"]


def main(rounds: int) -> None:
    machine = hardware()
    rates: dict[str, list[float]] = {}

    def measure(name: str, run: Callable[[], float]) -> None:
        rates.setdefault(name, []).append(run())
        print(f"{name}: {rates[name][-1]:.0f} steps/s", file=sys.stderr, flush=True)

    variants = {algorithm: list(VARIANTS) for algorithm in ("ppo", "a2c")}
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        for count in (1, 2):
            measure(f"simulation {count}", lambda count=count: simulation(count))
            measure(f"training {count}", lambda count=count: training(count))
        for algorithm, tried in variants.items():
            for vector, threads in tried:
                name = f"{algorithm} {vector} {threads}"
                measure(name, lambda a=algorithm, v=vector, t=threads: stable_baselines(a, v, t))
            # Later rounds use only the fastest.
            tried[:] = [max(tried, key=lambda way: rates[f"{algorithm} {way[0]} {way[1]}"][0])]

    middle = {name: statistics.median(values) for name, values in rates.items()}
    chosen = {algorithm: f"{algorithm} {vector} {threads}" for algorithm, ((vector, threads),) in variants.items()}
    best = max(middle[name] for name in chosen.values())
    print(f"""
`make bench-training`, {datetime.date.today()}: {machine["cores"]} cores, {machine["cpu"]}; \
load {machine["load_before"]} before the start.
Open Kart, {DEFAULTS.frame_size}x{DEFAULTS.frame_size} {DEFAULTS.frame_colours}, frame skip 4; \
{DEFAULTS.envs_per_worker} environments a worker. Environment steps per second, medians of {rounds} rounds in turn.

| | Steps/s | Ratio | Wanted |
|---|---|---|---|
| a3c64 train, 2 workers on 2 cores | {middle["training 2"]:.0f} | 1 | |
| pure simulation, 2 processes on 2 cores | {middle["simulation 2"]:.0f} \
| training reaches {middle["training 2"] / middle["simulation 2"]:.0%} | 60 % |
| a3c64 train, 1 worker on 1 core | {middle["training 1"]:.0f} \
| 2 workers reach {middle["training 2"] / middle["training 1"]:.2f} x | 1.8 x |
| pure simulation, 1 process on 1 core | {middle["simulation 1"]:.0f} \
| 2 processes reach {middle["simulation 2"] / middle["simulation 1"]:.2f} x | |""")
    for algorithm, name in chosen.items():
        _, vector, threads = name.split()
        print(
            f"| Stable-Baselines3 {algorithm.upper()}, {vector} vector, {threads} torch threads (their fastest) "
            f"| {middle[name]:.0f} | a3c64 is {middle['training 2'] / middle[name]:.2f} x as fast "
            f"| {'2 x' if middle[name] == best else ''} |"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--simulate", nargs=2, metavar=("SECONDS", "PROCESS"))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    if given.simulate:
        simulate(float(given.simulate[0]), int(given.simulate[1]))
    else:
        main(given.rounds)

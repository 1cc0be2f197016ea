"""Measures what the exchange of gradients and weights costs, plain and compressed: `make bench-wire`.

It writes four kinds of files in docs/results/wire. `--table` prints them as tables in Markdown.

- box.json: the traffic of a real server with two workers of `a3c64 worker --join`
- cost.json: the CPU time of an exchange with a real, encrypting server, and of the parts of compression
- cartpole.json: steps until the mean return of 100 episodes of CartPole is 400, with the same workers as the next ones
- learning-NAME-seedN.json: steps until 95 % of 20 greedy races of Open Kart are finished, with the workers of
  many_workers.py, in this process. These steps do not depend on the machine's load.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
from bench_server import ONE_STEP, free_port, milliseconds, open_kart_size, server
from programs import A3C64, hardware, running

from a3c64.addresses import Place
from a3c64.learning.parameters import ParameterSpec
from a3c64.processes import limit_threads, pin_tensorflow
from a3c64.wire import keys
from a3c64.wire.client import Client, connect
from a3c64.wire.compression import ErrorFeedback, Packed, patched
from a3c64.wire.join_link import JoinLink

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results" / "wire"
PARTS = ("box", "cost", "cartpole", "learning")
NAMES = {"none": "plain", "4bit": "4 bits"}  # values of --compression
WORKERS = 2
SECONDS = 30.0  # of measuring a box
START_S = 180.0
WARM_UPDATES = 100
IDLE_S = 4.0
EXCHANGES = 300
EVERY = 8000  # steps between two judgements
MOST = 300_000  # steps of a run
FINISHED = 0.95
EPISODES = 20  # of a judgement
BALANCED = 400.0  # mean return of the last 100 episodes
CARTPOLE_SEEDS = range(1, 7)
CARTPOLE_MOST, CARTPOLE_EVERY = 200_000, 1000  # steps
HOPEFUL = 200.0  # mean return of the last 100 episodes from which on a judgement is worth its time


class State(NamedTuple):
    """What a server has done so far."""

    seconds: float
    updates: int
    received: int  # bytes
    sent: int


def box(compression: str) -> dict[str, float]:
    """Return the traffic of a server with the workers of one joined machine."""
    port = free_port()
    with server(port, {"A3C64_WEB_PORT": str(free_port()), "A3C64_EVAL_INTERVAL": "0"}) as (address, _):
        assert address.key_file is not None
        key = keys.read(address.key_file)
        assert key is not None
        join = [*A3C64, "worker", "--join", JoinLink(Place("127.0.0.1", port), key).text()]
        page = address.key_file.parents[1] / "web" / "run.json"
        with running([*join, f"--workers={WORKERS}", f"--compression={compression}"]):
            deadline = time.monotonic() + START_S
            while (first := state(page)).updates < WARM_UPDATES:
                if time.monotonic() > deadline:
                    sys.exit(f"two workers have not made {WARM_UPDATES} updates within {START_S:.0f} s")
                time.sleep(0.5)
            time.sleep(SECONDS)
            last = state(page)
    updates, seconds = last.updates - first.updates, last.seconds - first.seconds
    return {
        "updates_per_s": updates / seconds,
        "to_server_kb": (last.received - first.received) / updates / 1e3,
        "from_server_kb": (last.sent - first.sent) / updates / 1e3,
        "to_server_mb_s": (last.received - first.received) / seconds / 1e6,
        "from_server_mb_s": (last.sent - first.sent) / seconds / 1e6,
    }


def state(page: Path) -> State:
    """Read the page's data of a server; nothing if there is none yet."""
    try:
        report = json.loads(page.read_text())
    except FileNotFoundError:
        return State(time.monotonic(), 0, 0, 0)
    return State(time.monotonic(), report["updates"], report["traffic"]["received"], report["traffic"]["sent"])


def exchange(compression: str) -> dict[str, float]:
    """Return the CPU time of an exchange, milliseconds: of the server's process, and of its only client's."""
    specs = [ParameterSpec("w", (open_kart_size(),), 0.0)]
    gradient = np.random.default_rng(0).normal(scale=1e-4, size=specs[0].size).astype(np.float32)
    with server(free_port(), ONE_STEP) as (address, pid):
        client, _ = connect(Client, address, "bench", threading.Event(), compress=compression != "none")
        client.hello()
        update, process = client.join(specs), psutil.Process(pid)

        def spent() -> float:
            times = process.cpu_times()
            return times.user + times.system

        before = spent()
        time.sleep(IDLE_S)
        idle = (spent() - before) / IDLE_S  # of a second; the server's other work
        for number in range(WARM_UPDATES + EXCHANGES):
            if number == WARM_UPDATES:
                began, ours, before = time.monotonic(), time.process_time(), spent()
            update = client.push(gradient, update.signature, update.version, 1, {}, [])
        theirs, ours = spent() - before - idle * (time.monotonic() - began), time.process_time() - ours
        client.close()
    return {"server_ms": 1e3 * theirs / EXCHANGES, "worker_ms": 1e3 * ours / EXCHANGES}


def codec() -> dict[str, float]:
    """Return the CPU time that each step of compression adds to an exchange, microseconds."""
    size = open_kart_size()
    generator = np.random.default_rng(0)
    gradient, weights, held = generator.normal(scale=1e-3, size=(3, size)).astype(np.float32)
    feedback, packed = ErrorFeedback(size, 1.0), Packed.of(gradient, size)
    frame = packed.frame()

    def answer() -> None:  # as in paramserver/held.py
        difference = Packed.of(weights - held, size)
        patched(held, difference.numbers(), size)
        difference.frame()

    def arrive() -> None:
        Packed.read(frame, size).numbers()

    steps = {
        "worker: pack a gradient": lambda: feedback.pack(gradient).frame(),
        "server: read a gradient": arrive,
        "server: pack a difference": answer,
        "worker: read a difference": lambda: patched(held, Packed.read(frame, size).numbers(), size),
    }
    return {name: 1e3 * milliseconds(step) for name, step in steps.items()}


def cartpole(compression: str, seed: int) -> int | None:
    """Return the steps until CartPole's mean return is BALANCED; None if it is not within CARTPOLE_MOST."""
    from many_workers import ManyWorkers, hyperparameters_of  # after limit_threads

    hyperparameters = hyperparameters_of("CartPole-v1", {"seed": seed})
    training = ManyWorkers(hyperparameters, WORKERS, compress=compression != "none")
    try:
        while training.step < CARTPOLE_MOST:
            training.go_on(training.step + CARTPOLE_EVERY)
            if training.service.scalars().get("rollout/ep_rew_mean", 0.0) >= BALANCED:
                return training.step
    finally:
        training.close()
    return None


def learning(compression: str, seed: int) -> dict[str, Any]:
    """Train until 95 % of the races are finished, and return the steps that it took."""
    from many_workers import OPEN_KART, ManyWorkers, hyperparameters_of  # after limit_threads

    training = ManyWorkers(hyperparameters_of(OPEN_KART, {"seed": seed}), WORKERS, compress=compression != "none")
    curve: list[dict[str, float]] = []
    try:
        while training.step < MOST:
            training.go_on(training.step + EVERY)
            point = {"step": training.step, "mean_return": training.service.scalars()["rollout/ep_rew_mean"]}
            if point["mean_return"] >= HOPEFUL:
                judged = training.judged(EPISODES)
                point["finish_rate"] = statistics.fmean(episode.metrics["finished"] for episode in judged)
            curve.append(point)
            if point.get("finish_rate", 0.0) >= FINISHED:
                break
    finally:
        training.close()
    reached = training.step if curve[-1].get("finish_rate", 0.0) >= FINISHED else None
    return {"compression": compression, "seed": seed, "reached_steps": reached, "curve": curve}


def table() -> str:
    """Return the results as tables in Markdown."""
    traffic, cost = (json.loads((RESULTS / f"{name}.json").read_text()) for name in ("box", "cost"))
    lines = [
        "| | To the server, KB an exchange | From it, KB | To the server, MB/s | From it, MB/s | Exchanges a second "
        "| CPU of the server, ms an exchange | of the worker | Steps to 95 %, seeds 1 to 3 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for compression, name in NAMES.items():
        figures, times, steps = traffic[compression], cost[compression], []
        for path in sorted(RESULTS.glob(f"learning-{compression}-seed*.json")):
            reached = json.loads(path.read_text())["reached_steps"]
            steps.append(f"{reached:,}" if reached else f"over {MOST:,}")
        lines.append(
            f"| {name} | {figures['to_server_kb']:.0f} | {figures['from_server_kb']:.0f} "
            f"| {figures['to_server_mb_s']:.1f} | {figures['from_server_mb_s']:.1f} | {figures['updates_per_s']:.1f} "
            f"| {times['server_ms']:.2f} | {times['worker_ms']:.2f} | {'; '.join(steps)} |"
        )
    steps = json.loads((RESULTS / "cartpole.json").read_text())["steps"]
    lines += ["", "| Steps to 400 in CartPole, by seed | " + " | ".join(steps["none"]) + " |"]
    lines += ["|---|" + "---|" * len(steps["none"])]
    lines += [f"| {NAMES[name]} | " + " | ".join(map(str, found.values())) + " |" for name, found in steps.items()]
    lines += ["", "| Compression adds | CPU time, us |", "|---|---|"]
    lines += [f"| {name} | {microseconds:.0f} |" for name, microseconds in cost["codec"].items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--compression", nargs="+", choices=NAMES, default=tuple(NAMES))
    parser.add_argument("--seeds", type=int, nargs="+", default=(1, 2, 3))
    parser.add_argument("--table", action="store_true", help="only print the table of the results")
    options = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    about = {"date": datetime.date.today().isoformat(), "hardware": hardware()}
    parts = () if options.table else options.parts
    for part, measure in (("box", box), ("cost", exchange)):
        if part in parts:
            found = {compression: measure(compression) for compression in NAMES} | about
            found |= {"codec": codec()} if part == "cost" else {}
            (RESULTS / f"{part}.json").write_text(json.dumps(found, indent=1) + "\n")
    limit_threads()
    pin_tensorflow()
    if "cartpole" in parts:
        steps = {name: {seed: cartpole(name, seed) for seed in CARTPOLE_SEEDS} for name in NAMES}
        (RESULTS / "cartpole.json").write_text(json.dumps({"steps": steps} | about) + "\n")
    if "learning" in parts:
        for seed in options.seeds:
            for compression in options.compression:
                result = learning(compression, seed) | about
                (RESULTS / f"learning-{compression}-seed{seed}.json").write_text(json.dumps(result) + "\n")
                print(compression, seed, result["reached_steps"], file=sys.stderr, flush=True)
    print(table())


if __name__ == "__main__":
    main()

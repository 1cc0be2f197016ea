"""Measures learning of many kinds of environments, by a3c64 and by Stable-Baselines3's PPO, in the same wall time.

`make bench-families` runs all that docs/results/families lacks: 2 hours on one core. `bench_families.py lunarlander
--seed 1` in tests/bench runs one environment and seed, with both sides in turn; `--list` names the environments. Each
run trains on one core (`--core`): a3c64 with one worker, PPO with one torch thread. After the training, the last
weights play 20 episodes or more greedily and as many with drawn actions. `--train-only` leaves that to a later call.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shlex
import shutil
import sys
from functools import cache
from pathlib import Path
from typing import Any

from bench_learn import versions
from bench_learn_experiments import RESULTS
from bench_learn_sides import A3c64, Learned, Saved, StableBaselines
from families import FAMILIES, SEEDS, experiment_of
from programs import ROOT, hardware
from zoo import entry_for

RUNS = ROOT / "runs" / "families"
FOLDER = RESULTS / "families"
SIDES = ("a3c64", "ppo")


@cache
def versions_of(algorithm: str) -> dict[str, str]:
    """Return the versions of one side's packages; asking takes seconds."""
    return versions(experiment_of("taxi", algorithm))


def side_of(name: str, algorithm: str, options: argparse.Namespace) -> A3c64 | StableBaselines:
    experiment = experiment_of(name, algorithm)
    every = options.time_limit or FAMILIES[name].seconds  # only the last weights are judged
    if algorithm == "a3c64":
        return A3c64(experiment, every, options.bind)
    return StableBaselines(experiment, every, "dummy", threads=1)


def train(name: str, algorithm: str, seed: int, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Train on one core; return the result without judgements."""
    shutil.rmtree(folder, ignore_errors=True)
    machine = hardware() | {"nice": os.getpriority(os.PRIO_PROCESS, 0)}
    cores = os.sched_getaffinity(0)
    seconds = options.time_limit or FAMILIES[name].seconds
    os.sched_setaffinity(0, {options.core})
    try:
        learned: Learned = side_of(name, algorithm, options).learn(folder, seed, seconds, None)
    finally:
        os.sched_setaffinity(0, cores)
    if not learned.saved:
        sys.exit(f"{name}: no checkpoint was written within {seconds:.0f} s: give --time-limit more")
    last = learned.saved[-1]
    return {
        "family": name,
        "env_id": FAMILIES[name].env_id,
        "algorithm": algorithm,
        "seed": seed,
        "command": shlex.join(["taskset", "-c", str(options.core), *learned.command]),
        "zoo": entry_for(FAMILIES[name].env_id).section if algorithm == "ppo" else None,
        "date": str(datetime.date.today()),
        "hardware": machine,
        "versions": versions_of(algorithm),
        "time_limit": seconds,
        "seconds": learned.seconds,
        "steps": last.step,
        "saved": str(last.path.relative_to(folder)),
        "curve": learned.curve,
    }


def judge(result: dict[str, Any], folder: Path, options: argparse.Namespace) -> None:
    """Let the last weights play greedily and with drawn actions."""
    side = side_of(result["family"], result["algorithm"], options)
    episodes = options.episodes or FAMILIES[result["family"]].episodes
    last = Saved(result["seconds"], result["steps"], folder / result["saved"])
    for way, drawn in (("greedy", False), ("drawn", True)):
        figures = side.play(last, result["seed"], episodes, drawn)
        result[way] = {key: figures[key] for key in ("n", "mean_return", "std_return")}


def run(name: str, algorithm: str, seed: int, options: argparse.Namespace) -> None:
    """Do what is missing of one run."""
    stem = f"{name}-{algorithm}-seed{seed}"
    done, folder = options.results / f"{stem}.json", RUNS / stem
    trained = folder / "trained.json"
    if options.again:
        done.unlink(missing_ok=True)
        trained.unlink(missing_ok=True)
    if done.exists():
        return
    if not trained.exists():
        result = train(name, algorithm, seed, folder, options)
        trained.write_text(json.dumps(result, indent=1) + "\n")
        print(f"{stem}: {result['steps']:,} steps in {result['seconds']:.0f} s", flush=True)
    if options.train_only:
        return
    result = json.loads(trained.read_text())
    judge(result, folder, options)
    del result["saved"]
    done.write_text(json.dumps(result, indent=1) + "\n")
    print(f"{stem}: greedy {result['greedy']}, drawn {result['drawn']}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family", nargs="*", help="one or more; none: all")
    parser.add_argument("--list", action="store_true", help="name the environments")
    parser.add_argument("--side", choices=SIDES, help="only one of the two")
    parser.add_argument("--seed", type=int, help="only this seed")
    parser.add_argument("--time-limit", type=float, help="seconds of learning instead of the table's")
    parser.add_argument("--core", type=int, default=0, help="number of the core for training")
    parser.add_argument("--train-only", action="store_true", help="a later call without it plays the episodes")
    parser.add_argument("--again", action="store_true", help="repeat runs that have a result")
    parser.add_argument("--episodes", type=int, help="episodes per evaluation instead of the table's")
    parser.add_argument("--bind", default="tcp://127.0.0.1:16555", help="address of a3c64's server")
    parser.add_argument("--results", type=Path, default=FOLDER, help="folder for the JSON files")
    options = parser.parse_args()
    if options.list:
        for name, family in FAMILIES.items():
            print(f"{name:<24}{family.env_id:<28}{family.seconds:>4.0f} s")
        return
    unknown = set(options.family) - set(FAMILIES)
    if unknown:
        sys.exit(f"unknown environment {', '.join(sorted(unknown))}; expected {', '.join(FAMILIES)}")
    options.results.mkdir(parents=True, exist_ok=True)
    for seed in [options.seed] if options.seed is not None else SEEDS:  # a whole table of one seed comes first
        for name in options.family or FAMILIES:
            for algorithm in [options.side] if options.side else SIDES:
                run(name, algorithm, seed, options)


if __name__ == "__main__":
    main()

"""Measures how many environment steps 1 to 64 workers need to learn: `python tests/bench/bench_many_workers.py`.

A run ends at the first evaluation at the goal: 95 % of 20 greedy races of Open Kart, a mean return of 475 in CartPole,
or of 200 in LunarLander. Each run writes a JSON file in docs/results/many. `--table` prints all of them as a table in
Markdown. The workers are those of many_workers.py, all in this process, so the steps do not depend on the load.
"""

from __future__ import annotations

import argparse
import datetime
import json
import time
from pathlib import Path
from typing import Any, NamedTuple

from programs import hardware

from a3c64.hyperparameters import Hyperparameters
from a3c64.processes import limit_threads, pin_tensorflow

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results" / "many"
EPISODES = 20  # of an evaluation
SHOWN = ("rollout/ep_rew_mean", "train/entropy", "train/kl", "train/pace", "train/staleness")


class Task(NamedTuple):
    """An environment, and when it counts as learned."""

    env_id: str
    figure: str  # of an evaluation
    goal: float
    every: int  # steps from one evaluation to the next


TASKS = {
    "openkart": Task("n64gym/OpenKart-v0", "finish_rate", 0.95, 25_000),
    "cartpole": Task("CartPole-v1", "mean_return", 475.0, 10_240),
    "lander": Task("LunarLander-v3", "mean_return", 200.0, 25_000),
}


def run(task: Task, hyperparameters: Hyperparameters, workers: int, one_slow: bool, most: int) -> dict[str, Any]:
    """Train until an evaluation reaches the goal, for at most `most` steps. Return the steps, CPU time and curve."""
    from bench_stability import judged
    from many_workers import ManyWorkers  # here, because main must limit TensorFlow's threads first

    training = ManyWorkers(hyperparameters, workers, one_slow)
    curve: list[dict[str, float]] = []
    reached, cpu_s = None, 0.0
    try:
        while training.step < most and reached is None:
            before, began = training.step, time.process_time()
            training.go_on(min(most, before + min(task.every, 12_500)))
            cpu_s += time.process_time() - began
            scalars = training.service.scalars()
            point = {
                "step": training.step,
                **{name: float(f"{scalars[name]:.4g}") for name in SHOWN if name in scalars},
            }
            if training.step // task.every > before // task.every:
                point |= judged(training.judged(EPISODES))
                reached = training.step if point[task.figure] >= task.goal else None
            curve.append(point)
    finally:
        training.close()
    return {
        "workers": workers,
        "one_slow": one_slow,
        "reached_steps": reached,
        "most_steps": most,
        "cpu_seconds": round(cpu_s, 1),  # of training, without evaluations
        "curve": curve,
    }


def table() -> str:
    """Return the results as a table in Markdown, one row for each kind of run."""
    rows: dict[tuple[str, str, int], list[str]] = {}
    for path in sorted(RESULTS.glob("*.json")):
        result = json.loads(path.read_text())
        reached, end = result["reached_steps"], result["curve"][-1]
        last = f"not after {end['step']:,} (mean return {end.get(SHOWN[0], 0.0):.0f})"
        key = (result["env_id"], result["name"], result["workers"])
        rows.setdefault(key, []).append(f"{result['seed']}: {f'{reached:,}' if reached else last}")
    lines = ["| Environment | Settings | Workers | Seed: steps to the goal |", "|---|---|---|---|"]
    lines += [
        f"| {env} | {name} | {workers} | {'; '.join(found)} |" for (env, name, workers), found in sorted(rows.items())
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=tuple(TASKS))
    parser.add_argument("--workers", type=int, nargs="+", default=(1, 2, 4, 16, 64))
    parser.add_argument("--one-slow", action="store_true", help="the first worker is ten times slower")
    parser.add_argument("--seeds", type=int, nargs="+", default=(1, 2, 3))
    parser.add_argument("--most", type=int, default=600_000, help="steps of a run (default: %(default)s)")
    parser.add_argument("--name", default="default", help="of the settings, in the results")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings besides the defaults")
    parser.add_argument("--table", action="store_true", help="only print the table of the results")
    options = parser.parse_args()
    limit_threads()
    pin_tensorflow()
    from many_workers import hyperparameters_of

    given = dict(setting.split("=", 1) for setting in options.set)
    RESULTS.mkdir(parents=True, exist_ok=True)
    runs = [(task, workers, seed) for task in options.tasks for workers in options.workers for seed in options.seeds]
    for name, workers, seed in [] if options.table else runs:
        task, slow = TASKS[name], "-one-slow" if options.one_slow else ""
        result = {"name": options.name + slow, "env_id": task.env_id, "settings": given, "seed": seed}
        hyperparameters = hyperparameters_of(task.env_id, {**given, "seed": seed})
        result |= run(task, hyperparameters, workers, options.one_slow, options.most)
        result |= {"date": datetime.date.today().isoformat(), "hardware": hardware()}
        path = RESULTS / f"{name}-{options.name}-{workers}workers{slow}-seed{seed}.json"
        path.write_text(json.dumps(result) + "\n")
        print(f"{path.name}: {result['reached_steps']}", flush=True)
    print(table())


if __name__ == "__main__":
    main()

"""Measures whether a policy stays good after it has learned, with few and with many workers: `make bench-stability`.

Each run is evaluated every 100,000 steps with 20 episodes. After each evaluation it writes its JSON file in
docs/results/stability. The workers are those of many_workers.py, all in this process. Open Kart is the game compiled
for the host, which equals the emulated game to the bit. The guard never acts, because only the server's process goes
back to the best weights.
`python tests/bench/bench_stability.py --old` trains with the old default settings; `--help` lists all options.
A run of many hours can be made in parts: with `--checkpoints FOLDER`, the same command continues where it was stopped.
"""

from __future__ import annotations

import argparse
import datetime
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from programs import hardware

from a3c64.envs.episode import Episode
from a3c64.hyperparameters import Hyperparameters
from a3c64.paramserver.figures import saved
from a3c64.paramserver.weights import SharedWeights
from a3c64.policy.checkpoint import newest, save
from a3c64.processes import limit_threads, pin_tensorflow

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results" / "stability"
EPISODES = 20  # per evaluation
CURVE_STEPS = 10_000  # steps between two points of the curve
OLD_NAME = "old-defaults"  # the defaults until November 2026, with which policies collapsed
OLD = {"normalise_advantages": "true", "rmsprop_epsilon": "1e-8", "target_kl": "0", "surrogate_clip": "0"}
SHOWN = ("rollout/ep_rew_mean", "train/entropy", "train/kl", "train/pace")  # printed for each point during a run


def run(
    hyperparameters: Hyperparameters,
    workers: int,
    one_slow: bool,
    steps: int,
    every: int,
    earlier: dict[str, Any] | None = None,
    checkpoints: Path | None = None,
) -> Iterator[dict[str, Any]]:
    """Train for `steps`, evaluate every `every` steps; yield the results so far after each evaluation.

    The curve has the server's scalars every CURVE_STEPS: means over the last 100 episodes, and over the updates since
    the point before.

    Args:
        hyperparameters: of the run.
        workers: how many.
        one_slow: whether the first worker is ten times slower than the others.
        steps: of the whole run.
        every: steps from one evaluation to the next.
        earlier: results of the run so far, if it is continued.
        checkpoints: folder from which the run continues, and to which it writes a checkpoint after each evaluation.
    """
    from many_workers import ManyWorkers  # here, because main must limit TensorFlow's threads first

    machine, begin, cpu, judging_s = hardware(), time.perf_counter(), time.process_time(), 0.0
    snapshot = newest(checkpoints) if checkpoints else None
    weights = SharedWeights(hyperparameters, snapshot)
    done = until(weights.step, earlier if snapshot and earlier else {})
    curve, judgements = done["curve"], done["judgements"]
    training = ManyWorkers(hyperparameters, workers, one_slow, weights=weights)
    training.service.resume(saved(snapshot))
    try:
        while training.step < steps:
            training.go_on(min(steps, training.step + CURVE_STEPS))
            curve.append({"step": training.step, **rounded(training.service.scalars())})
            last = judgements[-1]["step"] if judgements else 0
            if training.step // every == last // every and training.step < steps:
                continue
            before = time.perf_counter()
            judgements.append({"step": training.step, **judged(training.judged(EPISODES))})
            judging_s += time.perf_counter() - before
            shown = {name: curve[-1][name] for name in SHOWN if name in curve[-1]}
            print(json.dumps(judgements[-1] | shown), flush=True)
            staleness = training.service.metrics.staleness_figures()
            yield {
                "workers": workers,
                "one_slow": one_slow,
                "steps": training.step,
                "seconds": round(done["seconds"] + time.perf_counter() - begin, 1),
                "judging_seconds": round(done["judging_seconds"] + judging_s, 1),
                "cpu_seconds": round(done["cpu_seconds"] + time.process_time() - cpu, 1),
                "staleness": staleness.model_dump() if staleness else None,
                "judgements": judgements,
                "curve": curve,
                "date": datetime.date.today().isoformat(),
                "hardware": machine,
            }
            if checkpoints:
                figures = training.service.figures().plain()
                save(checkpoints, training.service.snapshot()._replace(figures=figures), keep=1)
    finally:
        training.close()


def until(step: int, earlier: dict[str, Any]) -> dict[str, Any]:
    """Return the results of a run up to a step: its checkpoint may be older than its results by one evaluation."""
    lists = {
        name: [point for point in earlier.get(name, []) if point["step"] <= step] for name in ("curve", "judgements")
    }
    times = {name: earlier.get(name, 0.0) for name in ("seconds", "judging_seconds", "cpu_seconds")}
    return {**lists, **times}


def rounded(scalars: dict[str, float]) -> dict[str, float]:
    """Round the scalars for the file. Leave out the times, because the clock is simulated."""
    return {name: float(f"{value:.5g}") for name, value in scalars.items() if not name.startswith("time/")}


def judged(episodes: list[Episode]) -> dict[str, float]:
    """Return the mean figures of episodes."""
    found = {"mean_return": sum(episode.total_reward for episode in episodes) / len(episodes)}
    if "finished" in episodes[0].metrics:
        found["finish_rate"] = sum(episode.metrics["finished"] for episode in episodes) / len(episodes)
    return {name: round(value, 3) for name, value in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", help="of the settings, in the results; default: default, or old-defaults with --old")
    parser.add_argument("--env-id", default="n64gym/OpenKart-v0")
    parser.add_argument("--steps", type=int, default=3_000_000)
    parser.add_argument("--every", type=int, default=100_000, help="steps from one judgement to the next")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--one-slow", action="store_true", help="the first worker is ten times slower")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings besides the defaults")
    parser.add_argument("--old", action="store_true", help="train with the defaults until November 2026")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--checkpoints", type=Path, help="folder of checkpoints; a run that has one there is continued")
    options = parser.parse_args()
    limit_threads()
    pin_tensorflow()
    from many_workers import hyperparameters_of

    given = (OLD if options.old else {}) | dict(setting.split("=", 1) for setting in options.set)
    name = options.name or (OLD_NAME if options.old else "default")
    options.results.mkdir(parents=True, exist_ok=True)
    for seed in options.seeds:
        hyperparameters = hyperparameters_of(options.env_id, {**given, "seed": seed})
        result = {"name": name, "env_id": options.env_id, "settings": given, "seed": seed}
        game = options.env_id.split("/")[-1].split("-")[0].lower()
        slow = "-one-slow" if options.one_slow else ""
        path = options.results / f"{game}-{name}-{options.workers}workers{slow}-seed{seed}.json"
        folder = options.checkpoints and options.checkpoints / path.stem
        earlier = json.loads(path.read_text()) if path.exists() else None
        parts = run(hyperparameters, options.workers, options.one_slow, options.steps, options.every, earlier, folder)
        for figures in parts:
            path.write_text(json.dumps(result := result | figures) + "\n")
        print(f"{path}: {result['steps'] / result['seconds']:.0f} steps/s", flush=True)


if __name__ == "__main__":
    main()

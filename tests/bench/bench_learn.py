"""Measures learning over wall-clock time, by a3c64 and by Stable-Baselines3. `make bench-learn` runs all experiments.

That takes many hours, and then writes docs/results/goals.md. `bench_learn.py openkart --seed 1 --time-limit 300` in
tests/bench runs one experiment with one seed; `--list` names the experiments. Results are JSON files in docs/results/.
Checkpoints are evaluated after training, so that evaluating takes no training time.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import platform
import shlex
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench_learn_experiments import EXPERIMENTS, RESULTS, TEACHING, Experiment
from bench_learn_sides import EPISODES, A3c64, Saved, StableBaselines
from programs import ROOT, SB3_PYTHON, hardware, result_of

RUNS = ROOT / "runs" / "bench"
SPREAD = 5  # evenly spaced checkpoints that are evaluated before the binary search
EVERY_S = 30.0
KNOWN = {**EXPERIMENTS, **TEACHING}
PACKAGES = ("tensorflow-cpu", "onnxruntime", "numpy", "gymnasium", "ale-py", "mujoco", "box2d", "minigrid", "MinAtar")
THEIR_VERSIONS = """
import json, stable_baselines3, torch, gymnasium
print(json.dumps({"stable-baselines3": stable_baselines3.__version__, "torch": torch.__version__,
                  "gymnasium": gymnasium.__version__}))
"""


def first_reaching(saved: list[Saved], reaches: Callable[[Saved], bool]) -> Saved | None:
    """Return the first checkpoint that reaches the goal: try evenly spaced ones, then bisect.

    This assumes that the checkpoints after the first one reach the goal too.
    """
    spread = sorted({round(k * (len(saved) - 1) / SPREAD) for k in range(1, SPREAD + 1)})
    good = next((at for at in spread if reaches(saved[at])), None)
    if good is None:
        return None
    bad = max((at for at in spread if at < good), default=-1)
    while good - bad > 1:
        middle = (bad + good) // 2
        good, bad = (middle, bad) if reaches(saved[middle]) else (good, middle)
    return saved[good]


def versions(experiment: Experiment) -> dict[str, str]:
    if experiment.algorithm != "a3c64":
        found = result_of([str(SB3_PYTHON), "-c", THEIR_VERSIONS], 60.0)
    else:
        found = {}
        for package in PACKAGES:
            try:
                found[package] = version(package)
            except PackageNotFoundError:
                continue
    return {"python": platform.python_version(), **found}


def last_of(name: str, seed: int) -> Path:
    """Return the last checkpoint of another experiment's run."""
    saved = list((RUNS / f"{name}-seed{seed}" / "saved").glob("step_*"))
    if not saved:
        sys.exit(f"there is no run of {name} with seed {seed}: bench_learn.py {name} --seed {seed} comes first")
    return max(saved, key=lambda path: int(path.name.removeprefix("step_")))


def run(name: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Train and evaluate; return the contents of the result's JSON file."""
    experiment = KNOWN[name]
    seconds = options.time_limit or 60 * experiment.minutes
    machine = hardware()
    side: A3c64 | StableBaselines
    if experiment.algorithm == "a3c64":
        side = A3c64(experiment, options.every, options.bind)
    else:
        side = StableBaselines(experiment, options.every, options.vector, options.threads)
    folder = RUNS / f"{name}-seed{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    begin_with = last_of(experiment.begins_with, seed) if experiment.begins_with else None
    learned = side.learn(folder, seed, seconds, begin_with)
    if not learned.saved:
        sys.exit(f"{name}: no checkpoint was written within {seconds:.0f} s: give --time-limit more, or --every less")
    judged: dict[int, dict[str, Any]] = {}

    def judge(saved: Saved) -> dict[str, Any]:
        if saved.step not in judged:
            judged[saved.step] = {"seconds": saved.seconds, "step": saved.step} | side.judge(
                saved, seed, options.episodes
            )
            print(json.dumps(judged[saved.step]), file=sys.stderr, flush=True)
        return judged[saved.step]

    before = judge(Saved(0.0, 0, begin_with)) if begin_with else None
    reached = first_reaching(learned.saved, lambda saved: experiment.goal.reached(judge(saved)))
    return {
        "experiment": name,
        "seed": seed,
        "algorithm": experiment.algorithm,
        "command": shlex.join(learned.command),
        "date": str(datetime.date.today()),
        "hardware": machine,
        "versions": versions(experiment),
        "goal": {key: value for key, value in dataclasses.asdict(experiment.goal).items() if abs_finite(value)},
        "time_limit": seconds,
        "seconds": learned.seconds,
        "steps": learned.saved[-1].step,
        "reached_seconds": reached.seconds if reached else None,
        "reached_steps": reached.step if reached else None,
        "before": before,
        "last": judge(learned.saved[-1]),
        "evaluations": sorted(judged.values(), key=lambda one: one["seconds"]),
        "curve": learned.curve,
    }


def par() -> dict[str, Any]:
    """Return the scripted driver's lap and race times, with which all lap times are compared."""
    import gymnasium

    from n64gym.games.openkart_driver import SEEDS, drive
    from n64gym.games.openkart_telemetry import COURSES

    with gymnasium.make("n64gym/OpenKart-v0", obs_type="grayscale", size=(42, 42)) as env:
        races = {course: drive(env, course=course) for course in COURSES[:-1]}
        generated = [drive(env, course="generated", course_seed=seed) for seed in SEEDS]
    best = [min(race.lap_times) for race in generated if race.finished]
    return {
        "command": "python tests/bench/bench_learn.py --par",
        "date": str(datetime.date.today()),
        "courses": {
            course: {"best_lap_s": round(min(race.lap_times), 3), "race_s": round(race.race_time, 3)}
            for course, race in races.items()
        },
        "generated": {"races": len(generated), "finished": len(best), "best_lap_s": round(sum(best) / len(best), 3)},
    }


def abs_finite(value: Any) -> bool:
    """Return whether `value` is finite. JSON has no infinity."""
    return value not in (float("inf"), float("-inf"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", nargs="*", help="one or more; none: all but those of teaching")
    parser.add_argument("--list", action="store_true", help="name the experiments")
    parser.add_argument("--par", action="store_true", help="let the scripted driver set par instead")
    parser.add_argument("--seed", type=int, help="seed instead of the experiment's")
    parser.add_argument("--time-limit", type=float, help="seconds of learning instead of the experiment's")
    parser.add_argument("--every", type=float, default=EVERY_S, help="seconds between two checkpoints")
    parser.add_argument("--episodes", type=int, default=EPISODES, help="episodes per evaluation")
    parser.add_argument("--bind", default="tcp://127.0.0.1:16555", help="address of a3c64's server")
    parser.add_argument("--vector", default="lockstep", help="of Stable-Baselines3, as bench_training.py found best")
    parser.add_argument("--threads", type=int, default=2, help="torch threads, as bench_training.py found best")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the JSON files")
    options = parser.parse_args()
    if options.list:
        for name, experiment in KNOWN.items():
            print(f"{name:<14}{experiment.minutes:>4.0f} min, seeds {experiment.seeds}: {experiment.title}")
        return
    unknown = set(options.experiment) - set(KNOWN)
    if unknown:
        sys.exit(f"unknown experiment {', '.join(sorted(unknown))}; expected {', '.join(KNOWN)}")
    options.results.mkdir(parents=True, exist_ok=True)
    if options.par:
        (options.results / "par.json").write_text(json.dumps(par(), indent=1) + "\n")
        return
    for name in options.experiment or EXPERIMENTS:
        for seed in [options.seed] if options.seed is not None else KNOWN[name].seeds:
            result = run(name, seed, options)
            path = options.results / f"{name}-seed{seed}.json"
            path.write_text(json.dumps(result, indent=1) + "\n")
            print(
                f"{path}: goal reached after {result['reached_seconds']} s, {result['reached_steps']} steps; "
                f"last {result['last']}",
                flush=True,
            )


if __name__ == "__main__":
    main()

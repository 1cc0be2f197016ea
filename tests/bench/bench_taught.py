"""Measures how many steps a teacher or a policy saves: `python tests/bench/bench_taught.py keyboard --seeds 1 2 3`.

`untaught` is a run from nothing. `driver` and `keyboard` are taught five laps by a teacher of teachers.py,
with `a3c64 imitate` and `--demonstrations`. `transfer` goes on from a policy of the meadow. Each run is evaluated with
20 greedy races every --every steps, and writes a JSON file in docs/results/taught. Server and workers are those of
many_workers.py, on the game compiled for the host. The movies come from the emulator.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from bench_learn_experiments import MEADOW_POLICY, OPEN_KART, RACES, RESULTS, TAUGHT
from bench_stability import EPISODES, rounded
from programs import ROOT, hardware

from a3c64.envs.demonstrations import Demonstrations
from a3c64.hyperparameters import Hyperparameters
from a3c64.processes import limit_threads, pin_tensorflow

TEACHERS = ("driver", "keyboard")
KINDS = ("untaught", *TEACHERS, "transfer")
LAPS = 5  # that a teacher shows
UPDATES = 500  # of imitation, at most
GOAL = 0.95  # finishes
KEPT = 3  # evaluations in a row at the goal after which --until-kept ends a run
FIGURES = ("finished", "progress", "race_time_s", "best_lap_s")


def settings_of(kind: str, course: str, seed: int, more: dict[str, str]) -> dict[str, Any]:
    """Return the settings of `a3c64 train` for a kind of run."""
    arguments = {**RACES, "course": course, "laps": 1}
    return {"env_args": json.dumps(arguments), "seed": seed, **TAUGHT.get(kind, {}), **more}


def shown_by(teacher: str, hyperparameters: Hyperparameters, course: str) -> Demonstrations:
    """Record a teacher's laps on the emulator, and return them as demonstrations."""
    from teachers import record

    from a3c64.envs.demonstrations import movies_in
    from a3c64.teaching.movies import demonstrated

    real = hyperparameters.model_copy(update={"env_id": OPEN_KART})
    with tempfile.TemporaryDirectory() as folder:
        record(teacher, Path(folder), course, LAPS, hyperparameters.seed)
        shown = demonstrated(real, movies_in([Path(folder)]), "", threading.Event())
    assert shown is not None
    return shown


def run(kind: str, course: str, seed: int, options: argparse.Namespace, path: Path) -> None:
    """Train and evaluate; write the results to a file."""
    from many_workers import ManyWorkers, hyperparameters_of

    from a3c64.learning.network import design
    from a3c64.paramserver.weights import SharedWeights
    from a3c64.policy.checkpoint import MEAN_SQUARE, first
    from a3c64.policy.policy_file import find
    from a3c64.teaching.imitate import teach

    given = settings_of(kind, course, seed, dict(setting.split("=", 1) for setting in options.set))
    hyperparameters = hyperparameters_of(OPEN_KART, given)
    result: dict[str, Any] = {
        "kind": kind,
        "course": course,
        "seed": seed,
        "settings": given,
        "command": f"python tests/bench/bench_taught.py {' '.join(sys.argv[1:])}",
        "date": datetime.date.today().isoformat(),
        "hardware": hardware(),
    }
    snapshot = shown = None
    if kind in TEACHERS:
        shown = shown_by(kind, hyperparameters, course)
        network = design(shown.shape, shown.family, hyperparameters)
        snapshot = first(network.specs, seed, hyperparameters.model_dump())
        taught = teach(network, hyperparameters, snapshot.weights, shown, UPDATES, threading.Event())
        assert taught is not None
        snapshot = snapshot._replace(weights=taught.weights, optimiser={MEAN_SQUARE: taught.mean_square})
        result["taught"] = {"steps": shown.steps, "inexact": shown.inexact, "agrees": taught.held_out.share}
    start = find(ROOT / MEADOW_POLICY) if kind == "transfer" else None
    training = ManyWorkers(hyperparameters, 2, weights=SharedWeights(hyperparameters, snapshot, start), shown=shown)
    result |= {"reached_steps": None, "judgements": [], "curve": []}
    judgements: list[dict[str, float]] = result["judgements"]

    def judge() -> None:
        judgements.append({"step": training.step, **figures(training.judged(EPISODES))})
        if result["reached_steps"] is None and judgements[-1]["finish_rate"] >= GOAL:
            result["reached_steps"] = training.step
        path.write_text(
            json.dumps(result, indent=1) + "\n"
        )  # each time, so that a run that is ended leaves its figures
        print(path.name, json.dumps(judgements[-1]), flush=True)

    try:
        if options.first == 0:
            judge()
        while training.step < options.steps and not (options.until_kept and kept(judgements)):
            training.go_on(min(options.steps, max(options.first, training.step + options.every)))
            result["curve"].append({"step": training.step, **rounded(training.service.scalars())})
            judge()
    finally:
        training.close()


def kept(judgements: list[dict[str, float]]) -> bool:
    """Return whether the last KEPT evaluations were at the goal."""
    return len(judgements) >= KEPT and all(one["finish_rate"] >= GOAL for one in judgements[-KEPT:])


def figures(episodes: list[Any]) -> dict[str, Any]:
    """Return the figures of greedy races; times are those of races that were finished."""
    of = [episode.metrics for episode in episodes]
    finished = [one for one in of if one["finished"]]
    found = {"finish_rate": len(finished) / len(of), "progress": sum(one["progress"] for one in of) / len(of)}
    if finished:
        found["race_time_s"] = sum(one["race_time_s"] for one in finished) / len(finished)
    return {name: round(value, 3) for name, value in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="+", choices=KINDS)
    parser.add_argument("--course", default="desert")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--steps", type=int, default=300_000)
    parser.add_argument("--every", type=int, default=20_000, help="steps from one evaluation to the next")
    parser.add_argument("--first", type=int, default=0, help="steps before the first evaluation")
    parser.add_argument("--until-kept", action="store_true", help=f"end after {KEPT} evaluations in a row at the goal")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings besides the experiment's")
    parser.add_argument("--results", type=Path, default=RESULTS / "taught")
    options = parser.parse_args()
    limit_threads()
    pin_tensorflow()
    options.results.mkdir(parents=True, exist_ok=True)
    for kind in options.kinds:
        for seed in options.seeds:
            run(kind, options.course, seed, options, options.results / f"host-{kind}-{options.course}-seed{seed}.json")


if __name__ == "__main__":
    main()

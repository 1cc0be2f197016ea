"""Measures how many steps a teacher or a policy saves: `python tests/bench/bench_taught.py keyboard --seeds 1 2 3`.

`untaught` is a run from nothing. `driver` and `keyboard` are taught five laps by a teacher of teachers.py,
with `a3c64 imitate` and `--demonstrations`. `transfer` goes on from a policy of the meadow. `speedrun` trains that
policy for time, on races of three laps, and imitates --movies if there are any. `speedrun-from-nothing` begins with a
new policy. Each run is evaluated with 20 greedy races every --every steps, and writes a JSON file in
docs/results/taught. Server and workers are those of many_workers.py, on the game compiled for the host. The movies are
played on the emulator.
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

from bench_learn_experiments import EXPERIMENTS, MEADOW_POLICY, OPEN_KART, PROGRESS, RACES, RESULTS, TAUGHT
from bench_stability import EPISODES, rounded
from programs import ROOT, hardware

from a3c64.envs.demonstrations import Demonstrations
from a3c64.hyperparameters import Hyperparameters
from a3c64.processes import limit_threads, pin_tensorflow

TEACHERS = ("driver", "keyboard")
BEGUN = ("transfer", "speedrun")  # with the policy of the meadow
FOR_TIME = ("speedrun", "speedrun-from-nothing")  # with the settings of the speedrun
KINDS = ("untaught", *TEACHERS, "transfer", *FOR_TIME)
LAPS = 5  # that a teacher shows
UPDATES = 500  # of imitation, at most
AFTER = 1000  # steps after the last evaluation at which a run for time would end
GOAL = 0.95  # finishes
CONFIRMING = 100  # other races that the same weights must finish as often, before the goal counts as reached
KEPT = 3  # evaluations in a row at the goal after which --until-kept ends a run


def settings_of(kind: str, course: str, seed: int, more: dict[str, str]) -> dict[str, Any]:
    """Return the settings of `a3c64 train` for a kind of run."""
    speedrun = EXPERIMENTS["speedrun"]
    if kind in FOR_TIME:
        arguments, settings = {**speedrun.env_args, "course": course}, dict(speedrun.settings)
    else:
        arguments, settings = {**RACES, "course": course, "laps": 1, "reward": PROGRESS}, TAUGHT.get(kind, {})
    return {"env_args": json.dumps(arguments), "seed": seed, **settings, **more}


def shown_by(teacher: str, hyperparameters: Hyperparameters, course: str) -> Demonstrations:
    """Record a teacher's laps on the emulator, and return them as demonstrations."""
    from teachers import record

    with tempfile.TemporaryDirectory() as folder:
        record(teacher, Path(folder), course, LAPS, hyperparameters.seed)
        return shown_in([Path(folder)], hyperparameters)


def shown_in(paths: list[Path], hyperparameters: Hyperparameters) -> Demonstrations:
    """Return the movies in files and folders as demonstrations."""
    from a3c64.envs.demonstrations import movies_in
    from a3c64.teaching.movies import demonstrated

    real = hyperparameters.model_copy(update={"env_id": OPEN_KART})
    shown = demonstrated(real, movies_in(paths), "", threading.Event())
    assert shown is not None
    return shown


def run(kind: str, course: str, seed: int, options: argparse.Namespace, path: Path) -> None:
    """Train and evaluate; write the results to a file."""
    from many_workers import ManyWorkers, hyperparameters_of

    from a3c64.learning.network import design
    from a3c64.paramserver.weights import SharedWeights
    from a3c64.policy.checkpoint import first
    from a3c64.policy.policy_file import find
    from a3c64.policy.transplant import transplant
    from a3c64.teaching.imitate import teach

    ends = {"total_timesteps": options.steps + AFTER} if kind in FOR_TIME else {}  # the learning rate falls until then
    more = dict(setting.split("=", 1) for setting in options.set)
    given = settings_of(kind, course, seed, ends | more)
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
    start = find(ROOT / MEADOW_POLICY) if kind in BEGUN else None
    snapshot = shown = None
    if kind in TEACHERS:
        shown = shown_by(kind, hyperparameters, course)
    elif options.movies:
        shown = shown_in(options.movies, hyperparameters)
    if shown:
        result["taught"] = {"steps": shown.steps, "inexact": shown.inexact}
    if shown and options.updates:
        network = design(shown.shape, shown.family, hyperparameters)
        snapshot = first(network.specs, seed, hyperparameters.model_dump())
        if start:
            transplant(start, network.specs, snapshot.weights)
        taught = teach(network, hyperparameters, snapshot.weights, shown, options.updates, threading.Event())
        assert taught is not None
        snapshot = taught.begin(snapshot)
        result["taught"]["agrees"] = taught.held_out.share
    training = ManyWorkers(hyperparameters, 2, weights=SharedWeights(hyperparameters, snapshot, start), shown=shown)
    result |= {"reached_steps": None, "judgements": [], "curve": []}
    judgements: list[dict[str, float]] = result["judgements"]

    def judge() -> None:
        judgements.append({"step": training.step, **figures(training.judged(EPISODES))})
        if result["reached_steps"] is None and judgements[-1]["finish_rate"] >= GOAL:
            confirmed = figures(training.judged(CONFIRMING, seed + 1))["finish_rate"]
            judgements[-1]["confirmed"] = confirmed
            if confirmed >= GOAL:
                result["reached_steps"] = training.step
        path.write_text(
            json.dumps(result, indent=1) + "\n"
        )  # each time, so that a run that is ended leaves its figures
        print(path.name, json.dumps(judgements[-1]), flush=True)

    try:
        if options.first == 0:
            judge()
        while training.step < options.steps and not (options.until_kept and kept(judgements)):
            if options.until_reached and result["reached_steps"] is not None:
                break
            training.go_on(min(options.steps, max(options.first, training.step + options.every)))
            result["curve"].append({"step": training.step, **rounded(training.service.scalars())})
            judge()
    finally:
        training.close()


def kept(judgements: list[dict[str, float]]) -> bool:
    """Return whether the last KEPT evaluations were at the goal."""
    return len(judgements) >= KEPT and all(one["finish_rate"] >= GOAL for one in judgements[-KEPT:])


def figures(episodes: list[Any]) -> dict[str, Any]:
    """Return the figures of greedy races; times are those of races that were finished.

    `best_lap_s` is the best lap of all races, `mean_best_lap_s` the mean of each race's best lap.
    """
    of = [episode.metrics for episode in episodes]
    finished = [one for one in of if one["finished"]]
    found = {"finish_rate": len(finished) / len(of), "progress": sum(one["progress"] for one in of) / len(of)}
    if finished:
        found["race_time_s"] = sum(one["race_time_s"] for one in finished) / len(finished)
        laps = [one["best_lap_s"] for one in finished]
        found |= {"best_lap_s": min(laps), "mean_best_lap_s": sum(laps) / len(laps)}
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
    parser.add_argument("--until-reached", action="store_true", help="end when an evaluation at the goal is confirmed")
    parser.add_argument("--movies", type=Path, nargs="+", default=[], help="to imitate, instead of a teacher's")
    parser.add_argument("--updates", type=int, default=UPDATES, help="of imitation before the training, at most")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings besides the experiment's")
    parser.add_argument("--name", default="", help="of a variant, for the file's name")
    parser.add_argument("--results", type=Path, default=RESULTS / "taught")
    options = parser.parse_args()
    limit_threads()
    pin_tensorflow()
    options.results.mkdir(parents=True, exist_ok=True)
    for kind in options.kinds:
        for seed in options.seeds:
            name = f"host-{kind}{options.name and '-'}{options.name}-{options.course}-seed{seed}.json"
            run(kind, options.course, seed, options, options.results / name)


if __name__ == "__main__":
    main()

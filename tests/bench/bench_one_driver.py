"""Trains one policy that drives every course of Open Kart: `python tests/bench/bench_one_driver.py`.

`teach` lets the scripted driver correct a new policy (dagger.py), on the four courses, their mirror images, generated
courses and in the grand prix. `race` goes on with A3C, for time and places. Both use the game compiled for the host,
and write weights and figures to --out. `judge` evaluates weights with the races of every_course.py; `export` writes
the policy to a file for `a3c64 enjoy --policy`. The road of each course that the teacher needs is read on the emulator.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from bench_learn_experiments import OPEN_KART
from bench_stability import rounded
from every_course import COURSES, RACES, evaluate
from programs import ROOT, hardware

from a3c64.hyperparameters import Hyperparameters
from a3c64.processes import limit_threads, pin_tensorflow

SEEDS = {"teach": list(range(0, 912, 16)), "race": list(range(4000))}  # of the generated courses
SETTINGS: dict[str, dict[str, Any]] = {
    "teach": {"envs_per_worker": 16, "t_max": 64},
    "race": {
        "envs_per_worker": 32,
        "t_max": 120,
        "gae_lambda": 0.99,
        "target_kl": 0.004,
        "entropy_cost": 0.0,
        "rmsprop_epsilon": 1e-8,
        "learning_rate_schedule": "linear",
    },
}
STEPS = {"teach": 1_500_000, "race": 8_000_000}
SHOWN = ("rollout/ep_rew_mean", "rollout/finished", "train/entropy", "train/kl", "train/pace")
FIRST_PACE = 0.1  # gradients of learning by reward differ from those of imitation


def settings_of(stage: str, seed: int, steps: int, more: dict[str, str]) -> Hyperparameters:
    """Return the hyperparameters of a stage."""
    from many_workers import hyperparameters_of

    arguments = json.dumps({**RACES, "course_seed": SEEDS[stage]})
    ends = {"total_timesteps": steps + 1} if stage == "race" else {}
    return hyperparameters_of(OPEN_KART, {"env_args": arguments, "seed": seed, **SETTINGS[stage], **ends, **more})


def first_of(hyperparameters: Hyperparameters) -> Any:
    """Return the first state of a run, with random weights."""
    import dagger

    from a3c64.policy.checkpoint import first

    return first(dagger.network_of(hyperparameters).specs, hyperparameters.seed, hyperparameters.model_dump())


def teach(hyperparameters: Hyperparameters, options: argparse.Namespace, result: dict[str, Any]) -> None:
    """Teach a new policy."""
    import dagger

    from a3c64.policy.checkpoint import first

    weights = first(
        dagger.network_of(hyperparameters).specs, hyperparameters.seed, hyperparameters.model_dump()
    ).weights

    def tell(step: int, figures: dict[str, float]) -> None:
        result["curve"].append({"step": step, **{name: round(value, 3) for name, value in figures.items()}})
        print(json.dumps(result["curve"][-1]), flush=True)

    dagger.teach(hyperparameters, weights, options.steps, tell)
    np.save(options.out / "taught.npy", weights)
    result["judged"] = evaluate(hyperparameters, weights)


def race(hyperparameters: Hyperparameters, options: argparse.Namespace, result: dict[str, Any]) -> None:
    """Go on with A3C from the taught weights; evaluate every --every steps with a fifth of the races."""
    from many_workers import ManyWorkers

    from a3c64.paramserver.optimiser import begun
    from a3c64.paramserver.weights import SharedWeights

    taught = np.load(options.begin or options.out / "taught.npy")
    run = first_of(hyperparameters)._replace(weights=taught, optimiser=begun(taught.size), pace=FIRST_PACE)
    training = ManyWorkers(hyperparameters, 1, weights=SharedWeights(hyperparameters, run))
    try:
        while training.step < options.steps:
            before = training.step
            training.go_on(min(options.steps, before + 100_000))
            scalars = rounded(training.service.scalars())
            point = {"step": training.step, **{name: scalars[name] for name in SHOWN if name in scalars}}
            if training.step // options.every > before // options.every or training.step >= options.steps:
                weights = training.service.weights.vector.copy()
                np.save(options.out / f"race-{training.step}.npy", weights)
                point["judged"] = evaluate(hyperparameters, weights, share=0.2)
            result["curve"].append(point)
            print(json.dumps(point), flush=True)
            (options.out / "race.json").write_text(json.dumps(result) + "\n")
    finally:
        training.close()
    result["judged"] = evaluate(hyperparameters, training.service.weights.vector)


def export(hyperparameters: Hyperparameters, options: argparse.Namespace) -> None:
    """Write weights as a policy file, whose races are time trials on the four courses."""
    import dagger

    from a3c64.policy import policy_file

    network = dagger.network_of(hyperparameters)
    arguments = json.dumps({"course": list(COURSES), "mirror": [False, True]})
    hyperparameters = hyperparameters.model_copy(
        update={"env_id": OPEN_KART, "env_args": arguments, "envs_per_worker": 4, "total_timesteps": 0}
    )
    command = "python tests/bench/bench_one_driver.py teach race"
    weights = np.load(options.begin)
    policy = policy_file.Policy(network.specs, weights, options.steps, hyperparameters, None, command)
    print(policy_file.save(options.out / "openkart.safetensors", policy))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="*", choices=("teach", "race", "judge", "export"), default=["teach", "race"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=0, help="of each stage; default: 1,500,000 and 8,000,000")
    parser.add_argument("--every", type=int, default=1_000_000, help="steps from one evaluation of `race` to the next")
    parser.add_argument("--begin", type=Path, help="weights (.npy) for race, judge and export; default: taught.npy")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings besides the stage's")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "one-driver")
    options = parser.parse_args()
    limit_threads()
    pin_tensorflow()
    options.out.mkdir(parents=True, exist_ok=True)
    more = dict(setting.split("=", 1) for setting in options.set)
    chosen = options.steps
    for stage in options.stages:
        options.steps = chosen or STEPS.get(stage, 0)
        hyperparameters = settings_of("race" if stage != "teach" else stage, options.seed, options.steps, more)
        result: dict[str, Any] = {
            "stage": stage,
            "seed": options.seed,
            "settings": SETTINGS.get(stage, {}) | more,
            "command": f"python tests/bench/bench_one_driver.py {' '.join(sys.argv[1:])}",
            "date": datetime.date.today().isoformat(),
            "hardware": hardware(),
            "curve": [],
        }
        if stage == "export":
            export(hyperparameters, options)
            continue
        if stage == "judge":
            result["judged"] = evaluate(hyperparameters, np.load(options.begin or options.out / "taught.npy"))
        else:
            {"teach": teach, "race": race}[stage](hyperparameters, options, result)
        (options.out / f"{stage}.json").write_text(json.dumps(result) + "\n")
        print(json.dumps(result["judged"], indent=1), flush=True)


if __name__ == "__main__":
    main()

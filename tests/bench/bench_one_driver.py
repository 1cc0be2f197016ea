"""Teaches one policy to drive every course of Open Kart: `python tests/bench/bench_one_driver.py`.

The scripted driver, on its faster lines (fast_lines.py), corrects a policy while it drives (dagger.py): on the four
courses, their mirror images, generated courses and in the grand prix, with the game compiled for the host. The road of
each course, which the driver must know, is read on the emulator. Then the policy drives the races of every_course.py,
on the host and on the emulator. --out gets the figures and the policy, for `a3c64 enjoy --policy`.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from pathlib import Path
from typing import Any

from bench_learn_experiments import COURSES, OPEN_KART
from every_course import RACES, evaluate
from programs import ROOT, hardware

from a3c64.processes import limit_threads, pin_tensorflow

SEEDS = range(0, 912, 16)  # of the generated courses to learn on
SETTINGS = {"envs_per_worker": 16, "t_max": 64}


def policy_of(hyperparameters: Any, network: Any, weights: Any, steps: int) -> Any:
    """Return the policy to share. Its races are time trials on the four courses."""
    from a3c64.policy.policy_file import Policy

    arguments = json.dumps({"course": COURSES, "mirror": [False, True]})
    changes = {"env_id": OPEN_KART, "env_args": arguments, "envs_per_worker": 4}
    command = "python tests/bench/bench_one_driver.py"
    return Policy(network.specs, weights, steps, hyperparameters.model_copy(update=changes), None, command)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=2_000_000)
    parser.add_argument("--begin", type=Path, help="a policy that was taught before, to go on with")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "one-driver")
    options = parser.parse_args()
    limit_threads()
    pin_tensorflow()
    import dagger
    from many_workers import hyperparameters_of

    from a3c64.policy import policy_file
    from a3c64.policy.checkpoint import first

    options.out.mkdir(parents=True, exist_ok=True)
    arguments = json.dumps({**RACES, "course_seed": list(SEEDS)})
    hyperparameters = hyperparameters_of(OPEN_KART, {"env_args": arguments, "seed": options.seed, **SETTINGS})
    network = dagger.network_of(hyperparameters)
    if options.begin:
        weights = policy_file.load(options.begin).weights.copy()
    else:
        weights = first(network.specs, options.seed, hyperparameters.model_dump()).weights
    curve: list[dict[str, float]] = []

    def tell(step: int, figures: dict[str, float]) -> None:
        curve.append({"step": step, **{name: round(value, 3) for name, value in figures.items()}})
        print(json.dumps(curve[-1]), flush=True)

    dagger.teach(hyperparameters, weights, options.steps, tell, taught=options.begin is not None)
    policy_file.save(
        options.out / "openkart.safetensors", policy_of(hyperparameters, network, weights, curve[-1]["step"])
    )
    result = {
        "seed": options.seed,
        "steps": options.steps,
        "settings": SETTINGS,
        "races": RACES,
        "command": f"python tests/bench/bench_one_driver.py {' '.join(sys.argv[1:])}".strip(),
        "date": datetime.date.today().isoformat(),
        "hardware": hardware(),
        "judged": evaluate(hyperparameters, weights),
        "judged_on_the_emulator": evaluate(hyperparameters.model_copy(update={"env_id": OPEN_KART}), weights),
        "curve": curve,
    }
    (options.out / f"one-driver-seed{options.seed}.json").write_text(json.dumps(result) + "\n")
    print(json.dumps(result["judged_on_the_emulator"], indent=1))


if __name__ == "__main__":
    main()

"""All courses of Open Kart for one policy: what it trains on, and what it is evaluated on."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from bench_learn_experiments import COURSES

from a3c64.envs.episode import Episode
from a3c64.hyperparameters import Hyperparameters
from a3c64.policy.episodes import play

RACES: dict[str, Any] = {  # of training; each reset draws a value from a list
    "noop_max": 30,
    "course": [*COURSES * 3, "meadow", "mountain", *["generated"] * 4],  # these two are the hardest
    "mirror": [False, True],
    "mode": ["time_trial", "time_trial", "grand_prix"],
    "level": ["medium", "hard", "hard"],
    "start": [0.0, 0.0, 0.25, 0.5, 0.75],
    "laps": [1, 2, 3],
    "random_max": 120,  # presses before the start turn the kart, so that the policy learns to turn back
    "stuck_limit": 6.0,
    # 20 for finishing is about the value of going on, so that the end of a race does not look like a loss.
    "reward": {"progress": 100.0, "place": 4.0, "finish": 20.0},  # for the value only
}
UNSEEN = range(5000, 10_000)  # seeds of generated courses that no training uses
TASKS: dict[str, tuple[int, dict[str, Any]]] = {  # number of races, and their settings
    **{course: (25, {"course": course, "mirror": [False, True]}) for course in COURSES},
    "generated": (100, {"course": "generated", "course_seed": list(UNSEEN), "mirror": [False, True]}),
    "grand prix": (
        50,
        {"course": COURSES, "mirror": [False, True], "mode": "grand_prix", "level": "hard"},
    ),
}


def evaluate(hyperparameters: Hyperparameters, weights: np.ndarray) -> dict[str, dict[str, float]]:
    """Play the greedy races of TASKS, and return the figures of each task.

    Args:
        hyperparameters: of the training; its environment is used.
        weights: float32 [parameters].
    """
    view = {name: value for name, value in json.loads(hyperparameters.env_args).items() if name in ("obs_type", "size")}
    found = {}
    for name, (races, settings) in TASKS.items():
        arguments = json.dumps({"noop_max": 30, **view, **settings})
        changed = hyperparameters.model_copy(update={"env_args": arguments, "envs_per_worker": 25})
        found[name] = figures(play(changed, weights.copy(), races))
    return found


def figures(episodes: list[Episode]) -> dict[str, float]:
    """Return the share of finished races, the best lap, the mean of the races' best laps, and the share of first
    places."""
    races = [episode.metrics for episode in episodes]
    finished = [race for race in races if race["finished"]]
    found = {"races": float(len(races)), "finished": len(finished) / len(races)}
    if laps := [race["best_lap_s"] for race in finished]:
        found |= {"best_lap_s": min(laps), "mean_best_lap_s": sum(laps) / len(laps)}
    if "place" in races[0]:
        found["first"] = sum(race["place"] == 1 for race in finished) / len(races)
    return {name: round(value, 3) for name, value in found.items()}

"""The experiments of bench_learn.py: environment, time, goal and evaluation of each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results"
PAR = json.loads((RESULTS / "par.json").read_text())["courses"]  # the scripted policy's times, by bench_learn.py --par
OPEN_KART = "n64gym/OpenKart-v0"
COURSES = ["meadow", "desert", "harbour", "mountain"]
# Each race starts after a random delay of up to half a second, so that a greedy policy does not repeat one race.
RACES = {"noop_max": 30}
UNSEEN = list(range(5000, 10_000, 250))  # seeds of 20 generated courses that no experiment trains on


@dataclass(frozen=True)
class Goal:
    """An experiment's goal: bounds for one figure of an evaluation."""

    measure: Literal["finish_rate", "mean_return", "best_lap_s"]
    at_least: float = float("-inf")
    at_most: float = float("inf")

    def reached(self, evaluation: Mapping[str, Any]) -> bool:
        value = evaluation.get(self.measure)
        return value is not None and self.at_least <= value <= self.at_most


@dataclass(frozen=True)
class Experiment:
    """One row of docs/results/goals.md."""

    title: str
    env_id: str
    minutes: float
    goal: Goal
    wanted_minutes: float | None = None  # the wanted time until the goal is reached
    source: str = ""  # the source of the goal's figure
    algorithm: Literal["a3c64", "ppo", "a2c"] = "a3c64"  # the others are Stable-Baselines3's
    env_args: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)  # of a3c64 train, on top of the preset
    judged_on: Mapping[str, Any] | None = None  # the environment's arguments in evaluations; None = env_args
    judged_steps: int = 0  # actions after which a3c64's evaluations cut an episode; 0 = the environment's own limit
    seeds: tuple[int, ...] = (1,)
    workers: int = 2  # of a3c64
    taught_by: str = ""  # a teacher of teachers.py, whose five laps `a3c64 imitate` learns before the training
    begins_with: str = ""  # continue from the last checkpoint of this experiment's run with the same seed


FINISHES = Goal("finish_rate", at_least=0.95)
NEAR_PAR = Goal("best_lap_s", at_most=round(1.05 * PAR["meadow"]["best_lap_s"], 2))
PAR_LAP = "the scripted policy's lap and 5 %"
ZOO = "RL Baselines3 Zoo, benchmark.md: A2C"

EXPERIMENTS = {
    "cartpole": Experiment("CartPole-v1", "CartPole-v1", 3, Goal("mean_return", 475), 3),
    "pong": Experiment(
        "ALE Pong", "ALE/Pong-v5", 60, Goal("mean_return", 18), 60, "universe-starter-agent: just under 2 hours"
    ),
    "pendulum": Experiment(
        "Pendulum-v1",
        "Pendulum-v1",
        3,
        Goal("mean_return", -163),
        None,
        ZOO,
        settings={"total_timesteps": 8_000_000, "learning_rate_schedule": "linear"},
    ),
    "hopper": Experiment(
        "Hopper-v5",
        "Hopper-v5",
        30,
        Goal("mean_return", 733),
        None,
        f"{ZOO}, on Hopper-v3",
        settings={"total_timesteps": 5_000_000, "learning_rate_schedule": "linear"},
    ),
    "openkart": Experiment("Open Kart", OPEN_KART, 30, FINISHES, 30, env_args=RACES, seeds=(1, 2, 3)),
    "openkart-ppo": Experiment(
        "Open Kart, Stable-Baselines3 PPO", OPEN_KART, 30, FINISHES, algorithm="ppo", env_args=RACES, seeds=(1, 2, 3)
    ),
    "openkart-a2c": Experiment(
        "Open Kart, Stable-Baselines3 A2C", OPEN_KART, 30, FINISHES, algorithm="a2c", env_args=RACES, seeds=(1, 2, 3)
    ),
    "generalise": Experiment(
        "Open Kart, trained on four courses and their mirror images, judged on 20 generated ones",
        OPEN_KART,
        60,
        Goal("finish_rate", at_least=0.8),
        # Mirrored, because all four courses go clockwise, and nearly half of the twenty do not. With random presses
        # before the start, because otherwise a policy whose kart is turned round drives backwards.
        env_args={**RACES, "course": COURSES, "start": [0.0, 0.5], "mirror": [False, True], "random_max": 600},
        settings={  # grey, because the courses' colours differ
            "total_timesteps": 6_000_000,
            "learning_rate_schedule": "linear",
            "frame_colours": "grey",
            "normalise_observations": True,
        },
        judged_on={**RACES, "course": "generated", "course_seed": UNSEEN},
    ),
    "openkart-paper": Experiment(
        "Open Kart, A3C as published", OPEN_KART, 15, FINISHES, env_args=RACES, settings={"preset": "a3c-paper"}
    ),
    "lap": Experiment(
        "Open Kart, longer, ever finer steps: the best lap",
        OPEN_KART,
        30,
        NEAR_PAR,
        source=PAR_LAP,
        env_args=RACES,
        settings={"total_timesteps": 2_500_000, "learning_rate_schedule": "linear", "entropy_cost": 0.003},
    ),
    "speedrun": Experiment(
        "Open Kart, that policy trained on for time",
        OPEN_KART,
        30,
        NEAR_PAR,
        source=PAR_LAP,
        env_args={**RACES, "reward": {"progress": 100.0, "finish": 100.0, "time": 1.0}},
        settings={
            "total_timesteps": 5_500_000,  # includes the 2.5 M of the run that it continues
            "learning_rate_schedule": "linear",
            "entropy_cost": 0.001,
            "discount": 0.995,
        },
        begins_with="lap",
    ),
}


def on_course(course: str, title: str, steps: int, **changes: Any) -> Experiment:
    """Return an experiment with the default settings on one course. Races have one lap, to make evaluations cheap."""
    settings = {"total_timesteps": steps, **changes.pop("settings", {})}
    arguments = {**RACES, "course": course, "laps": 1, "reward": PROGRESS}
    return Experiment(f"{course}, {title}", OPEN_KART, 60, FINISHES, env_args=arguments, settings=settings, **changes)


# Without the 100 for finishing: nobody can tell from the picture how near the end is, so in races of one lap this bonus
# is noise that is larger than the effect of any action.
PROGRESS = {"progress": 100.0}
HARDEST = "desert"  # after 300,000 steps a default run of seed 1 finishes 0 % of its races there, 80 % on the mountain
SEEDS = (1, 2, 3)
MEADOW_POLICY = "tests/bench/meadow.safetensors"  # the bundled policy until 2026-11-26
TAUGHT = {  # settings by the teachers of teachers.py
    "driver": {"preset": "taught"},
    "keyboard": {"preset": "taught", "imitation_reaction": 0.22},
}
TEACHING = {
    **{f"untaught-{course}": on_course(course, "default run", 300_000, seeds=SEEDS) for course in COURSES},
    "taught-driver": on_course(
        HARDEST, "taught by the scripted driver", 100_000, seeds=SEEDS, settings=TAUGHT["driver"], taught_by="driver"
    ),
    "taught-keyboard": on_course(
        HARDEST, "taught by a simulated person", 100_000, seeds=SEEDS, settings=TAUGHT["keyboard"], taught_by="keyboard"
    ),
    "transfer": on_course(
        HARDEST, "from a policy of the meadow", 120_000, seeds=SEEDS, settings={"from_policy": MEADOW_POLICY}
    ),
}

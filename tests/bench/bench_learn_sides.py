"""Train for a limited time, keep checkpoints on the way and evaluate them afterwards: a3c64 and Stable-Baselines3."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from bench_learn_experiments import Experiment
from programs import A3C64, ROOT, SB3_PYTHON, n64gym_arguments, output_of, result_of, running, sb3
from teachers import record

from a3c64.config import flag
from a3c64.hyperparameters import Hyperparameters
from a3c64.presets import chosen
from a3c64.processes import silence

LOOK_S = 0.5
EPISODES = 20
PLAY_S = 900.0  # timeout of an evaluation
RACES = 5  # of one lap, that a teacher shows
UPDATES = 500  # of `imitate`
START_S = 90.0  # time for starting and ending a program, on top of its training time


class Saved(NamedTuple):
    """A checkpoint and the time at which it was written."""

    seconds: float  # since the command's start
    step: int
    path: Path


@dataclass
class Learned:
    """The result of one training run."""

    command: list[str]  # as a user types it
    seconds: float = 0.0
    saved: list[Saved] = field(default_factory=list)
    curve: list[dict[str, float]] = field(default_factory=list)  # seconds, step, return of the last 100 episodes


def arguments_of(experiment: Experiment) -> dict[str, Any]:
    """Return a3c64's settings for this experiment, without seed, time and folder."""
    arguments = dict(experiment.settings) | {"env_id": experiment.env_id}
    return arguments | ({"env_args": json.dumps(experiment.env_args)} if experiment.env_args else {})


class A3c64:
    """Trains and evaluates with a3c64."""

    def __init__(self, experiment: Experiment, every: float, bind: str) -> None:
        self._experiment, self._every, self._bind = experiment, every, bind

    def learn(self, folder: Path, seed: int, seconds: float, begin_with: Path | None) -> Learned:
        """Train in `folder`/run. Keep each checkpoint in `folder`/saved as hard links."""
        run, saved = folder / "run", folder / "saved"
        if begin_with is not None:
            shutil.copytree(begin_with, run / "checkpoints" / begin_with.name)
        flags = {**arguments_of(self._experiment), "seed": seed, "workers": self._experiment.workers}
        if self._experiment.taught_by:
            self._teach(folder, run, seed)
            flags["demonstrations"] = (folder / "movies").relative_to(ROOT)  # programs run in ROOT
        flags |= {
            "checkpoint_interval": self._every,
            "tensorboard_port": 0,
            "web_port": 0,
            "eval_interval": 0,
        }  # checkpoints are evaluated afterwards
        told = ["train", *(part for name, value in flags.items() for part in (flag(name), str(value)))]
        learned = Learned(["a3c64", *told])  # without a time limit: this bench ends it, by the same clock as the others
        told = [*A3C64, *told, "--run-dir", str(run), "--bind", self._bind]
        begin = time.time()
        with running(told, stdout=sys.stderr) as process:
            while time.time() < begin + seconds and process.poll() is None:
                time.sleep(LOOK_S)
                self._keep(run, saved)
            learned.seconds = time.time() - begin
            if process.poll():  # a clean early end, by a setting, is allowed
                raise RuntimeError(f"a3c64 train has ended with code {process.returncode} before its time")
        self._keep(run, saved)  # the run writes its last checkpoint at its end
        for path in saved.glob("step_*"):
            at = (path / "state.json").stat().st_mtime - begin
            if at > 0 or self._experiment.taught_by:  # without the checkpoint that it continued
                learned.saved.append(Saved(max(0.0, at), int(path.name.removeprefix("step_")), path))
        learned.saved.sort()
        learned.curve = curve_of(run / "tensorboard", begin)
        return learned

    def _teach(self, folder: Path, run: Path, seed: int) -> None:
        """Record the teacher's laps, and write a run's folder with a policy that has learned them."""
        record(self._experiment.taught_by, folder / "movies", self._experiment.env_args["course"], RACES, seed)
        told = [part for name, value in arguments_of(self._experiment).items() for part in (flag(name), str(value))]
        told += ["--seed", str(seed), "--updates", str(UPDATES), "--run-dir", str(run)]
        command = [*A3C64, "imitate", str(folder / "movies"), *told]
        print(output_of(command, PLAY_S), file=sys.stderr, flush=True)

    @staticmethod
    def _keep(run: Path, saved: Path) -> None:
        """Link new checkpoints. The server deletes old ones; the links remain."""
        for path in (run / "checkpoints").glob("step_*"):
            if not (saved / path.name).exists() and (path / "state.json").exists():
                shutil.copytree(path, saved / path.name, copy_function=os.link)

    def judge(self, saved: Saved, seed: int, episodes: int) -> dict[str, Any]:
        """Play greedy episodes."""
        return self.play(saved, seed, episodes, drawn=False)

    def play(self, saved: Saved, seed: int, episodes: int, drawn: bool) -> dict[str, Any]:
        """Play greedily or with drawn actions, with `a3c64 eval`."""
        folder = saved.path.parent / "judged"  # a run's folder with only this checkpoint
        shutil.rmtree(folder, ignore_errors=True)
        copy = shutil.copytree(saved.path, folder / "checkpoints" / saved.path.name)
        state = json.loads((copy / "state.json").read_text())
        if self._experiment.judged_on is not None:
            state["hyperparameters"]["env_args"] = json.dumps(self._experiment.judged_on)
        if self._experiment.judged_steps:
            state["hyperparameters"]["max_episode_steps"] = self._experiment.judged_steps
        (copy / "state.json").write_text(json.dumps(state))
        flags = [
            "--sample" if drawn else "--greedy",
            "--episodes",
            str(episodes),
            "--run-dir",
            str(folder),
            "--seed",
            str(seed),
        ]
        try:
            said = result_of([*A3C64, "eval", *flags], PLAY_S)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return figures(said) | {"policy": "drawn" if drawn else "greedy"}


class StableBaselines:
    """Trains and evaluates with Stable-Baselines3."""

    def __init__(self, experiment: Experiment, every: float, vector: str, threads: int) -> None:
        self._experiment, self._every = experiment, every
        self._how: dict[str, Any] = {"env_id": experiment.env_id, "vector": vector, "threads": threads}

    def _environment(self, more: Mapping[str, Any]) -> str:
        if not self._experiment.env_id.startswith("n64gym/"):
            return json.dumps(dict(more))
        hyperparameters = Hyperparameters(**chosen("auto", self._experiment.env_id))  # the same observations as a3c64's
        return n64gym_arguments(hyperparameters, more)

    def learn(self, folder: Path, seed: int, seconds: float, begin_with: Path | None) -> Learned:
        """Train, and save models on the way. The time for saving does not count."""
        assert begin_with is None
        options = {**self._how, "env_args": self._environment(self._experiment.env_args), "seed": seed}
        options |= {"seconds": seconds, "every": self._every}
        flags = [part for name, value in options.items() for part in (flag(name), str(value))]
        shown = [SB3_PYTHON.name, "tests/bench/sb3_side.py", "learn", self._experiment.algorithm, *flags]
        begin = time.time()
        said = sb3(
            "learn", self._experiment.algorithm, seconds + START_S, **options, begin=begin, folder=folder / "saved"
        )
        saved = [Saved(one["seconds"], one["step"], folder / "saved" / one["path"]) for one in said["saved"]]
        return Learned(shown, saved[-1].seconds, saved, said["curve"])

    def judge(self, saved: Saved, seed: int, episodes: int) -> dict[str, Any]:
        """Play with deterministic and with drawn actions; return the better result."""
        ways = [self.play(saved, seed, episodes, drawn) for drawn in (False, True)]
        return max(ways, key=lambda one: (one["finish_rate"] or 0.0, one["mean_return"]))

    def play(self, saved: Saved, seed: int, episodes: int, drawn: bool) -> dict[str, Any]:
        """Play with deterministic or with drawn actions."""
        judged_on = self._experiment.judged_on or self._experiment.env_args
        options = {**self._how, "env_args": self._environment(judged_on), "model": saved.path}
        options |= {"seed": seed + 500_000, "episodes": episodes}  # as in agent/play/evaluate.py
        said = sb3("play", self._experiment.algorithm, PLAY_S, **options, stochastic=drawn)
        return figures(said) | {"policy": "drawn" if drawn else "deterministic"}


def figures(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of an evaluation that is stored in the results."""
    known = said["figures"]
    return {
        "n": said["n"],
        "mean_return": said["mean_return"],
        "std_return": said["std_return"],
        "finish_rate": known.get("finished"),
        "progress": known.get("progress"),
        "race_time_s": known.get("race_time_s"),
        "best_lap_s": known.get("best_lap_s"),
    }


def curve_of(folder: Path, begin: float) -> list[dict[str, float]]:
    """Read the mean return over time from the run's TensorBoard files."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # it imports TensorFlow

    with silence():
        events = EventAccumulator(str(folder), {"scalars": 0})
        events.Reload()
    tag = "rollout/ep_rew_mean"
    if tag not in events.Tags()["scalars"]:
        return []
    return [{"seconds": p.wall_time - begin, "step": p.step, "return": p.value} for p in events.Scalars(tag)]

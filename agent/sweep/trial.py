"""One trial of a sweep: train a run with each seed, follow it, and evaluate its last weights."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any

from a3c64.api.training import Training, train
from a3c64.config import BadInputError
from a3c64.policy import checkpoint
from a3c64.processes import end, spawn
from a3c64.sweep import locks
from a3c64.sweep.space import Space

REPORTS = 10  # intermediate values of a run, at equal distances of steps; the first nine decide whether it goes on
LOOK_S = 0.5  # interval of asking a run for its steps and returns
STALL_S = 900.0  # a run that takes no step for so long has failed: its environment hangs, or its gradients are refused
GRACE_S = 5.0
BEFORE_S = 120.0  # longest wait for the run of a killed sweep to save and end
EVALUATION_SEED = 1_000_003  # added to the run's seed: its evaluation plays episodes that its training did not
# A trial is one of many: no evaluator, no recorded episodes, and one checkpoint.
QUIET: dict[str, Any] = {"eval_interval": 0, "replays_mb": 0, "keep_checkpoints": 1, "log_level": "warning"}

Report = Callable[[int, float], None]  # step and mean return; raises to end the trial


class TrialFailedError(Exception):
    """This trial has no result; the message is one line. The sweep goes on."""


class InterruptedTrialError(Exception):
    """The user stops the sweep. The trial goes on with the next start."""


def run_trial(space: Space, values: Mapping[str, Any], folder: Path, report: Report, stop: threading.Event) -> float:
    """Train with these values, once with each seed, and return the mean return of the last weights.

    Runs that are in the folder already go on.

    Args:
        space: the sweep's file.
        values: of the settings that the sweep searches.
        folder: of this trial; each run is a folder in it.
        report: called with the mean return in training at fixed steps; steps of the seeds are added up.
        stop: when set, stop as soon as all is saved.

    Raises:
        TrialFailedError: training or evaluation failed.
        InterruptedTrialError: `stop` was set.
        Exception: `report` raised it; the training is stopped first.
    """
    scores = []
    for k, seed in enumerate(space.seeds):
        run_dir = folder / f"seed-{seed}"
        before = k * int(space.run["total_timesteps"])  # steps of the seeds before this one

        def report_sum(step: int, value: float, before: int = before) -> None:
            report(before + step, value)

        _train(space, {**values, "seed": seed}, run_dir, report_sum, stop)
        scores.append(_evaluate(space, seed, run_dir, stop))
    return sum(scores) / len(scores)


def _train(space: Space, values: Mapping[str, Any], run_dir: Path, report: Report, stop: threading.Event) -> None:
    total = space.run["total_timesteps"]
    locks.wait_for_run(run_dir, BEFORE_S, stop)
    if next(iter(checkpoint.steps(run_dir / checkpoint.CHECKPOINTS)), 0) >= total:
        return  # it was interrupted after its training
    if stop.is_set():
        raise InterruptedTrialError
    try:
        training = train(run_dir=run_dir, **QUIET, **space.run, **values)
        try:
            _follow(training, total, report, stop)
        finally:
            with suppress(RuntimeError, BadInputError):
                training.stop()
    except (BadInputError, RuntimeError) as error:
        if stop.is_set():  # Ctrl-C reaches the run's processes too, so it may end in any way
            raise InterruptedTrialError from None
        raise TrialFailedError(str(error).splitlines()[-1]) from None


def _follow(training: Training, total: int, report: Report, stop: threading.Event) -> None:
    """Report a run's mean return at fixed steps until it ends.

    A value is interpolated between two looks, so that it does not depend on when we look.
    """
    due = [total * k // REPORTS for k in range(1, REPORTS)]
    step, value = 0, None
    taken, moved = -1, time.monotonic()
    while not training.wait(LOOK_S):
        if stop.is_set():
            training.stop()
            raise InterruptedTrialError
        status = training.status()
        if status is not None and status.steps != taken:
            taken, moved = status.steps, time.monotonic()
        if time.monotonic() - moved > STALL_S:
            raise TrialFailedError(f"the run took no step in {STALL_S:.0f} s")
        if status is None or status.mean_return is None:
            continue
        while due and due[0] <= status.steps:
            at = due.pop(0)
            between = at > step and value is not None
            share = (at - step) / (status.steps - step) if between else 1.0
            report(at, share * status.mean_return + (1.0 - share) * (value or 0.0))
        step, value = status.steps, status.mean_return


def _evaluate(space: Space, seed: int, run_dir: Path, stop: threading.Event) -> float:
    """Return the mean return of a run's last weights."""
    settings = json.loads((run_dir / "config.json").read_text())
    how = "--greedy" if settings["eval_policy"] == "greedy" else "--sample"
    episodes = ["--episodes", str(settings["eval_episodes"]), how, "--seed", str(seed + EVALUATION_SEED)]
    rom = ["--rom", space.run["rom"]] if space.run.get("rom") else []
    child = spawn(
        ["-m", "a3c64", "eval", "--run-dir", str(run_dir), *episodes, *rom], stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    said: list[bytes] = []
    reader = threading.Thread(target=lambda: said.extend(child.communicate()))
    reader.start()
    while reader.is_alive() and not stop.is_set():
        reader.join(LOOK_S)
    if reader.is_alive():
        end([child], GRACE_S)
        reader.join()
        raise InterruptedTrialError
    if child.returncode:
        if stop.is_set():
            raise InterruptedTrialError
        lines = said[1].decode(errors="replace").splitlines()
        raise TrialFailedError(f"evaluation: {lines[-1] if lines else f'code {child.returncode}'}")
    mean: float = json.loads(said[0])["mean_return"]
    return mean

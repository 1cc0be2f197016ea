"""The results of a sweep: a table, results.csv, and the best settings as flags and as a preset (best.toml)."""

import csv
import io
import json
import shlex
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import optuna
from optuna.trial import FrozenTrial, TrialState

from a3c64 import presets
from a3c64.config import NOT_PRESET, flag
from a3c64.files import write_whole
from a3c64.hyperparameters import Hyperparameters
from a3c64.sweep.space import NOT_SEARCHED, Space

CSV, BEST, PAGE = "results.csv", "best.toml", "sweep.html"
FOLDER, CPU, ERROR = "folder", "cpu_s", "error"  # user attributes of a trial
STATES = {
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
}


class Result(NamedTuple):
    """One trial."""

    name: str  # of its folder
    state: str  # in a word
    score: float | None  # mean return of the last weights; None if it was not evaluated
    steps: int  # after which it was evaluated or pruned; 0 if it failed
    cpu_s: float
    values: dict[str, Any]  # of the settings that are searched
    curve: dict[int, float]  # step -> mean return in training
    error: str


def current(study: optuna.Study, states: Collection[TrialState] = tuple(STATES)) -> list[FrozenTrial]:
    """Return the trials in these states. Of a trial that was begun again, only the newest attempt counts."""
    trials = study.get_trials(deepcopy=False)
    replaced = {number for trial in trials for number in trial.system_attrs.get("retry_history", ())}
    return [trial for trial in trials if trial.state in states and trial.number not in replaced]


def results(study: optuna.Study, space: Space) -> list[Result]:
    """Return all trials: the finished ones, the best first, then the pruned ones, then the others."""
    found = []
    for trial in current(study):
        finished = trial.state == TrialState.COMPLETE
        reported = max(trial.intermediate_values, default=0) if trial.state != TrialState.FAIL else 0
        found.append(
            Result(
                trial.user_attrs.get(FOLDER, f"trial-{trial.number:04d}"),
                STATES[trial.state],
                trial.value if finished else None,
                space.steps if finished else reported,
                trial.user_attrs.get(CPU, 0.0),
                {name: trial.params[name] for name in space.ranges if name in trial.params},
                dict(sorted(trial.intermediate_values.items())),
                trial.user_attrs.get(ERROR, ""),
            )
        )
    order = list(STATES.values())
    return sorted(found, key=lambda one: (order.index(one.state), -(one.score or 0.0), -one.steps, one.name))


def rows(found: Collection[Result], space: Space) -> list[list[str]]:
    """Return a table: a header, and a row for each trial."""
    told = [["trial", "state", "mean return", "steps", "CPU s", *space.ranges]]
    for one in found:
        score = "-" if one.score is None else f"{one.score:.2f}"
        values = [_shown(one.values[name]) if name in one.values else "-" for name in space.ranges]
        told.append([one.name, one.state, score, f"{one.steps:,}", f"{one.cpu_s:.0f}", *values])
    return told


def write(folder: Path, study: optuna.Study, space: Space) -> list[Result]:
    """Write results.csv, sweep.html and, if a trial has finished, best.toml; return the results.

    Raises:
        OSError: a file cannot be written.
    """
    from a3c64.sweep.page import page  # which needs this module

    found = results(study, space)
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["trial", "state", "mean_return", "steps", "cpu_s", *space.ranges, "error"])
    for one in found:
        values = [one.values.get(name, "") for name in space.ranges]
        score = "" if one.score is None else one.score
        lines.writerow([one.name, one.state, score, one.steps, one.cpu_s, *values, one.error])
    write_whole(folder / CSV, text.getvalue().encode())
    write_whole(folder / PAGE, page(folder, found, space).encode(errors="replace"))
    if found and found[0].score is not None:
        write_whole(folder / BEST, _preset(found[0], space).encode())
    return found


def best_flags(best: Result) -> str:
    """Return a trial's values as flags of `a3c64 train`."""
    words = (
        (flag(name), str(value) if isinstance(value, float) else _shown(value)) for name, value in best.values.items()
    )
    return shlex.join(word for pair in words for word in pair)


def shown(values: Mapping[str, Any]) -> str:
    """Return values on one line."""
    return ", ".join(f"{name} {_shown(value)}" for name, value in values.items())


def difference(known: str, given: str) -> str:
    """Return which parts of two sweeps' files differ, from the canonical text of both."""
    before, after = json.loads(known), json.loads(given)
    parts = []
    for section in ("run", "ranges"):
        one, other = before.get(section, {}), after[section]
        parts += [name for name in sorted({*one, *other}) if one.get(name) != other.get(name)]
    return ", ".join(parts if before.get("seeds") == after["seeds"] else [*parts, "seeds"])


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _preset(best: Result, space: Space) -> str:
    """Return a preset with the settings of a trial, as TOML."""
    env_id = space.run.get("env_id", Hyperparameters.model_fields["env_id"].default)
    settings = presets.chosen(space.run.get("preset", presets.AUTOMATIC), env_id) | {
        name: value
        for name, value in (space.run | best.values).items()
        if name in Hyperparameters.model_fields and name not in (*NOT_PRESET, *NOT_SEARCHED)
    }
    lines = [
        f"# The best of a sweep, {best.name}: mean return {best.score:.2f} after {best.steps:,} steps.",
        f"environments = [{json.dumps(env_id.rpartition(':')[2])}]",
        "",
        "[settings]",
        *(f"{name} = {json.dumps(value)}" for name, value in settings.items() if value is not None),
    ]
    return "\n".join(lines) + "\n"

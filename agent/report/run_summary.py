"""Summarise runs from their folders: hyperparameters, steps, and evaluations."""

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from a3c64.config import BadInputError
from a3c64.output import escaped
from a3c64.policy import checkpoint
from a3c64.policy.resume import CHANGES, CONFIG, recorded
from a3c64.report import history
from a3c64.wire.report import Evaluation

log = logging.getLogger(__name__)

DEPTH = 4  # levels of folders that are searched


class RunSummary(NamedTuple):
    """One run."""

    folder: Path
    hyperparameters: dict[str, Any]
    steps: int  # of the newest checkpoint
    written: float  # when that checkpoint was written, else config.json; seconds since 1970
    last: Evaluation | None
    best: Evaluation | None  # by mean return; of equal ones the newest


def find(folder: Path) -> Iterator[Path]:
    """Yield the run folders in a folder, by name; or the folder itself if it is a run folder."""
    for path, names, files in os.walk(folder):
        names.sort()
        if CONFIG in files or checkpoint.CHECKPOINTS in names:
            yield Path(path)
            names.clear()  # a run folder contains no other runs
        elif len(Path(path).relative_to(folder).parts) >= DEPTH:
            names.clear()


def summarise(folder: Path) -> RunSummary:
    """Return the summary of a run folder; without hyperparameters if this release cannot read its config.json."""
    steps = checkpoint.steps(folder / checkpoint.CHECKPOINTS)
    evaluations = history.evaluations(folder)
    newest = folder / checkpoint.CHECKPOINTS / f"step_{steps[0]}" if steps else folder / CONFIG
    return RunSummary(
        folder,
        _hyperparameters(folder),
        steps[0] if steps else 0,
        newest.stat().st_mtime if newest.exists() else folder.stat().st_mtime,
        evaluations[-1] if evaluations else None,
        max(reversed(evaluations), key=lambda one: one.mean_reward, default=None),
    )


def _hyperparameters(folder: Path) -> dict[str, Any]:
    try:
        return recorded(folder) or {}
    except BadInputError as error:
        log.warning("%s", error)
        return {}


def score(one: Evaluation | None) -> str:
    """Return an evaluation as text: mean return and step."""
    return "-" if one is None else f"{one.mean_reward:.2f} at {one.step:,}"


def age(seconds: float) -> str:
    """Return a duration as text: 40 s, 5 min, 3 h, 12 days."""
    for size, unit in ((86_400.0, "days"), (3_600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0.0):.0f} s"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as text, escaped, each column as wide as its widest cell."""
    rows = [[escaped(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def changed(folder: Path) -> bool:
    """Return whether settings of a run were changed when it was resumed."""
    return (folder / CHANGES).exists()

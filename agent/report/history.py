"""Read the history of a run from its folder: the curves in its TensorBoard files, and its evaluations."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from a3c64.envs.figures import Figures
from a3c64.event_records import events
from a3c64.files import read_json
from a3c64.wire.report import MAX_EVALUATION, Evaluation

POINTS = 2000  # a longer curve is subsampled to this number of points at least; a chart is 560 units wide


class Curve(NamedTuple):
    """One scalar over a run."""

    steps: np.ndarray  # environment steps [N], ascending
    minutes: np.ndarray  # of training before each point [N], without the time between a stop and the next start
    values: np.ndarray  # [N]


def curves(folder: Path) -> dict[str, Curve]:
    """Return all scalars of a run's TensorBoard folder by tag; empty if there is no such folder.

    Every start of a server begins a new file. A resumed server starts from a checkpoint, so the points of earlier files
    after that checkpoint's step are dropped.
    """
    points: dict[str, _Points] = {}
    seconds = 0.0
    for path in sorted((folder / "tensorboard").glob("*tfevents*")):
        begin = end = None
        for event, _ in events(path):
            begin, end = event.wall_time if begin is None else begin, event.wall_time
            if event.HasField("session_log"):
                for one in points.values():
                    one.forget(event.step)
            for value in event.summary.value:
                if value.HasField("simple_value"):
                    one = points.setdefault(value.tag, _Points())
                    one.add((event.step, (seconds + end - begin) / 60, value.simple_value))
        seconds += 0.0 if begin is None or end is None else max(0.0, end - begin)
    return {tag: Curve(*np.array(one.rows, float).T) for tag, one in points.items() if one.rows}


def charts(
    figures: Figures, runs: Sequence[tuple[Mapping[str, Curve], Sequence[Evaluation]]]
) -> list[tuple[str, str, str]]:
    """Return the learning curves that a page draws: title, tag in training, name in evaluations.

    Args:
        figures: the figures that the environment declares.
        runs: the curves and evaluations of each run.
    """
    reported: dict[str, None] = {}
    for curves_, evaluations_ in runs:
        reported |= dict.fromkeys(tag[4:] for tag in curves_ if tag.startswith("env/"))
        reported |= dict.fromkeys(name for one in evaluations_ for name in one.figures)
    drawn = [(one.title, f"env/{one.name}", one.name) for one in figures.headlines(reported)]
    return [("Return", "rollout/ep_rew_mean", "mean_reward"), *drawn]


def evaluations(folder: Path) -> list[Evaluation]:
    """Return the evaluations in evaluation.json; empty if the file is missing or invalid."""
    try:
        return [Evaluation.of(one) for one in read_json(folder / "evaluation.json", MAX_EVALUATION, True)]
    except (OSError, ValueError, TypeError):
        return []


class _Points:
    """The points of one tag, evenly subsampled to fewer than 2 * POINTS."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, float, float]] = []
        self._every = 1  # one point in this number is stored
        self._skipped = 0

    def add(self, row: tuple[int, float, float]) -> None:
        self._skipped += 1
        if self._skipped < self._every:
            return
        self._skipped = 0
        self.rows.append(row)
        if len(self.rows) >= 2 * POINTS:
            self.rows, self._every = self.rows[1::2], 2 * self._every

    def forget(self, step: int) -> None:
        """Drop the points from a step on."""
        self.rows = [row for row in self.rows if row[0] < step]

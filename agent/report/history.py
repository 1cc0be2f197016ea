"""How a run has learned, out of its folder: the curves of its TensorBoard files, and its evaluations."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from a3c64.wire.report import Evaluation


class Curve(NamedTuple):
    """One figure over a run."""

    steps: np.ndarray  # environment steps [N], rising
    minutes: np.ndarray  # of training until then [N]; pauses between a stop and the next start are left out
    values: np.ndarray  # [N]


def curves(folder: Path) -> dict[str, Curve]:
    """Return all scalars of a run's TensorBoard folder by tag; none if there is no such folder.

    Every start of a server begins a file. What an earlier one charted beyond the checkpoint that a later one went on
    from was lost, and is left out.
    """
    points: dict[str, list[tuple[int, float, float]]] = {}
    seconds = 0.0
    for path in sorted((folder / "tensorboard").glob("*tfevents*")):
        events = _events(path)
        if not events:
            continue
        begin = events[0].wall_time
        resumed = next((event.step for event in events if event.HasField("session_log")), 0)
        for rows in points.values():
            rows[:] = [row for row in rows if row[0] < resumed]
        for event in events:
            for value in event.summary.value:
                if value.HasField("simple_value"):
                    row = (event.step, (seconds + event.wall_time - begin) / 60, value.simple_value)
                    points.setdefault(value.tag, []).append(row)
        seconds += events[-1].wall_time - begin
    return {tag: Curve(*np.array(rows, float).T) for tag, rows in points.items() if rows}


def evaluations(folder: Path) -> list[Evaluation]:
    """Return what stands in evaluation.json; nothing if that is missing or something else."""
    try:
        return [Evaluation.model_validate(one) for one in json.loads((folder / "evaluation.json").read_bytes())]
    except (OSError, ValueError, TypeError):
        return []


def _events(path: Path) -> list[Any]:
    """Return a file's events; of one that is being written, or was cut off, those that are whole."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.tensorflow_stub import errors
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New

    reader, found = PyRecordReader_New(str(path)), []
    try:
        while True:
            reader.GetNext()
            found.append(Event.FromString(reader.record()))
    except (errors.OutOfRangeError, errors.DataLossError):
        return found

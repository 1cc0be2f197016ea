"""Checkpoints: safetensors and JSON in `step_N/`, written atomically; the newest valid one is loaded.

checkpoints/
  step_123456/weights.safetensors    one float32 tensor per parameter
  step_123456/optimiser.safetensors  the same for each vector of the optimiser, named VECTOR/PARAMETER
  step_123456/state.json             version, step, schedule, pace, the order of the parameters, the names of the
                                     optimiser's vectors, hashes of both files
  step_123456/figures.json           the state of charts and page: means, counters
  latest                             name of the newest checkpoint
best/                                the checkpoint with the best evaluation; state.json has its score
"""

import errno
import hashlib
import json
import logging
import re
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from a3c64.files import (
    TEMPORARY,
    move_into_place,
    read_json,
    read_regular,
    remove,
    remove_unfinished,
    write_synced,
    write_whole,
)
from a3c64.learning.parameters import MAX_PARAMETERS, ParameterSpec, initialise, named_views, total_size
from a3c64.wire import messages as wire

log = logging.getLogger(__name__)

FORMAT = 2
FIRST_FORMAT = 1  # its optimiser.safetensors holds one vector, RMSProp's mean squares, under the parameters' bare names
MEAN_SQUARE = "mean_square"  # the name of the vector of RMSProp, see paramserver/optimiser.py
MAX_STATE = 4 << 20  # bytes of state.json; a typical one has 3,000
MAX_TENSORS = 4 * MAX_PARAMETERS + (1 << 20)  # bytes of a file with one vector
MAX_VECTORS = 4  # of an optimiser; Adam has two, AMSGrad three
VECTOR_NAME = re.compile("[a-z][a-z0-9_]{0,39}")  # without a slash, which separates it from the parameter's name
MAX_COUNT = 2**53  # steps or updates; TensorBoard's steps are 64 bits
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
CHECKPOINTS, BEST = "checkpoints", "best"  # their names in a run's folder
FIGURES = "figures.json"
WEIGHTS, OPTIMISER = "weights.safetensors", "optimiser.safetensors"


class Snapshot(NamedTuple):
    """The complete state from which training resumes."""

    specs: tuple[ParameterSpec, ...]
    weights: np.ndarray  # float32 [parameters]
    optimiser: dict[str, np.ndarray]  # its vectors by name, each float32 [parameters]
    version: int  # updates applied
    step: int  # environment steps taken
    hyperparameters: dict  # of the run, including the schedule
    seconds: float = 0.0  # of training so far
    score: dict | None = None  # of an evaluation of these weights; None if there was none
    figures: dict | None = None  # the state of the server's charts, see paramserver/figures.py
    pace: float | None = None  # factor of the learning rate, see paramserver/optimiser.py; None = not known


class DamagedError(Exception):
    """A checkpoint cannot be used; the message says why."""


def save(folder: Path, snapshot: Snapshot, keep: int = 5) -> Path:
    """Write a checkpoint, put its name into `latest`, and remove the oldest so that `keep` are left.

    If the disk is full, older checkpoints are removed until the new one fits. The newest valid one is never removed.

    Raises:
        OSError: the checkpoint could not be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):
        remove_unfinished(folder)
    while True:
        try:
            target = _write(folder, snapshot)
            break
        except OSError as error:
            if error.errno not in DISK_FULL or not _make_room(folder):
                raise
    with suppress(OSError):  # `latest` is for people; the checkpoint is complete without it
        write_whole(folder / "latest", f"{target.name}\n".encode())
    for old in [path for path in _by_age(folder) if path != target][keep - 1 :]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def _write(folder: Path, snapshot: Snapshot) -> Path:
    """Write a checkpoint and return its path."""
    target = folder / f"step_{snapshot.step}"
    temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=folder))
    try:
        hashes = {}
        optimiser = {f"{name}/": flat for name, flat in snapshot.optimiser.items()}
        for file, vectors in ((WEIGHTS, {"": snapshot.weights}), (OPTIMISER, optimiser)):
            # The library copies arrays as bytes. Views of one flat vector work, because each view is contiguous.
            views = {
                prefix + parameter: view
                for prefix, flat in vectors.items()
                for parameter, view in named_views(flat, snapshot.specs)
            }
            data = save_tensors(views)
            hashes[file] = hashlib.sha256(data).hexdigest()
            write_synced(temporary / file, data)
        state = {
            "format": FORMAT,
            "step": snapshot.step,
            "version": snapshot.version,
            "parameters": [[spec.name, list(spec.shape), spec.gain] for spec in snapshot.specs],
            "optimiser": list(snapshot.optimiser),
            "hyperparameters": snapshot.hyperparameters,
            "seconds": round(snapshot.seconds, 3),
            "score": snapshot.score,
            "pace": snapshot.pace,
            "sha256": hashes,
        }
        write_synced(temporary / "state.json", json.dumps(state, indent=1).encode())
        if snapshot.figures is not None:
            write_synced(temporary / FIGURES, json.dumps(snapshot.figures).encode())
        temporary.chmod(0o755)  # mkdtemp makes a folder that only its owner can read
        remove(target)  # an older checkpoint of the same step holds nothing that the new one lacks
        move_into_place(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return target


def _make_room(folder: Path) -> bool:
    """Remove the oldest checkpoint, but never the newest valid one. Return False if none could be removed."""
    paths = _by_age(folder)
    for path in paths if len(paths) > 1 else ():
        try:
            load(path)
        except DamagedError:
            continue
        oldest = next(old for old in reversed(paths) if old != path)
        log.warning("checkpoint %s is removed to make room for a newer one: the disk is full", oldest.name)
        shutil.rmtree(oldest, ignore_errors=True)
        return not oldest.exists()
    return False


def load(path: Path) -> Snapshot:
    """Load one checkpoint.

    Raises:
        DamagedError: the checkpoint is incomplete, altered, or of another format.
    """
    try:
        state = read_json(path / "state.json", MAX_STATE)
        if state["format"] == FIRST_FORMAT:
            names = {MEAN_SQUARE: ""}
        elif state["format"] == FORMAT:
            names = {name: f"{name}/" for name in _vector_names(state["optimiser"])}
        else:
            raise DamagedError(f"format must be {FIRST_FORMAT} or {FORMAT}, found {state['format']}")
        specs = tuple(wire.unpack_specs(state["parameters"]))
        (weights,) = _vectors(path / WEIGHTS, state["sha256"][WEIGHTS], specs, [""])
        optimiser = _vectors(path / OPTIMISER, state["sha256"][OPTIMISER], specs, list(names.values()))
        return Snapshot(
            specs,
            weights,
            dict(zip(names, optimiser, strict=True)),
            count(state["version"], "version"),
            count(state["step"], "step"),
            _object(state["hyperparameters"], "hyperparameters"),
            _number(state.get("seconds", 0.0), "seconds"),  # files of older releases lack this and the next three
            None if state.get("score") is None else _object(state["score"], "score"),
            _figures(path / FIGURES),
            None if state.get("pace") is None else _number(state["pace"], "pace"),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, SafetensorError) as error:
        raise DamagedError(f"{type(error).__name__}: {error}") from error


def newest(folder: Path) -> Snapshot | None:
    """Load the newest valid checkpoint; None if there is none. Log each damaged one that is skipped."""
    for path in _by_age(folder):
        try:
            return load(path)
        except DamagedError as error:
            log.warning("checkpoint %s is damaged and was skipped: %s", path.name, error)
    return None


def hyperparameters(folder: Path) -> dict[str, Any] | None:
    """Return the hyperparameters in the newest readable state.json; None if there is none."""
    for path in _by_age(folder):
        try:
            return _object(read_json(path / "state.json", MAX_STATE)["hyperparameters"], "hyperparameters")
        except (OSError, ValueError, KeyError, TypeError, RecursionError, DamagedError):
            continue
    return None


def steps(folder: Path) -> list[int]:
    """Return the steps of all checkpoints, newest first."""
    return [int(path.name.removeprefix("step_")) for path in _by_age(folder)]


def first(specs: Sequence[ParameterSpec], seed: int, hyperparameters: dict) -> Snapshot:
    """Return the first state of a new run, without the optimiser's vectors: the server adds them."""
    return Snapshot(tuple(specs), initialise(specs, seed), {}, 0, 0, hyperparameters)


def count(value: object, name: str) -> int:
    """Check and return a number of steps or updates.

    Raises:
        DamagedError: it is not an integer from 0 to MAX_COUNT.
    """
    if type(value) is not int or not 0 <= value <= MAX_COUNT:
        raise DamagedError(f"{name} must be an integer from 0 to {MAX_COUNT}, found {value!r:.40}")
    return value


def _by_age(folder: Path) -> list[Path]:
    """Return the checkpoints, newest first."""
    numbered = [(path.name.removeprefix("step_"), path) for path in folder.glob("step_*") if path.is_dir()]
    known = [(int(number), path) for number, path in numbered if re.fullmatch("[0-9]{1,16}", number)]
    return [path for _, path in sorted(known, reverse=True)]


def _vectors(path: Path, sha256: str, specs: Sequence[ParameterSpec], prefixes: Sequence[str]) -> list[np.ndarray]:
    """Return the vectors in a file of tensors, each float32 [parameters], checked.

    Args:
        path: the file.
        sha256: the file's expected hash.
        specs: the parameters' names and shapes.
        prefixes: one for each vector; its tensors are named prefix + parameter.
    """
    data = read_regular(path, max(1, len(prefixes)) * MAX_TENSORS)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DamagedError(f"{path.name} differs from its SHA-256 in state.json")
    tensors = load_tensors(data)
    vectors = []
    for prefix in prefixes:
        flat = np.empty(total_size(specs), np.float32)
        for parameter, view in named_views(flat, specs):
            tensor = tensors[prefix + parameter]
            if tensor.shape != view.shape:
                raise DamagedError(
                    f"{path.name}: {prefix}{parameter} must have shape {view.shape}, found {tensor.shape}"
                )
            view[...] = tensor
        if not np.isfinite(flat).all():
            raise DamagedError(f"{path.name}: all numbers must be finite, found nan or inf")
        vectors.append(flat)
    return vectors


def _vector_names(value: object) -> list[str]:
    """Return the names of an optimiser's vectors, checked."""
    if not isinstance(value, list) or len(value) > MAX_VECTORS:
        raise DamagedError(f"optimiser must be a list of at most {MAX_VECTORS} names, found {value!r:.40}")
    for name in value:
        if not isinstance(name, str) or not VECTOR_NAME.fullmatch(name):
            raise DamagedError(f"optimiser: a name must be lower-case letters, digits and _, found {name!r:.40}")
    return value


def _figures(path: Path) -> dict | None:
    """Return the content of a figures.json, or None if it cannot be read: a checkpoint is valid without it."""
    try:
        figures = read_json(path, MAX_STATE, finite=True)
        return figures if isinstance(figures, dict) else None
    except (OSError, ValueError):
        return None


def _object(value: object, name: str) -> dict[str, Any]:
    """Check and return a JSON object."""
    if not isinstance(value, dict):
        raise DamagedError(f"{name} must be an object, found {value!r:.40}")
    return value


def _number(value: object, name: str) -> float:
    """Check and return a duration or a factor."""
    if type(value) not in (int, float) or not 0 <= value <= MAX_COUNT:  # type: ignore[operator]
        raise DamagedError(f"{name} must be a number from 0 to {MAX_COUNT}, found {value!r:.40}")
    return float(value)  # type: ignore[arg-type]

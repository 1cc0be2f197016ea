"""Checkpoints: safetensors and JSON in `step_N/`, written atomically; the newest valid one is loaded.

checkpoints/
  step_123456/weights.safetensors    one float32 tensor per parameter
  step_123456/optimiser.safetensors  likewise, RMSProp's mean squares
  step_123456/state.json             version, step, schedule, the order of the parameters, hashes of both files
  latest                             name of the newest
best/                                likewise, the one that a greedy evaluation found best; state.json has its score
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from a3c64.files import TEMPORARY, move_into_place, remove, remove_unfinished, write_synced, write_whole
from a3c64.learning.parameters import ParameterSpec, initialise, named_views, total_size

FORMAT = 1
CHECKPOINTS, BEST = "checkpoints", "best"  # their names in a run's folder
FILES = ("weights.safetensors", "optimiser.safetensors")


class Snapshot(NamedTuple):
    """All that training needs to go on."""

    specs: tuple[ParameterSpec, ...]
    weights: np.ndarray  # float32 [parameters]
    mean_square: np.ndarray  # float32 [parameters], RMSProp's statistics
    version: int  # updates applied
    step: int  # environment steps taken
    hyperparameters: dict  # of the run, the schedule among them
    seconds: float = 0.0  # of training so far
    score: dict | None = None  # how these weights did in a greedy evaluation, where that was measured


class DamagedError(Exception):
    """A checkpoint cannot be used; the message says why."""


def save(folder: Path, snapshot: Snapshot, keep: int = 5) -> Path:
    """Write a checkpoint, point `latest` at it, and remove all others but the newest, so that `keep` are left.

    Raises:
        OSError: it could not be written, for example on a full disk; older checkpoints are as they were.
    """
    folder.mkdir(parents=True, exist_ok=True)
    remove_unfinished(folder)
    target = folder / f"step_{snapshot.step}"
    temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=folder))
    try:
        hashes = {}
        for name, flat in zip(FILES, (snapshot.weights, snapshot.mean_square), strict=True):
            # The library turns arrays into bytes; views of one flat vector are fine as each is contiguous.
            data = save_tensors(dict(named_views(flat, snapshot.specs)))
            hashes[name] = hashlib.sha256(data).hexdigest()
            write_synced(temporary / name, data)
        state = {
            "format": FORMAT,
            "step": snapshot.step,
            "version": snapshot.version,
            "parameters": [[spec.name, list(spec.shape), spec.gain] for spec in snapshot.specs],
            "hyperparameters": snapshot.hyperparameters,
            "seconds": round(snapshot.seconds, 3),
            "score": snapshot.score,
            "sha256": hashes,
        }
        write_synced(temporary / "state.json", json.dumps(state, indent=1).encode())
        temporary.chmod(0o755)  # mkdtemp makes it private
        remove(target)  # the same step again: the newer one holds as much
        move_into_place(temporary, target)
        write_whole(folder / "latest", f"{target.name}\n".encode())
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    for old in [path for path in _by_age(folder) if path != target][keep - 1 :]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def load(path: Path) -> Snapshot:
    """Load one checkpoint.

    Raises:
        DamagedError: it is incomplete, altered, or of another format.
    """
    try:
        state = json.loads((path / "state.json").read_bytes())
        if state["format"] != FORMAT:
            raise DamagedError(f"format {state['format']}, expected {FORMAT}")
        specs = tuple(ParameterSpec(str(n), tuple(shape), float(gain)) for n, shape, gain in state["parameters"])
        vectors = []
        for name in FILES:
            data = (path / name).read_bytes()
            if hashlib.sha256(data).hexdigest() != state["sha256"][name]:
                raise DamagedError(f"{name} is not the file that was written")
            tensors = load_tensors(data)
            flat = np.empty(total_size(specs), np.float32)
            for parameter, view in named_views(flat, specs):
                view[...] = tensors[parameter]
            if not np.isfinite(flat).all():
                raise DamagedError(f"{name} holds numbers that are not finite")
            vectors.append(flat)
        return Snapshot(
            specs,
            vectors[0],
            vectors[1],
            int(state["version"]),
            int(state["step"]),
            dict(state["hyperparameters"]),
            float(state.get("seconds", 0.0)),  # this and what follows: not in the files of older releases
            state.get("score"),
        )
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise DamagedError(f"{type(error).__name__}: {error}") from error


def newest(folder: Path) -> Snapshot | None:
    """Load the newest checkpoint that is whole, naming each that is not; None when there is none."""
    for path in _by_age(folder):
        try:
            return load(path)
        except DamagedError as error:
            print(f"checkpoint {path.name} is damaged and was skipped: {error}", flush=True)
    return None


def steps(folder: Path) -> list[int]:
    """Return the steps there are checkpoints of, newest first."""
    return [int(path.name.removeprefix("step_")) for path in _by_age(folder)]


def first(specs: Sequence[ParameterSpec], seed: int, hyperparameters: dict) -> Snapshot:
    """Return the state a new run begins with."""
    weights = initialise(specs, seed)
    return Snapshot(tuple(specs), weights, np.zeros_like(weights), 0, 0, hyperparameters)


def _by_age(folder: Path) -> list[Path]:
    """Return the checkpoints, newest first."""
    numbered = [(path.name.removeprefix("step_"), path) for path in folder.glob("step_*") if path.is_dir()]
    return [path for _, path in sorted(((int(n), p) for n, p in numbered if n.isdecimal()), reverse=True)]

"""A trained policy to play with, from a run's folder or from a policy file.

A policy file is safetensors with float16 tensors. Its metadata is one JSON text: the order of the parameters, the
hyperparameters, the step, the score of an evaluation, and the command that trained it.
"""

import errno
import json
import shlex
import stat
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as save_tensors

from a3c64 import presets
from a3c64.config import BadInputError, flag
from a3c64.files import write_whole
from a3c64.hyperparameters import REMOVED, Hyperparameters, as_meant
from a3c64.learning.parameters import MOMENTS, ParameterSpec, named_views, total_size
from a3c64.output import short
from a3c64.policy import checkpoint, game_copy
from a3c64.policy.checkpoint import Snapshot
from a3c64.policy.shareable import shareable
from a3c64.wire import messages as wire

FORMAT = "1"
SUFFIX = ".safetensors"
MAX_SCORE = 1e18  # a larger mean return is not shown
BUNDLED = {"n64gym/OpenKart-v0": "openkart"}  # environment -> file in agent/policy/bundled


class Policy(NamedTuple):
    """A trained policy."""

    specs: tuple[ParameterSpec, ...]
    weights: np.ndarray  # float32 [parameters]
    step: int  # environment steps of its training
    hyperparameters: Hyperparameters
    score: dict[str, Any] | None  # of an evaluation; None if there was none
    command: str  # the command that trained it


def of(snapshot: Snapshot, command: str = "") -> Policy:
    """Return the policy of a checkpoint."""
    hyperparameters = _checked(snapshot.hyperparameters, "this checkpoint")
    return Policy(
        snapshot.specs,
        snapshot.weights,
        snapshot.step,
        hyperparameters,
        _score(snapshot.score),
        command or command_of(hyperparameters),
    )


def command_of(hyperparameters: Hyperparameters) -> str:
    """Return a command that trains with these hyperparameters. It names those that differ from the defaults."""
    usual = {name: field.default for name, field in Hyperparameters.model_fields.items()}
    usual |= presets.chosen(presets.AUTOMATIC, hyperparameters.env_id)
    words = ["a3c64", "train"]
    for name, value in hyperparameters.model_dump().items():
        if value is not None and value != usual[name]:
            words += [flag(name), str(value).lower() if isinstance(value, bool) else str(value)]
    return shlex.join(words)


def to_share(policy: Policy) -> Policy:
    """Return the policy as a file tells it: without the folders of this machine."""
    told = Hyperparameters(**shareable(policy.hyperparameters.model_dump()))
    by_itself = policy.command == command_of(policy.hyperparameters)  # not a command that the user gave
    return policy._replace(hyperparameters=told, command=command_of(told) if by_itself else policy.command)


def of_run(folder: Path, best: bool = False, step: int | None = None) -> Policy:
    """Return a policy from a run's folder: the newest, or with `best` the best, or with `step` that of a checkpoint.

    Raises:
        BadInputError: there is no such policy, or it is damaged.
    """
    found = _of_run(folder, best, step)
    known = found.hyperparameters.model_dump()
    return found._replace(hyperparameters=Hyperparameters(**game_copy.with_copy(known, folder)))


def _of_run(folder: Path, best: bool, step: int | None) -> Policy:
    if best:
        snapshot = checkpoint.newest(folder / checkpoint.BEST)
        if snapshot is None:
            raise BadInputError(
                f"--load-best: {folder} has no evaluation yet (A3C64_EVAL_INTERVAL): wait, or leave it out"
            )
        return of(snapshot)
    if step is None:
        snapshot = checkpoint.newest(folder / checkpoint.CHECKPOINTS)
        if snapshot is None:
            raise BadInputError(f"no checkpoint in {folder}: train first, or give --run-dir")
        return of(snapshot)
    steps = checkpoint.steps(folder / checkpoint.CHECKPOINTS)
    if step not in steps:
        near = ", ".join(str(n) for n in sorted(sorted(steps, key=lambda n: abs(n - step))[:3]))
        raise BadInputError(
            f"--load-checkpoint: found {step}, expected " + (f"a step such as {near}" if near else f"one in {folder}")
        )
    try:
        return of(checkpoint.load(folder / checkpoint.CHECKPOINTS / f"step_{step}"))
    except checkpoint.DamagedError as error:
        raise BadInputError(f"--load-checkpoint: step {step} is damaged: {error}; choose another step") from None


def save(target: Path, policy: Policy) -> Path:
    """Write a policy in half precision to a file, or into a folder as policy.safetensors; return the file's path.

    Raises:
        BadInputError: the file cannot be written, or a weight is too large for half precision.
    """
    path = target / f"policy{SUFFIX}" if target.is_dir() else target
    policy, tensors = to_share(policy), {}
    for name, array in named_views(policy.weights, policy.specs):
        # The running moments are few but can be as large as 1e6, so they stay float32.
        with np.errstate(over="ignore"):  # an overflow becomes infinity, which is refused below
            tensors[name] = array if name.startswith(MOMENTS) else array.astype(np.float16)
        if not np.isfinite(tensors[name]).all():
            raise BadInputError(f"{name} has numbers too large for half precision: export another checkpoint")
    facts = {
        "format": FORMAT,
        "parameters": [[spec.name, list(spec.shape), spec.gain] for spec in policy.specs],
        "hyperparameters": policy.hyperparameters.model_dump(),
        "step": policy.step,
        "score": policy.score,
        "command": policy.command,
    }
    return write(path, save_tensors(tensors, {"a3c64": json.dumps(facts)}))


def write(path: Path, data: bytes) -> Path:
    """Write a policy's bytes to a file, make its folder if there is none, and return the path.

    Raises:
        BadInputError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
    except OSError as error:
        raise BadInputError(f"{path} cannot be written: {error.strerror}") from None
    return path


def load(path: Path) -> Policy:
    """Read a policy from a file.

    Raises:
        BadInputError: the file cannot be read, or is not a policy file.
    """
    if path.suffix == ".onnx":
        raise BadInputError(f"--policy: {path} is for other programs: export the policy as NAME.safetensors as well")
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # to open a FIFO would block
            raise OSError(errno.EINVAL, "it must be a regular file")
        with safe_open(path, framework="numpy") as file:
            facts = json.loads((file.metadata() or {})["a3c64"])
            if facts["format"] != FORMAT:
                found = short(facts["format"])
                raise BadInputError(
                    f"--policy: {path}: format must be {FORMAT}, found {found}; export it with this release"
                )
            specs = tuple(wire.unpack_specs(facts["parameters"]))
            weights = np.empty(total_size(specs), np.float32)
            for name, view in named_views(weights, specs):
                tensor = file.get_tensor(name)
                with np.errstate(over="ignore"):  # an overflow becomes infinity, which is refused below
                    fits = tensor.shape == view.shape
                    view[...] = tensor if fits else np.nan
                if not np.isfinite(view).all():
                    raise ValueError(f"{name} must be finite numbers of shape {view.shape}, found shape {tensor.shape}")
        hyperparameters = _checked(facts["hyperparameters"], str(path))
        step = checkpoint.count(facts["step"], "step")
        if not isinstance(facts["command"], str):
            raise ValueError(f"command must be text, found {facts['command']!r:.40}")
        return Policy(specs, weights, step, hyperparameters, _score(facts["score"]), facts["command"])
    except OSError as error:
        raise BadInputError(f"--policy: {path} cannot be read: {error.strerror or error}") from None
    except RecursionError:
        raise BadInputError(f"--policy: {path} is not a policy file of `a3c64 export`: nested too deeply") from None
    except (SafetensorError, checkpoint.DamagedError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInputError(f"--policy: {path} is not a policy file of `a3c64 export`: {error}") from None


def find(path: Path) -> Policy:
    """Return a policy from a file, or the newest one from a run's folder.

    Raises:
        BadInputError: there is none, or it is damaged.
    """
    return of_run(path) if path.is_dir() else load(path)


def bundled(env_id: str) -> Policy:
    """Return the bundled policy for an environment.

    Raises:
        BadInputError: this release has no policy for the environment.
    """
    file = files("a3c64.policy.bundled") / f"{BUNDLED.get(env_id, 'none')}{SUFFIX}"
    if not file.is_file():
        raise BadInputError(
            f"no policy comes with this release for {env_id}: train one with `a3c64 train`, "
            "then `a3c64 enjoy --run-dir runs/default`; or give --policy FILE"
        )
    with as_file(file) as path:
        return load(path)


def _score(value: Any) -> dict[str, Any] | None:
    """Return a score that can be shown, else None."""
    if not isinstance(value, dict) or type(value.get("episodes")) is not int:
        return None
    mean = value.get("mean_reward")
    shown = isinstance(mean, int | float) and not isinstance(mean, bool) and -MAX_SCORE <= mean <= MAX_SCORE
    return value if shown else None


def _checked(hyperparameters: dict[str, Any], what: str) -> Hyperparameters:
    try:
        known = as_meant(hyperparameters)
        return Hyperparameters(**{name: value for name, value in known.items() if name not in REMOVED})
    except ValueError as error:
        raise BadInputError(f"{what} was made by another release: {' '.join(str(error).split())[:200]}") from None

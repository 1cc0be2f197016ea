"""Resume a run: read its hyperparameters from its folder, and check which of them a new start may change.

config.json     the run's hyperparameters
changes.jsonl   a line for each start that changed some: time, step, and {name: [before, after]}
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from a3c64 import presets
from a3c64.config import BadInputError, Settings, flag, named
from a3c64.files import read_json
from a3c64.hyperparameters import Hyperparameters, as_meant
from a3c64.policy import checkpoint, foreign, game_copy, policy_file

log = logging.getLogger(__name__)

CONFIG, CHANGES = "config.json", "changes.jsonl"
MAX_CONFIG = 1 << 20  # bytes; a typical one has 1,000
# Cannot change during a run: they determine the shapes of the weights, or the form of the network's input.
FIXED = (
    "frame_size", "frame_colours", "frame_stack", "frame_crop", "normalise_observations", "trunk", "network",
    "lstm_size",
)  # fmt: skip
# Returns before and after a change of these cannot be compared.
TASK = ("env_id", "env_args", "reward", "wrapper", "frameskip", "sticky_actions", "max_episode_steps", "eval_policy")


class Change(NamedTuple):
    """A hyperparameter whose value this start changes."""

    name: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.name} {_shown(self.before)} -> {_shown(self.after)}"


class Resumption(NamedTuple):
    """The settings with which a run resumes or a new one begins."""

    settings: Settings  # complete: flag or variable > config.json > preset > default
    exists: bool  # True: the folder has checkpoints
    changes: tuple[Change, ...]  # the hyperparameters that differ from config.json
    ignored: str  # a message about a preset without effect; "" if there is none

    @property
    def new_task(self) -> bool:
        """Return whether the task has changed, so that earlier returns cannot be compared with new ones."""
        return self.exists and any(change.name in TASK for change in self.changes)


def resume(settings: Settings) -> Resumption:
    """Return the settings with which the run in `settings.run_dir` resumes. Nothing is written.

    Raises:
        BadInputError: a setting cannot be changed on this run, two settings exclude each other, or `resume` is set and
            there is no run.
    """
    resumption = _resumption(settings)
    _check_epochs(resumption.settings)
    return resumption


def _resumption(settings: Settings) -> Resumption:
    folder = settings.run_dir
    exists = bool(checkpoint.steps(folder / checkpoint.CHECKPOINTS))
    if settings.resume and not exists:
        raise BadInputError(f"--resume: there is no run to resume in {folder}; leave --resume out to begin one")
    known = recorded(folder)
    if known is None:
        if settings.from_policy:
            its = policy_file.find(settings.from_policy).hyperparameters
            if not settings.from_policy.is_dir() and "network" not in settings.model_fields_set:
                foreign.check_code(its, settings.from_policy, {}, ("network",), "from_policy")
            settings = settings.filled({name: getattr(its, name) for name in (*FIXED, "frameskip")})
        return Resumption(settings, exists, (), "")
    before = Hyperparameters(**known)
    suited = presets.chosen(settings.preset, known.get("env_id", settings.env_id))
    complete = settings.filled({**suited, **{name: getattr(before, name) for name in known}})
    if "env_args" in known and not _differ("env_args", before.env_args, complete.env_args):
        complete = complete.model_copy(update={"env_args": before.env_args})  # equal: keep the old spelling
    if new := [name for name in Hyperparameters.model_fields if name not in known]:
        told = ", ".join(f"{name} {_shown(getattr(complete, name))}" for name in new)
        log.info("%s is a run of an earlier release; settings that it did not have: %s", folder, told)
    changes = _changes(before, known, complete)
    if exists:
        _check(changes, folder, settings.transfer)
    return Resumption(complete, exists, changes, _ignored(settings, complete))


def _check_epochs(settings: Settings) -> None:
    """Refuse several gradients from a rollout without the clip, because nothing else limits how far they go.

    Raises:
        BadInputError: `epochs` is above 1 and `surrogate_clip` is 0.
    """
    if settings.epochs > 1 and not settings.surrogate_clip:
        raise BadInputError(
            f"{named('epochs')}: found {settings.epochs}, expected 1 with {named('surrogate_clip')} 0: only the clip "
            f"limits how far several gradients from one rollout go; give {flag('surrogate_clip')} 0.2, or leave "
            f"{flag('epochs')} out"
        )


def recorded(folder: Path) -> dict[str, Any] | None:
    """Return the hyperparameters of the run in a folder, or None if there are none.

    They come from config.json, or from the newest checkpoint if config.json is missing or damaged.

    Raises:
        BadInputError: this release does not accept a value, or config.json cannot be read.
    """
    try:
        return _checked(read_json(folder / CONFIG, MAX_CONFIG), folder / CONFIG, folder)
    except (FileNotFoundError, NotADirectoryError):
        damage = ""
    except PermissionError as error:
        raise BadInputError(f"A3C64_RUN_DIR: {folder / CONFIG} cannot be read: {error.strerror}") from None
    except (OSError, ValueError, RecursionError) as error:
        damage = str(error)
    known = checkpoint.hyperparameters(folder / checkpoint.CHECKPOINTS)
    if damage:
        instead = "" if known is None else "; the newest checkpoint's settings are used"
        log.warning("%s is damaged (%s)%s", folder / CONFIG, damage, instead)
    return None if known is None else _checked(known, folder / checkpoint.CHECKPOINTS, folder)


def _checked(known: Any, path: Path, run_dir: Path) -> dict[str, Any]:
    """Return the hyperparameters that this release knows, with the path of the run's own game. Log the others.

    Raises:
        ValueError: `known` is not a JSON object.
        BadInputError: this release does not accept a value.
    """
    if not isinstance(known, dict):
        raise ValueError(f"it must be a JSON object, found {known!r:.40}")
    usable = {name: value for name, value in as_meant(known).items() if name in Hyperparameters.model_fields}
    if unknown := sorted(known.keys() - usable.keys()):
        log.warning("%s: ignoring %s, which this release does not know", path, ", ".join(unknown))
    try:
        Hyperparameters(**usable)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInputError(
            f"{path}: {first['loc'][0]}: {first['msg']}, found {first['input']!r:.200}; correct the file"
        ) from None
    return game_copy.with_copy(usable, run_dir)


def _changes(before: Hyperparameters, known: Mapping[str, Any], after: Settings) -> tuple[Change, ...]:
    """Return the known hyperparameters that differ."""
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in Hyperparameters.model_fields)
    return tuple(Change(*pair) for pair in pairs if pair[0] in known and _differ(*pair))


def _differ(name: str, one: Any, other: Any) -> bool:
    return json.loads(one) != json.loads(other) if name == "env_args" else one != other


def _check(changes: tuple[Change, ...], folder: Path, transfer: bool) -> None:
    """Refuse changes that do not fit a run with weights.

    Raises:
        BadInputError: a setting of FIXED has changed, or `env_id` without `transfer`.
    """
    fixed = [change for change in changes if change.name in FIXED]
    if fixed:
        flags = " and ".join(flag(change.name) for change in fixed)
        raise BadInputError(
            f"{folder} is a run with other settings that cannot be changed ({', '.join(map(str, fixed))}): "
            f"leave {flags} out, or choose another --run-dir for a new run"
        )
    for change in changes:
        if change.name == "env_id" and not transfer:
            raise BadInputError(
                f"{folder} is a run of another environment ({change}): choose another --run-dir for a new run, "
                "or give --transfer to continue with this run's weights"
            )


def _ignored(given: Settings, complete: Settings) -> str:
    """Return a message about a preset that was given but applies to new runs only; "" if there is none."""
    if "preset" not in given.model_fields_set or given.preset in (presets.AUTOMATIC, presets.NONE):
        return ""
    wanted = presets.chosen(given.preset, given.env_id)
    other = [
        f"{name} {_shown(getattr(complete, name))}, not {_shown(value)}"
        for name, value in wanted.items()
        if name not in given.model_fields_set and getattr(complete, name) != value
    ]
    return f"--preset {given.preset} is for new runs; this one keeps its settings ({', '.join(other)})" if other else ""


def _shown(value: Any) -> str:
    """Return a value in the spelling that its flag accepts."""
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)

"""The file of a sweep: the settings that all its trials have, and the ranges of those that it searches.

[run]
env_id = "Hopper-v5"
total_timesteps = 300_000
seeds = [0, 1]
[space]
learning_rate = {low = 1e-4, high = 3e-3, log = true}
t_max = [8, 16, 32]
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from a3c64.config import BadInputError, Settings, checked, nearest
from a3c64.files import read_regular
from a3c64.hyperparameters import Hyperparameters

MAX_FILE = 1 << 20  # bytes; a typical file has 500
MAX_SEEDS = 100
LARGEST = 1e15  # of a range; a float holds every whole number up to this
SECTIONS = ("run", "space")
KEYS = ("low", "high", "log", "step")  # of a range
# The sweep decides these: trials of one sweep must have the same length and the same score.
REFUSED = {
    "seed": "give seeds, a list: each trial is trained once with each of them",
    "eval_interval": "a trial is evaluated at its end, because evaluations at intervals of seconds depend on the load",
    "guard": "it needs evaluations during training, and a trial has none",
    "stop_at_reward": "all trials take total_timesteps steps, so that they can be compared",
    "time_limit": "all trials take total_timesteps steps, so that a loaded machine does not change the result",
}
OTHERS = ("workers", "rom", "preset")  # settings of `a3c64 train` that are not hyperparameters
NOT_SEARCHED = ("env_id", "env_args", "total_timesteps", "eval_episodes", "eval_policy", "deterministic", *REFUSED)


class Range(NamedTuple):
    """An interval of numbers."""

    low: float
    high: float  # included
    log: bool  # equal ratios are equally probable
    step: float | None  # between two values; None = any
    whole: bool  # whole numbers only


Choices = tuple[Any, ...]  # the values of a setting, in the file's order


class Space(NamedTuple):
    """A sweep's file."""

    run: dict[str, Any]  # settings of all trials
    seeds: tuple[int, ...]  # each trial is trained once with each
    ranges: dict[str, Range | Choices]  # by setting

    @property
    def text(self) -> str:
        """The content in a canonical form, to compare two files."""
        return json.dumps(self._asdict(), sort_keys=True)

    @property
    def steps(self) -> int:
        """Environment steps of a trial, of all its seeds together."""
        total: int = self.run["total_timesteps"]
        return total * len(self.seeds)

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Return whether a sweep of this space could try these values."""
        for name, searched in self.ranges.items():
            value = values[name]
            if isinstance(searched, Range):
                if not searched.low <= value <= searched.high:
                    return False
            elif value not in searched:
                return False
        return True


def read(path: Path) -> Space:
    """Read a sweep's file.

    Raises:
        BadInputError: it cannot be read, or its content is not a sweep's.
    """
    try:
        data = tomllib.loads(read_regular(path, MAX_FILE).decode())
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInputError(f"{path} is not a TOML file: {' '.join(str(error).split())}") from None
    try:
        return _parsed(data)
    except ValueError as error:
        raise BadInputError(f"{path}: {error}") from None


def _parsed(data: Mapping[str, Any]) -> Space:
    """Check the content of a file.

    Raises:
        ValueError: it is not a sweep's; the message says where.
    """
    for name in data:
        if name not in SECTIONS:
            raise ValueError(f"unknown section [{name:.60}]{nearest(name, SECTIONS) or ', expected [run] and [space]'}")
    for name in SECTIONS:
        if not isinstance(data.get(name), dict) or not data[name]:
            raise ValueError(f"expected a section [{name}] with settings, found none")
    run = dict(data["run"])
    seeds = run.pop("seeds", [0])
    if not isinstance(seeds, list) or not 0 < len(seeds) <= MAX_SEEDS or len(set(map(str, seeds))) < len(seeds):
        raise ValueError(f"[run] seeds: found {seeds!r:.60}, expected a list of different whole numbers")
    fixed = {name: _checked("run", name, _as_json(name, value)) for name, value in run.items()}
    if not fixed.get("total_timesteps"):
        raise ValueError("[run] total_timesteps is missing: the number of environment steps of a trial")
    ranges = {name: _range(name, value) for name, value in data["space"].items()}
    for name in ranges:
        if name in fixed:
            raise ValueError(f"{name} is in [run] and in [space]; remove one of them")
    return Space(fixed, tuple(_checked("run", "seed", seed, "seeds") for seed in seeds), ranges)


def _as_json(name: str, value: Any) -> Any:
    return json.dumps(value) if name == "env_args" and isinstance(value, dict) else value


def _checked(section: str, name: str, value: Any, called: str = "") -> Any:
    """Return a setting's value in the setting's type.

    Raises:
        ValueError: there is no such setting, the sweep decides it, or the value is refused.
    """
    if name not in Settings.model_fields:
        known = [*Hyperparameters.model_fields, *OTHERS, *(["seeds"] if section == "run" else [])]
        hint = nearest(name, known) or "; docs/settings.md lists the settings"
        raise ValueError(f"[{section}] {name:.60}: there is no such setting{hint}")
    if not called and name in REFUSED:
        raise ValueError(f"[{section}] {name} cannot be given: {REFUSED[name]}")
    if name not in Hyperparameters.model_fields and name not in OTHERS:
        raise ValueError(f"[{section}] {name} cannot be given: it is not a setting of learning")
    try:
        return checked(name, value)
    except ValueError as error:
        raise ValueError(f"[{section}] {called or name}: {error}") from None


def _range(name: str, given: Any) -> Range | Choices:
    """Return the range of a setting.

    Raises:
        ValueError: the setting cannot be searched, or this is not a range of its values.
    """
    if name in Settings.model_fields and (name in (*OTHERS, *NOT_SEARCHED)):
        raise ValueError(f"[space] {name} cannot be searched; give it in [run]")
    if isinstance(given, list):
        values = tuple(_checked("space", name, value) for value in given)
        if len(set(values)) < max(2, len(values)):
            raise ValueError(f"[space] {name}: found {given!r:.60}, expected two or more different values")
        return values
    kind = Settings.model_fields[name].annotation if name in Settings.model_fields else None
    if not isinstance(given, dict):
        _checked("space", name, given)  # an unknown name is the first mistake to tell
        raise ValueError(f"[space] {name}: found {given!r:.60}, expected a list or {{low = ..., high = ...}}")
    if kind not in (int, float):
        _checked("space", name, Settings.model_fields[name].default if kind else 0)
        raise ValueError(f"[space] {name}: found a range, expected a list: its values are not numbers")
    for key in given:
        if key not in KEYS:
            hint = nearest(key, KEYS) or f", expected {', '.join(KEYS)}"
            raise ValueError(f"[space] {name}: unknown key {key:.60}{hint}")
    if "low" not in given or "high" not in given:
        raise ValueError(f"[space] {name}: expected low and high, found {', '.join(given) or 'neither':.60}")
    low, high = (_checked("space", name, given[key]) for key in ("low", "high"))
    log, step = given.get("log", False), given.get("step")
    if high > LARGEST:
        raise ValueError(f"[space] {name}: found high {high}, expected {LARGEST:g} or less")
    if not low < high:
        raise ValueError(f"[space] {name}: found low {low} and high {high}, expected low below high")
    if not isinstance(log, bool):
        raise ValueError(f"[space] {name}: found log {log!r:.60}, expected true or false")
    if log and low <= 0:
        raise ValueError(f"[space] {name}: found low {low}, expected more than 0 with log = true")
    if step is not None and (log or type(step) not in (int, kind) or not 0 < step <= high - low):
        raise ValueError(
            f"[space] {name}: found step {step!r:.60}, expected a number above 0, at most high - low, and no log"
        )
    return Range(low, high, log, step, kind is int)

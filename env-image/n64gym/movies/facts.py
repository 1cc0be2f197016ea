"""Reads the JSON beside a movie and checks it before anything is played, because the file may be a stranger's."""

from __future__ import annotations

import base64
import json
import re
import reprlib
from pathlib import Path
from typing import Any

from n64gym.files import read_regular
from n64gym.machine.console import Console
from n64gym.machine.shared import RDRAM_BYTES
from n64gym.movies.m64 import MovieError

FORMAT = 1
CHECK_BYTES = 2  # bytes kept of the hash after each step
# The keys that a playback needs.
FACTS = ("begins", "ends", "rom", "watch", "watch_at_end", "checks", "rdram_sha256", "frameskip")

MAX_BYTES = 16 << 20  # of the file; an hour has 0.3 million
MAX_VIS = 24 * 60 * 60 * 60  # length of an episode: a day
MAX_START_VIS = 10 * 60 * 60  # from power-on to the start of an episode: ten minutes
MAX_FRAMESKIP = 60 * 60  # VIs: a minute
MAX_WORDS = RDRAM_BYTES // 4
MAX_ITEMS = 1000  # metrics, lap times, or settings of an episode
MAX_TEXT = 200  # characters
MAX_NUMBER = 1e18
MAX_STEP = 2**53  # of a training


def read_facts(path: Path) -> dict[str, Any]:
    """Return the JSON beside a movie; an empty dict if there is none. Raises MovieError if it cannot be used."""
    path = path.with_suffix(".json")
    try:
        facts = json.loads(read_regular(path, MAX_BYTES))
        found = facts["format"], [name for name in FACTS if name not in facts]
        if found == (FORMAT, []):
            check(facts)
            return facts
    except FileNotFoundError:
        return {}
    except RecursionError:
        raise MovieError(f"{path} is damaged (nested too deeply); delete it to play the movie without it") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MovieError(f"{path} is damaged ({error}); delete it to play the movie without it") from None
    told = f"format {short(found[0])} and lacks {found[1]}"
    raise MovieError(f"{path} has {told}; expected format {FORMAT} with all keys")


def check(facts: dict[str, Any]) -> None:
    """Check types, ranges and lengths of all facts that are used; others are ignored. Raises ValueError."""
    _playback(facts)
    _names(facts)
    if "return" in facts:
        _number(facts["return"], "return")
    training = _object(facts.get("training", {}), "training")
    for name in training.keys() & {"step", "version", "worker"}:
        _integer(training[name], 0, MAX_STEP, f"training.{name}")
    for name, value in _object(facts.get("metrics", {}), "metrics").items():
        _text(name, "a metric's name")
        number = _type(value, (int, float), "a metric")
        if number == number and abs(number) != float("inf"):  # false for NaN; such a metric is not shown
            _number(number, "a metric")
    for lap in _list(facts.get("lap_times", []), "lap_times"):
        if _number(lap, "a lap time") < 0:
            raise ValueError(f"a lap time must be >= 0, found {lap}")


def _playback(facts: dict[str, Any]) -> None:
    """Check what a playback needs."""
    frameskip = _integer(facts["frameskip"], 1, MAX_FRAMESKIP, "frameskip")
    begin = _integer(_object(facts["begins"], "begins").get("vi"), 0, MAX_START_VIS, "begins.vi")
    end = _integer(_object(facts["ends"], "ends").get("vi"), 0, MAX_VIS, "ends.vi")
    steps, rest = divmod(end - begin, frameskip)
    if steps < 1 or rest:
        raise ValueError(f"ends.vi - begins.vi must be one or more steps of {frameskip} VIs, found {end} - {begin}")
    if "steps" in facts and _integer(facts["steps"], 1, MAX_VIS, "steps") != steps:
        raise ValueError(f"steps must be {steps}, found {facts['steps']}")
    checks = _type(facts["checks"], str, "checks")
    try:
        size = len(base64.b64decode(checks, validate=True))
    except ValueError as error:
        raise ValueError(f"checks must be base64: {error}") from None
    if size != CHECK_BYTES * steps:
        raise ValueError(f"checks must have {CHECK_BYTES} bytes for each of {steps} steps, found {size}")
    for name in ("watch", "watch_at_end"):
        _words(facts[name], name)
    _pattern(facts["rdram_sha256"], "[0-9a-f]{64}", "rdram_sha256")
    _pattern(_object(facts["rom"], "rom").get("sha1"), "[0-9a-f]{40}", "rom.sha1")
    Console.of(facts.get("console", {}))
    _integer(facts.get("vis_per_second", 60), 50, 60, "vis_per_second")
    if facts.get("video") is not None:
        _pattern(facts["video"], "[A-Za-z0-9_-]{1,40}", "video")


def _names(facts: dict[str, Any]) -> None:
    """Check what is shown."""
    for name in ("game", "ended", "recorded"):
        _text(facts.get(name, ""), name)
    if ":" in facts.get("game", ""):  # such an id would import a module
        raise ValueError(f"game must be an id without a module, found {facts['game']!r}")
    for name, value in _object(facts.get("setup", {}), "setup").items():
        _text(name, "a setting's name")
        for one in value if isinstance(value, list) and len(value) <= MAX_ITEMS else [value]:
            if isinstance(one, str):
                _text(one, f"setup.{name}")
            elif one is not None and not isinstance(one, bool):
                _number(one, f"setup.{name}")


def _words(value: Any, name: str) -> None:
    """Check words of RDRAM: [[first, end, stride], ...]."""
    total = 0
    for one in _list(value, name):
        if len(_list(one, name)) != 3:
            raise ValueError(f"{name} must be a list of [first, end, stride], found {short(one)}")
        end = _integer(one[1], 0, MAX_WORDS, f"end in {name}")
        first = _integer(one[0], 0, end, f"first in {name}")
        total += (end - first) // _integer(one[2], 1, MAX_WORDS, f"stride in {name}")
    if total > MAX_WORDS:
        raise ValueError(f"{name} must have at most {MAX_WORDS} words, found {total}")


def short(value: Any) -> str:
    """Return a value's repr for a message, bounded in depth and length."""
    return reprlib.repr(value)[:200]


def _type(value: Any, kind: Any, name: str) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        wanted = " or ".join(one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,)))
        raise ValueError(f"{name} must be of type {wanted}, found {short(value)}")
    return value


def _integer(value: Any, least: int, most: int, name: str) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{name} must be an integer from {least} to {most}, found {short(value)}")
    return value


def _number(value: Any, name: str) -> float:
    if not -MAX_NUMBER <= _type(value, (int, float), name) <= MAX_NUMBER:  # also false for NaN
        raise ValueError(f"{name} must be a number from {-MAX_NUMBER:g} to {MAX_NUMBER:g}, found {short(value)}")
    return float(value)


def _text(value: Any, name: str) -> str:
    if len(_type(value, str, name)) > MAX_TEXT or (value and not value.isprintable()):
        raise ValueError(f"{name} must be printable text of at most {MAX_TEXT} characters, found {short(value)}")
    return value


def _pattern(value: Any, pattern: str, name: str) -> None:
    if not re.fullmatch(pattern, _type(value, str, name)):
        raise ValueError(f"{name} must match {pattern}, found {short(value)}")


def _object(value: Any, name: str) -> dict[str, Any]:
    if len(_type(value, dict, name)) > MAX_ITEMS:
        raise ValueError(f"{name} must have at most {MAX_ITEMS} entries, found {len(value)}")
    return value


def _list(value: Any, name: str) -> list[Any]:
    if len(_type(value, list, name)) > MAX_ITEMS:
        raise ValueError(f"{name} must have at most {MAX_ITEMS} entries, found {len(value)}")
    return value

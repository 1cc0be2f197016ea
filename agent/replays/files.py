"""Which movies are to be played: found in files and folders, and chosen by what their JSON says."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from a3c64.config import BadInputError
from n64gym import MovieError, read_facts

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Replay(NamedTuple):
    """A movie, and what its JSON says; empty for one that was made elsewhere."""

    path: Path
    facts: dict[str, Any]

    @property
    def step(self) -> int:
        """Return the run's step when the episode ended; 0 where that is not known."""
        return int(self.facts.get("training", {}).get("step", 0))

    @property
    def total(self) -> float:
        """Return the episode's return."""
        return float(self.facts.get("return", 0.0))

    @property
    def metrics(self) -> dict[str, float]:
        """Return the figures of the episode; none if it was not played to its end."""
        return {str(name): float(value) for name, value in self.facts.get("metrics", {}).items()}

    @property
    def course(self) -> str:
        """Return the course that was driven; empty if there is none."""
        return str(self.facts.get("setup", {}).get("course", ""))


class Skipped(NamedTuple):
    """A file that is not played, and why."""

    path: Path
    why: str


def find(paths: Iterable[Path]) -> tuple[list[Replay], list[Skipped]]:
    """Return all movies in files and folders, in the order they were made, and those whose JSON is damaged.

    Raises:
        BadInputError: a path is not there.
    """
    files: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise BadInputError(f"{path} is not there; expected a movie (.m64), or a folder with some, such as a run's")
        found = sorted(path.rglob("*.m64")) if path.is_dir() else [path]
        files.update(dict.fromkeys(file for file in found if file.is_file()))
    replays, skipped = [], []
    for file in files:
        try:
            replay = Replay(file, read_facts(file))
            _ = replay.step, replay.total, replay.course, replay.metrics  # of the right types
            replays.append(replay)
        except (MovieError, ValueError, TypeError, AttributeError) as error:
            skipped.append(Skipped(file, str(error)))
    replays.sort(key=lambda replay: (replay.step, replay.path.name))
    return replays, skipped


def choose(
    replays: Sequence[Replay], best: int | None = None, since: datetime | None = None, course: str | None = None
) -> list[Replay]:
    """Return those recorded since a moment, on a course, the best of them by return; in their order."""
    chosen = [replay for replay in replays if course is None or replay.course == course]
    if since is not None:
        chosen = [replay for replay in chosen if (at := recorded(replay)) is not None and at >= since]
    if best is not None:
        known = [replay for replay in chosen if replay.facts]
        chosen = sorted(known, key=lambda replay: replay.total, reverse=True)[:best]
    return chosen


def stages(replays: Sequence[Replay], count: int) -> list[Replay]:
    """Return one of each of `count` equal stages of the run's steps: the one whose return is in the middle."""
    known = sorted((replay for replay in replays if replay.facts), key=lambda replay: replay.step)
    if len(known) <= count:
        return known
    first, last = known[0].step, known[-1].step
    parts: dict[int, list[Replay]] = {}
    for replay in known:
        parts.setdefault(min(count - 1, (replay.step - first) * count // max(1, last - first)), []).append(replay)
    return [sorted(part, key=lambda replay: replay.total)[len(part) // 2] for _, part in sorted(parts.items())]


def recorded(replay: Replay) -> datetime | None:
    """Return when an episode was recorded, if its JSON says so."""
    try:
        return datetime.fromisoformat(replay.facts["recorded"])
    except (KeyError, ValueError, TypeError):
        return None


def moment(text: str) -> datetime:
    """Return the moment that a date, a time or a duration before now means.

    Raises:
        BadInputError: it is none.
    """
    now = datetime.now().astimezone()
    if match := re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text):
        return now - timedelta(**{UNITS[match[2]]: float(match[1])})
    try:
        return datetime.fromisoformat(text).astimezone()  # without a zone, this machine's
    except ValueError:
        raise BadInputError(
            f"--since: found {text!r}, expected a duration such as 30m, 2h or 3d, or a date such as 2026-11-21 or "
            "2026-11-21T14:30"
        ) from None

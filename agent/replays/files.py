"""Find movies in files and folders, and choose among them by the facts in their JSON files."""

import math
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from a3c64.config import BadInputError
from a3c64.envs.demonstrations import movies_in
from n64gym import MovieError, read_facts

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Replay(NamedTuple):
    """A movie and the facts in its JSON file; no facts for a movie from another program."""

    path: Path
    facts: dict[str, Any]

    @property
    def step(self) -> int:
        """Return the run's step when the episode ended; 0 if it is not known."""
        return int(self.facts.get("training", {}).get("step", 0))

    @property
    def total(self) -> float:
        """Return the episode's return."""
        return float(self.facts.get("return", 0.0))

    @property
    def metrics(self) -> dict[str, float]:
        """Return the finite figures of the episode; empty if it was not played to its end."""
        found = {str(name): float(value) for name, value in self.facts.get("metrics", {}).items()}
        return {name: value for name, value in found.items() if math.isfinite(value)}

    @property
    def course(self) -> str:
        """Return the course that was driven; "" if the game has no courses."""
        return str(self.facts.get("setup", {}).get("course", ""))


class Skipped(NamedTuple):
    """A file that is not played, and why."""

    path: Path
    why: str


def find(paths: Iterable[Path]) -> tuple[list[Replay], list[Skipped]]:
    """Return all movies in files and folders, ordered by step, and those with an invalid JSON file.

    Raises:
        BadInputError: a path does not exist.
    """
    replays, skipped = [], []
    for file in movies_in(paths):
        try:
            replays.append(Replay(file, read_facts(file)))
        except MovieError as error:
            skipped.append(Skipped(file, str(error)))
    replays.sort(key=lambda replay: (replay.step, replay.path.name))
    return replays, skipped


def choose(
    replays: Sequence[Replay], best: int | None = None, since: datetime | None = None, course: str | None = None
) -> list[Replay]:
    """Return the replays on `course` since `since`, in their order; with `best`, only that number with the highest
    returns."""
    chosen = [replay for replay in replays if course is None or replay.course == course]
    if since is not None:
        chosen = [replay for replay in chosen if (at := recorded(replay)) is not None and at >= since]
    if best is not None:
        known = [replay for replay in chosen if replay.facts]
        chosen = sorted(known, key=lambda replay: replay.total, reverse=True)[:best]
    return chosen


def stages(replays: Sequence[Replay], count: int) -> list[Replay]:
    """Divide the run's steps into `count` equal stages; return the replay with the median return of each."""
    known = sorted((replay for replay in replays if replay.facts), key=lambda replay: replay.step)
    if len(known) <= count:
        return known
    first, last = known[0].step, known[-1].step
    parts: dict[int, list[Replay]] = {}
    for replay in known:
        parts.setdefault(min(count - 1, (replay.step - first) * count // max(1, last - first)), []).append(replay)
    return [sorted(part, key=lambda replay: replay.total)[len(part) // 2] for _, part in sorted(parts.items())]


def recorded(replay: Replay) -> datetime | None:
    """Return when an episode was recorded; None if its JSON file does not say."""
    try:
        return datetime.fromisoformat(replay.facts["recorded"]).astimezone()  # local time if no time zone is given
    except (KeyError, ValueError, OverflowError, OSError):  # the last two: a year that the system's clock cannot hold
        return None


def moment(text: str) -> datetime:
    """Parse a date, a date with a time, or a duration before now.

    Raises:
        BadInputError: the text is none of these.
    """
    now = datetime.now().astimezone()
    if match := re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text):
        return now - timedelta(**{UNITS[match[2]]: float(match[1])})
    try:
        return datetime.fromisoformat(text).astimezone()  # local time if no time zone is given
    except ValueError:
        raise BadInputError(
            f"--since: found {text!r}, expected a duration such as 30m, 2h or 3d, or a date such as 2026-11-21 or "
            "2026-11-21T14:30"
        ) from None

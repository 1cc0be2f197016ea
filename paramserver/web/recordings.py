"""The recordings in a run's folder: replays/worker-K/NAME.m64 with NAME.json, and videos/NAME.mp4.

Workers write these files. They may be broken, or made to harm, and there may be many of them.
"""

import heapq
import os
import sys
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from a3c64.files import read_json

LISTED = 24  # number of newest replays, of best replays and of videos
MAX_FACTS = 4 << 20  # bytes of a .json; a recording of one hour has 0.3 million
MAX_FILES = 1 << 20  # names read of a folder
MAX_FOLDERS = 4096
MAX_FIGURES, MAX_NAME = 64, 64  # figures of a replay, characters of a name
MAX_INT = 2**53  # JavaScript's integers are exact up to this
READ_S = 3.0  # longest time to read new files in one call; the next call reads on


class Replay(NamedTuple):
    """The facts of a recording that the page shows."""

    recorded: str  # ISO 8601
    second: float  # the same in seconds since 1970
    ret: float | None  # return; None if the episode has none
    figures: dict[str, float]
    seconds: float  # of game time
    worker: str
    step: int | None  # of the run
    bytes: int  # of both files


class Known(NamedTuple):
    """What is known of a .json file. It is read again only if `stamp` changes."""

    stamp: tuple[int, int]  # time of modification in ns, size
    replay: Replay | None  # None if it is broken


class Recordings:
    """A list of a run's recordings, which reads each file once. Not for several threads at a time.

    Args:
        run_dir: the run's folder.
    """

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._folders: dict[str, dict[str, Known]] = {}  # name of a folder -> name of a .json without suffix

    def listed(self) -> dict[str, Any]:
        """Return the newest and the best replays, their number, and the videos. Broken recordings are left out.

        If reading the new files takes longer than READ_S, the other ones are missing until the next call.
        """
        replays = self._run_dir / "replays"
        deadline = time.monotonic() + READ_S
        self._folders = {
            entry.name: _known(Path(entry.path), self._folders.get(entry.name, {}), deadline)
            for entry in _scan(replays, MAX_FOLDERS)
            if entry.is_dir(follow_symlinks=False)
        }
        found = [
            (replay, folder, name)
            for folder, files in self._folders.items()
            for name, (_, replay) in files.items()
            if replay is not None
        ]
        newest = heapq.nlargest(LISTED, found, key=lambda one: one[0].second)
        best = heapq.nlargest(
            LISTED, (one for one in found if one[0].ret is not None), key=lambda one: one[0].ret or 0.0
        )
        shown = {"newest": [_shown(*one) for one in newest], "best": [_shown(*one) for one in best]}
        return {"count": len(found), **shown, "videos": self._videos()}

    def _videos(self) -> list[dict[str, Any]]:
        try:
            paths = list(islice((self._run_dir / "videos").glob("**/*.mp4"), MAX_FOLDERS))
        except OSError:
            return []
        videos = [one for path in paths if (one := self._video(path))]
        return heapq.nlargest(LISTED, videos, key=lambda one: one["modified"])

    def _video(self, path: Path) -> dict[str, Any] | None:
        file = path.relative_to(self._run_dir).as_posix()
        try:
            status = path.stat()
        except OSError:  # it was deleted
            return None
        shown = {"file": file, "bytes": status.st_size, "modified": status.st_mtime}
        return shown if file.isprintable() else None


def _scan(folder: Path, most: int) -> list[os.DirEntry[str]]:
    """Return at most `most` entries of a folder whose names a URL can have. An unreadable folder is empty."""
    try:
        with os.scandir(folder) as entries:
            return [one for one in islice(entries, most) if one.name.isprintable() and not one.name.startswith(".")]
    except OSError:
        return []


def _known(folder: Path, before: dict[str, Known], deadline: float) -> dict[str, Known]:
    """Return what is known of a folder's .json files that stand beside a movie, after reading new and changed ones."""
    entries = _scan(folder, MAX_FILES)
    movies = {entry.name.removesuffix(".m64") for entry in entries if entry.name.endswith(".m64")}
    after = {}
    for entry in entries:
        name = entry.name.removesuffix(".json")
        if not entry.name.endswith(".json") or name not in movies:
            continue
        try:
            status = entry.stat(follow_symlinks=False)
            stamp = (status.st_mtime_ns, status.st_size)
            known = before.get(name)
            if known is None or known.stamp != stamp:
                if time.monotonic() > deadline:
                    continue
                known = Known(stamp, _replay(folder, name) if entry.is_file(follow_symlinks=False) else None)
            after[name] = known
        except OSError:  # it was deleted
            continue
    return after


def _replay(folder: Path, name: str) -> Replay | None:
    """Read a recording; return None if it is broken.

    Raises:
        OSError: it was deleted.
    """
    path = folder / f"{name}.json"
    size = path.stat().st_size + (folder / f"{name}.m64").stat().st_size
    try:
        facts = read_json(path, MAX_FACTS)
        training = facts.get("training")
        training = training if isinstance(training, dict) else {}
        worker, step = training.get("worker"), training.get("step")
        recorded = datetime.fromisoformat(facts["recorded"])
        return Replay(
            recorded=facts["recorded"],
            second=(recorded if recorded.tzinfo else recorded.replace(tzinfo=UTC)).timestamp(),
            ret=None if facts["return"] is None else _number(facts["return"]),
            figures=_figures(facts.get("metrics")),
            seconds=_number(facts["steps"])
            * _number(facts.get("frameskip", 1))
            / (50.0 if facts.get("vis_per_second") == 50 else 60.0),
            worker=str(worker) if _whole(worker) else folder.name.removeprefix("worker-"),
            step=step if _whole(step) else None,
            bytes=size,
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None


def _figures(metrics: Any) -> dict[str, float]:
    """Return the first MAX_FIGURES metrics with a finite value."""
    figures = {}
    for name, value in islice(metrics.items(), MAX_FIGURES) if isinstance(metrics, dict) else ():
        try:
            figures[sys.intern(name[:MAX_NAME])] = _number(value)  # thousands of replays share the names
        except (ValueError, OverflowError):
            continue
    return figures


def _number(value: Any) -> float:
    """Return a finite number as a float.

    Raises:
        ValueError, OverflowError: it is not one.
    """
    if not isinstance(value, int | float) or not abs(number := float(value)) <= MAX_INT:
        raise ValueError(f"must be a number, found {value!r:.40}")
    return number


def _whole(value: Any) -> bool:
    return isinstance(value, int) and 0 <= value <= MAX_INT


def _shown(replay: Replay, folder: str, name: str) -> dict[str, Any]:
    """Return a replay's entry in the list."""
    path = f"replays/{folder}/{name}"
    return {
        "movie": f"{path}.m64",
        "facts": f"{path}.json",
        "bytes": replay.bytes,
        "recorded": replay.recorded,
        "return": replay.ret,
        "figures": replay.figures,
        "seconds": replay.seconds,
        "worker": replay.worker,
        "step": replay.step,
    }

"""One worker's replays on disk. Over the size limit, it keeps the best, the newest and an even selection of the rest.

A worker changes only its own folder. All folders get equal shares of the limit.
"""

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from n64gym import TEMPORARY

BLOCK = 4096  # bytes that a file takes at least, on most file systems
TENTH = 0.1  # share of replays kept as the best, and again as the newest; also the share of room to free at once


class StoredReplay(NamedTuple):
    """A movie and its JSON."""

    path: Path  # of the movie
    size: int  # bytes on disk
    step: int  # of the run, when the episode ended
    total: float  # return


class ReplayFolder:
    """Keeps the replays of one folder within its share of the limit.

    Args:
        path: the folder worker-K. It is created if missing, and unfinished files of a dead process are removed.
        limit: bytes, for the folders of all workers together.

    Raises:
        OSError: the folder cannot be created or read.
    """

    def __init__(self, path: Path, limit: int) -> None:
        self.path = path
        self._limit = limit
        path.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        self.replays = [_known(movie) for movie in sorted(path.glob("*.m64"))]  # oldest first: names begin with a time
        self._size = sum(replay.size for replay in self.replays)

    def add(self, path: Path, facts: dict[str, Any]) -> None:
        """Add a replay, and delete some if the folder is over its share."""
        self.replays.append(_replay(path, facts))
        self._size += self.replays[-1].size
        share = self._limit // max(1, sum(1 for _ in self.path.parent.glob("worker-*")))
        if self._size <= share:
            return
        gone = surplus(self.replays, self._size - int((1 - TENTH) * share))
        for replay in gone:
            # The movie first: a movie without JSON would look like one from elsewhere. `_sweep` removes JSON alone.
            replay.path.unlink(missing_ok=True)
            replay.path.with_suffix(".json").unlink(missing_ok=True)
        paths = {replay.path for replay in gone}
        self.replays = [replay for replay in self.replays if replay.path not in paths]
        self._size -= sum(replay.size for replay in gone)


def surplus(replays: list[StoredReplay], size: int) -> list[StoredReplay]:
    """Return which of `replays` (oldest first) to delete to free `size` bytes.

    Replays whose neighbours are closest in the run's steps go first, so that the rest is spread evenly over the run.
    If that is not enough, the best and the newest go too, oldest first. This happens when the share is small.
    """
    tenth = math.ceil(TENTH * len(replays))
    best = sorted(replays, key=lambda replay: replay.total)[-tenth:]
    protected = {replay.path for replay in [*best, *replays[-tenth:]]}
    others = sorted((replay for replay in replays if replay.path not in protected), key=lambda replay: replay.step)
    steps = np.array([replay.step for replay in others])
    gone: list[StoredReplay] = []
    while size > 0 and others:
        # Distance between the two neighbours of each replay, in steps. The first and the last replay are deleted last.
        apart = np.full(len(others), np.iinfo(np.int64).max)
        apart[1:-1] = steps[2:] - steps[:-2]
        at = int(apart.argmin())
        steps = np.delete(steps, at)
        gone.append(others.pop(at))
        size -= gone[-1].size
    for replay in replays:
        if size > 0 and replay.path in protected:
            gone.append(replay)
            size -= replay.size
    return gone


def _replay(path: Path, facts: dict[str, Any]) -> StoredReplay:
    blocks = sum(math.ceil(file.stat().st_size / BLOCK) for file in (path, path.with_suffix(".json")) if file.exists())
    return StoredReplay(path, BLOCK * blocks, int(facts["training"]["step"]), float(facts["return"]))


def _known(path: Path) -> StoredReplay:
    """Return a replay of an earlier process. Without a readable JSON it gets step 0 and return -inf."""
    try:
        return _replay(path, json.loads(path.with_suffix(".json").read_bytes()))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError, OSError):
        return _replay(path, {"training": {"step": 0}, "return": -math.inf})


def _sweep(path: Path) -> None:
    """Remove half-written files, and JSON whose movie was never written."""
    for file in path.iterdir():
        orphan = file.suffix == ".json" and not file.with_suffix(".m64").exists()
        if orphan or file.name.startswith(TEMPORARY):
            file.unlink(missing_ok=True)

"""One worker's replays on disk, and which of them go when they take too much: the best, the newest and every N-th stay.

A worker touches its own folder alone. Its share of what all may take is one of as many parts as there are folders.
"""

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from n64gym import TEMPORARY

BLOCK = 4096  # bytes that a file takes at least, on most file systems
TENTH = 0.1  # of the episodes are kept as the best, as many as the newest; and this much room is made at once


class Replay(NamedTuple):
    """A movie and its JSON."""

    path: Path  # of the movie
    size: int  # bytes of disk
    step: int  # of the run, when it ended
    total: float  # return


class ReplayFolder:
    """Keeps the replays of one folder within its share.

    Args:
        path: worker-K; it is made, and what a process that died left unfinished is swept out.
        limit: bytes that all workers' folders may take together.

    Raises:
        OSError: it cannot be made or read.
    """

    def __init__(self, path: Path, limit: int) -> None:
        self.path = path
        self._limit = limit
        path.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        self.replays = [_known(movie) for movie in sorted(path.glob("*.m64"))]  # the oldest first, by their names
        self._size = sum(replay.size for replay in self.replays)

    def add(self, path: Path, facts: dict[str, Any]) -> None:
        """Count another replay, and delete some if they are too many."""
        self.replays.append(_replay(path, facts))
        self._size += self.replays[-1].size
        share = self._limit // max(1, sum(1 for _ in self.path.parent.glob("worker-*")))
        if self._size <= share:
            return
        gone = surplus(self.replays, self._size - int((1 - TENTH) * share))
        for replay in gone:
            # The movie first: without its JSON it would be one from elsewhere.
            replay.path.unlink(missing_ok=True)
            replay.path.with_suffix(".json").unlink(missing_ok=True)
        paths = {replay.path for replay in gone}
        self.replays = [replay for replay in self.replays if replay.path not in paths]
        self._size -= sum(replay.size for replay in gone)


def surplus(replays: list[Replay], size: int) -> list[Replay]:
    """Return what to delete of `replays`, the oldest first, to gain `size` bytes.

    First those that stand closest to their neighbours in the run's steps, so that what stays is spread evenly over the
    run; then, which small shares come to, the newest and the best.
    """
    tenth = math.ceil(TENTH * len(replays))
    best = sorted(replays, key=lambda replay: replay.total)[-tenth:]
    kept = {replay.path for replay in [*best, *replays[-tenth:]]}
    others = sorted((replay for replay in replays if replay.path not in kept), key=lambda replay: replay.step)
    steps = np.array([replay.step for replay in others])
    gone: list[Replay] = []
    while size > 0 and others:
        # How far apart the neighbours of each are; the first and the last stay longest.
        apart = np.full(len(others), np.iinfo(np.int64).max)
        apart[1:-1] = steps[2:] - steps[:-2]
        at = int(apart.argmin())
        steps = np.delete(steps, at)
        gone.append(others.pop(at))
        size -= gone[-1].size
    for replay in replays:
        if size > 0 and replay.path in kept:
            gone.append(replay)
            size -= replay.size
    return gone


def _replay(path: Path, facts: dict[str, Any]) -> Replay:
    blocks = sum(math.ceil(file.stat().st_size / BLOCK) for file in (path, path.with_suffix(".json")) if file.exists())
    return Replay(path, BLOCK * blocks, int(facts["training"]["step"]), float(facts["return"]))


def _known(path: Path) -> Replay:
    """Return a replay of an earlier process; one without a readable JSON is the first to go."""
    try:
        return _replay(path, json.loads(path.with_suffix(".json").read_bytes()))
    except (ValueError, KeyError, TypeError, FileNotFoundError):
        return _replay(path, {"training": {"step": 0}, "return": -math.inf})


def _sweep(path: Path) -> None:
    """Remove half-written files, and JSON whose movie was never written."""
    for file in path.iterdir():
        orphan = file.suffix == ".json" and not file.with_suffix(".m64").exists()
        if orphan or file.name.startswith(TEMPORARY):
            file.unlink(missing_ok=True)

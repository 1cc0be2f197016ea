"""The recordings in a run's folder: replays/worker-K/NAME.m64 with NAME.json, and videos/NAME.mp4."""

import json
import math
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

LISTED = 24  # number of newest replays, of best replays and of videos
MAX_FACTS = 4 << 20  # bytes of a .json; a recording of one hour has 0.3 million


def recordings(run_dir: Path) -> dict[str, Any]:
    """Return the newest and the best replays, their number, and the videos. Broken recordings are left out."""
    found = [one for path in _files(run_dir / "replays", "*/*.m64") if (one := _replay(run_dir, path))]
    newest = sorted(found, key=lambda one: one["recorded"], reverse=True)[:LISTED]
    scored = [one for one in found if one["return"] is not None]
    best = sorted(scored, key=lambda one: one["return"], reverse=True)[:LISTED]
    videos = [one for path in _files(run_dir / "videos", "**/*.mp4") if (one := _video(run_dir, path))]
    videos.sort(key=lambda one: one["modified"], reverse=True)
    return {"count": len(found), "newest": newest, "best": best, "videos": videos[:LISTED]}


def _files(folder: Path, pattern: str) -> Iterator[Path]:
    try:
        yield from folder.glob(pattern)
    except OSError:  # a worker is deleting files
        return


def _replay(run_dir: Path, movie: Path) -> dict[str, Any] | None:
    """Return a replay's entry in the list, or None if it was deleted or is not a replay."""
    path = movie.with_suffix(".json")
    try:
        status = path.stat()
        if status.st_size > MAX_FACTS:
            return None
        facts = _facts(path, status.st_mtime_ns)
        size = movie.stat().st_size + status.st_size
    except OSError:
        return None
    if facts is None:
        return None
    folder = movie.relative_to(run_dir).as_posix()
    return {"movie": folder, "facts": folder.removesuffix(".m64") + ".json", "bytes": size, **facts}


@lru_cache(8192)
def _facts(path: Path, modified: int) -> dict[str, Any] | None:
    """Return the facts of a recording that the page shows. Cached until the file changes."""
    try:
        raw = json.loads(path.read_bytes())
        training = raw.get("training") or {}
        metrics = {str(name): float(value) for name, value in (raw.get("metrics") or {}).items()}
        worker = training.get("worker")
        return {
            "recorded": str(raw["recorded"]),
            "return": None if raw["return"] is None else float(raw["return"]),
            "figures": {name: value for name, value in metrics.items() if math.isfinite(value)},
            "seconds": float(raw["steps"]) * float(raw.get("frameskip", 1)) / 60.0,
            "ended": str(raw.get("ended", "")),
            "worker": path.parent.name.removeprefix("worker-") if worker is None else str(worker),
            "step": training.get("step") if isinstance(training.get("step"), int) else None,
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _video(run_dir: Path, path: Path) -> dict[str, Any] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return {"file": path.relative_to(run_dir).as_posix(), "bytes": status.st_size, "modified": status.st_mtime}

"""Sends a run's scalars to an experiment tracker, in a process of its own: its library may be slow, hang or crash.

The process reads TensorBoard's files in the run's folder. What the tracker does not take now is sent later, also after
a restart. The server reads how it goes from the file of TrackingState.
"""

import fcntl
import logging
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from a3c64 import logs
from a3c64.event_records import events
from a3c64.files import printable, read_json, write_whole
from a3c64.paramserver.outside.trackers import TRACKERS, Point, Tracker
from a3c64.processes import StopEvent, stop_on_signals

log = logging.getLogger("a3c64.tracker")  # this module is __main__ in its process

LOOK_S = 2.0
RETRY_S = 5.0  # after a failure; doubles up to RETRY_MAX_S
RETRY_MAX_S = 300.0
BATCH = 50  # points that are sent at once
MAX_STATE = 1 << 16  # bytes
MAX_ERROR = 300  # characters


class TrackingState(BaseModel):
    """What is known of a run in a tracker, in tracking-LIBRARY.json of the run's folder."""

    run: str = ""  # the tracker's id of the run; "" before it has begun
    file: str = ""  # TensorBoard's file that was sent last
    offset: int = 0  # bytes of it that are sent
    failures: int = 0  # so far
    error: str = ""  # of the last try; "" = it succeeded

    @classmethod
    def path(cls, run_dir: Path, library: str) -> Path:
        """Return the file's path."""
        return run_dir / f"tracking-{library}.json"

    @classmethod
    def read(cls, run_dir: Path, library: str) -> "TrackingState":
        """Return the file's content; the default if there is none, or if it is damaged."""
        with suppress(OSError, ValueError):
            return cls.model_validate(read_json(cls.path(run_dir, library), MAX_STATE))
        return cls()

    def write(self, run_dir: Path, library: str) -> None:
        """Write the file. On a full disk, points may be sent again later."""
        with suppress(OSError):
            write_whole(self.path(run_dir, library), self.model_dump_json().encode(), sync=False)


class Follower:
    """Sends the points of a run's TensorBoard files to a tracker.

    Args:
        run_dir: the run's folder.
        library: name of the tracker.
        project: the tracker's project, for a new run.
    """

    def __init__(self, run_dir: Path, library: str, project: str) -> None:
        self._run_dir, self._library, self._project = run_dir, library, project
        self._state = TrackingState.read(run_dir, library)
        self._tracker: Tracker | None = None

    def follow(self, stop: StopEvent) -> None:
        """Send points until `stop` is set, and then what is left."""
        retry_s = RETRY_S
        while True:
            last = stop.is_set()
            try:
                self._send()
                if last and self._tracker:
                    self._tracker.end()
                retry_s, wait_s = RETRY_S, LOOK_S
                self._note(error="")
            except Exception as error:  # the library may raise anything
                log.warning("%r", error)
                said = " ".join(f"{type(error).__name__}: {error}".split())[:MAX_ERROR]
                self._note(error=said, failures=self._state.failures + 1)
                retry_s, wait_s = min(2.0 * retry_s, RETRY_MAX_S), retry_s
            if last:
                return
            stop.wait(wait_s)

    def _send(self) -> None:
        if self._tracker is None:
            tracker = TRACKERS[self._library](self._project, self._run_dir)
            name = printable(self._run_dir.resolve().name)
            self._note(run=tracker.begin(self._state.run, name, self._settings()))
            self._tracker = tracker
        batch: list[Point] = []
        at = self._state.file, self._state.offset
        for point, at in self._points():
            batch.append(point)
            if len(batch) == BATCH:
                self._log(batch, *at)
                batch = []
        if batch:
            self._log(batch, *at)

    def _log(self, batch: list[Point], file: str, offset: int) -> None:
        assert self._tracker is not None
        self._tracker.log(batch)
        self._note(file=file, offset=offset, error="")

    def _points(self) -> Iterator[tuple[Point, tuple[str, int]]]:
        """Yield the points that are not sent yet, each with the file and the offset after it."""
        for path in sorted((self._run_dir / "tensorboard").glob("*tfevents*")):
            if path.name < self._state.file:
                continue
            for event, offset in events(path, self._state.offset if path.name == self._state.file else 0):
                numbers = {one.tag: one.simple_value for one in event.summary.value if one.HasField("simple_value")}
                if numbers:
                    yield Point(event.step, event.wall_time, numbers), (path.name, offset)

    def _settings(self) -> dict[str, Any]:
        """Return the run's hyperparameters."""
        try:
            found = read_json(self._run_dir / "config.json", MAX_STATE)
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _note(self, **changes: Any) -> None:
        changed = self._state.model_copy(update=changes)
        if changed != self._state:
            self._state = changed
            changed.write(self._run_dir, self._library)


def main() -> int:
    """Follow the run of the arguments until asked to stop: folder, library, project."""
    run_dir, (library, project) = Path(sys.argv[1]), sys.argv[2:]
    stop = stop_on_signals()
    logs.configure("tracker")
    with (run_dir / f"tracking-{library}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until the process of a killed server has ended, or there would be two runs
        Follower(run_dir, library, project).follow(stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())

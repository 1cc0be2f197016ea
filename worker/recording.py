"""Record every episode of an N64 game in the run's folder: replays/worker-K/NAME.m64 and NAME.json."""

import logging
from pathlib import Path
from typing import Any

import gymnasium as gym

from a3c64.wire.client import Client
from a3c64.worker.replay_folder import ReplayFolder
from n64gym import M64, N64Env, RecordMovie

log = logging.getLogger(__name__)


class Recorder:
    """Wraps a worker's environments so that their episodes are recorded.

    Args:
        run_dir: the run's folder.
        limit: bytes, for the replays of all workers together; 0 = record nothing.
        client: has the worker's index and the run's newest step.
    """

    def __init__(self, run_dir: Path, limit: int, client: Client) -> None:
        self._client = client
        self._limit = limit
        self._failing = False
        self._folder = run_dir / "replays" / f"worker-{client.index}"
        self._replays: ReplayFolder | None = None  # made for the first environment that can be recorded

    def __call__(self, env: gym.Env) -> gym.Env:
        """Return the environment in a recorder, or unchanged if it is not an N64 game or nothing can be saved."""
        if not self._limit or not isinstance(env.unwrapped, N64Env):
            return env
        try:
            self._replays = self._replays or ReplayFolder(self._folder, self._limit)
        except OSError as error:
            self.failed(error)
            return env
        return TrainingMovie(env, self._folder, self)

    def training(self) -> dict[str, int]:
        """Return step and version of the run at the last exchange with the server, and the worker's index."""
        newest = self._client.newest
        step, version = (newest.step, newest.version) if newest else (0, 0)
        return {"step": step, "version": version, "worker": self._client.index}

    def wrote(self, path: Path, facts: dict[str, Any]) -> None:
        """Add a movie to the folder, which deletes others if it is over its limit."""
        assert self._replays is not None
        self._replays.add(path, facts)
        if self._failing:
            log.info("replays can be written again: %s", path)
        self._failing = False

    def failed(self, error: OSError) -> None:
        """Log once that no replay can be written. Training continues."""
        if not self._failing:
            log.warning("no replay can be written to %s: %s; training goes on", self._folder, error.strerror)
        self._failing = True


class TrainingMovie(RecordMovie):
    """Records movies whose JSON has the step and version of the run."""

    def __init__(self, env: gym.Env, folder: Path, recorder: Recorder) -> None:
        super().__init__(env, folder)
        self._recorder = recorder

    def save(self, path: Path, movie: M64, facts: dict[str, Any]) -> None:
        """Write an episode. If that fails, log it and continue."""
        facts["training"] = self._recorder.training()
        try:
            super().save(path, movie, facts)
            self._recorder.wrote(path, facts)
        except OSError as error:
            self._recorder.failed(error)

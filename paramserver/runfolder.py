"""A run's folder: config.json, command.txt, checkpoints/, tensorboard/."""

import json
import shlex
import sys
import time
from pathlib import Path

from agent import checkpoint
from agent.checkpoint import Snapshot
from agent.config import BadInputError, Hyperparameters


class RunFolder:
    """Where a run lives on disk.

    Raises:
        BadInputError: the folder cannot be made or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = path / "checkpoints"
        self.tensorboard = path / "tensorboard"
        self._failing = False
        try:
            for folder in (self.checkpoints, self.tensorboard):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInputError(f"A3C64_RUN_DIR: {path} cannot be used: {error.strerror}") from None

    def resume(self) -> Snapshot | None:
        """Return the newest whole checkpoint."""
        return checkpoint.newest(self.checkpoints)

    def describe(self, hyperparameters: Hyperparameters) -> None:
        """Write down what this run is and how it was started."""
        try:
            (self.path / "config.json").write_text(json.dumps(hyperparameters.model_dump(), indent=2) + "\n")
            with (self.path / "command.txt").open("a") as file:
                file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {shlex.join(sys.argv)}\n")
        except OSError as error:
            print(f"{self.path}: {error.strerror}, training goes on", flush=True)

    def save(self, snapshot: Snapshot) -> bool:
        """Write a checkpoint; a failure is said once, and the next try is the next checkpoint."""
        try:
            path = checkpoint.save(self.checkpoints, snapshot)
        except OSError as error:
            if not self._failing:
                print(
                    f"no checkpoint could be written to {self.checkpoints}: {error.strerror}; "
                    "older ones are intact, training goes on and will try again",
                    flush=True,
                )
            self._failing = True
            return False
        if self._failing:
            print(f"checkpoints can be written again: {path.name}", flush=True)
        self._failing = False
        return True

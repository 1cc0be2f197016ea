"""A run's folder: config.json, command.txt, evaluation.json, server.json, checkpoints/, best/, tensorboard/."""

import json
import logging
import shlex
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from a3c64.config import BadInputError, Hyperparameters
from a3c64.files import write_whole
from a3c64.paramserver.evaluations import Evaluations
from a3c64.policy import checkpoint
from a3c64.policy.checkpoint import Snapshot
from a3c64.wire import server_file
from a3c64.wire.report import Evaluation

log = logging.getLogger(__name__)


class RunFolder:
    """Where a run lives on disk.

    Raises:
        BadInputError: the folder cannot be made or written.
    """

    def __init__(self, path: Path, keep: int) -> None:
        self.path = path
        self.checkpoints = path / "checkpoints"
        self._keep = keep  # so many checkpoints
        self._best = path / checkpoint.BEST
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

    def announce(self, server: server_file.ServerFile) -> None:
        """Write down where this run's server listens, for commands that are given the run's folder."""
        try:
            server_file.write(self.path, server)
        except OSError as error:
            log.warning("%s: %s, training goes on", self.path / server_file.NAME, error.strerror)

    def withdraw(self) -> None:
        """Remove what `announce` wrote: the server ends."""
        server_file.remove(self.path)

    def describe(self, hyperparameters: Hyperparameters) -> bool:
        """Write down what this run is and how it was started; say whether either is new."""
        config, commands = self.path / "config.json", self.path / "command.txt"
        text, command = json.dumps(hyperparameters.model_dump(), indent=2) + "\n", self.command()
        changed = True
        try:
            if config.exists() and commands.exists():
                before = commands.read_text(errors="replace").rstrip("\n")
                changed = config.read_text(errors="replace") != text or not before.endswith(f" {command}")
            write_whole(config, text.encode())
            with commands.open("a") as file:
                file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {command}\n")
        except OSError as error:
            log.warning("%s: %s, training goes on", self.path, error.strerror)
        return changed

    @staticmethod
    def command() -> str:
        """Return how this process was started, on one line."""
        return " ".join(shlex.join(sys.argv).splitlines())

    def evaluations(self) -> Evaluations:
        """Return the evaluations of before."""
        best = checkpoint.newest(self._best)
        score = (best and best.score) or {}
        path = self.path / "evaluation.json"
        try:
            raw = json.loads(path.read_bytes()) if path.exists() else []
            earlier = [Evaluation.model_validate(one) for one in raw]
        except (OSError, ValueError, TypeError) as error:
            log.warning("%s is damaged and was set aside: %s", path, error)
            with suppress(OSError):
                path.replace(path.with_suffix(".damaged"))
            earlier = []
        return Evaluations(earlier, score.get("mean_reward"))

    def record(self, evaluations: Sequence[Evaluation]) -> None:
        """Write down all evaluations."""
        text = json.dumps([one.plain() for one in evaluations], indent=1) + "\n"
        try:
            write_whole(self.path / "evaluation.json", text.encode())
        except OSError as error:
            log.warning("%s: %s, training goes on", self.path, error.strerror)

    def save_best(self, snapshot: Snapshot) -> bool:
        """Keep weights that are better than those in best/."""
        return self._write(self._best, snapshot, keep=1)

    def save(self, snapshot: Snapshot) -> bool:
        """Write a checkpoint; a failure is said once, and the next try is the next checkpoint."""
        return self._write(self.checkpoints, snapshot, self._keep)

    def _write(self, folder: Path, snapshot: Snapshot, keep: int) -> bool:
        try:
            path = checkpoint.save(folder, snapshot, keep)
        except OSError as error:
            if not self._failing:
                log.warning(
                    "no checkpoint could be written to %s: %s; "
                    "older ones are intact, training goes on and will try again",
                    folder,
                    error.strerror,
                )
            self._failing = True
            return False
        if self._failing:
            log.info("checkpoints can be written again: %s", path.name)
        self._failing = False
        return True

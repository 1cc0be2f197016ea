"""A run's folder: config.json, changes.jsonl, command.txt, evaluation.json, checkpoints/, best/, tensorboard/."""

import json
import logging
import math
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from a3c64.config import BadInputError
from a3c64.files import append_line, read_json, read_regular, set_aside, write_whole
from a3c64.hyperparameters import Hyperparameters
from a3c64.paramserver.evaluations import Evaluations
from a3c64.policy import checkpoint
from a3c64.policy.checkpoint import Snapshot
from a3c64.policy.resume import CHANGES, CONFIG, MAX_CONFIG, Change
from a3c64.wire import server_file
from a3c64.wire.report import MAX_EVALUATION, Evaluation

log = logging.getLogger(__name__)

MAX_COMMANDS = 1 << 20  # bytes of command.txt; more is not read


class RunFolder:
    """The files of a run on disk.

    Raises:
        BadInputError: the folder cannot be created or written.
    """

    def __init__(self, path: Path, keep: int) -> None:
        self.path = path
        self.checkpoints = path / "checkpoints"
        self._keep = keep  # number of checkpoints
        self._best = path / checkpoint.BEST
        self.tensorboard = path / "tensorboard"
        self._failing = False
        self._unwritten_best: Snapshot | None = None
        self._unwritten_evaluations: Sequence[Evaluation] | None = None
        try:
            for folder in (self.checkpoints, self.tensorboard):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInputError(f"A3C64_RUN_DIR: {path} cannot be used: {error.strerror}") from None

    def resume(self) -> Snapshot | None:
        """Return the newest undamaged checkpoint, or the one in best/ if there is none; None for a new run."""
        snapshot = checkpoint.newest(self.checkpoints)
        if snapshot is None and (snapshot := checkpoint.newest(self._best)) is not None:
            log.warning("no checkpoint can be used: resuming from the best weights, of step %d", snapshot.step)
        return snapshot

    def announce(self, server: server_file.ServerFile) -> None:
        """Write the address of this run's server, for commands that get the run's folder."""
        try:
            server_file.write(self.path, server)
        except OSError as error:
            log.warning("%s cannot be written: %s; training goes on", self.path / server_file.NAME, error.strerror)

    def withdraw(self) -> None:
        """Remove the file of `announce`, because the server ends."""
        server_file.remove(self.path)

    def describe(
        self, hyperparameters: Hyperparameters, command: str, changes: Sequence[Change] = (), step: int = 0
    ) -> bool:
        """Write the run's hyperparameters and the user's command; return whether either is new.

        Args:
            hyperparameters: of the run from now on.
            command: that the user typed, one line.
            changes: of hyperparameters, made by this start.
            step: of the run.
        """
        config, commands = self.path / CONFIG, self.path / "command.txt"
        text, now = json.dumps(hyperparameters.model_dump(), indent=2) + "\n", time.strftime("%Y-%m-%d %H:%M:%S")
        new = True
        try:
            with suppress(OSError):
                before = read_regular(commands, MAX_COMMANDS).decode(errors="surrogateescape").rstrip("\n")
                new = read_regular(config, MAX_CONFIG) != text.encode() or not before.endswith(f" {command}")
            if changes:
                told = {change.name: [change.before, change.after] for change in changes}
                append_line(self.path / CHANGES, json.dumps({"time": now, "step": step, "changes": told}))
            write_whole(config, text.encode())
            append_line(commands, f"{now} {command}")
        except OSError as error:
            log.warning("%s cannot be written: %s; training goes on", self.path, error.strerror)
        return new

    def set_aside_scores(self, step: int) -> None:
        """Rename best/ and evaluation.json: from this step on, returns are not comparable with earlier ones."""
        moved = []
        for path in (self._best, self.path / "evaluation.json"):
            if path.exists():
                try:
                    moved.append(f"{path.name} as {set_aside(path, f'before-step-{step}').name}")
                except OSError as error:
                    log.warning("%s cannot be renamed: %s; training goes on", path, error.strerror)
        if moved:
            log.info(
                "returns mean something else now, so files of earlier scores are renamed: %s",
                ", ".join(moved),
            )

    def best(self) -> Snapshot | None:
        """Return the weights with the best evaluation; None if there are none, or if they are damaged."""
        return self._unwritten_best or checkpoint.newest(self._best)

    def evaluations(self) -> Evaluations:
        """Return the earlier evaluations of the run. A damaged file is renamed."""
        path = self.path / "evaluation.json"
        try:
            raw = read_json(path, MAX_EVALUATION, finite=True) if os.path.lexists(path) else []
            earlier = [Evaluation.of(one) for one in raw]
        except (OSError, ValueError, TypeError) as error:
            log.warning("%s is damaged and was set aside: %s", path, error)
            with suppress(OSError):
                set_aside(path, "damaged")
            earlier = []
        best = checkpoint.newest(self._best)
        return Evaluations(earlier, _score(best) if best else None)

    def record(self, evaluations: Sequence[Evaluation]) -> None:
        """Write all evaluations. If that fails, `catch_up` writes them later."""
        self._unwritten_evaluations = evaluations
        self.catch_up()

    def save_best(self, snapshot: Snapshot) -> None:
        """Replace the weights in best/ by better ones. If that fails, `catch_up` writes them later."""
        self._unwritten_best = snapshot
        self.catch_up()

    def catch_up(self) -> bool:
        """Write all that could not be written before, for example on a full disk; return whether all is written."""
        if self._unwritten_best is not None and self._write(self._best, self._unwritten_best, keep=1):
            self._unwritten_best = None
        if self._unwritten_evaluations is not None:
            text = json.dumps([one.plain() for one in self._unwritten_evaluations], indent=1) + "\n"
            try:
                write_whole(self.path / "evaluation.json", text.encode())
                self._unwritten_evaluations = None
            except OSError as error:
                log.warning("%s cannot be written: %s; training goes on", self.path / "evaluation.json", error.strerror)
        return self._unwritten_best is None and self._unwritten_evaluations is None

    def save(self, snapshot: Snapshot) -> bool:
        """Write a checkpoint; return whether that worked. Log a failure once; the next checkpoint is the retry."""
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


def _score(snapshot: Snapshot) -> Evaluation | None:
    """Return the evaluation of a checkpoint's weights; None if it has none, or a damaged one."""
    try:
        one = Evaluation.of(snapshot.score)
    except ValueError:
        return None
    return one if math.isfinite(one.mean_reward) else None

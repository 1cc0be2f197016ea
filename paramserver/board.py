"""TensorBoard as a child process: `python -m paramserver.board` runs it without TensorFlow, which saves 450 MB."""

import subprocess
import sys
import time
import types
from pathlib import Path

from agent.processes import end, spawn

BACKOFF_S = 2.0  # before the first restart; doubles up to
BACKOFF_MAX_S = 60.0
STABLE_S = 60.0  # a TensorBoard that ran this long starts the backoff anew


class Board:
    """Keeps TensorBoard running; when it dies, that is said and it is started again, and training never notices."""

    def __init__(self, logdir: Path, host: str, port: int) -> None:
        self._arguments = [
            "-m", "paramserver.board", "--logdir", str(logdir), "--host", host, "--port", str(port),
            "--reload_interval", "5",
        ]  # fmt: skip
        self._enabled = port != 0
        self._log = logdir.parent / "tensorboard.log"
        self._child: subprocess.Popen | None = None
        self._backoff = BACKOFF_S
        self._started = self._due = 0.0

    def tend(self) -> None:
        """Start it, or start it again; call it often."""
        now = time.monotonic()
        if not self._enabled:
            return
        if self._child is not None and self._child.poll() is not None:
            if now - self._started > STABLE_S:
                self._backoff = BACKOFF_S
            print(
                f"TensorBoard ended with code {self._child.returncode} (see {self._log}), "
                f"next try in {self._backoff:.0f} s; training goes on",
                flush=True,
            )
            self._child, self._due = None, now + self._backoff
            self._backoff = min(2.0 * self._backoff, BACKOFF_MAX_S)
        if self._child is None and now >= self._due:
            try:
                with self._log.open("wb") as log:
                    self._child = spawn(self._arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            except OSError as error:
                print(f"TensorBoard cannot be started, training goes on: {error}", flush=True)
                self._due = now + BACKOFF_MAX_S
            self._started = now

    def close(self) -> None:
        """End it."""
        if self._child is not None:
            end([self._child], grace_s=2.0)


def main() -> None:
    """Run TensorBoard with its own small stand-in for TensorFlow, as it does where TensorFlow is not installed."""
    sys.modules["tensorboard.compat.notf"] = types.ModuleType("tensorboard.compat.notf")
    from tensorboard.main import run_main

    run_main()


if __name__ == "__main__":
    main()

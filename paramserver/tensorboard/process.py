"""TensorBoard as a child process. It runs without TensorFlow, which saves 450 MB."""

import subprocess
import sys
import types
from pathlib import Path

from a3c64.processes import spawn
from a3c64.supervisor import Supervisor


class TensorBoardProcess:
    """Supervises TensorBoard. With port 0 it does nothing."""

    def __init__(self, logdir: Path, host: str, port: int) -> None:
        self._arguments = [
            "-m", "a3c64.paramserver.tensorboard.process", "--logdir", logdir.name, "--host", host, "--port", str(port),
            "--reload_interval", "5",
        ]  # fmt: skip
        self._folder = logdir.parent  # its working directory, because TensorBoard cannot read a path that is not UTF-8
        self._enabled = port != 0
        self._log = self._folder / "tensorboard.log"
        self._supervisor = Supervisor(f"TensorBoard (see {self._log})", self._launch)

    def tend(self) -> None:
        """Start TensorBoard, or restart it if that is due. Call this often."""
        if self._enabled:
            self._supervisor.tend()

    def close(self) -> None:
        """End TensorBoard."""
        self._supervisor.close(grace_s=2.0)

    def _launch(self) -> subprocess.Popen:
        with self._log.open("wb") as log:
            return spawn(self._arguments, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def main() -> None:
    """Run TensorBoard with its own small replacement for TensorFlow, as if TensorFlow were not installed."""
    sys.modules["tensorboard.compat.notf"] = types.ModuleType("tensorboard.compat.notf")
    from tensorboard.main import run_main

    run_main()


if __name__ == "__main__":
    main()

"""Train from a program or a notebook: `a3c64 train` as a child process, and a handle to follow and to stop it."""

import json
import signal
import socket
import threading
import time
from collections import deque
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, TimeoutExpired
from types import TracebackType
from typing import Any

from a3c64.api.playing import Policy, load
from a3c64.config import EXIT_BAD_INPUT, BadInputError, Settings, flag, nearest
from a3c64.processes import spawn
from a3c64.wire import server_file
from a3c64.wire.report import RunReport
from a3c64.wire.status import fetch

LOG_LINES = 1000  # the newest, which are kept
ANSWER_S = 2.0  # timeout of a status
START_S = 120.0  # longest wait for the run's server; a start takes a few seconds
STOP_S = 60.0  # timeout of a stop, which saves a checkpoint; it takes at most 10 s on an idle machine
LOOK_S = 0.2


class Training:
    """A run that trains in child processes. `train` makes it.

    The run ends with the program that started it, as after Ctrl-C: all is saved, and `train` continues it. In a `with`
    statement, it is stopped at the end.

    Attributes:
        run_dir: the run's folder.
    """

    def __init__(self, run_dir: Path, arguments: list[str]) -> None:
        self.run_dir = run_dir
        self._lines: deque[str] = deque(maxlen=LOG_LINES)
        self._child = spawn(["-m", "a3c64", "train", *arguments], stdin=DEVNULL, stdout=PIPE, stderr=STDOUT)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def running(self) -> bool:
        """Whether the run still trains."""
        return self._child.poll() is None

    @property
    def log(self) -> str:
        """The newest lines of the run's log."""
        return "\n".join(self._lines)

    def status(self) -> RunReport | None:
        """Return the run's steps, speed, returns and workers; None if its server does not answer."""
        server = server_file.read(self.run_dir) if self.running else None
        return None if server is None else fetch(server.address(self.run_dir), ANSWER_S)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the run ends by itself, at most `timeout_s` seconds. Return whether it has ended.

        Raises:
            BadInputError: it refused a setting.
            RuntimeError: it failed; the message is the end of its log.
        """
        try:
            code = self._child.wait(timeout_s)
        except TimeoutExpired:
            return False
        self._reader.join(STOP_S)
        if code == EXIT_BAD_INPUT:
            raise BadInputError(self._lines[-1] if self._lines else "the run refused its settings")
        if code:
            raise RuntimeError(f"the run in {self.run_dir} failed with code {code}:\n{self.log[-2000:]}")
        return True

    def stop(self) -> None:
        """Stop the run; its newest weights are saved. Do nothing if it has ended.

        Raises:
            RuntimeError: it did not end in time and was killed, or it failed.
        """
        if self.running:
            self._child.send_signal(signal.SIGTERM)
        if not self.wait(STOP_S):
            self._child.kill()
            raise RuntimeError(f"the run in {self.run_dir} did not end in {STOP_S:.0f} s and was killed:\n{self.log}")

    def newest(self) -> Policy:
        """Return the policy of the run's newest checkpoint.

        Raises:
            BadInputError: there is none yet.
        """
        return load(self.run_dir)

    def best(self) -> Policy:
        """Return the policy with the best greedy evaluation.

        Raises:
            BadInputError: there was no evaluation yet.
        """
        return load(self.run_dir, best=True)

    def __enter__(self) -> "Training":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _read(self) -> None:
        assert self._child.stdout is not None
        with self._child.stdout as lines:
            for line in lines:
                self._lines.append(line.decode(errors="replace").rstrip("\n"))


def train(env_id: str = "", run_dir: str | Path = "runs/default", **settings: Any) -> Training:
    """Begin to train, or continue the run in that folder, and return a handle. It does not wait for the end.

    Call it from the main thread: the run ends with the thread that started it. Unless you give ports, the run has no
    web page, no TensorBoard and no screens, and its server listens on any free port of this machine.

    Args:
        env_id: Gymnasium id of the environment; empty = that of the run's folder, or Open Kart.
        run_dir: the run's folder.
        settings: the settings of `a3c64 train`, such as workers=2, total_timesteps=100_000; docs/settings.md lists
            them. env_args may be a dict.

    Raises:
        BadInputError: a setting is unknown or its value is refused, or the environment cannot be made.
        RuntimeError: the run ended at once for another reason.
    """
    for name in settings:
        if name not in Settings.model_fields:
            hint = nearest(name, list(Settings.model_fields)) or "; docs/settings.md lists the settings"
            raise BadInputError(f"there is no setting {name!r}{hint}")
    chosen = {"bind": f"tcp://127.0.0.1:{_free_port()}", "web_port": 0, "tensorboard_port": 0} | settings
    if env_id:
        chosen["env_id"] = env_id
    arguments = []
    for name, value in (chosen | {"run_dir": run_dir}).items():
        arguments += [flag(name), _text(value)]
    training = Training(Path(run_dir), arguments)
    deadline = time.monotonic() + START_S
    try:
        while not training.wait(LOOK_S) and training.status() is None and time.monotonic() < deadline:
            pass
    except KeyboardInterrupt:  # there is no handle yet that could stop it
        training.stop()
        raise
    return training


def _text(value: Any) -> str:
    """Return a setting's value as a flag has it."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, dict) else str(value)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]

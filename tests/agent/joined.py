"""A run that listens for other machines, and the commands of a test on each of its machines."""

import json
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
from live import HERE, free_port, until
from machines import Machines

PATIENCE_S = 180.0
A3C64 = str(Path(sys.executable).with_name("a3c64"))


class Program:
    """A command of a3c64. Its output is in a file.

    Args:
        where: words before the command, of `Machines.on`.
        line: the command.
        folder: its working folder, for its temporary files too.
        name: of its log.
    """

    def __init__(self, where: list[str], line: str, folder: Path, name: str) -> None:
        self.log_file = folder / f"{name}.log"
        path = f"{Path(A3C64).parent}:/usr/sbin:/usr/bin:/sbin:/bin"
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [*where, *shlex.split(line)], cwd=folder, env={"PATH": path, "PYTHONPATH": str(HERE), "TMPDIR": folder},
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    @property
    def lines(self) -> list[str]:
        return self.log.splitlines()

    @property
    def printed(self) -> str | None:
        """The line to type on another machine, if it is printed."""
        assert self.process.poll() is None, self.log
        return next((line for line in self.lines if line.startswith("a3c64 worker --join ")), None)

    def workers(self) -> list[psutil.Process]:
        """Return the processes of its workers."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [one for one in children if "a3c64.worker" in _command(one)]

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()


class Joined:
    """A run on machine 0 with one local worker, and the programs on other machines.

    Args:
        machines: where they run.
        folder: for the run's folder and the logs.
        flags: further ones of `a3c64 train`.
    """

    def __init__(self, machines: Machines, folder: Path, flags: str = "") -> None:
        self._machines, self._folder = machines, folder
        self.run_dir, self.port = folder / "run", free_port()
        self._programs: list[Program] = []
        self.training = self.start(
            0,
            f"a3c64 train --listen --env-id tiny_env:TinyImage-v0 --workers 1 --bind tcp://127.0.0.1:{self.port} "
            f"--lstm-size 32 --envs-per-worker 1 --eval-interval 0 --tensorboard-port 0 --web-port {free_port()} "
            f"--run-dir {self.run_dir} {flags}",
            "train",
        )
        self.line = str(until(lambda: self.training.printed, PATIENCE_S, "the printed line"))

    def start(self, machine: int, line: str, name: str) -> Program:
        """Run a command on a machine."""
        self._programs.append(Program(self._machines.on(machine), line, self._folder, name))
        return self._programs[-1]

    def join(self, machine: int, name: str, line: str = "") -> Program:
        """Type the printed line, or another, on a machine."""
        return self.start(machine, f"{line or self.line} --workers 1", name)

    def worker(self, program: Program) -> psutil.Process:
        """Return a program's worker when it has taken steps."""
        (worker,) = until(program.workers, PATIENCE_S, f"a worker process of {program.log_file.name}")
        until(lambda: self.steps(worker), PATIENCE_S, f"steps of {program.log_file.name}")
        return worker

    def report(self) -> dict:
        """Return the server's report, from the file of the web page."""
        try:
            return json.loads((self.run_dir / "web" / "run.json").read_text())
        except FileNotFoundError:
            assert self.training.process.poll() is None, self.training.log
            return {"workers": [], "steps": 0}

    def entry(self, worker: psutil.Process) -> dict | None:
        """Return what the server knows about a worker process, or None."""
        name = f"{socket.gethostname()}:{worker.pid}"
        return next((one for one in self.report()["workers"] if one["name"] == name), None)

    def steps(self, worker: psutil.Process) -> int:
        """Return the steps of a worker since it joined last."""
        return (self.entry(worker) or {"steps": 0})["steps"]

    def goes_on(self, worker: psutil.Process) -> None:
        """Wait for further steps of a worker."""
        before = self.steps(worker)
        until(lambda: self.steps(worker) > before, PATIENCE_S, f"further steps of process {worker.pid}")

    def close(self) -> None:
        for program in reversed(self._programs):
            program.close()


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []

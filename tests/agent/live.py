"""Helpers for tests of real processes over real sockets: start a server and workers, and wait with a timeout."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from a3c64.wire.address import ServerAddress
from a3c64.wire.report import RunReport
from a3c64.wire.status import fetch

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SMALL = {  # a network that trains fast enough for a test
    "A3C64_ENV_ID": "tiny_env:TinyImage-v0",
    "A3C64_LSTM_SIZE": "32",
    "A3C64_ENVS_PER_WORKER": "4",
    "A3C64_T_MAX": "5",
    "A3C64_DISCOUNT": "0.5",
    "A3C64_STATUS_INTERVAL": "0.5",
    "A3C64_TENSORBOARD_PORT": "0",
    "A3C64_WEB_PORT": "0",
}


def need(program: str) -> None:
    """Skip the test if `program` is not installed; under CI=true, fail it."""
    if shutil.which(program) is None:
        message = f"{program} is not installed"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)


def need_ipv6() -> None:
    """Skip the test if there is no IPv6. Containers often have none."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback address")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def free_ports_in_a_row(count: int) -> int:
    """Return the first of `count` free ports. They are below 32768, so the kernel gives them to no other socket."""
    for _ in range(1000):
        first = random.randrange(15_000, 32_000)
        with suppress(OSError), ExitStack() as probes:
            for port in range(first, first + count):
                probes.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise AssertionError(f"there are no {count} free ports in a row")


def until(condition: Callable[[], object], timeout_s: float, what: str) -> object:
    """Wait until `condition` returns something true, and return that; after `timeout_s` fail with `what`."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {timeout_s} s")


def alive_descendants(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def still_running(processes: list[psutil.Process]) -> list[str]:
    left = []
    for process in processes:
        try:
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                left.append(" ".join(process.cmdline()))
        except psutil.NoSuchProcess:
            continue
    return left


class Stack:
    """The processes of one test; close() ends them all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run_dir = folder / "run"
        self.address = f"tcp://127.0.0.1:{free_port()}"
        self.encrypted = True
        self.processes: list[subprocess.Popen] = []
        self._logs: dict[int, Path] = {}

    @property
    def server(self) -> ServerAddress:
        """Return the address of the server, with the key that it has written."""
        return ServerAddress(self.address, self.run_dir / "keys" / "client" if self.encrypted else None)

    def environment(self, **settings: object) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("A3C64_")}
        own = {"A3C64_BIND": self.address, "A3C64_SERVER": self.address, "A3C64_RUN_DIR": str(self.run_dir)}
        own["A3C64_NO_ENCRYPTION"] = str(not self.encrypted)
        given = {f"A3C64_{name.upper()}": str(value) for name, value in settings.items()}
        folders = f"{HERE}:{HERE.parent / 'envs'}:{ROOT / 'env-image'}"
        return {**clean, "PYTHONPATH": folders, **SMALL, **own, **given}

    def start(self, *arguments: str, **settings: object) -> subprocess.Popen:
        """Start `python -m arguments...`; its output goes to a file that log() reads."""
        log = self.folder / f"{len(self.processes)}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=ROOT,
                env=self.environment(**settings),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        self._logs[process.pid] = log
        return process

    def log(self, process: subprocess.Popen) -> str:
        return self._logs[process.pid].read_text(errors="replace")

    def run(self, *arguments: str, timeout_s: float = 60.0, **settings: object) -> subprocess.CompletedProcess:
        """Run `python -m arguments...` to its end."""
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=self.environment(**settings),
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )

    def report(self) -> RunReport | None:
        return fetch(self.server, timeout_s=1.0)

    def wait_for(self, condition: Callable[[RunReport], object], timeout_s: float, what: str) -> RunReport:
        """Wait until `condition` holds for the server's report, and return the report."""

        def check() -> RunReport | None:
            report = self.report()
            return report if report is not None and condition(report) else None

        try:
            return until(check, timeout_s, what)  # type: ignore[return-value]
        except AssertionError:
            logs = "\n".join(
                f"--- {path.name}\n{path.read_text(errors='replace')[-2000:]}" for path in self._logs.values()
            )
            raise AssertionError(f"{what}: not within {timeout_s} s; report {self.report()}\n{logs}") from None

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


def get_json(url: str) -> object:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)

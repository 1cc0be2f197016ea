"""Other machines join the run of the containers by pasting a printed line, until they are locked out."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from neighbour import Neighbour
from stack import BUILD_S, START_S, Stack, run, wait_for

JOIN_S = 600  # TensorFlow starts three more times, beside the workers of the stack
pytestmark = [pytest.mark.docker, pytest.mark.timeout(BUILD_S + 3 * JOIN_S)]

BIN = Path(sys.executable).parent  # it has the a3c64 of this clone
IMAGE = ("--filter", "ancestor=a3c64-worker")


class Terminal:
    """A shell on another machine, into which one line was pasted."""

    def __init__(self, where: tuple[str, ...], line: str, folder: Path, log: str) -> None:
        self._log = folder / log
        clean = {name: value for name, value in os.environ.items() if not name.startswith("A3C64_")}
        with self._log.open("wb") as output:
            self._shell = subprocess.Popen(
                [*where, "sh"], cwd=folder, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True,
                env=clean | {"PATH": f"{BIN}:{os.environ['PATH']}", "TMPDIR": str(folder)},
            )  # fmt: skip
        assert self._shell.stdin
        self._shell.stdin.write(f"{line}\n".encode())  # not an argument, which the list of processes would show
        self._shell.stdin.close()

    @property
    def log(self) -> str:
        return self._log.read_text()

    def exit_code(self) -> int | None:
        """Return the exit code of the line, or None while it runs."""
        return self._shell.poll()

    def close(self) -> None:
        if self._shell.poll() is None:
            os.killpg(self._shell.pid, signal.SIGTERM)
        self._shell.wait()


@pytest.fixture
def terminals() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as opened:
        yield opened


def test_other_machines_join_by_the_printed_lines_until_revoke_locks_them_out(
    stack: Stack, neighbour: Neighbour, terminals: contextlib.ExitStack, tmp_path: Path
) -> None:
    neighbour.route()
    line = stack.printed[-1]
    secret = line.rpartition("/")[2]
    assert line.startswith("a3c64 worker --join a3c64://")
    assert "127.0.0.1" not in line
    for_docker = stack.make("join", "DOCKER=1")
    before = set(run("docker", "ps", "-q", *IMAGE).split())

    def open_terminal(where: tuple[str, ...], pasted: str, log: str) -> Terminal:
        terminal = Terminal(where, pasted, tmp_path, log)
        terminals.callback(terminal.close)
        return terminal

    one_core = ("taskset", "-c", "0")  # one worker
    native = open_terminal((*neighbour.inside, *one_core), line, "native.log")
    docker = open_terminal((), for_docker, "docker.log")
    [container] = wait_for("the container", lambda: set(run("docker", "ps", "-q", *IMAGE).split()) - before, START_S)
    terminals.callback(subprocess.run, ["docker", "rm", "-f", container], capture_output=True)

    def learn(host: str) -> bool:
        assert (native.exit_code(), docker.exit_code()) == (None, None), native.log + docker.log
        workers = stack.status().get("workers", [])
        return any(worker["name"].startswith(f"{host}:") and worker["steps"] for worker in workers)

    wait_for("steps of the container", lambda: learn(container), JOIN_S)
    wait_for("steps of the neighbour", lambda: learn(socket.gethostname()), JOIN_S)
    assert secret not in run("docker", "inspect", container, *stack.everything())
    assert secret not in run("docker", "top", container, "-eo", "pid,args")
    commands = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    clients = [command for command in commands if command.startswith("docker run ")]
    assert clients
    assert secret not in "".join(clients)

    new = stack.make("revoke")
    assert new.startswith("a3c64 worker --join ")
    assert new != line
    for terminal in (native, docker):
        wait_for("the end", lambda terminal=terminal: terminal.exit_code() is not None, START_S)
        assert terminal.exit_code() == 2, terminal.log
        assert "refuses the key" in terminal.log
    stack.wait_for_training(2, START_S)
    assert secret not in stack.logs() + native.log + docker.log

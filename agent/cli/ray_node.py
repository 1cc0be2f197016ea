"""The Ray task that runs one worker on a node of a Ray cluster.

Ray gets this module by value, so that a node without a3c64 can say so. At its top it imports the standard library only.
"""

import os
import select
import socket
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

EXIT_BAD_INPUT = 2  # as in config.py
GRACE_S = 4.0  # until a worker that was asked to end is killed
LOOK_S = 0.5  # interval in which a cancelled task notices it: ray.cancel does not interrupt system calls
CHUNK = 1 << 16


class Ended(NamedTuple):
    """How the worker of a task ended."""

    code: int  # exit code
    why: str  # the last line that it printed
    node: str  # name of the node


def work(release: str, key: str, variables: dict[str, str]) -> tuple[int, str, str]:
    """Run a worker on this node until the run is over. If the task is cancelled, end it.

    Args:
        release: of a3c64 on the driver.
        key: of the run's clients. The worker reads it from a file, because other users see commands and environments.
        variables: settings of the worker, A3C64_*.

    Returns:
        Ended, as a plain tuple.
    """
    node = socket.gethostname()
    try:
        found = f"a3c64 {version('a3c64')}"
    except PackageNotFoundError:
        found = "no a3c64"
    if found != f"a3c64 {release}":
        why = f'found {found}, expected a3c64 {release}: type `pip install "a3c64[train,ray]=={release}"` on each node'
        return EXIT_BAD_INPUT, why, node
    from a3c64.processes import end, spawn

    key_file = os.memfd_create("a3c64-key")  # in memory, so that nothing is left on the node, however this ends
    try:
        os.write(key_file, f"{key}\n".encode())
        variables = variables | {"A3C64_KEY_FILE": f"/proc/self/fd/{key_file}"}
        command = ["-m", "a3c64.worker"]
        child = spawn(command, variables, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, pass_fds=(key_file,))
    finally:
        os.close(key_file)
    try:
        last = _follow(child)
        return child.wait(GRACE_S), last, node
    finally:
        end([child], GRACE_S)


def _follow(child: subprocess.Popen) -> str:
    """Copy what a child prints to this process' standard error until it ends. Ray sends that to the driver.

    Returns:
        The last line.
    """
    assert child.stderr is not None
    last, rest = b"", b""
    while True:
        over = child.poll() is not None
        if select.select([child.stderr], [], [], 0.0 if over else LOOK_S)[0]:
            chunk = os.read(child.stderr.fileno(), CHUNK)
            *lines, rest = (rest + chunk).split(b"\n")
            last = next((line for line in reversed(lines) if line.strip()), last)
            print(*(line.decode(errors="replace") for line in lines), sep="\n", file=sys.stderr, flush=True)
            if chunk:
                continue
        if over:
            return last.decode(errors="replace")

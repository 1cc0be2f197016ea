"""Builds the stack and starts it with two workers and without a .env; removes it at the end."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for stack.py

from neighbour import Neighbour
from stack import BUILD_S, ROOT, START_S, Stack


def skip_or_fail(why: str) -> None:
    """Skip on a laptop, fail under CI=true."""
    pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)


@pytest.fixture(scope="session")
def engine() -> None:
    """Require a Docker engine that answers."""
    try:
        answers = subprocess.run(["docker", "info"], capture_output=True, timeout=30).returncode == 0
    except FileNotFoundError:
        answers = False
    if not answers:
        skip_or_fail("no Docker engine answers; on Debian, as root: .ci/engine start")


@pytest.fixture(scope="session")
def stack(engine: None, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Two workers that train with the default settings, except two intervals that are shorter to save time.

    Other machines can join until a test calls `make up` without LISTEN=1.
    """
    if (ROOT / ".env").exists():
        skip_or_fail("there is a .env, and these tests are about having none: move it away")
    for port in (5555, 6080, 12345):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                skip_or_fail(f"port {port} is taken: stop what listens there")
    stack = Stack("a3c64-e2e", A3C64_CHECKPOINT_INTERVAL="10", A3C64_STATUS_INTERVAL="1")
    stack.remove()  # the remains of an interrupted test run
    try:
        stack.printed = stack.make("up", "N=2", "LISTEN=1", timeout=BUILD_S).splitlines()
        stack.wait_for_progress(0, START_S)
        yield stack
    finally:
        if request.session.testsfailed or not stack.step():
            print(stack.logs())
        stack.remove()


@pytest.fixture
def neighbour(engine: None) -> Iterator[Neighbour]:
    """Another machine on this machine's network."""
    if os.geteuid() or not shutil.which("ip"):
        skip_or_fail("a network namespace needs root and iproute2")
    machine = Neighbour()
    try:
        yield machine
    finally:
        machine.remove()

"""Fixtures for several test folders: ROMs built from source, a display, a run of real processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
sys.path.insert(0, str(TESTS / "agent"))  # live.py, namespace.py and tiny_env.py

from clients import Clients  # noqa: E402
from live import Stack, need  # noqa: E402

from a3c64.worker.display.x_server import XServer  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the start states of tests and of their child processes out of the user's cache."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session", autouse=True)
def hang_up() -> None:
    """Let SIGHUP end child processes again if the tests were started by nohup, because some tests send it."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Start an Xvfb and set DISPLAY to it while the test runs."""
    need("Xvfb")
    screen = XServer(640, 480)
    monkeypatch.setenv("DISPLAY", f":{screen.number}")
    monkeypatch.setenv("XAUTHORITY", f"/proc/{os.getpid()}/fd/{screen.authority}")
    monkeypatch.setenv("SDL_VIDEODRIVER", "x11")  # importing a worker module sets "dummy"
    yield f":{screen.number}"
    screen.close()


@pytest.fixture(scope="session")
def rom() -> Callable[[str], Path]:
    """rom("pad") is the path of the ROM built from tests/roms/pad.S."""
    need("mips64-linux-gnuabi64-gcc")
    build = ["make", "-s", "-C", TESTS / "roms"]
    subprocess.run(["flock", TESTS / "roms", *build], check=True, timeout=120)  # tests may build in parallel
    return lambda name: TESTS / "roms" / "build" / f"{name}.z64"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A server and workers as real processes, which end with the test."""
    stack = Stack(tmp_path)
    yield stack
    stack.close()


@pytest.fixture
def clients(stack: Stack) -> Iterator[Clients]:
    """Clients of the stack's server, which end with the test. Start the server first."""
    clients = Clients(stack)
    yield clients
    clients.close()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a tmpfs of 600 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", folder]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a tmpfs needs root")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)

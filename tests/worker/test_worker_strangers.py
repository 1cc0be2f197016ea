"""What another user of the machine can do with a worker's display: nothing. He has no password and no secret."""

import socket
import subprocess
from pathlib import Path

import psutil
import pytest
from live import alive_descendants, free_port, need, until
from strangers import accepts, as_nobody, attached, only_root, refused_by, segments_of

START_S = 120
pytestmark = only_root


class Shown:
    """A worker with a display."""

    def __init__(self, worker: subprocess.Popen, port: int) -> None:
        self.port = port
        self.processes = alive_descendants(worker.pid)
        (self.x11vnc,) = [process for process in self.processes if process.name() == "x11vnc"]
        environ = self.x11vnc.environ()
        self.display = environ["DISPLAY"]
        self.authority = Path(environ["XAUTHORITY"].replace("self", str(self.x11vnc.pid)))


def greets(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            return connection.recv(4) == b"RFB "
    except OSError:
        return False


@pytest.fixture
def shown(stack) -> Shown:
    for program in ("Xvfb", "x11vnc"):
        need(program)
    port = free_port()
    stack.start("a3c64.paramserver")
    worker = stack.start("a3c64.worker", vnc_port=port)
    until(lambda: greets(port), START_S, "a VNC server")
    return Shown(worker, port)


def test_only_the_viewer_and_x11vnc_can_use_the_x_display(shown):
    path = f"/tmp/.X11-unix/X{shown.display[1:]}"
    assert accepts(path, shown.authority.read_bytes()[-16:]), "the test's own client works"
    assert refused_by(path)
    assert "PermissionError" in as_nobody(lambda: shown.authority.read_bytes().hex())
    assert oct(shown.authority.stat().st_mode)[-3:] == "600"


def test_x11vnc_takes_no_commands(shown, tmp_path):
    for command in (f"httpdir:{tmp_path}", "noviewonly", "listen:0.0.0.0", "stop"):
        ask = ["x11vnc", "-display", shown.display, "-remote", command]
        as_nobody(lambda ask=ask: subprocess.run(ask, capture_output=True, timeout=60).returncode)
    assert shown.x11vnc.is_running()
    listens = {one.laddr for one in shown.x11vnc.net_connections() if one.status == psutil.CONN_LISTEN}
    assert listens == {("127.0.0.1", shown.port)}


def test_only_the_owner_can_open_the_screens_shared_memory(shown):
    segments = segments_of({process.pid for process in shown.processes})
    assert any(attached(segment) for segment in segments), "x11vnc shares the screen's picture with Xvfb"
    assert as_nobody(lambda: [segment for segment in segments if attached(segment)]) == []

"""What another user of the machine can do with a worker's display: nothing. He has no password and no secret."""

import ctypes
import json
import os
import socket
import subprocess
from pathlib import Path

import psutil
import pytest
from live import alive_descendants, free_port, need, until

from a3c64.worker.display.x_server import METHOD

NOBODY = 65534
START_S = 120
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")


def as_nobody(attack):
    """Return the result of `attack`, called in a copy of this process that belongs to another user."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            result = attack()
        except BaseException as error:
            result = repr(error)
        os.write(writing, json.dumps(result).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return json.loads(said)


class Shown:
    """A worker with a display."""

    def __init__(self, worker: subprocess.Popen, port: int) -> None:
        self.port = port
        self.processes = alive_descendants(worker.pid)
        (x11vnc,) = [process for process in self.processes if process.name() == "x11vnc"]
        environ = x11vnc.environ()
        self.display = environ["DISPLAY"]
        self.authority = Path(environ["XAUTHORITY"].replace("self", str(x11vnc.pid)))


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


def accepts(address: str, cookie: bytes) -> bool:
    """Return whether an X server lets a client in."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(address)
        method = METHOD if cookie else b""
        hello = b"l\0\x0b\0\0\0" + len(method).to_bytes(2, "little") + len(cookie).to_bytes(2, "little") + b"\0\0"
        connection.sendall(hello + method + bytes(-len(method) % 4) + cookie)
        return connection.recv(1) == b"\1"  # Success


def test_only_the_viewer_and_x11vnc_can_use_the_x_display(shown):
    path = f"/tmp/.X11-unix/X{shown.display[1:]}"
    cookie = shown.authority.read_bytes()[-16:]
    assert accepts(path, cookie), "the test's own client works"
    wrong = bytes(16)
    tried = as_nobody(lambda: [accepts(address, one) for address in (path, "\0" + path) for one in (b"", wrong)])
    assert tried == [False] * 4
    assert "PermissionError" in as_nobody(lambda: shown.authority.read_bytes().hex())
    assert oct(shown.authority.stat().st_mode)[-3:] == "600"


def test_x11vnc_takes_no_commands(shown, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("nobody may read this")
    for command in (f"httpdir:{tmp_path}", "noviewonly", "listen:0.0.0.0", "stop"):
        ask = ["x11vnc", "-display", shown.display, "-remote", command]
        as_nobody(lambda ask=ask: subprocess.run(ask, capture_output=True, timeout=60).returncode)
    (server,) = [process for process in shown.processes if process.name() == "x11vnc"]
    assert server.is_running()
    listens = {one.laddr for one in server.net_connections() if one.status == psutil.CONN_LISTEN}
    assert listens == {("127.0.0.1", shown.port)}


def attached(segment: int) -> bool:
    """Return whether a shared memory segment can be attached, to read it or to change it."""
    libc = ctypes.CDLL(None)
    libc.shmat.restype = ctypes.c_void_p
    read_only = 0o10000  # SHM_RDONLY, sys/shm.h
    return any(libc.shmat(segment, None, flags) != ctypes.c_void_p(-1).value for flags in (0, read_only))


def test_the_screens_shared_memory_is_the_owners(shown):
    rows = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]  # proc(5)
    own = {process.pid for process in shown.processes}
    segments = [int(row[1]) for row in rows if int(row[4]) in own]
    assert any(attached(segment) for segment in segments), "x11vnc shares the screen's picture with Xvfb"
    assert as_nobody(lambda: [segment for segment in segments if attached(segment)]) == []

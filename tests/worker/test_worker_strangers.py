"""What another user of the machine can do with a worker's display: nothing. He has no password and no secret."""

import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from live import Stack, alive_descendants, free_port, need, until
from strangers import accepts, as_nobody, attached, only_root, refused_by, segments_of

from a3c64.vnc.login import response

START_S = 120
pytestmark = only_root


class Shown:
    """A worker with a display."""

    def __init__(self, run_dir: Path, worker: subprocess.Popen, port: int) -> None:
        self.run_dir, self.port = run_dir, port
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
def shown() -> Iterator[Shown]:
    for program in ("Xvfb", "x11vnc"):
        need(program)
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to other users anyway
        os.chmod(folder, 0o755)
        stack, port = Stack(Path(folder)), free_port()
        try:
            stack.start("a3c64.paramserver")
            worker = stack.start("a3c64.worker", vnc_port=port)
            until(lambda: greets(port), START_S, "a VNC server")
            yield Shown(stack.run_dir, worker, port)
        finally:
            stack.close()


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


def logs_in(port: int, word: str | None) -> bool:
    """Return whether a VNC server lets a client in that gives this password; None = no password."""
    with socket.create_connection(("127.0.0.1", port), timeout=START_S) as connection:
        receive = connection.makefile("rb").read
        assert receive(12) == b"RFB 003.008\n"
        connection.sendall(b"RFB 003.008\n")
        offered = receive(receive(1)[0])
        kind = 1 if word is None else 2  # security types None and VNC authentication, RFC 6143, section 7.2
        if word is not None:
            assert kind in offered
        connection.sendall(bytes([kind]))
        if word is not None:
            connection.sendall(response(word, receive(16)))
        return receive(4) == bytes(4)


def test_the_screen_wants_a_password_that_only_the_owner_can_read(shown):
    file = shown.run_dir / "keys" / "vnc"
    word = file.read_text().strip()
    assert logs_in(shown.port, word), "the test's own client works"
    assert as_nobody(lambda: [logs_in(shown.port, wrong) for wrong in (None, "", "password")]) == [False] * 3
    assert as_nobody(lambda: len((shown.run_dir / "config.json").read_bytes())), "the run's folder is not closed"
    assert "PermissionError" in as_nobody(lambda: file.read_text())
    assert "PermissionError" in as_nobody(lambda: os.listdir(file.parent))
    for process in shown.processes:
        assert word not in " ".join(process.cmdline())


def test_a_password_of_ones_own_is_used(stack, tmp_path):
    need("x11vnc")
    (tmp_path / "own").write_text("my-own\n")
    port = free_port()
    stack.start("a3c64.paramserver", vnc_password_file=tmp_path / "own")
    stack.start("a3c64.worker", vnc_port=port, vnc_password_file=tmp_path / "own")
    until(lambda: greets(port), START_S, "a VNC server")
    assert logs_in(port, "my-own")
    assert not logs_in(port, "another")
    assert not (stack.run_dir / "keys" / "vnc").exists()

"""The display: frames pass between processes, and a real VNC client sees the game but cannot control it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from live import alive_descendants, free_port, need_ipv6, still_running, until
from PIL import Image

from a3c64.vnc import password
from a3c64.worker.display.display import Display
from a3c64.worker.display.idle_client import IdleClient
from a3c64.worker.display.panel import GAME, RIGHT
from a3c64.worker.display.viewer import BLOCK, SCREEN, Audience, changed, placed
from a3c64.worker.display.x11vnc import VncServer, X11vnc

NOWHERE = VncServer("127.0.0.1", 1, Path("nowhere"))


@pytest.fixture
def vnc_port():
    for program in ("Xvfb", "x11vnc"):
        if shutil.which(program) is None:
            message = f"{program} is not installed"
            pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return free_port()


def family_of(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def speaks_vnc(port: int, host: str = "127.0.0.1") -> bool:
    try:
        with socket.create_connection((host, port), timeout=2) as connection:
            connection.settimeout(2)
            return connection.recv(12).startswith(b"RFB 003.")
    except OSError:
        return False


def client(vnc: VncServer, *arguments: str) -> list[str]:
    """Return the command of a VNC client."""
    server = ("-s", f"127.0.0.1::{vnc.port}", "-p", password.read(vnc.password_file))
    return [sys.executable, "-m", "vncdotool.command", *server, *arguments]


def vncdo(vnc: VncServer, *arguments: str) -> None:
    subprocess.run(client(vnc, *arguments), check=True, timeout=60, capture_output=True)


def capture(vnc: VncServer, path) -> np.ndarray:
    vncdo(vnc, "capture", str(path))
    return np.asarray(Image.open(path).convert("RGB"))


@pytest.mark.parametrize(
    ("size", "place"),
    [((160, 120), (0, 0, 640, 480)), ((600, 400), (0, 26, 640, 427)), ((10, 480), (315, 0, 10, 480))],
)
def test_pictures_are_as_large_as_fits_and_keep_their_shape(size, place):
    assert placed(*size) == place
    assert SCREEN == (640, 480)


def test_only_changed_blocks_are_redrawn():
    old = np.zeros((480, 640, 3), np.uint8)
    assert changed(old, old.copy()) == []
    new = old.copy()
    new[100, 639, 2] = new[479, 0, 0] = 1
    new[0, 39:41] = 1
    assert changed(new, old) == [(0, 0, 2 * BLOCK, BLOCK), (600, 80, BLOCK, BLOCK), (0, 440, BLOCK, BLOCK)]
    assert changed(~old, old) == [(0, y, 640, BLOCK) for y in range(0, 480, BLOCK)]


class Blinker:
    """Renders a different picture at each call, and counts the calls."""

    def __init__(self):
        self.count = 0

    def render(self):
        self.count += 1
        picture = np.zeros((120, 160, 3), np.uint8)
        picture[:, :, self.count % 3] = 255
        return picture


def show_steps(monkeypatch, seconds: float, watched: bool) -> Blinker:
    """Show steps for this time, without a viewer process; return the environment."""
    monkeypatch.setattr("a3c64.worker.display.display.Supervisor.tend", lambda _: None)
    blinker = Blinker()
    display = Display(blinker, NOWHERE)
    end = time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        display._frame.watched_until = now + 1.0 if watched else now - 1.0
        display.show(None)
    display.close()
    return blinker


def test_with_a_viewer_at_most_20_frames_a_second_are_drawn(monkeypatch):
    assert 10 <= show_steps(monkeypatch, 1.0, watched=True).count <= 21


def test_without_a_viewer_one_frame_a_second_is_drawn(monkeypatch):
    assert 2 <= show_steps(monkeypatch, 2.5, watched=False).count <= 3


def test_a_viewer_process_that_hangs_does_not_count_as_a_viewer(monkeypatch):
    monkeypatch.setattr("a3c64.worker.display.display.Supervisor.tend", lambda _: None)
    blinker = Blinker()
    display = Display(blinker, NOWHERE)
    display._frame.watched_until = time.monotonic() + 0.3
    end = time.monotonic() + 0.9
    while time.monotonic() < end:
        display.show(None)
    display.close()
    assert blinker.count <= 8, "20 frames a second for 0.3 s, then 1"


def test_a_render_error_is_logged_once_and_training_goes_on(monkeypatch, caplog):
    monkeypatch.setattr("a3c64.worker.display.display.Supervisor.tend", lambda _: None)

    class Unrenderable:
        def render(self):
            raise RuntimeError("no OpenGL")

    display = Display(Unrenderable(), NOWHERE, lambda moment: b"panel")
    for _ in range(3):
        display._due = display._idle_due = 0.0
        display.show(None)
    _, picture, note = display._frame.read(0)
    display.close()
    assert picture.size == 0
    assert note == b"panel"
    assert caplog.text.count("no OpenGL") == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_connections_to_the_port_are_found(host):
    if host == "::1":
        need_ipv6()
    with socket.create_server((host, 0), family=family_of(host)) as server:
        port = server.getsockname()[1]
        audience = Audience(port)
        assert not audience.there()
        with socket.create_connection((host, port)):
            until(audience.there, 60, "a viewer")
            assert not Audience(port + 1).there()
        server.accept()[0].close()
        until(lambda: not audience.there(), 60, "the viewer has left")


def test_an_ignored_connection_does_not_count_as_a_viewer():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as ours:
            ignored = ours.getsockname()[1]
            audience = Audience(port)
            assert not audience.there(ignored)
            with socket.create_connection(("127.0.0.1", port)):
                until(lambda: audience.there(ignored), 60, "another viewer")


def test_the_idle_client_disconnects_from_a_server_that_does_not_speak_vnc():
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = IdleClient(*server.getsockname(), "password")
        other = threading.Thread(target=lambda: server.accept()[0].sendall(b"HTTP/1.1 400"))
        other.start()
        assert not client.tend()
        other.join()
        assert client.port == 0


class Clock:
    """Renders the monotonic clock, in ms, as 32 black or white tiles in 4 rows of 8."""

    def render(self) -> np.ndarray:
        bits = np.array([int(time.monotonic() * 1000) >> bit & 1 for bit in range(32)], np.uint8)
        return np.repeat(np.kron(bits.reshape(4, 8), np.full((30, 20), 255, np.uint8))[..., None], 3, axis=2)

    @staticmethod
    def age(path) -> float:
        """Return how many seconds ago a captured picture was rendered."""
        bits = np.asarray(Image.open(path).convert("L"))[60::120, 40::80].ravel() > 127
        return time.monotonic() - sum(1 << bit for bit in range(32) if bits[bit]) / 1000.0


def test_a_complete_picture_is_less_than_two_seconds_old(vnc_port, tmp_path):
    """Capture several times, each with a new connection; then several times with one connection."""
    vnc = VncServer("127.0.0.1", vnc_port, tmp_path / "vnc")
    password.obtain(vnc.password_file)
    display = Display(Clock(), vnc)
    ended = threading.Event()

    def show() -> None:
        while not ended.wait(0.01):
            display.show(None)

    worker = threading.Thread(target=show)
    worker.start()
    try:
        until(lambda: speaks_vnc(vnc_port), 60, "RFB greeting")
        time.sleep(3.0)
        ages = []
        for k in range(8):
            capture(vnc, tmp_path / f"{k}.png")
            ages.append(Clock.age(tmp_path / f"{k}.png"))
            time.sleep(0.3)
        assert max(ages) < 2.0, f"new connections, with one frame a second before each: {ages}"

        steps = [word for k in range(8, 23) for word in ("capture", str(tmp_path / f"{k}.png"), "pause", "0.5")]
        with subprocess.Popen(client(vnc, *steps)) as steady:
            ages = []
            for k in range(8, 23):
                path = tmp_path / f"{k + 1}.png"  # when the next file exists, this one is complete
                if k == 22:
                    steady.wait(60)
                else:
                    until(path.exists, 60, "a picture")
                ages.append(Clock.age(tmp_path / f"{k}.png"))
        assert max(ages) < 2.0, f"one connection, with half a second between captures: {ages}"
    finally:
        ended.set()
        worker.join()
        display.close()


def test_a_viewer_sees_the_game_and_cannot_control_it(stack, vnc_port, tmp_path):
    vnc = VncServer("127.0.0.1", vnc_port, stack.run_dir / "keys" / "vnc")
    stack.start("a3c64.paramserver")
    worker = stack.start("a3c64.worker", vnc_port=vnc_port)
    until(lambda: speaks_vnc(vnc_port), 60, "RFB greeting")
    stack.wait_for(lambda r: r.steps > 0, 60, "training")
    time.sleep(1.0)
    one = capture(vnc, tmp_path / "1.png")
    assert one.shape == (480, 640, 3)
    game, column = (np.s_[area.y : area.y + area.height, area.x : area.x + area.width] for area in (GAME, RIGHT))
    orange = (one[game] == (255, 160, 0)).all(2)
    assert 0.2 < orange.mean() < 0.8, "one half of the game's picture is lit"
    assert 0.02 < (one[column] == 255).all(2).mean() < 0.2, "one half of the agent's observation is lit"

    def moves() -> bool:  # the game has only two pictures, so half of the captures show no change
        two = capture(vnc, tmp_path / "2.png")
        return (two[game] != one[game]).any() and (two[column] != one[column]).any()

    until(moves, 60, "game and panel change")
    before = stack.report().steps
    vncdo(vnc, "key", "q", "key", "esc", "key", "alt-f4", "move", "300", "200", "click", "1")
    stack.wait_for(lambda r: r.steps > before + 200, 60, "keys change nothing")
    assert worker.poll() is None
    assert speaks_vnc(vnc_port)

    # Killing x11vnc or the viewer does not stop training, and both are restarted.
    (viewer,) = [p for p in alive_descendants(worker.pid) if "a3c64.worker.display.viewer" in " ".join(p.cmdline())]
    (server,) = [p for p in viewer.children() if p.name() == "x11vnc"]
    server.kill()
    until(lambda: speaks_vnc(vnc_port), 60, "x11vnc again")
    viewer.kill()
    until(lambda: "the viewer was ended by SIGKILL" in stack.log(worker), 60, "a warning")
    until(lambda: speaks_vnc(vnc_port), 60, "the viewer again")
    after = stack.report().steps
    stack.wait_for(lambda r: r.steps > after, 60, "training never stopped")
    assert "x11vnc on port" in stack.log(worker)

    descendants = alive_descendants(worker.pid)
    assert descendants
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    assert still_running(descendants) == []


def test_a_screen_on_an_ipv6_address_is_there_alone(stack, vnc_port):
    """x11vnc listens on the given address and port, and on no other."""
    need_ipv6()
    stack.start("a3c64.paramserver")
    worker = stack.start("a3c64.worker", vnc_port=vnc_port, vnc_host="[::1]")
    until(lambda: speaks_vnc(vnc_port, "::1"), 60, "RFB greeting")
    assert not speaks_vnc(vnc_port)
    (server,) = [process for process in alive_descendants(worker.pid) if process.name() == "x11vnc"]
    listening = [(one.laddr.ip, one.laddr.port) for one in server.net_connections() if one.status == psutil.CONN_LISTEN]
    assert listening == [("::1", vnc_port)]


def test_the_plain_view_shows_only_the_game(stack, vnc_port, tmp_path):
    vnc = VncServer("127.0.0.1", vnc_port, stack.run_dir / "keys" / "vnc")
    stack.start("a3c64.paramserver")
    stack.start("a3c64.worker", vnc_port=vnc_port, vnc_view="plain")
    until(lambda: speaks_vnc(vnc_port), 120, "RFB greeting")
    stack.wait_for(lambda r: r.steps > 0, 60, "training")

    def is_there() -> bool:
        lit = (capture(vnc, tmp_path / "plain.png") == (255, 160, 0)).all(2)
        return lit[:, :320].all(1).any() or lit[:, 320:].all(1).any()  # from edge to middle

    until(is_there, 60, "the game")


def test_a_worker_that_is_killed_leaves_no_display(stack, vnc_port):
    stack.start("a3c64.paramserver")
    worker = stack.start("a3c64.worker", vnc_port=vnc_port)
    until(lambda: speaks_vnc(vnc_port), 60, "RFB greeting")
    descendants = alive_descendants(worker.pid)
    assert {"Xvfb", "x11vnc"} <= {process.name() for process in descendants}
    worker.kill()
    worker.wait()
    until(lambda: not still_running(descendants), 60, "all processes have ended")


class NoScreen:
    """Stands for an X server that has ended."""

    authority, environment = 0, {"DISPLAY": ":98765"}


@pytest.fixture
def password_file(tmp_path) -> Path:
    password.obtain(tmp_path / "vnc")
    return tmp_path / "vnc"


def test_without_x11vnc_there_is_one_warning(monkeypatch, caplog, password_file):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    server = X11vnc(NoScreen(), VncServer("127.0.0.1", 5999, password_file))
    for _ in range(3):
        server.tend()
    server.close()
    assert caplog.text.count("x11vnc is not installed") == 1


def test_a_taken_vnc_port_is_logged_once_and_tried_again_later(monkeypatch, caplog, vnc_port, password_file):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", vnc_port))
        taken.listen()
        server = X11vnc(NoScreen(), VncServer("127.0.0.1", vnc_port, password_file))  # no such display: it ends at once
        server.tend()
        child = server.supervisor.child
        child.wait(60)
        for _ in range(5):
            server.tend()
        assert server.supervisor.child is None, "there is a backoff before the next try"
        server.close()
    assert caplog.text.count("ended with code") == 1
    assert not psutil.pid_exists(child.pid)

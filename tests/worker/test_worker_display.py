"""The display: frames between processes, and a real VNC client that sees the game and cannot touch it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from live import alive_descendants, free_port, still_running, until
from PIL import Image

from worker.display import MAX_SIDE, Frame, show_on
from worker.viewer import SCREEN, placed
from worker.x11vnc import X11vnc


@pytest.fixture
def vnc():
    for program in ("Xvfb", "x11vnc"):
        if shutil.which(program) is None:
            message = f"{program} is not installed"
            pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return free_port()


def greets(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.settimeout(2)
            return connection.recv(12).startswith(b"RFB 003.")
    except OSError:
        return False


def vncdo(port: int, *arguments: str) -> None:
    command = [sys.executable, "-m", "vncdotool.command", "-s", f"127.0.0.1::{port}", *arguments]
    subprocess.run(command, check=True, timeout=30, capture_output=True)


def capture(port: int, path) -> np.ndarray:
    vncdo(port, "capture", str(path))
    return np.asarray(Image.open(path).convert("RGB"))


def test_frames_go_from_one_mapping_to_another():
    writer = Frame.create()
    reader = Frame(os.dup(writer.descriptor))
    assert reader.read(0) is None, "nothing yet"
    picture = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    writer.write(picture)
    count, seen = reader.read(0)
    np.testing.assert_array_equal(seen, picture)
    assert reader.read(count) is None, "nothing new"
    writer.write(picture[:60])
    _, seen = reader.read(count)
    assert seen.shape == (60, 160, 3)


def test_a_frame_that_is_being_written_is_not_shown():
    writer = Frame.create()
    reader = Frame(os.dup(writer.descriptor))
    writer.write(np.zeros((2, 2, 3), np.uint8))
    writer._memory[0] += 1  # what write does first
    assert reader.read(0) is None


def test_large_frames_are_thinned_out():
    writer = Frame.create()
    writer.write(np.zeros((MAX_SIDE[0] * 2, MAX_SIDE[1] * 2 + 1, 3), np.uint8))
    _, seen = Frame(os.dup(writer.descriptor)).read(0)
    assert seen.shape[0] <= MAX_SIDE[0]
    assert seen.shape[1] <= MAX_SIDE[1]


@pytest.mark.parametrize(
    ("size", "place"),
    [((160, 120), (0, 0, 640, 480)), ((600, 400), (0, 26, 640, 427)), ((10, 480), (315, 0, 10, 480))],
)
def test_pictures_are_as_large_as_fits_and_keep_their_shape(size, place):
    assert placed(*size) == place
    assert SCREEN == (640, 480)


class Blinker:
    """Renders a picture that differs each time; counts how often it was asked."""

    def __init__(self):
        self.count = 0

    def render(self):
        self.count += 1
        picture = np.zeros((120, 160, 3), np.uint8)
        picture[:, :, self.count % 3] = 255
        return picture


def test_no_port_no_cost():
    blinker = Blinker()
    with show_on("127.0.0.1", 0, blinker) as show:
        show()
    assert blinker.count == 0


def test_drawing_keeps_to_20_frames_a_second(monkeypatch):
    monkeypatch.setattr("worker.display.Kept.tend", lambda _: None)
    blinker = Blinker()
    with show_on("127.0.0.1", 1, blinker) as show:
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            show()
    assert 15 <= blinker.count <= 21


def test_a_viewer_sees_the_game_and_cannot_touch_it(stack, vnc, tmp_path):
    stack.start("paramserver")
    worker = stack.start("worker", vnc_port=vnc)
    until(lambda: greets(vnc), 60, "RFB greeting")
    stack.wait_for(lambda r: r["steps"] > 0, 60, "training")
    time.sleep(1.0)
    one = capture(vnc, tmp_path / "1.png")
    assert one.shape == (480, 640, 3)
    orange = (one == (255, 160, 0)).all(2)
    assert 0.2 < orange.mean() < 0.8, "one half of the picture is lit, and that is what is there"
    time.sleep(1.0)
    assert (capture(vnc, tmp_path / "2.png") != one).any(), "it moves"
    before = stack.report()["steps"]
    vncdo(vnc, "key", "q", "key", "esc", "key", "alt-f4", "move", "300", "200", "click", "1")
    stack.wait_for(lambda r: r["steps"] > before + 200, 30, "keys change nothing")
    assert worker.poll() is None
    assert greets(vnc)

    # Killing what shows the game stops nothing, and it comes back.
    (viewer,) = [p for p in alive_descendants(worker.pid) if "worker.viewer" in " ".join(p.cmdline())]
    (server,) = [p for p in viewer.children() if p.name() == "x11vnc"]
    server.kill()
    until(lambda: greets(vnc), 30, "x11vnc again")
    viewer.kill()
    until(lambda: "the viewer ended with code -9" in stack.log(worker), 10, "it is said")
    until(lambda: greets(vnc), 30, "the viewer again")
    after = stack.report()["steps"]
    stack.wait_for(lambda r: r["steps"] > after, 10, "training never stopped")
    assert "x11vnc on port" in stack.log(worker)

    family = alive_descendants(worker.pid)
    assert family
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    assert still_running(family) == []


def test_a_worker_that_is_killed_leaves_no_display(stack, vnc):
    stack.start("paramserver")
    worker = stack.start("worker", vnc_port=vnc)
    until(lambda: greets(vnc), 60, "RFB greeting")
    family = alive_descendants(worker.pid)
    assert {"Xvfb", "x11vnc"} <= {process.name() for process in family}
    worker.kill()
    worker.wait()
    until(lambda: not still_running(family), 10, "all gone")


def test_without_x11vnc_there_is_one_warning(monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    server = X11vnc(":99", "127.0.0.1", 5999)
    for _ in range(3):
        server.tend()
    server.close()
    assert capsys.readouterr().out.count("x11vnc is not installed") == 1


def test_a_port_that_is_taken_is_said_and_tried_again_later(monkeypatch, capsys, vnc):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", vnc))
        taken.listen()
        server = X11vnc(":98765", "127.0.0.1", vnc)  # no such display: it ends at once
        server.tend()
        child = server.kept.child
        child.wait(10)
        for _ in range(5):
            server.tend()
        assert server.kept.child is None, "it waits before it tries again"
        server.close()
    assert capsys.readouterr().out.count("ended with code") == 1
    assert not psutil.pid_exists(child.pid)

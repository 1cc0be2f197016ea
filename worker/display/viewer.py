"""The viewer process: Xvfb, the newest frame on its screen, x11vnc.

    python -m a3c64.worker.display.viewer FD HOST PORT PASSWORD_FILE LEVEL FORM INDEX

It draws the panel. It tells the worker whether a VNC viewer is connected, by looking at connections to the VNC port.
"""

import logging
import os
import re
import select
import signal
import sys
import threading
import time
from pathlib import Path

from a3c64 import logs
from a3c64.config import BadInputError
from a3c64.processes import limit_threads, stop_on_signals

limit_threads()  # before NumPy reads the environment

import cv2  # noqa: E402
import numpy as np  # noqa: E402

from a3c64.worker.display.canvas import Canvas  # noqa: E402
from a3c64.worker.display.frame import Frame  # noqa: E402
from a3c64.worker.display.ink import HEIGHT, WIDTH  # noqa: E402
from a3c64.worker.display.panel import Panel  # noqa: E402
from a3c64.worker.display.scene import Scene  # noqa: E402
from a3c64.worker.display.x11vnc import VncServer, X11vnc  # noqa: E402
from a3c64.worker.display.x_server import XServer  # noqa: E402

log = logging.getLogger(__name__)

SCREEN = (WIDTH, HEIGHT)  # pixels; the N64's own shape
NICENESS = 19  # pictures use the CPU time that training leaves; if it leaves little, the frame rate falls
START_S = 15  # timeout for the start of Xvfb
TEND_S = 0.5  # interval of checking x11vnc
LOOK_S = 0.1  # interval of checking for frames and for viewers, without a viewer
WATCHED_LOOK_S = 0.02  # interval of checking for frames, with a viewer
WATCHED_S = 1.0  # after a check that found a viewer, the worker counts as watched for this time
REDRAW_S = 1.0  # redraw everything for this time after x11vnc begins to read: it may have missed earlier changes
BLOCK = 40  # side of the square blocks in which changes are found, pixels
TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))  # of connections; the second is missing without IPv6
REST = 50  # the pause between two checks for viewers, in multiples of a check's duration: bounds their CPU time


def placed(width: int, height: int) -> tuple[int, int, int, int]:
    """Return left, top, width and height of a picture on the screen: as large as possible, undistorted, centred."""
    scale = min(SCREEN[0] / width, SCREEN[1] / height)
    wide, high = max(1, round(width * scale)), max(1, round(height * scale))
    return (SCREEN[0] - wide) // 2, (SCREEN[1] - high) // 2, wide, high


class Audience:
    """Tells whether a client is connected to a TCP port of this machine."""

    def __init__(self, port: int) -> None:
        # proc(5): number, local address and port, remote address and port, state. State 01 is ESTABLISHED.
        connection = rb"^ *\d+: [0-9A-F]{8,32}:%04X [0-9A-F]{8,32}:([0-9A-F]{4}) 01 "  # 32 digits for IPv6
        self._connection = re.compile(connection % port, re.MULTILINE)
        self._there = False
        self._next_look = 0.0

    def there(self, ignored: int = 0) -> bool:
        """Return whether a client is connected, other than from port `ignored`. The answer may be a moment old."""
        now = time.monotonic()
        if now >= self._next_look:
            tables = b"".join(path.read_bytes() for path in TABLES if path.exists())
            ports = {int(port, 16) for port in self._connection.findall(tables)}
            self._there = bool(ports - {ignored})
            self._next_look = now + max(LOOK_S, REST * (time.monotonic() - now))
        return self._there


def view(frame: Frame, stop: threading.Event, canvas: Canvas, server: X11vnc, audience: Audience) -> None:
    """Show frames until `stop` is set or the worker has ended.

    Raises:
        OSError: the X server has ended.
    """
    panel, shown = Panel(), np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    seen, next_tend, pause, redraw_until = 0, 0.0, LOOK_S, 0.0
    while not stop.is_set():
        if select.select([sys.stdin], [], [], pause)[0]:
            return  # end of file: the worker has ended
        canvas.discard_events()
        now = time.monotonic()
        if now >= next_tend:
            next_tend = now + TEND_S
            if server.tend():
                redraw_until = time.monotonic() + REDRAW_S
        if audience.there(server.idle_client.port):
            pause, frame.watched_until = WATCHED_LOOK_S, now + WATCHED_S
        else:
            pause = LOOK_S
        newer = frame.read(seen)
        if newer is not None:
            seen, picture, note = newer
            drawn = panel.draw(picture, Scene.unpack(note)) if note else alone(picture)
            for left, top, wide, high in changed(drawn, shown):
                canvas.draw(drawn[top : top + high, left : left + wide], left, top)
            shown = drawn
        if now < redraw_until:
            canvas.draw(shown, 0, 0)


def alone(picture: np.ndarray) -> np.ndarray:
    """Return a picture as large as possible on the screen, uint8 RGB [480, 640, 3]."""
    left, top, wide, high = placed(picture.shape[1], picture.shape[0])
    canvas = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    size = (wide, high)
    canvas[top : top + high, left : left + wide] = cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST)
    return canvas


def changed(new: np.ndarray, old: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Return rectangles (left, top, width, height) that cover all differences between two screens."""
    rows, columns = HEIGHT // BLOCK, WIDTH // BLOCK
    differ = new.reshape(HEIGHT, -1).view(np.uint64) != old.reshape(HEIGHT, -1).view(np.uint64)  # [H, 3 W / 8]
    blocks = differ.reshape(rows, BLOCK, columns, -1).any(axis=(1, 3))
    found = []
    for row in range(rows):
        edges = np.flatnonzero(np.diff(blocks[row].astype(np.int8), prepend=0, append=0)).tolist()  # begin, end, ...
        for begin, end in zip(edges[::2], edges[1::2], strict=True):
            found.append((begin * BLOCK, row * BLOCK, (end - begin) * BLOCK, BLOCK))
    return found


def main() -> int:
    """Run until the worker ends or sends SIGTERM; return the exit code."""
    logs.configure_as("viewer", sys.argv[5:])
    stop = stop_on_signals()
    os.nice(NICENESS)  # Xvfb and x11vnc inherit it
    frame, vnc = Frame(int(sys.argv[1])), VncServer(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
    try:
        # PyVirtualDisplay would wait ten minutes for Xvfb. The alarm ends this process, and the worker restarts it.
        signal.alarm(START_S)
        screen = XServer(*SCREEN)
        signal.alarm(0)
        try:
            show(frame, stop, screen, vnc)
        finally:
            screen.close()
    except (OSError, BadInputError) as error:
        log.warning("the display ended: %s", error)
        return 1
    return 0


def show(frame: Frame, stop: threading.Event, screen: XServer, vnc: VncServer) -> None:
    """Show frames on an X server, and the X server to VNC viewers.

    Raises:
        OSError: the X server has ended.
        BadInputError: the VNC password cannot be read.
    """
    server, canvas = X11vnc(screen, vnc), Canvas(screen.number, screen.cookie)
    try:
        view(frame, stop, canvas, server, Audience(vnc.port))
    finally:
        server.close()
        canvas.close()


if __name__ == "__main__":
    sys.exit(main())

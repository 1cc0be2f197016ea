"""A thin wrapper around Debian's x11vnc: shows an X display to VNC viewers, view-only."""

import logging
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from a3c64.processes import start
from a3c64.supervisor import Supervisor
from a3c64.vnc import password
from a3c64.worker.display.idle_client import IdleClient
from a3c64.worker.display.x_server import XServer

log = logging.getLogger(__name__)


class VncServer(NamedTuple):
    """Where a VNC server listens, and the file with its password."""

    host: str
    port: int
    password_file: Path


class X11vnc:
    """Supervises one x11vnc: logs its end and restarts it. If x11vnc is not installed, this is logged once.

    Args:
        screen: the X server.
        vnc: where to listen, and the password.

    Raises:
        BadInputError: the password cannot be read.
    """

    def __init__(self, screen: XServer, vnc: VncServer) -> None:
        host, port, file = vnc
        # forever: run on after a viewer disconnects. shared: allow several viewers. viewonly: ignore keys and clicks.
        # xd_area 0: show each area that the viewer process redraws at once and whole. x11vnc's own search for changes
        # takes half a second, and finds the parts of one picture at different times.
        # speeds lan: do not measure a viewer's connection: that takes five seconds without reading the screen.
        # nonap, sb 0: read the screen at the same rate after a minute in which nothing was sent.
        # noremote: accept no commands through the display's X properties.
        # noipv6, no6, noipv4, rfbportv6 -1: listen on the given address only. Without the last, x11vnc also listens on
        # port 5900 of every IPv6 address.
        self._screen = screen
        family = ["-6", "-noipv4", "-listen6", host] if ":" in host else ["-noipv6", "-no6", "-listen", host]
        self._command = [
            "x11vnc", *family, "-rfbport", str(port), "-rfbportv6", "-1", "-forever", "-shared", "-viewonly",
            "-noremote", "-passwdfile", str(file.absolute()), "-quiet", "-norc", "-nosel", "-noclipboard",
            "-nocursor", "-xd_area", "0", "-speeds", "lan", "-nonap", "-sb", "0",
        ]  # fmt: skip
        self.supervisor = Supervisor(f"x11vnc on port {port}", self._launch)
        self.idle_client = IdleClient(host, port, password.read(file))
        self._missing = shutil.which("x11vnc") is None
        if self._missing:
            log.warning("x11vnc is not installed, so there are no screens (apt-get install x11vnc); training goes on")

    def tend(self) -> bool:
        """Start x11vnc, or restart it if that is due. Return whether it began to read the screen. Call this often."""
        if self._missing:
            return False
        self.supervisor.tend()
        return self.supervisor.child is not None and self.idle_client.tend()

    def close(self) -> None:
        """End x11vnc."""
        self.idle_client.close()
        self.supervisor.close(grace_s=1.0)

    def _launch(self) -> subprocess.Popen:
        quiet = subprocess.DEVNULL
        return start(
            self._command,
            self._screen.environment,
            pass_fds=[self._screen.authority],
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
        )

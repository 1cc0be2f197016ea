"""A thin wrapper around Debian's x11vnc: shows an X display to VNC viewers, who can look but not touch."""

import logging
import shutil
import subprocess

from a3c64.processes import start
from a3c64.supervisor import Supervisor

log = logging.getLogger(__name__)


class X11vnc:
    """Keeps one x11vnc running. Its death is said and mended; a missing binary is said once and that is all.

    Args:
        display: such as ":5".
        host: the address to listen on.
        port: the port to listen on.
    """

    def __init__(self, display: str, host: str, port: int) -> None:
        # forever: outlive a viewer; shared: several viewers; viewonly: no key or click reaches the display;
        # xd_area 0: what the viewer process reports as drawn anew is shown at once and whole; x11vnc's own search for
        # changes takes half a second, and finds one picture's parts at different times;
        # noremote: no commands through the display's X properties;
        # noipv6, no6: exactly the port we were told, nothing else; nopw only silences a warning.
        self._command = [
            "x11vnc", "-display", display, "-listen", host, "-rfbport", str(port), "-forever", "-shared", "-viewonly",
            "-noipv6", "-no6", "-noremote", "-nopw", "-quiet", "-norc", "-nosel", "-noclipboard", "-nocursor",
            "-xd_area", "0",
        ]  # fmt: skip
        self.supervisor = Supervisor(f"x11vnc on port {port}", self._launch)
        self._missing = shutil.which("x11vnc") is None
        if self._missing:
            log.warning("x11vnc is not installed, nobody can watch (apt-get install x11vnc); training goes on")

    def tend(self) -> None:
        """Start it, or start it again; call it often."""
        if not self._missing:
            self.supervisor.tend()

    def close(self) -> None:
        """End it."""
        self.supervisor.close(grace_s=1.0)

    def _launch(self) -> subprocess.Popen:
        quiet = subprocess.DEVNULL
        return start(self._command, stdin=quiet, stdout=quiet, stderr=quiet)

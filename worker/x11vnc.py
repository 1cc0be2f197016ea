"""A thin wrapper around Debian's x11vnc: shows an X display to VNC viewers, who can look but not touch."""

import shutil
import subprocess
import time

from agent.processes import end, start

BACKOFF_S = 1.0  # before the first restart; doubles up to
BACKOFF_MAX_S = 60.0
STABLE_S = 60.0  # after running this long, the backoff begins anew


class X11vnc:
    """Keeps one x11vnc running. Its death is said and mended; a missing binary is said once and that is all.

    Args:
        display: such as ":5".
        host: the address to listen on.
        port: the port to listen on.
    """

    def __init__(self, display: str, host: str, port: int) -> None:
        # forever: outlive a viewer; shared: several viewers; viewonly: no key or click reaches the display;
        # noxdamage: with damage reports a new viewer is shown what the last one saw, up to three seconds old;
        # noipv6, no6: exactly the port we were told, nothing else; nopw only silences a warning.
        self._command = [
            "x11vnc", "-display", display, "-listen", host, "-rfbport", str(port), "-forever", "-shared", "-viewonly",
            "-noipv6", "-no6", "-nopw", "-quiet", "-norc", "-nosel", "-noclipboard", "-nocursor", "-noxdamage",
        ]  # fmt: skip
        self._port = port
        self._child: subprocess.Popen | None = None
        self._missing = shutil.which("x11vnc") is None
        self._backoff = BACKOFF_S
        self._started = self._due = 0.0
        if self._missing:
            print("x11vnc is not installed, nobody can watch (apt-get install x11vnc); training goes on", flush=True)

    def tend(self) -> None:
        """Start it, or start it again; call it often."""
        if self._missing:
            return
        now = time.monotonic()
        if self._child is not None and self._child.poll() is not None:
            if now - self._started > STABLE_S:
                self._backoff = BACKOFF_S
            print(
                f"x11vnc on port {self._port} ended with code {self._child.returncode}, next try in "
                f"{self._backoff:.0f} s; training goes on",
                flush=True,
            )
            self._child, self._due = None, now + self._backoff
            self._backoff = min(2.0 * self._backoff, BACKOFF_MAX_S)
        if self._child is None and now >= self._due:
            self._started = now
            try:
                quiet = subprocess.DEVNULL
                self._child = start(self._command, stdin=quiet, stdout=quiet, stderr=quiet)
            except OSError as error:
                print(f"x11vnc cannot be started, training goes on: {error}", flush=True)
                self._due = now + BACKOFF_MAX_S

    def close(self) -> None:
        """End it."""
        if self._child is not None:
            end([self._child], grace_s=1.0)

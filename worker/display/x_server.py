"""An X server without a screen (Debian's Xvfb). Only clients that know its secret can connect to it."""

import os
import secrets
import select
import struct
import subprocess

from a3c64.processes import end, start

START_S = 15.0  # timeout
METHOD = b"MIT-MAGIC-COOKIE-1"  # Xsecurity(7): a client sends the secret to prove that it may connect
ANY_DISPLAY = struct.pack(">HHH", 65535, 0, 0)  # FamilyWild (X11/Xauth.h), an empty address, an empty display number


class XServer:
    """A running X server with one screen.

    `number` is its display number, and `cookie` its secret. The authority file with the secret is in memory: nobody
    else can open it, no program that cleans /tmp deletes it, and it ends with the processes that use it. A program that
    is to use the display inherits `authority` and gets the variables of `environment`.

    Args:
        width: of the screen, pixels.
        height: of the screen, pixels.

    Raises:
        OSError: it does not start.
    """

    def __init__(self, width: int, height: int) -> None:
        self.cookie = secrets.token_bytes(16)
        self.authority = os.memfd_create("a3c64-xauthority")
        os.fchmod(self.authority, 0o600)
        os.write(self.authority, authority_of(self.cookie))
        reading, writing = os.pipe()
        command = [
            "Xvfb", "-displayfd", str(writing), "-auth", f"/proc/self/fd/{self.authority}",
            "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp", "-noreset", "-br",
        ]  # fmt: skip
        with os.fdopen(reading, "rb") as answer:
            with os.fdopen(writing, "wb"):
                self._child = start(
                    command,
                    pass_fds=[writing, self.authority],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            # Xvfb chooses the number, and writes it when it is ready.
            said = answer.readline() if select.select([answer], [], [], START_S)[0] else b""
        if not said.strip():
            self.close()
            raise OSError("Xvfb does not start (apt-get install xvfb)")
        self.number = int(said)

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables of a client that inherits `authority`."""
        return {"DISPLAY": f":{self.number}", "XAUTHORITY": f"/proc/self/fd/{self.authority}"}

    def close(self) -> None:
        """End it."""
        end([self._child], grace_s=1.0)
        os.close(self.authority)


def authority_of(cookie: bytes) -> bytes:
    """Return the content of an authority file with a secret that is valid for every display, as libXau reads it."""
    return ANY_DISPLAY + b"".join(struct.pack(">H", len(part)) + part for part in (METHOD, cookie))

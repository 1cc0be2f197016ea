"""An X server without a screen (Debian's Xvfb). Only clients that know its secret can connect to it."""

import os
import secrets
import struct

from pyvirtualdisplay.abstractdisplay import XStartError
from pyvirtualdisplay.display import Display as VirtualDisplay

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
        # PyVirtualDisplay hands no descriptor on, so Xvfb opens the file through this process.
        authority = f"/proc/{os.getpid()}/fd/{self.authority}"
        try:
            self._display = VirtualDisplay(
                visible=False,
                size=(width, height),
                color_depth=24,
                retries=3,
                manage_global_env=False,
                extra_args=["-noreset", "-auth", authority],
            )
            self._display.start()
        except (XStartError, OSError) as error:
            os.close(self.authority)
            raise OSError("Xvfb does not start (apt-get install xvfb)") from error
        self.number = int(self._display.display)

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables of a client that inherits `authority`."""
        return {"DISPLAY": f":{self.number}", "XAUTHORITY": f"/proc/self/fd/{self.authority}"}

    def close(self) -> None:
        """End it."""
        self._display.stop()
        os.close(self.authority)


def authority_of(cookie: bytes) -> bytes:
    """Return the content of an authority file with a secret that is valid for every display, as libXau reads it."""
    return ANY_DISPLAY + b"".join(struct.pack(">H", len(part)) + part for part in (METHOD, cookie))

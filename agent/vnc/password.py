"""The file with the VNC password of a run's screens: one line of 1 to 8 characters, which only its owner can read.

By default it is keys/vnc in the run's folder. The server writes it for a new run, with a random password. Workers give
it to x11vnc, and the web page's server logs in with it.
"""

import re
import secrets
import string
from contextlib import suppress
from pathlib import Path

from a3c64.config import BadInputError, Settings, named
from a3c64.files import read_regular, write_new

LENGTH = 8  # VNC uses no more characters
MOST = 4096  # bytes of the file; more is not read
VALID = re.compile(rb"[!-~]{1,8}(\r?\n)?")


def path_of(settings: Settings) -> Path:
    """Return the file with the password of a run."""
    return Path(settings.vnc_password_file or settings.run_dir / "keys" / "vnc")


def obtain(path: Path) -> str:
    """Return the password in a file; write the file with a random password if it does not exist.

    Raises:
        BadInputError: the file cannot be read or written, or has no valid password.
    """
    try:
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            letters = string.ascii_letters + string.digits
            password = "".join(secrets.choice(letters) for _ in range(LENGTH))
            with suppress(FileExistsError):  # another process of the run has written it at this moment
                write_new(path, f"{password}\n".encode())
    except OSError as error:
        raise BadInputError(
            f"the VNC password file {path} cannot be written: {error.strerror}; copy keys/vnc from the server's run "
            f"folder, or name a copy with {named('vnc_password_file')}"
        ) from None
    return read(path)


def check(path: Path) -> None:
    """Refuse a file that exists and has no valid password.

    Raises:
        BadInputError: see `read`.
    """
    if path.exists():
        read(path)


def read(path: Path) -> str:
    """Return the password in a file.

    Raises:
        BadInputError: the file cannot be read, or has no valid password.
    """
    try:
        content = read_regular(path, MOST)
    except OSError as error:
        raise BadInputError(
            f"the VNC password file {path} cannot be read: {error.strerror}; --run-dir names the run, and "
            f"{named('vnc_password_file')} another file"
        ) from None
    if not VALID.fullmatch(content):
        raise BadInputError(
            f"the VNC password file {path} is invalid: found {len(content)} bytes, expected one line of 1 to {LENGTH} "
            "letters, digits or signs of ASCII, without spaces"
        )
    return content.decode("ascii").strip()

"""The keys of a connection (CurveZMQ, https://rfc.zeromq.org/spec/26/), and the text form of a client's key.

Each run has a key pair of its server and a key pair of its clients. A client's key file has all that a client needs:
the server's public key and the client's pair. The server's secret key is in another file (paramserver/run_keys.py).
"""

import base64
import hashlib
from pathlib import Path
from typing import NamedTuple

import zmq
from zmq.utils import z85

from a3c64.config import BadInputError, named
from a3c64.files import read_regular

KEY = 32  # bytes of a key
CHECK = 2  # bytes of the checksum, so that a typo is noticed; with it, base64 needs no padding
MOST = 4096  # bytes of a key file; more is not read
REMEDY = (
    f"copy keys/client from the server's run folder to this machine, and name the copy with {named('key_file')}, or "
    "join with the command that `a3c64 keys` prints there"
)


class ClientKey(NamedTuple):
    """What a client needs to connect. Each key is 40 characters of Z85, as ZeroMQ takes them."""

    server: bytes  # public key of the server
    public: bytes
    secret: bytes

    @classmethod
    def new(cls, server: bytes) -> "ClientKey":
        """Return a new key for the server with this public key."""
        return cls(server, *zmq.curve_keypair())

    @classmethod
    def of(cls, text: str) -> "ClientKey":
        """Return the key of its text form.

        Raises:
            ValueError: the text is not a key.
        """
        try:
            raw = base64.b64decode(text.strip(), altchars=b"-_", validate=True)
        except ValueError:
            raw = b""
        keys, check = raw[: 2 * KEY], raw[2 * KEY :]
        if len(raw) != 2 * KEY + CHECK or check != _checksum(keys):
            raise ValueError(f"a key has {(2 * KEY + CHECK) * 4 // 3} letters, digits, - and _, and a valid checksum")
        secret = z85.encode(keys[KEY:])
        return cls(z85.encode(keys[:KEY]), zmq.curve_public(secret), secret)

    def text(self) -> str:
        """Return the text form: base64 for URLs of the server's public key, the client's secret key and a checksum."""
        keys = z85.decode(self.server) + z85.decode(self.secret)
        return base64.urlsafe_b64encode(keys + _checksum(keys)).decode()

    @property
    def fingerprint(self) -> str:
        """A short name for this key, which is not secret."""
        return hashlib.sha256(self.public).hexdigest()[:8]

    def apply(self, socket: zmq.Socket) -> None:
        """Let the next connections of a client's socket use this key."""
        socket.setsockopt(zmq.CURVE_SERVERKEY, self.server)
        socket.setsockopt(zmq.CURVE_PUBLICKEY, self.public)
        socket.setsockopt(zmq.CURVE_SECRETKEY, self.secret)


def read(path: Path) -> ClientKey | None:
    """Return the key in a client's key file, or None if there is no file: the server may not have started yet.

    Raises:
        BadInputError: the file cannot be read or has no valid key.
    """
    try:
        return ClientKey.of(read_regular(path, MOST).decode(errors="replace"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise BadInputError(f"the key file {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise BadInputError(f"the key file {path} is invalid: {error}; {REMEDY}") from None


def _checksum(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:CHECK]

"""The keys of a run: keys/server-secret in the run's folder, and the key file of its clients.

The files are made for a new run. `renew` alone replaces one of them. Only their owner can read them.
"""

import logging
import os
from contextlib import suppress
from pathlib import Path

import zmq

from a3c64.addresses import is_loopback, parse
from a3c64.config import BadInputError, Settings
from a3c64.files import read_regular, write_new, write_whole
from a3c64.wire import keys
from a3c64.wire.keys import ClientKey

log = logging.getLogger(__name__)

SECRET = "server-secret"
OTHERS = 0o077  # the bits of a file's mode that give access to others than its owner


class RunKeys:
    """The keys of a run: read from their files, or new ones where a file is missing.

    Args:
        run_dir: the run's folder.
        client_file: the key file of the clients.

    Raises:
        BadInputError: a file cannot be read, is damaged, or does not fit the other.
    """

    def __init__(self, run_dir: Path, client_file: Path) -> None:
        self._secret_file, self.client_file = run_dir / "keys" / SECRET, client_file
        self._new: list[tuple[Path, bytes]] = []
        self._secret = self._read_secret()
        self._server = server = zmq.curve_public(self._secret)
        client = keys.read(client_file)
        if client is None:
            client = ClientKey.new(server)
            self._new.append((client_file, f"{client.text()}\n".encode()))
        if client.server != server:
            raise BadInputError(
                f"the key file {client_file} belongs to another server than {self._secret_file}: "
                "remove it, and the server writes a new one"
            )
        self._allowed = {client.public}
        self._read: tuple[int, int] | None = None  # number and time of the clients' file when it was read last

    def write(self) -> None:
        """Write the files that do not exist yet. Call this while the run's folder is locked.

        Raises:
            BadInputError: a file cannot be written.
        """
        while self._new:
            path, data = self._new[0]
            try:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                write_new(path, data)
            except OSError as error:
                raise BadInputError(f"the key file {path} cannot be written: {error.strerror}") from None
            self._new.pop(0)
        for path in (self._secret_file, self.client_file):
            if os.stat(path).st_mode & OTHERS:
                log.warning("%s is open to other users of this machine: `chmod 600 %s`", path, path)

    def apply(self, socket: zmq.Socket) -> None:
        """Let a server's socket accept only encrypted connections. Call this before it is bound."""
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt(zmq.CURVE_SECRETKEY, self._secret)

    def allows(self, public: bytes) -> bool:
        """Return whether a client with this public key, Z85, may connect."""
        return public in self._allowed

    def renewed(self) -> bool:
        """Return whether the clients' file has another key since the last call. From then on only that is valid."""
        with suppress(OSError):  # without the file, the former key remains valid
            status = os.stat(self.client_file)
            stamp = status.st_ino, status.st_mtime_ns
            if stamp == self._read:
                return False
            self._read = stamp
            try:
                client = keys.read(self.client_file)
            except BadInputError as error:
                log.warning("%s; the former key remains valid", error)
                return False
            if client is not None and client.server == self._server and client.public not in self._allowed:
                self._allowed = {client.public}
                return True
        return False

    def _read_secret(self) -> bytes:
        """Return the server's secret key, Z85; a new one if there is no file."""
        path = self._secret_file
        try:
            secret = read_regular(path, keys.MOST).strip()
            zmq.curve_public(secret)
        except (FileNotFoundError, NotADirectoryError):
            secret = zmq.curve_keypair()[1]
            self._new.append((path, secret + b"\n"))
        except (OSError, ValueError, zmq.ZMQError) as error:
            reason = getattr(error, "strerror", None) or "it has no key"
            raise BadInputError(f"the key file {path} cannot be used: {reason}") from None
        return secret


def renew(client_file: Path) -> ClientKey:
    """Replace the clients' key of a run, and return the new one. A server that runs takes it at once.

    Raises:
        BadInputError: there is no key, or the file cannot be written.
    """
    old = keys.read(client_file)
    if old is None:
        raise BadInputError(f"there is no key file {client_file}: the server of the run writes it when it starts")
    new = ClientKey.new(old.server)
    try:
        write_whole(client_file, f"{new.text()}\n".encode(), mode=0o600)
    except OSError as error:
        raise BadInputError(f"the key file {client_file} cannot be written: {error.strerror}") from None
    return new


def check_encryption(settings: Settings) -> None:
    """Refuse to serve without encryption except on this machine.

    Raises:
        BadInputError: with --no-encryption, the address to bind is not loopback.
    """
    if not settings.no_encryption or settings.bind.startswith("ipc://"):
        return
    host = parse(settings.bind.removeprefix("tcp://")).host
    if not is_loopback(host):
        raise BadInputError(
            f"--no-encryption: found --bind {settings.bind}, expected an address of loopback such as "
            "tcp://127.0.0.1:5555: anyone who reaches the port could change the run; leave out --no-encryption"
        )

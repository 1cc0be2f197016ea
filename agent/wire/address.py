"""The address of a parameter server, with the file of the key that it asks for."""

from pathlib import Path
from typing import NamedTuple

from a3c64.config import Settings


class ServerAddress(NamedTuple):
    """Where a server listens, and which key it asks for."""

    url: str  # tcp://HOST:PORT or ipc://PATH
    key_file: Path | None  # the client's key, see a3c64.wire.keys; None = the connection is not encrypted

    def __str__(self) -> str:
        """Return it as text for messages."""
        return self.url if self.key_file is None else f"{self.url} with the key in {self.key_file}"


def key_file_in(settings: Settings) -> Path | None:
    """Return the file with the clients' key that the settings name; None without encryption."""
    return None if settings.no_encryption else settings.key_file or settings.run_dir / "keys" / "client"


def key_file_for_folder(settings: Settings) -> str:
    """Return the clients' key file as server.json has it: relative to the run's folder if no other was named."""
    path = key_file_in(settings)
    if path is None:
        return ""
    return str(path.resolve() if settings.key_file else path.relative_to(settings.run_dir))


def address_in(settings: Settings) -> ServerAddress:
    """Return the server's address and key that the settings of a client name."""
    return ServerAddress(settings.server, key_file_in(settings))

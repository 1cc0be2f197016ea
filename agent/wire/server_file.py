"""server.json in a run's folder: where the run's server listens. The file exists while the server runs."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from a3c64.addresses import reachable
from a3c64.files import read_json, write_whole
from a3c64.wire.address import ServerAddress

NAME = "server.json"
MOST = 4096  # bytes, largest size that is read


class ServerFile(NamedTuple):
    """The content of server.json."""

    bind: str  # the address that the server binds
    pid: int  # of the server, on its machine or in its container
    web_port: int  # 0 = no web page
    tensorboard_port: int  # 0 = no TensorBoard
    key_file: str  # with the clients' key, relative to the run's folder or absolute; "" = no encryption

    def address(self, run_dir: Path) -> ServerAddress:
        """Return the address for clients on the same machine."""
        return ServerAddress(reachable(self.bind), run_dir / self.key_file if self.key_file else None)


def write(run_dir: Path, server: ServerFile) -> None:
    """Write server.json. Readers see the old file or the whole new one.

    Raises:
        OSError: the file could not be written.
    """
    write_whole(run_dir / NAME, f"{json.dumps(server._asdict())}\n".encode())


def remove(run_dir: Path) -> None:
    """Remove this process' server.json, if it exists. The file of another server is not removed."""
    server = read(run_dir)
    if server is not None and server.pid == os.getpid():
        with suppress(OSError):
            (run_dir / NAME).unlink()


def read(run_dir: Path) -> ServerFile | None:
    """Return the content of server.json, or None if it is missing or invalid. A killed server leaves its file."""
    try:
        facts = read_json(run_dir / NAME, MOST)
        ports = int(facts["pid"]), int(facts["web_port"]), int(facts["tensorboard_port"])
        return ServerFile(str(facts["bind"]), *ports, str(facts["key_file"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None

"""server.json in a run's folder: where the run's server listens, as long as it runs."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

NAME = "server.json"


class ServerFile(NamedTuple):
    """What server.json says."""

    bind: str  # the address the server binds
    pid: int  # of the server, on its machine or in its container
    web_port: int  # 0 = no web page
    tensorboard_port: int  # 0 = no TensorBoard


def write(run_dir: Path, server: ServerFile) -> None:
    """Write server.json: readers see the old file or the whole new one.

    Raises:
        OSError: it could not be written.
    """
    temporary = run_dir / f".writing-{NAME}"
    temporary.write_text(json.dumps(server._asdict()) + "\n")
    temporary.replace(run_dir / NAME)


def remove(run_dir: Path) -> None:
    """Remove this process' server.json, if it is there; that of another server stays."""
    server = read(run_dir)
    if server is not None and server.pid == os.getpid():
        with suppress(OSError):
            (run_dir / NAME).unlink()


def read(run_dir: Path) -> ServerFile | None:
    """Return what server.json says, or None if there is none. A server that was killed leaves its file behind."""
    try:
        facts = json.loads((run_dir / NAME).read_bytes())
        ports = int(facts["pid"]), int(facts["web_port"]), int(facts["tensorboard_port"])
        return ServerFile(str(facts["bind"]), *ports)
    except (OSError, ValueError, KeyError, TypeError):
        return None

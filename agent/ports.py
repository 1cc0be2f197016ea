"""TCP ports of this machine: check that they are free, find the process that holds one, suggest a free one."""

import errno
import shlex
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from a3c64.addresses import Place
from a3c64.config import BadInputError, flag

PATIENCE_S = 3.0  # the children of a killed run end within this time and free its ports
LOOK_S = 0.2
LISTENING = "0A"  # state in /proc/net/tcp (include/net/tcp_states.h)
COMMAND_CHARACTERS = 60  # how much of the holder's command is shown


class Wanted(NamedTuple):
    """A port that this run will listen on."""

    setting: str  # the setting that chooses it
    host: str
    port: int


def check(wanted: Sequence[Wanted]) -> None:
    """Check that all ports can be listened on. One error message names all that are taken.

    Raises:
        BadInputError: two settings use one port, a port is taken, or a host is not an address of this machine.
    """
    for k, one in enumerate(wanted):
        for other in wanted[:k]:
            if one.port == other.port and one.setting != other.setting:
                raise BadInputError(f"{flag(other.setting)} and {flag(one.setting)} both use port {one.port}")
    deadline = time.monotonic() + PATIENCE_S
    while taken := [one for one in wanted if not is_free(one)]:
        if time.monotonic() > deadline:
            raise BadInputError(_said(taken, wanted))
        time.sleep(LOOK_S)


def holder(port: int) -> str:
    """Return id and command of the process that listens on a port of this machine; "" if /proc does not show it."""
    inodes = {f"socket:[{inode}]" for inode in _listeners(port)}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # the process has ended, or belongs to another user
            if any(str(file.readlink()) in inodes for file in (process / "fd").iterdir()):
                words = (process / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
                command = " ".join(word.decode(errors="replace") for word in words)
                return f"process {process.name} ({command[:COMMAND_CHARACTERS]})"
    return ""


def _said(taken: Sequence[Wanted], wanted: Sequence[Wanted]) -> str:
    """Return the error message: which ports are taken, and flags with free ports."""
    said, remedies = [], {}
    used = {one.port for one in wanted}
    for one in taken:
        who = holder(one.port)
        said.append(f"port {one.port} ({flag(one.setting)}) is taken" + (f" by {who}" if who else ""))
        free = next((p for p in range(one.port + 1, 65536) if p not in used and is_free(one._replace(port=p))), None)
        if free is not None and one.setting not in remedies:
            used.add(free)
            value = f"tcp://{Place(one.host, free)}" if one.setting == "bind" else str(free)
            remedies[one.setting] = f"{flag(one.setting)} {shlex.quote(value)}"
    return "; ".join([*said, f"free: {' '.join(remedies.values())}"])


def is_free(one: Wanted) -> bool:
    """Return whether a port is free.

    Raises:
        BadInputError: the port cannot be listened on for another reason, such as a host that is not this machine.
    """
    host = "0.0.0.0" if one.host == "*" else one.host
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, one.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # all our servers set it too
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        place = Place(one.host, one.port)
        raise BadInputError(f"{flag(one.setting)}: {place} cannot be used: {error.strerror}") from None
    return True


def _listeners(port: int) -> set[str]:
    """Return the inodes of the sockets that listen on a port (Documentation/networking/proc_net_tcp.rst)."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == LISTENING and int(words[1].rsplit(":", 1)[1], 16) == port:
                    inodes.add(words[9])
    return inodes

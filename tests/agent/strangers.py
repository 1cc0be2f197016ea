"""Another user of the machine: attacks for tests. Only root can act as him."""

import ctypes
import json
import os
import socket
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest

NOBODY = 65534
ANSWER_S = 60  # timeout
METHOD = b"MIT-MAGIC-COOKIE-1"  # Xsecurity(7)
only_root = pytest.mark.skipif(  # under CI=true the tests run in any case, and fail without root
    os.geteuid() != 0 and not os.environ.get("CI"), reason="only root can act as another user"
)


def as_nobody(attack: Callable[[], Any]) -> Any:
    """Return the result of `attack`, called in a copy of this process that belongs to another user; or its error."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            result = attack()
        except BaseException as error:
            result = repr(error)
        os.write(writing, json.dumps(result).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return json.loads(said)


def accepts(address: str, cookie: bytes) -> bool:
    """Return whether an X server lets a client in that sends this secret; b"" = none."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_S)
        connection.connect(address)
        method = METHOD if cookie else b""
        hello = b"l\0\x0b\0\0\0" + len(method).to_bytes(2, "little") + len(cookie).to_bytes(2, "little") + b"\0\0"
        connection.sendall(hello + method + bytes(-len(method) % 4) + cookie)
        return connection.recv(1) == b"\1"  # Success


def refused_by(path: str) -> bool:
    """Return whether an X server refuses another user at all its addresses."""
    addresses = (path, "\0" + path)
    return as_nobody(lambda: [accepts(one, cookie) for one in addresses for cookie in (b"", bytes(16))]) == [False] * 4


def segments_of(processes: Collection[int]) -> list[int]:
    """Return the shared memory segments that these processes have made."""
    rows = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]  # proc(5)
    return [int(row[1]) for row in rows if int(row[4]) in processes]


def attached(segment: int) -> bool:
    """Return whether a shared memory segment can be attached, to read it or to change it."""
    libc = ctypes.CDLL(None)
    libc.shmat.restype = ctypes.c_void_p
    read_only = 0o10000  # SHM_RDONLY, sys/shm.h
    return any(libc.shmat(segment, None, flags) != ctypes.c_void_p(-1).value for flags in (0, read_only))

"""The workers' screens: their tokens, and whether VNC servers answer at their addresses.

A worker tells the server its VNC port, so a harmful worker can name the port of another service. No byte must pass
between that service and a browser. So this process performs the security handshake itself, on both sides, and carries
bytes only after it. It uses version 3.3 of the RFB protocol, which takes the fewest messages (RFC 6143, sections 7.1
and 7.2): the VNC server greets, the client answers with its version, and the server sends a security type.
"""

import asyncio
import re
from pathlib import Path
from typing import Any, NamedTuple

from a3c64.files import read_json

GREETING = re.compile(rb"RFB \d{3}\.\d{3}\n")
GREETING_BYTES = 12
VERSION = b"RFB 003.003\n"
NONE = b"\0\0\0\1"  # the security type without a password
CONNECT_S = 5.0  # timeout of connection and handshake; x11vnc looks for new clients every 0.2 s
RETRY_S, RETRY_MAX_S = 1.0, 8.0  # pause between two checks of a screen; it doubles
CHECKS = 16  # number of screens checked at a time
MAX_FILE = 16 << 20  # bytes of screens.json; a screen has about 60

Address = tuple[str, int]  # host, port


class NotAScreenError(OSError):
    """Something answers at a screen's address, but it does not let this process in as a VNC server does."""


class Screen(NamedTuple):
    """A connection to a VNC server after the security handshake."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class Screens:
    """The screens of a run.

    Args:
        file: has the address of each token, as paramserver/web/feed.py writes them.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._open: set[Address] = set()
        self._checks: dict[Address, asyncio.Task[None]] = {}
        self._pauses: dict[Address, float] = {}  # seconds after the next failed check
        self._turns = asyncio.Semaphore(CHECKS)

    def show(self, report: dict[str, Any]) -> dict[str, Any]:
        """Return the report with the tokens of open screens only, and begin to check the others.

        Nothing is checked between two calls, so screens cost nothing while no page is open.
        """
        known = self._addresses()
        here = set(known.values())
        self._open &= here
        for address in self._checks.keys() - here:
            self._checks.pop(address).cancel()
            self._pauses.pop(address, None)
        for worker in report["workers"]:
            screen = known.get(worker.get("screen") or "")
            if screen in self._open:
                continue
            worker["screen"] = None
            if screen and (screen not in self._checks or self._checks[screen].done()):
                self._checks[screen] = asyncio.create_task(self._check(screen))
        return report

    async def connect(self, token: str) -> Screen | None:
        """Return a connection to a token's screen; None if the token is unknown.

        Raises:
            NotAScreenError: it is not a VNC server.
            OSError: nothing answers.
        """
        address = self._addresses().get(token)
        if address is None:
            return None
        try:
            return await _connect(address)
        except NotAScreenError:
            self._open.discard(address)
            raise

    async def _check(self, address: Address) -> None:
        """Check a screen once. If it is not open, pause, so that the next check is later."""
        try:
            async with self._turns:
                screen = await _connect(address)
            screen.writer.close()
            self._open.add(address)
        except OSError:
            pause = self._pauses.get(address, RETRY_S)
            self._pauses[address] = min(2.0 * pause, RETRY_MAX_S)
            await asyncio.sleep(pause)

    def _addresses(self) -> dict[str, Address]:
        """Return the address of each token."""
        try:
            return {token: (str(host), int(port)) for token, (host, port) in read_json(self._file, MAX_FILE).items()}
        except (OSError, ValueError):
            return {}


async def _connect(address: Address) -> Screen:
    """Connect, and perform the security handshake.

    Raises:
        NotAScreenError: the other side does not take part in it, or not in time.
        OSError: nothing answers.
    """
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(*address)
            if not GREETING.fullmatch(await reader.readexactly(GREETING_BYTES)):
                raise NotAScreenError("it is not a VNC server")
            writer.write(VERSION)
            if await reader.readexactly(len(NONE)) != NONE:
                raise NotAScreenError("it refuses the connection")
        return Screen(reader, writer)
    except BaseException as error:
        if writer is not None:
            writer.close()
        if writer is not None and isinstance(error, TimeoutError | asyncio.IncompleteReadError):
            raise NotAScreenError("it is not a VNC server") from None
        raise

"""The workers' screens: their tokens, and whether VNC servers answer at their addresses.

A worker tells the server its VNC port, so a harmful worker can name the port of another service. No byte must pass
between that service and a browser. So a connection is used only if the other side first greets as VNC servers do
(RFC 6143, section 7.1.1).
"""

import asyncio
import re
from pathlib import Path
from typing import Any, NamedTuple

from a3c64.files import read_json

GREETING = re.compile(rb"RFB \d{3}\.\d{3}\n")
GREETING_BYTES = 12
CONNECT_S = 5.0  # timeout of connection and greeting; x11vnc looks for new clients every 0.2 s
RETRY_S, RETRY_MAX_S = 1.0, 8.0  # pause between two checks of a screen that does not greet; it doubles
CHECKS = 16  # number of screens checked at a time
MAX_FILE = 16 << 20  # bytes of screens.json; a screen has about 60

Address = tuple[str, int]  # host, port


class NotAScreenError(OSError):
    """Something answers at a screen's address, but it does not greet as a VNC server."""


class Screen(NamedTuple):
    """A connection to a VNC server, and the greeting that was already read from it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    greeting: bytes


class Screens:
    """The screens of a run.

    Args:
        file: has the address of each token, as paramserver/web/feed.py writes them.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._greeted: set[Address] = set()
        self._checks: dict[Address, asyncio.Task[None]] = {}
        self._pauses: dict[Address, float] = {}  # seconds after the next failed check
        self._turns = asyncio.Semaphore(CHECKS)

    def show(self, report: dict[str, Any]) -> dict[str, Any]:
        """Return the report with the tokens of only those screens that have greeted. Check the others, without waiting.

        Nothing is checked between two calls, so screens cost nothing while no page is open.
        """
        known = self._addresses()
        here = set(known.values())
        self._greeted &= here
        for address in self._checks.keys() - here:
            self._checks.pop(address).cancel()
            self._pauses.pop(address, None)
        for worker in report["workers"]:
            screen = known.get(worker.get("screen") or "")
            if screen in self._greeted:
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
            self._greeted.discard(address)
            raise

    async def _check(self, address: Address) -> None:
        """Check once whether a screen greets. If it does not, pause, so that the next check is later."""
        try:
            async with self._turns:
                screen = await _connect(address)
            screen.writer.close()
            self._greeted.add(address)
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
    """Connect, and wait for the greeting.

    Raises:
        NotAScreenError: it greets otherwise, or not in time.
        OSError: nothing answers.
    """
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(*address)
            greeting = await reader.readexactly(GREETING_BYTES)
        if not GREETING.fullmatch(greeting):
            raise NotAScreenError("it is not a VNC server")
        return Screen(reader, writer, greeting)
    except BaseException as error:
        if writer is not None:
            writer.close()
        if writer is not None and isinstance(error, TimeoutError | asyncio.IncompleteReadError):
            raise NotAScreenError("it is not a VNC server") from None
        raise

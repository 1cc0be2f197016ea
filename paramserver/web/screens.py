"""The workers' screens: their tokens, and whether VNC servers answer at their addresses.

A worker tells the server its VNC port, so a harmful worker can name the port of another service. No byte must pass
between that service and a browser. So this process performs the security handshake itself, on both sides, and carries
bytes only after it (a3c64/vnc/login.py). So no browser needs the VNC password.
"""

import asyncio
from pathlib import Path
from typing import Any, NamedTuple

from a3c64.config import BadInputError
from a3c64.files import read_json
from a3c64.vnc import login, password

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
        password_file: has the VNC password.
    """

    def __init__(self, file: Path, password_file: Path) -> None:
        self._file, self._password_file = file, password_file
        self._open: set[Address] = set()
        self._checks: dict[Address, asyncio.Task[None]] = {}
        self._pauses: dict[Address, float] = {}  # how long to wait after the next failed check, seconds
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
            return await _connect(address, self._password_file)
        except NotAScreenError:
            self._open.discard(address)
            raise

    async def _check(self, address: Address) -> None:
        """Check a screen once. If it is not open, pause, so that the next check is later."""
        try:
            async with self._turns:
                screen = await _connect(address, self._password_file)
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


async def _connect(address: Address, password_file: Path) -> Screen:
    """Connect, and perform the security handshake.

    Raises:
        NotAScreenError: the other side does not take part in it, or not in time.
        OSError: nothing answers.
    """
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(*address)
            if not login.GREETING.fullmatch(await reader.readexactly(login.GREETING_BYTES)):
                raise NotAScreenError("it is not a VNC server")
            writer.write(login.VERSION)
            kind = await reader.readexactly(len(login.NONE))
            if kind == login.PASSWORD:
                challenge = await reader.readexactly(login.CHALLENGE_BYTES)
                writer.write(login.response(password.read(password_file), challenge))
                if await reader.readexactly(len(login.OK)) != login.OK:
                    raise NotAScreenError("it wants another password")
            elif kind != login.NONE:
                raise NotAScreenError("it refuses the connection")
        return Screen(reader, writer)
    except BaseException as error:
        if writer is not None:
            writer.close()
        if writer is not None and isinstance(error, TimeoutError | asyncio.IncompleteReadError):
            raise NotAScreenError("it is not a VNC server") from None
        if isinstance(error, BadInputError):
            raise NotAScreenError(str(error)) from None
        raise

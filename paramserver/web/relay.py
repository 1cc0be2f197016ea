"""Carry bytes between a browser's WebSocket and a worker's VNC server."""

import asyncio

from aiohttp import WSMsgType, web

from a3c64.paramserver.web.screens import CONNECT_S, Screen
from a3c64.vnc.login import NONE, VERSION

CHUNK = 1 << 16  # bytes read from the VNC server at a time
MAX_MESSAGE = 1 << 20  # bytes of a browser's message; keys, clicks and requests for pictures have at most a few hundred
PING_S = 30.0  # a browser that does not answer a ping is gone


async def relay(request: web.BaseRequest, screen: Screen) -> web.WebSocketResponse:
    """Make the request a WebSocket and carry bytes until either side closes. Both connections are closed then.

    Each side is read only as fast as the other one takes the bytes, so a slow viewer needs no memory.
    """
    socket = web.WebSocketResponse(
        protocols=("binary",), heartbeat=PING_S, compress=False, max_msg_size=MAX_MESSAGE, timeout=1.0
    )
    try:
        await socket.prepare(request)
        await _welcome(socket, screen)
        directions = [asyncio.create_task(_to_screen(socket, screen)), asyncio.create_task(_to_browser(socket, screen))]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in directions:
                one.cancel()
            await asyncio.gather(*directions, return_exceptions=True)
        await socket.close()
    finally:
        screen.writer.close()
    return socket


async def _welcome(socket: web.WebSocketResponse, screen: Screen) -> None:
    """Perform the server's side of the security handshake. The browser needs no password: it has the screen's token.

    Raises:
        ConnectionError: the browser does not answer with its version.
    """
    await socket.send_bytes(VERSION)
    version = b""
    while len(version) < len(VERSION):
        message = await socket.receive(CONNECT_S)
        if message.type != WSMsgType.BINARY:
            raise ConnectionError("the browser must answer with a version")
        version += message.data
    await socket.send_bytes(NONE)
    screen.writer.write(version[len(VERSION) :])


async def _to_screen(socket: web.WebSocketResponse, screen: Screen) -> None:
    async for message in socket:
        if message.type != WSMsgType.BINARY:
            return
        screen.writer.write(message.data)
        await screen.writer.drain()


async def _to_browser(socket: web.WebSocketResponse, screen: Screen) -> None:
    while data := await screen.reader.read(CHUNK):
        await socket.send_bytes(data)

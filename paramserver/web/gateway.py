"""The web page's server: files, recordings, workers' screens.

    python -m a3c64.paramserver.web.gateway HOST PORT FOLDER RUN HOSTS PASSWORD_FILE LEVEL FORM INDEX

One port serves everything. A WebSocket request becomes a connection to the VNC server that its token names. Other
requests get a file. FOLDER has the data that the parameter server writes (paramserver/web/feed.py). HOSTS are names
that browsers may use besides the usual ones (paramserver/web/hosts.py). PASSWORD_FILE has the VNC password.
"""

import asyncio
import errno
import json
import logging
import os
import socket
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web

from a3c64 import logs
from a3c64.addresses import Place
from a3c64.files import read_json
from a3c64.paramserver.web import prometheus
from a3c64.paramserver.web.feed import REPORT, SCREENS
from a3c64.paramserver.web.hosts import Hosts
from a3c64.paramserver.web.recordings import Recordings
from a3c64.paramserver.web.relay import relay
from a3c64.paramserver.web.screens import NotAScreenError, Screens
from a3c64.paramserver.web.served import KINDS, find
from a3c64.processes import StopEvent, stop_on_signals
from a3c64.wire.report import RunReport

log = logging.getLogger("a3c64.paramserver.web")

HEADERS = {  # the page loads nothing from other sites, and no other site may embed it or its files
    "Content-Security-Policy": "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
    "Server": "a3c64",
}
# Each connection can need two descriptors, for a file or for a screen. The usual limit is 1024.
MAX_CONNECTIONS = 384
MAX_SCREENS = 128  # of these
IDLE_S = 60.0  # a connection without a request is closed after this time
STALLED_S = 120.0  # a connection whose other side takes nothing is closed after this time
LISTED_S = 5.0  # the list of recordings is at most this old
MAX_REPORT = 64 << 20  # bytes of run.json; a worker has about 400
CLOSE_S = 0.5  # when the page's server stops, its connections have this time to end
UPGRADE = ("upgrade", "connection", "sec-websocket")  # headers, which aiohttp puts into texts and decodes
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Gateway:
    """Answers requests.

    Args:
        web_dir: has run.json and screens.json.
        run_dir: the run's folder.
        hosts: the names that browsers may use.
        password_file: has the VNC password.
    """

    def __init__(self, web_dir: Path, run_dir: Path, hosts: Hosts, password_file: Path) -> None:
        self._report = web_dir / REPORT
        self._run_dir = run_dir
        self._hosts = hosts
        self._screens = Screens(web_dir / SCREENS, password_file)
        self._watching = 0  # number of connections to screens
        self._recordings = Recordings(run_dir)
        self._listing = asyncio.Lock()
        self._list = ""
        self._list_until = 0.0

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request."""
        try:
            return await self._answer(request)
        except web.HTTPException as error:  # aiohttp's own refusal of a WebSocket
            return _text(error.status, error.reason)
        except ConnectionError:  # browsers close connections at any time
            raise
        except Exception:
            log.exception("a request failed")
            return _text(500, "internal error; web.log in the run's folder has the reason")

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if refusal := self._hosts.refusal(request.headers.getall("Host", [])):
            return _text(403, refusal)
        if request.method not in ("GET", "HEAD"):
            return _text(405, "the page is read-only: the method must be GET or HEAD")
        path, _, query = request.raw_path.partition("?")
        if "Upgrade" in request.headers:
            return await self._screen(request, path, query)
        if path == f"/{REPORT}":
            return self._current_report()
        if path == "/metrics":
            return self._metrics()
        if path == "/recordings.json":
            return _json(await self._current_list())
        if (file := find(path, self._run_dir)) is None:
            return _text(404, "there is no such file")
        return web.FileResponse(file.path, headers={**HEADERS, "Content-Type": file.kind})

    async def _screen(self, request: web.BaseRequest, path: str, query: str) -> web.StreamResponse:
        """Become a WebSocket if the token is known and the request does not come from another site's page."""
        origin = request.headers.get("Origin")
        if path != "/screen" or (origin is not None and origin.partition("://")[2] != request.headers["Host"]):
            return _text(403, "the request must come from this page")
        if not all(value.isascii() for name, value in request.headers.items() if name.lower().startswith(UPGRADE)):
            return _text(400, "the headers of a WebSocket must be ASCII")
        if self._watching >= MAX_SCREENS:
            return _text(503, f"there are {MAX_SCREENS} connections to screens already")
        self._watching += 1
        try:
            screen = await self._screens.connect(parse_qs(query).get("token", [""])[0])
            return _text(403, "the token is unknown") if screen is None else await relay(request, screen)
        except NotAScreenError:
            return _text(502, "the worker's VNC port is not a VNC server's")
        except OSError:
            return _text(502, "the worker's display does not answer")
        finally:
            self._watching -= 1

    def _current_report(self) -> web.Response:
        try:
            report = read_json(self._report, MAX_REPORT)
        except (OSError, ValueError):
            return _text(404, "the server has not written its report yet")
        return _json(json.dumps(self._screens.show(report)))

    def _metrics(self) -> web.Response:
        try:
            exposition = prometheus.text(RunReport.of(read_json(self._report, MAX_REPORT)))
        except (OSError, ValueError):
            return _text(503, "the server has not written its report yet")
        return web.Response(body=exposition.encode(), headers={**HEADERS, "Content-Type": prometheus.KIND})

    async def _current_list(self) -> str:
        """Return the list of recordings. All pages share it."""
        async with self._listing:
            now = asyncio.get_running_loop().time()
            if now >= self._list_until:
                self._list = json.dumps(await asyncio.to_thread(self._recordings.listed))
                self._list_until = now + LISTED_S
            return self._list


def _text(status: int, line: str) -> web.Response:
    return web.Response(status=status, text=f"{line}\n", headers=HEADERS)


def _json(content: str) -> web.Response:
    return web.Response(body=content.encode(), headers={**HEADERS, "Content-Type": KINDS[".json"]})


class Connections(web.Server):
    """Speaks HTTP on at most MAX_CONNECTIONS connections. Further ones get one answer and are closed."""

    def connection_made(self, handler: Any, transport: Any) -> None:
        """Count a connection, and close it if there are too many."""
        super().connection_made(handler, transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.write(BUSY)
            handler.force_close()


async def serve(host: str, port: int, gateway: Gateway, stop: StopEvent) -> None:
    """Serve until `stop` is set.

    Raises:
        OSError: the address cannot be bound.
    """
    logging.getLogger("aiohttp").setLevel(logging.CRITICAL)  # it logs a traceback for each malformed request
    http = Connections(gateway.answer, keepalive_timeout=IDLE_S, access_log=None)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, dualstack_ipv6=host == "::")
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(STALLED_S * 1000))  # connections inherit it
    server = await asyncio.get_running_loop().create_server(http, sock=listening)
    await asyncio.to_thread(stop.wait)
    server.close()
    await http.shutdown(CLOSE_S)


def main() -> int:
    """Serve until asked to stop; return the exit code."""
    host, port, hosts = sys.argv[1], int(sys.argv[2]), Hosts(sys.argv[1], sys.argv[5])
    web_dir, run_dir, password_file = Path(sys.argv[3]), Path(sys.argv[4]), Path(sys.argv[6])
    logs.configure_as("web", sys.argv[7:])
    stop = stop_on_signals()

    async def run() -> None:
        await serve(host, port, Gateway(web_dir, run_dir, hosts, password_file), stop)

    try:
        asyncio.run(run())
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, "")
        reason = os.strerror(error.errno) if name and error.errno else error.strerror
        log.error("%s cannot be bound (%s, %s): choose another A3C64_WEB_PORT", Place(host, port), reason, name)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

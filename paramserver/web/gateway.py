"""The web page's server: files, recordings, workers' screens.

    python -m a3c64.paramserver.web.gateway HOST PORT FOLDER RUN LEVEL FORM INDEX

One port serves everything. websockify connects a WebSocket request to the VNC server that its token names. Other
requests get a file from one of four folders. FOLDER has the data that the parameter server writes
(paramserver/web/feed.py).
"""

import errno
import json
import logging
import socket
import sys
import threading
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from websockify.websocketproxy import LibProxyServer, ProxyRequestHandler
from websockify.websockifyserver import WebSockifyServer

from a3c64 import logs
from a3c64.addresses import Place
from a3c64.paramserver.web.feed import REPORT, SCREENS
from a3c64.paramserver.web.recordings import Recordings
from a3c64.processes import stop_on_signals

log = logging.getLogger("a3c64.paramserver.web")

PAGE = Path(__file__).parent / "page"
KINDS = {  # served files by suffix, with their content type
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".m64": "application/octet-stream",
    ".mp4": "video/mp4",
}
HEADERS = {  # the page loads nothing from other sites, and no other site may embed it
    "Content-Security-Policy": "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
MAX_SCREENS = 128  # connections to screens at a time; each has a thread
CONNECT_S = 5.0
IDLE_S = 60.0  # a connection without a request is closed after this time


class Gateway(LibProxyServer):
    """The page's server. It has a thread for each connection."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, host: str, port: int, web_dir: Path, run_dir: Path) -> None:
        self.web_dir = web_dir
        self.run_dir = run_dir
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.screens = threading.BoundedSemaphore(MAX_SCREENS)
        self.recordings = Recordings(run_dir)
        self.reading = threading.Lock()  # of the recordings
        super().__init__(Handler, listen_host=host, listen_port=port)
        self.only_upgrade = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Do not log broken connections: browsers close them at any time."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Handler(ProxyRequestHandler):
    """One connection."""

    server: Gateway
    server_version, sys_version = "a3c64", ""
    timeout = IDLE_S

    def do_GET(self) -> None:
        """Answer with a file, or with the list of recordings."""
        if urlsplit(self.path).path == "/recordings.json":
            with self.server.reading:
                found = self.server.recordings.listed()
            self._send(json.dumps(found).encode(), KINDS[".json"])
        elif (file := self._file()) is None:
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            try:
                self._send(file.read_bytes(), KINDS[file.suffix])
            except OSError:  # it was deleted meanwhile
                self.send_error(HTTPStatus.NOT_FOUND)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        """Refuse, because the page is read-only."""
        self.send_error(HTTPStatus.METHOD_NOT_ALLOWED)

    def handle_upgrade(self) -> None:
        """Become a WebSocket if the token is known and the request does not come from another site's page."""
        origin = self.headers.get("Origin")
        self._target = self._screen()
        if self._target is None or (origin and urlsplit(origin).netloc != self.headers.get("Host")):
            self.send_error(HTTPStatus.FORBIDDEN)
            self.close_connection = True
        elif not self.server.screens.acquire(blocking=False):
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE)
            self.close_connection = True
        else:
            try:
                super().handle_upgrade()
            finally:
                self.server.screens.release()

    def new_websocket_client(self) -> None:
        """Carry bytes to and from the worker's VNC server until either side closes the connection."""
        assert self._target is not None
        try:
            screen = socket.create_connection(self._target, CONNECT_S)
        except OSError:
            raise self.CClose(1011, "the worker's display does not answer") from None
        with screen:
            for one in (screen, self.request):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with suppress(OSError):
                self.do_proxy(screen)

    def _screen(self) -> tuple[str, int] | None:
        """Return host and port of the request's token, or None if it is unknown."""
        tokens = parse_qs(urlsplit(self.path).query).get("token", [])
        try:
            known = json.loads((self.server.web_dir / SCREENS).read_bytes())
            host, port = known[tokens[0]]
            return str(host), int(port)
        except (OSError, ValueError, LookupError):
            return None

    def _file(self) -> Path | None:
        """Return the requested file, or None if it must not be served."""
        first, *rest = unquote(urlsplit(self.path).path).lstrip("/").split("/")
        if f"/{first}" == f"/{REPORT}" and not rest:
            return self.server.web_dir / REPORT
        root, kinds = PAGE, {".html", ".css", ".js", ".svg"}
        if first in ("replays", "videos"):
            root, kinds = self.server.run_dir / first, {".m64", ".json", ".mp4"}
        else:
            rest = [first or "index.html", *rest]
        if any(part in ("", ".", "..") or part[0] == "." or not part.isprintable() for part in rest):
            return None
        with suppress(OSError, ValueError):
            file = root.joinpath(*rest).resolve()  # resolved, because a link must not lead out of the folder
            if file.is_relative_to(root.resolve()) and file.suffix in kinds and file.is_file():
                return file
        return None

    def _send(self, content: bytes, kind: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def end_headers(self) -> None:
        """Add the headers of every answer."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Do not log requests."""


def main() -> int:
    """Serve until asked to stop; return the exit code."""
    host, port, web_dir, run_dir = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4])
    logs.configure_as("web", sys.argv[5:])
    stop = stop_on_signals()
    WebSockifyServer.log_prefix = "websockify"  # it logs connections below our level
    try:
        gateway = Gateway(host, port, web_dir, run_dir)
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, "")
        place = Place(host, port)
        log.error("%s cannot be bound (%s, %s): choose another A3C64_WEB_PORT", place, error.strerror, name)
        return 1
    threading.Thread(target=gateway.serve_forever, daemon=True).start()
    while not stop.wait(60.0):
        pass
    gateway.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())

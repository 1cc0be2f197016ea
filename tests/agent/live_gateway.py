"""The web page's server as a real process, and VNC servers and browsers' requests that it meets."""

import json
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil
from live import ROOT, free_port, until

from a3c64.paramserver.web.feed import REPORT, SCREENS
from a3c64.vnc.login import response

GREETING = b"RFB 003.008\n"
VERSION = b"RFB 003.003\n"  # that the gateway uses on both sides
NO_PASSWORD = b"\0\0\0\1"
PASSWORD = "password"  # of the run
CHALLENGE = bytes(range(16))
WAIT_S = 60  # longest wait for an answer; other tests may use the cores
FACTS = {"recorded": "2026-01-01T00:00:00Z", "return": 1.0, "metrics": {}, "steps": 900, "frameskip": 4}


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes


class Service:
    """A TCP server that sends `greeting` to each client and keeps all that clients send.

    After a VNC server's greeting it answers a version with a security type, and then sends `more` bytes. With a
    password, clients must prove that they know it.
    """

    def __init__(self, greeting: bytes = GREETING, more: int = 0, password: str = "") -> None:
        self._password = password
        self.received = b""
        self.connections = self.sent = 0
        self._greeting, self._more = greeting, more
        self._newest: socket.socket | None = None
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                self.connections += 1
                self._newest = connection
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with suppress(OSError):
            connection.sendall(self._greeting)
            if self._greeting == GREETING:
                self.received += connection.recv(len(VERSION), socket.MSG_WAITALL)
                if not self._password:
                    connection.sendall(NO_PASSWORD)
                elif not self._lets_in(connection):
                    return connection.close()
            if self._more:
                connection.recv(1)
            for _ in range(self._more >> 16):
                self.sent += connection.send(bytes(1 << 16))
            while more := connection.recv(4096):
                self.received += more

    def _lets_in(self, connection: socket.socket) -> bool:
        connection.sendall(b"\0\0\0\2" + CHALLENGE)
        answer = connection.recv(len(CHALLENGE), socket.MSG_WAITALL)
        right = answer == response(self._password, CHALLENGE)
        connection.sendall(bytes(4) if right else b"\0\0\0\1")
        return right

    def send(self, data: bytes) -> bool:
        """Send to the newest client. Return whether there is one."""
        if self._newest is not None:
            self._newest.sendall(data)
        return self._newest is not None

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()


class Gateway:
    """A gateway process. Its run has a replay, and its screens are those in `services`, token -> Service."""

    def __init__(self, folder: Path, services: dict[str, Service], hosts: str = "") -> None:
        self.web, self.run, self.port = folder / "web", folder / "run", free_port()
        self.web.mkdir()
        workers = [{"index": number, "screen": token} for number, token in enumerate(services)]
        (self.web / REPORT).write_text(json.dumps({"steps": 7, "workers": workers}))
        screens = {token: ["127.0.0.1", service.port] for token, service in services.items()}
        (self.web / SCREENS).write_text(json.dumps(screens))
        worker = self.run / "replays" / "worker-0"
        worker.mkdir(parents=True)
        (worker / "one.m64").write_bytes(b"M64\x1a" + bytes(100))
        (worker / "one.json").write_text(json.dumps(FACTS))
        (self.run / "videos").mkdir()
        (self.run / "vnc").write_text(PASSWORD)
        command = [sys.executable, "-m", "a3c64.paramserver.web.gateway", "127.0.0.1", str(self.port)]
        self._log = folder / "web.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, str(self.web), str(self.run), hosts, str(self.run / "vnc"), "info", "text", ""],
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        until(lambda: self._up(), WAIT_S, "the gateway")

    def _up(self) -> bool:
        assert self.process.poll() is None, self.log()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def log(self) -> str:
        return self._log.read_text()

    def rss(self) -> int:
        """Return the process' memory in MB."""
        return psutil.Process(self.process.pid).memory_info().rss >> 20

    def close(self) -> None:
        self.process.terminate()
        try:
            assert self.process.wait(WAIT_S) == 0
        finally:
            self.process.kill()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_S)

    def ask(self, path: str, *headers: str, method: str = "GET", host: str = "Host: localhost") -> Answer:
        """Send a request and return the answer. The path is sent unchanged."""
        lines = [f"{method} {path} HTTP/1.1", host, *headers, "Connection: close"]
        with self.connect() as connection:
            connection.sendall("".join(f"{line}\r\n" for line in (*(line for line in lines if line), "")).encode())
            answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        return parse(answer)

    def watch(self, token: str) -> socket.socket:
        """Return a connection on which a screen was requested, and the handshake and one byte were sent."""
        connection = self.connect()
        connection.sendall(upgrade(f"/screen?token={token}", "Host: localhost") + frame(VERSION) + frame(b"\1"))
        return connection

    def upgrade(self, path: str, *headers: str, host: str = "Host: localhost:1") -> Answer:
        """Request a WebSocket. Return the answer with the bytes that follow, up to the gateway's version."""
        with self.connect() as connection:
            connection.sendall(upgrade(path, host, *headers))
            answer = b""
            while b"\r\n\r\n" not in answer or (b" 101 " in answer and not answer.endswith(VERSION)):
                if not (more := connection.recv(4096)):
                    break
                answer += more
        return parse(answer)


def upgrade(path: str, *headers: str) -> bytes:
    """Return a request for a WebSocket."""
    lines = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: binary"]
    key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
    return "\r\n".join([f"GET {path} HTTP/1.1", *lines, key, *headers, "", ""]).encode()


def frame(data: bytes) -> bytes:
    """Return a client's frame with less than 126 bytes, masked with zeros (RFC 6455, section 5.2)."""
    return bytes([0x82, 0x80 | len(data), 0, 0, 0, 0]) + data


def parse(answer: bytes) -> Answer:
    head, body = answer.split(b"\r\n\r\n", 1)
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
    return Answer(int(first.split()[1]), headers, body)

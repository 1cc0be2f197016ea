"""A TCP proxy between workers and server that stalls, cuts, delays and alters the traffic, repeatably by a seed."""

import random
import socket
import threading
import time
from contextlib import suppress

CHUNK = 1 << 16
SMALL = 1 << 12  # bytes read at once at a low rate
TICK_S = 0.02


class Proxy:
    """Listens on a free port and forwards bytes to `target` and back.

    Attributes:
        stalled: while this is set, bytes are held back; they are delivered later.
        bytes_s: the rate, each way. Set it before the connections begin.
        delay_s: the delay of every chunk, seconds.
        corrupt: the probability that one byte of a chunk is altered.
        cut: the probability that a connection is closed at a chunk.
    """

    def __init__(self, target: str, seed: int = 0) -> None:
        host, port = target.removeprefix("tcp://").split(":")
        self._target = (host, int(port))
        self._random = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self.stalled = threading.Event()
        self.bytes_s = float("inf")
        self.delay_s = self.corrupt = self.cut = 0.0
        self.corrupted = self.cuts = 0  # chunks altered, connections cut
        self._closed = threading.Event()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_all(self) -> None:
        """Close every connection."""
        for one in self._open:
            _shut(one)
        self._open.clear()

    def close(self) -> None:
        self._closed.set()
        self._listener.close()
        self.cut_all()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                if self.bytes_s < CHUNK:  # else the kernel would take in a whole message at once
                    self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target, 5)
            except OSError:
                continue
            self._open += [client, server]
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        """Forward bytes one way until either side closes; bytes held back in a stall are delivered even then."""
        try:
            while data := source.recv(SMALL if self.bytes_s < CHUNK else CHUNK):
                while self.stalled.is_set() and not self._closed.is_set():
                    time.sleep(TICK_S)
                time.sleep(self.delay_s + len(data) / self.bytes_s)
                if self._random.random() < self.cut:
                    self.cuts += 1
                    break
                if self._random.random() < self.corrupt:
                    self.corrupted += 1
                    altered = bytearray(data)
                    altered[self._random.randrange(len(data))] ^= self._random.randrange(1, 256)
                    data = bytes(altered)
                sink.sendall(data)
        except OSError:
            pass
        _shut(sink)
        _shut(source)


def _shut(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()

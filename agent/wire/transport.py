"""Carry frames to a parameter server and back: over a socket, or within this process."""

import itertools
from collections.abc import Callable, Sequence
from typing import Protocol

import zmq

from a3c64.wire import messages as wire


class Transport(Protocol):
    """Something that carries frames to a server and back."""

    def send(self, frames: Sequence[bytes | memoryview]) -> None:
        """Hand over a message; never blocks."""

    def receive(self, timeout_s: float) -> list[memoryview] | None:
        """Return the next message, or None when none came in time."""

    def reset(self) -> None:
        """Forget everything underway and open another connection."""

    def close(self) -> None:
        """Free what is held."""


class SocketTransport:
    """A DEALER socket. Not thread-safe: one thread, one transport.

    The server's socket gives every connection a routing id of its own. Two connections must never share one: where a
    connection takes over the routing id of another, libzmq's ROUTER ends its process at the next heartbeat.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._context: zmq.Context = zmq.Context.instance()
        self._socket = self._open()

    def send(self, frames: Sequence[bytes | memoryview]) -> None:
        """Queue a message; if the queue is full the server is gone, and the missing answer will tell."""
        try:
            self._socket.send_multipart(
                frames, zmq.DONTWAIT, copy=sum(len(f) for f in frames) < wire.COPY_THRESHOLD, track=False
            )
        except zmq.Again:
            return

    def receive(self, timeout_s: float) -> list[memoryview] | None:
        """Wait for a message."""
        if not self._socket.poll(int(timeout_s * 1000)):
            return None
        return [frame.buffer for frame in self._socket.recv_multipart(copy=False)]

    def reset(self) -> None:
        """Close the socket with all it holds, and open another."""
        self.close()
        self._socket = self._open()

    def close(self) -> None:
        """Close the socket; a last message has half a second to leave."""
        self._socket.close(linger=500)

    def _open(self) -> zmq.Socket:
        socket = self._context.socket(zmq.DEALER)
        configure(socket)
        socket.connect(self._address)
        return socket


class LocalTransport:
    """The in-process twin: hands frames straight to a server's handler, through the same encoding."""

    _numbers = itertools.count()  # of connections, as a ROUTER numbers them

    def __init__(self, handler: Callable[[bytes, Sequence[bytes | memoryview]], Sequence | None]) -> None:
        self._handler = handler
        self._answers: list[list[memoryview]] = []
        self.reset()

    def send(self, frames: Sequence[bytes | memoryview]) -> None:
        """Let the server act at once."""
        answer = self._handler(self.connection, frames)
        if answer is not None:
            self._answers.append([memoryview(bytes(frame)) for frame in answer])

    def receive(self, timeout_s: float) -> list[memoryview] | None:
        """Return the oldest answer."""
        return self._answers.pop(0) if self._answers else None

    def reset(self) -> None:
        """Forget unread answers, and speak over another connection."""
        self._answers.clear()
        self.connection = next(self._numbers).to_bytes(5, "big")

    def close(self) -> None:
        """Hold nothing, free nothing."""


def configure(socket: zmq.Socket) -> None:
    """Bound everything a socket of either side may hold or wait for."""
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(
        zmq.SNDHWM, 8
    )  # messages; each can be megabytes, and a live peer never has more than one underway
    socket.setsockopt(zmq.RCVHWM, 64)
    socket.setsockopt(zmq.MAXMSGSIZE, wire.MAX_MESSAGE)
    socket.setsockopt(zmq.RECONNECT_IVL, 100)  # ms
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 2000)
    socket.setsockopt(zmq.HEARTBEAT_IVL, 2000)  # ms; finds connections whose other end vanished without a word
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 10000)
    socket.setsockopt(zmq.HEARTBEAT_TTL, 10000)

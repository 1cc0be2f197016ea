"""Send frames to a parameter server and receive its answers: over a socket, or in the same process."""

import itertools
from collections.abc import Callable, Sequence
from typing import Protocol

import zmq

from a3c64.addresses import is_ipv6
from a3c64.wire import messages as wire


class Transport(Protocol):
    """A connection to a parameter server."""

    def send(self, frames: Sequence[bytes | memoryview]) -> None:
        """Send a message; never blocks."""

    def receive(self, timeout_s: float) -> list[memoryview] | None:
        """Return the next message, or None if none arrives in time."""

    def reset(self) -> None:
        """Drop all messages underway and open a new connection."""

    def close(self) -> None:
        """Free the resources."""


class SocketTransport:
    """A DEALER socket. Not thread-safe: each thread needs its own transport.

    This class sets no routing id, so the server's socket gives each connection a different one. Two connections must
    never share a routing id: if one takes over that of another, libzmq's ROUTER ends its process at the next heartbeat.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._context: zmq.Context = zmq.Context.instance()
        self._socket = self._open()

    def send(self, frames: Sequence[bytes | memoryview]) -> None:
        """Queue a message. If the queue is full, the server is gone: drop the message, and the caller will time out."""
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
        """Close the socket with its queued messages, and open a new one."""
        self.close()
        self._socket = self._open()

    def close(self) -> None:
        """Close the socket. Queued messages have half a second to be sent."""
        self._socket.close(linger=500)

    def _open(self) -> zmq.Socket:
        socket = self._context.socket(zmq.DEALER)
        configure(socket)
        socket.ipv6 = is_ipv6(self._address)
        socket.connect(self._address)
        return socket


class LocalTransport:
    """The in-process transport: it calls a server's handler directly, with the same encoded frames."""

    _numbers = itertools.count()  # of connections, as a ROUTER numbers them

    def __init__(self, handler: Callable[[bytes, Sequence[bytes | memoryview]], Sequence | None]) -> None:
        self._handler = handler
        self._answers: list[list[memoryview]] = []
        self.reset()

    def send(self, frames: Sequence[bytes | memoryview]) -> None:
        """Call the server's handler at once."""
        answer = self._handler(self.connection, frames)
        if answer is not None:
            self._answers.append([memoryview(bytes(frame)) for frame in answer])

    def receive(self, timeout_s: float) -> list[memoryview] | None:
        """Return the oldest answer."""
        return self._answers.pop(0) if self._answers else None

    def reset(self) -> None:
        """Drop unread answers, and use a new connection number."""
        self._answers.clear()
        self.connection = next(self._numbers).to_bytes(5, "big")

    def close(self) -> None:
        """Do nothing: there is nothing to free."""


def configure(socket: zmq.Socket) -> None:
    """Bound the queues, message sizes and waits of a socket. Worker and server use the same bounds."""
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(
        zmq.SNDHWM, 8
    )  # messages; each can be megabytes, and a healthy peer never has more than one underway
    socket.setsockopt(zmq.RCVHWM, 64)
    socket.setsockopt(zmq.MAXMSGSIZE, wire.MAX_MESSAGE)
    socket.setsockopt(zmq.RECONNECT_IVL, 100)  # ms
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 2000)
    socket.setsockopt(zmq.HEARTBEAT_IVL, 2000)  # ms; finds connections whose other end vanished without closing them
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 10000)
    socket.setsockopt(zmq.HEARTBEAT_TTL, 10000)

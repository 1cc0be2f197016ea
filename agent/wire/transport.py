"""Send frames to a parameter server and receive its answers: over a socket, or in the same process."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol

import zmq
from zmq.utils.monitor import recv_monitor_message

from a3c64.addresses import is_ipv6
from a3c64.config import BadInputError
from a3c64.wire import keys
from a3c64.wire import messages as wire
from a3c64.wire.address import ServerAddress
from a3c64.wire.keys import ClientKey
from a3c64.wire.tcp import Kernel

# HANDSHAKE_FAILED_PROTOCOL must not be among them: to report it, libzmq 4.3.5 overwrites errno after a message that it
# cannot decrypt, and takes the connection for a busy one. Its next heartbeat then aborts the process.
EVENTS = (
    zmq.EVENT_CONNECTED
    | zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_DISCONNECTED
)
SILENCE_S = 120.0  # longest transfer of one frame; a link that is slower is of no use
PROGRESS = 4096  # bytes that show that a message is on its way; libzmq's heartbeats have 200 in ANSWER_S
FAILURES = 3  # handshakes that must fail in a row before the key is taken for the reason
ONLY_HERE = "it does not encrypt: it was started with --no-encryption, or is of another release"
ONLY_THERE = "it asks for a key: leave out --no-encryption"
ENDS_CONNECTIONS = "it ends every connection at once; if a server of this project runs there, "
OTHER_KEY = f"the key in {{}} belongs to another run, or that server does not encrypt: {keys.REMEDY}"


class RefusedKeyError(BadInputError):
    """The server knows no client with this key."""


class Transport(Protocol):
    """A connection to a parameter server."""

    problem: str  # why no message may arrive, and what to do; "" if nothing is known

    def send(self, frames: Sequence[bytes | memoryview]) -> None:
        """Send a message; never blocks."""

    def receive(self, timeout_s: float) -> list[memoryview] | None:
        """Return the next message, or None if none arrives in time."""

    def progressed(self) -> bool:
        """Return whether PROGRESS bytes more have been carried since the last time that this was so."""

    def reset(self) -> None:
        """Drop all messages underway and open a new connection."""

    def close(self) -> None:
        """Free the resources."""


class SocketTransport:
    """A DEALER socket. Not thread-safe: each thread needs its own transport.

    Args:
        address: of the server.
        silence_s: after this time without a whole frame from the other end, either end closes the connection.

    This class sets no routing id, so the server's socket gives each connection a different one. Two connections must
    never share a routing id: if one takes over that of another, libzmq's ROUTER ends its process at the next heartbeat.
    """

    def __init__(self, address: ServerAddress, silence_s: float = SILENCE_S) -> None:
        self._address, self._silence_s = address, silence_s
        self._context: zmq.Context = zmq.Context.instance()
        self._failures = 0  # handshakes in a row
        self._kernel, self._carried = Kernel(), 0
        self._open()

    def send(self, frames: Sequence[bytes | memoryview]) -> None:
        """Queue a message. If the queue is full, the server is gone: drop the message, and the caller will time out."""
        try:
            self._socket.send_multipart(
                frames, zmq.DONTWAIT, copy=sum(len(f) for f in frames) < wire.COPY_THRESHOLD, track=False
            )
        except zmq.Again:
            return

    def receive(self, timeout_s: float) -> list[memoryview] | None:
        """Wait for a message.

        Raises:
            RefusedKeyError: the server refuses the key.
            BadInputError: the key file is invalid now.
        """
        if not self._socket.poll(int(timeout_s * 1000)):
            self._check_handshakes()
            return None
        return [frame.buffer for frame in self._socket.recv_multipart(copy=False)]

    def progressed(self) -> bool:
        """Return whether the connection has carried PROGRESS bytes more since the last time that it had."""
        before, carried = self._carried, self._kernel.carried(self._descriptor)
        progressed = carried >= before + PROGRESS
        if progressed or carried < before:  # less: this is a new connection
            self._carried = carried
        return progressed

    def reset(self) -> None:
        """Close the socket with its queued messages, and open a new one. This reads the key file again.

        Raises:
            BadInputError: the key file is invalid.
        """
        self.close()
        self._open()

    def renew(self) -> None:
        """Open a new connection if this one has ended, or if the key file has another key now.

        libzmq itself connects again, except after bytes that it cannot read.
        """
        ended = any(event != zmq.EVENT_HANDSHAKE_SUCCEEDED for event in self._news())
        with suppress(BadInputError):  # an invalid key file may be mended
            if ended or self._read_key() != self._key:
                self.reset()

    def close(self) -> None:
        """Close the socket. Queued messages have half a second to be sent."""
        self._socket.disable_monitor()
        self._monitor.close()
        self._socket.close(linger=500)

    def _open(self) -> None:
        """Open a socket. It has no connection while there is no key file."""
        self.problem = ""
        self._descriptor = -1  # of the newest connection
        self._carried = 0  # bytes of it, when `progressed` was true last
        self._handshake: int | None = None  # the event that told how this connection's handshake ended
        self._key = self._read_key()
        self._socket = self._context.socket(zmq.DEALER)
        configure(self._socket, self._silence_s)
        self._socket.ipv6 = is_ipv6(self._address.url)
        self._monitor = self._socket.get_monitor_socket(EVENTS)
        if self._key is not None:
            self._key.apply(self._socket)
        elif self._address.key_file is not None:
            self.problem = f"there is no key file {self._address.key_file}; if none appears, {keys.REMEDY}"
            return
        self._socket.connect(self._address.url)

    def _read_key(self) -> ClientKey | None:
        """Return the key; None without encryption, or if there is no key file."""
        return None if self._address.key_file is None else keys.read(self._address.key_file)

    def _news(self) -> Iterator[int]:
        """Yield the socket's new events, except new connections."""
        while self._monitor.poll(0):
            news = recv_monitor_message(self._monitor)
            if news["event"] == zmq.EVENT_CONNECTED:
                self._descriptor = news["value"]
            else:
                yield news["event"]

    def _check_handshakes(self) -> None:
        """Find out from the socket's events why no message arrives.

        A server that does not know the key says so. If the key belongs to another server, or only one side encrypts,
        the connection may just end, as it does at the end of a tunnel without a server.

        Raises:
            RefusedKeyError: the server refuses the key again and again.
            BadInputError: the key file is invalid now.
        """
        for event in self._news():
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._failures, self.problem = 0, ""
            if event != zmq.EVENT_DISCONNECTED:
                self._handshake = event
                continue
            handshake, self._handshake = self._handshake, None
            if handshake == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                continue
            self._failures += 1
            if handshake == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                if self._read_key() != self._key:  # the key was revoked, and the file has the new one
                    self.reset()
                    return
                self.problem = f"it refuses the key in {self._address.key_file}: {keys.REMEDY}"
                if self._failures >= FAILURES:
                    raise RefusedKeyError(f"the parameter server at {self._address.url}: {self.problem}")
            elif handshake is None:  # the two sides agree on no way to encrypt
                self.problem = ONLY_HERE if self._key else ONLY_THERE
            elif self._failures >= FAILURES:
                reason = OTHER_KEY.format(self._address.key_file) if self._key else ONLY_THERE
                self.problem = ENDS_CONNECTIONS + reason


class LocalTransport:
    """The in-process transport: it calls a server's handler directly, with the same encoded frames."""

    _numbers = itertools.count()  # of connections, as a ROUTER numbers them
    problem = ""

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

    def progressed(self) -> bool:
        """Return False: every answer arrives at once."""
        return False

    def reset(self) -> None:
        """Drop unread answers, and use a new connection number."""
        self._answers.clear()
        self.connection = next(self._numbers).to_bytes(5, "big")

    def close(self) -> None:
        """Do nothing: there is nothing to free."""


def configure(socket: zmq.Socket, silence_s: float = SILENCE_S) -> None:
    """Bound the queues, message sizes and waits of a socket. Worker and server use the same bounds.

    libzmq's heartbeats find connections whose other end vanished without closing them. A heartbeat waits for the frame
    before it, so `silence_s` must be longer than the transfer of a gradient over a slow link.
    """
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(
        zmq.SNDHWM, 8
    )  # messages; each can be megabytes, and a healthy peer never has more than one underway
    socket.setsockopt(zmq.RCVHWM, 64)
    socket.setsockopt(zmq.MAXMSGSIZE, wire.MAX_MESSAGE)
    socket.setsockopt(zmq.RECONNECT_IVL, 100)  # ms
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 2000)
    socket.setsockopt(zmq.HEARTBEAT_IVL, 2000)  # ms
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, int(1000 * silence_s))
    socket.setsockopt(zmq.HEARTBEAT_TTL, int(1000 * silence_s))

"""Receive messages, and close connections that send much more than one message at a time.

libzmq hands over a multipart message when its last part has arrived. Until then it keeps all parts in memory, and it
has no limit on their number. So a thread compares two counts for each connection: the bytes that the kernel has
received, and the bytes of the messages that libzmq has handed over. If the difference is too large, it ends the
connection, and libzmq frees the parts. The client may connect again.
"""

import ipaddress
import logging
import os
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

import zmq

from a3c64.paramserver.service import Service
from a3c64.wire.messages import MAX_HEADER
from a3c64.wire.tcp import Kernel, shut_down

log = logging.getLogger(__name__)

LOOK_S = 0.05  # between two looks; a gigabit network brings 6 MB in this time
SHARE = 0.02  # of a core, at most, for looks at many connections
FRAME_BYTES = 48  # of a frame on the wire beside its content: 2 or 9, with encryption 35 or 42
HANDSHAKE = 1024  # bytes at the beginning of a connection that belong to no message; it has 100, with encryption 600
HEARTBEAT_BYTES_S = 48  # bytes of libzmq's heartbeats in a second: it sends 8, with encryption 41
LINE_S = 60.0  # between two lines in the log
QUIET_S = 3600.0  # heartbeats are discounted for this long after a connection's newest message
KEPT = 4  # frames of a message: its routing id, the two that a message may have, and one that shows that it has more
SMALL_MESSAGES = 1 << 16  # bytes of a client's heartbeats and other small messages that may wait beside its gradient
MEMORY = 1 << 29  # bytes for the incomplete messages of all connections together, beside those of known clients
EMPTY_PART = 64  # bytes of memory that libzmq needs for a part without content
ON_WIRE, ENCRYPTED = 2, 35  # bytes that it takes on the wire


@dataclass
class Connection:
    """One TCP connection."""

    ours: bool  # whether it is one of the bound socket
    quiet_since: float  # seconds on the clock: the time of its newest message, or of its beginning
    received: int = 0  # bytes, by the kernel's count
    waiting: float = 0.0  # bytes that are in no message that libzmq has handed over
    silent: bool = True  # whether it has never sent a whole message


class Incoming:
    """The messages of a bound socket, and the thread that guards its connections.

    Args:
        bound: the socket.
        service: its clients and the size of its gradients decide how much may be underway.
    """

    def __init__(self, bound: zmq.Socket, service: Service) -> None:
        self._bound, self._service = bound, service
        port = bound.getsockopt_string(zmq.LAST_ENDPOINT).rpartition(":")[2]
        self._port = int(port) if port.isdigit() else None  # None: the socket is not TCP
        self._spare = MEMORY // EMPTY_PART * (ON_WIRE if bound.getsockopt(zmq.MECHANISM) == zmq.NULL else ENCRYPTED)
        self._kernel = Kernel()
        self._connections: dict[int, Connection] = {}  # by cookie
        self._looked = time.monotonic()
        self._next_line = 0.0  # time of the next line in the log
        self._lock = threading.Lock()  # for the two counts below
        self._delivered: Counter[int] = Counter()  # bytes of messages since the last look, by file descriptor
        self._closed = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._guard, name="incoming", daemon=True)
        self._thread.start()

    def receive(self) -> list[zmq.Frame]:
        """Return the next message: its routing id, then its first frames, at most KEPT in all.

        Raises:
            zmq.Again: there is no message.
        """
        part, size = self._bound.recv(zmq.DONTWAIT, copy=False), 0
        frames = [part]
        while part.more:
            part = self._bound.recv(zmq.DONTWAIT, copy=False)
            size += len(part) + FRAME_BYTES
            if len(frames) < KEPT:
                frames.append(part)
        with self._lock, suppress(zmq.ZMQError):  # a connection that is not TCP has no descriptor
            self._delivered[int(str(frames[0].get("__fd")))] += size
        return frames

    def closed(self) -> int:
        """Return how many connections were ended since the last call."""
        with self._lock:
            closed, self._closed = self._closed, 0
        return closed

    def end_all(self) -> None:
        """End all connections. Their clients connect again, and then their keys are checked again."""
        kernel = Kernel()
        with suppress(OSError):  # no descriptor is free to list the directory
            for descriptor in map(int, os.listdir("/proc/self/fd")):
                # The listening socket has the same port, but receives no bytes.
                if kernel.local_port(descriptor) == self._port and kernel.received(descriptor):
                    shut_down(descriptor)

    def close(self) -> None:
        """Stop the thread."""
        self._stop.set()
        self._thread.join()

    def _guard(self) -> None:
        pause = LOOK_S
        while not self._stop.wait(pause):
            began = time.thread_time()
            with suppress(OSError):  # no descriptor is free to list the directory
                self._look(os.listdir("/proc/self/fd"), time.monotonic())
            pause = max(LOOK_S, (time.thread_time() - began) / SHARE)

    def _look(self, descriptors: list[str], now: float) -> None:
        """Count what each connection has waiting, and end those that are over the limits."""
        with self._lock:  # before the kernel's counts: these must include every message that is counted here
            delivered, self._delivered = self._delivered, Counter()
        waiting: dict[int, Connection] = {}  # by file descriptor
        before, self._connections = self._connections, {}
        for descriptor in map(int, descriptors):
            if not (cookie := self._kernel.cookie(descriptor)):
                continue
            connection = before.get(cookie) or Connection(self._kernel.local_port(descriptor) == self._port, now)
            self._connections[cookie] = connection
            if connection.ours:
                self._count(connection, self._kernel.received(descriptor), delivered[descriptor], now)
                waiting[descriptor] = connection
        self._looked = now
        if closed := self._enforce(waiting):
            with self._lock:
                self._closed += closed
            if now >= self._next_line:
                self._next_line = now + LINE_S
                log.warning("closed a connection that sent much more than one message at a time")

    def _count(self, connection: Connection, received: int, delivered: int, now: float) -> None:
        if delivered:
            connection.quiet_since, connection.silent = now, False
        heartbeats = HEARTBEAT_BYTES_S * (now - self._looked) if now - connection.quiet_since < QUIET_S else 0.0
        more = received - connection.received - delivered - heartbeats
        connection.received = received
        # Never below 0: a client must not save up a credit with many small messages or with heartbeats.
        connection.waiting = max(0.0, connection.waiting + more)

    def _enforce(self, connections: dict[int, Connection]) -> int:
        """End the connections that are over their limit, and the largest while all together are over theirs.

        Those that have never sent a whole message come first, before one with a gradient underway.
        Return how many were ended.
        """
        weights = self._service.weights
        usual = (weights.vector.nbytes if weights.known else 0) + SMALL_MESSAGES
        clients = len(self._service.roster) + len(self._service.evaluators)
        each, together = usual + MAX_HEADER, usual * clients + self._spare
        total, closed = sum(one.waiting for one in connections.values()), 0
        large = [(descriptor, one) for descriptor, one in connections.items() if one.waiting > HANDSHAKE]
        for descriptor, connection in sorted(large, key=lambda item: (item[1].silent, item[1].waiting), reverse=True):
            if connection.waiting > each or total > together:
                shut_down(descriptor)
                connection.ours = False  # do not count it any more, until libzmq has closed it
                total -= connection.waiting
                closed += 1
        return closed


def sender(frame: zmq.Frame) -> str:
    """Return the IP address of a message's connection; 127.0.0.1 for ipc://."""
    try:
        address = ipaddress.ip_address(str(frame.get("Peer-Address")).strip("[]"))
        return str(getattr(address, "ipv4_mapped", None) or address)  # a server on [::] also takes IPv4 connections
    except (zmq.ZMQError, ValueError, TypeError):
        return "127.0.0.1"

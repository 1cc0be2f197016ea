"""Refuse new connections while file descriptors are short, so that the run can still write its files."""

import ctypes
import errno
import logging
import os
import resource
import socket
import struct
from contextlib import suppress

import zmq
from zmq.utils.monitor import recv_monitor_message

from a3c64.addresses import is_ipv6

SPARE = 64  # descriptors reserved for the server's files, and for connections that wait when descriptors run short
BACKLOG = 16  # connections that may wait to be accepted; fewer than SPARE, so that libzmq can accept all of them
PROBE = 16  # fewer free descriptors than this count as short: a burst may take this many between two checks
LISTENING_MS = 1000  # timeout; libzmq reports its listening socket at once
SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27  # asm-generic/socket.h
_DROP = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # linux/filter.h: return 0, drop the packet
DROP_ALL = struct.pack("HP", 1, ctypes.addressof(_DROP))  # struct sock_fprog

log = logging.getLogger(__name__)


class Admission:
    """Binds a socket, and refuses new connections while no descriptor is left for them.

    Without this, libzmq would try to accept such a connection in a loop, at 100 % of a core, and the server could not
    open its next checkpoint. Unbinding the socket does not help, because libzmq then closes the open connections too.
    So a filter on the listening socket drops incoming packets. The reserved descriptors are enough for the connections
    that wait already.

    Args:
        bound: the socket to bind.
        address: to bind.

    Raises:
        zmq.ZMQError: the address cannot be bound.
    """

    def __init__(self, bound: zmq.Socket, address: str) -> None:
        bound.setsockopt(zmq.BACKLOG, BACKLOG)
        bound.ipv6 = is_ipv6(address)
        monitor = bound.get_monitor_socket(zmq.EVENT_LISTENING)
        try:
            bound.bind(address)
            heard = monitor.poll(LISTENING_MS)
            self._listener = _same(recv_monitor_message(monitor)["value"]) if heard else None
        finally:
            bound.disable_monitor()
            monitor.close()
        self._accepts = True
        self._spare = min(SPARE, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4)
        self._held = _take(self._spare)

    def tend(self) -> None:
        """Check whether descriptors are short. Call this often; it takes 30 us."""
        if self._accepts:
            if not _free(PROBE):
                limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
                log.warning(
                    "too few file descriptors are free (`ulimit -n` is %d): new connections are refused",
                    limit,
                )
                self._accepts = False
                self._filter(SO_ATTACH_FILTER, DROP_ALL)
                _give_back(self._held)  # all of them: libzmq retries constantly and would win a race for a few
        elif _free(self._spare + 2 * PROBE):
            self._held = _take(self._spare)
            self._filter(SO_DETACH_FILTER, 0)
            self._accepts = True
            log.info("new connections are accepted again")
        else:
            self._turn_away()

    def close(self) -> None:
        """Free the reserved descriptors."""
        _give_back(self._held)
        if self._listener is not None:
            self._listener.close()

    def _filter(self, option: int, value: int | bytes) -> None:
        if self._listener is not None:
            with suppress(OSError):  # sockets of ipc:// have no such filter
                self._listener.setsockopt(socket.SOL_SOCKET, option, value)

    def _turn_away(self) -> None:
        """Close the connections that wait to be accepted; each takes a descriptor for a moment."""
        while self._listener is not None:
            try:
                self._listener.accept()[0].close()
            except OSError:  # no connection waits, or no descriptor is free
                return


def _same(descriptor: int) -> socket.socket:
    """Return a second handle of a listening socket, and make it non-blocking. libzmq polls before it accepts anyway."""
    listener = socket.socket(fileno=os.dup(descriptor))
    listener.setblocking(False)
    return listener


def _take(count: int) -> list[int]:
    """Open `count` descriptors, or fewer if no more are free."""
    taken: list[int] = []
    try:
        taken.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        while len(taken) < count:
            taken.append(os.dup(taken[0]))
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise
    return taken


def _give_back(taken: list[int]) -> None:
    while taken:
        os.close(taken.pop())


def _free(count: int) -> bool:
    """Return whether `count` descriptors are free."""
    taken = _take(count)
    enough = len(taken) == count
    _give_back(taken)
    return enough

"""New connections are refused while file descriptors are short, so that the run can still write its files."""

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

SPARE = 64  # descriptors held for the server's own files, and for connections that wait when they get short
BACKLOG = 16  # connections that may wait to be accepted; fewer than are spare, so that libzmq can accept them all
PROBE = 16  # fewer free ones than this are short; a burst of connections may take them between two looks
LISTENING_MS = 1000  # libzmq says at once what it listens with
SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27  # asm-generic/socket.h
_DROP = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # linux/filter.h: return 0, drop the packet
DROP_ALL = struct.pack("HP", 1, ctypes.addressof(_DROP))  # struct sock_fprog

log = logging.getLogger(__name__)


class Admission:
    """Binds a socket, and refuses new connections while there is no descriptor left for them.

    By itself, libzmq would try to accept such a connection again and again, at 100 % of a core, and the next checkpoint
    could not be opened. To unbind the socket is no way out: libzmq ends its open connections then. So the listening
    socket below it drops what comes in. The descriptors held back suffice for what waits there already.

    Args:
        bound: not yet bound.
        address: to bind.

    Raises:
        zmq.ZMQError: it cannot be bound.
    """

    def __init__(self, bound: zmq.Socket, address: str) -> None:
        bound.setsockopt(zmq.BACKLOG, BACKLOG)
        monitor = bound.get_monitor_socket(zmq.EVENT_LISTENING)
        try:
            bound.bind(address)
            heard = monitor.poll(LISTENING_MS)
            self._listener = _same(recv_monitor_message(monitor)["value"]) if heard else None
        finally:
            bound.disable_monitor()
        self._accepts = True
        self._spare = min(SPARE, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4)
        self._held = _take(self._spare)

    def tend(self) -> None:
        """Look whether descriptors are short; call it often. It takes 30 us."""
        if self._accepts:
            if not _free(PROBE):
                limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
                log.warning(
                    "file descriptors are short (`ulimit -n` is %d): new connections are refused, training goes on",
                    limit,
                )
                self._accepts = False
                self._filter(SO_ATTACH_FILTER, DROP_ALL)
                _give_back(self._held)  # libzmq, which tries all the time, would win a race for a few of them
        elif _free(self._spare + 2 * PROBE):
            self._held = _take(self._spare)
            self._filter(SO_DETACH_FILTER, 0)
            self._accepts = True
            log.info("new connections are accepted again")
        else:
            self._turn_away()

    def close(self) -> None:
        """Free what is held."""
        _give_back(self._held)
        if self._listener is not None:
            self._listener.close()

    def _filter(self, option: int, value: int | bytes) -> None:
        if self._listener is not None:
            with suppress(OSError):  # not on the sockets of ipc://
                self._listener.setsockopt(socket.SOL_SOCKET, option, value)

    def _turn_away(self) -> None:
        """Close the connections that wait to be accepted; each takes a descriptor for a moment."""
        while self._listener is not None:
            try:
                self._listener.accept()[0].close()
            except OSError:  # none waits, or there is no descriptor
                return


def _same(descriptor: int) -> socket.socket:
    """Return another handle of a listening socket, which then never waits: libzmq looks before it accepts anyway."""
    listener = socket.socket(fileno=os.dup(descriptor))
    listener.setblocking(False)
    return listener


def _take(count: int) -> list[int]:
    """Open as many descriptors as there are, up to `count`."""
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
    """Say whether `count` descriptors are free."""
    taken = _take(count)
    enough = len(taken) == count
    _give_back(taken)
    return enough

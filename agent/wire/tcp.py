"""The kernel's view of this process' TCP connections, by file descriptor.

libzmq may close a descriptor at any moment, and the kernel may use its number again. So each connection also has a
cookie: a number that is never used again.
"""

import ctypes
import socket
import struct

SO_COOKIE = 57  # asm-generic/socket.h, since Linux 4.6; 64 bits
BYTES_ACKED, BYTES_RECEIVED = 120, 128  # offsets in struct tcp_info of linux/tcp.h, since Linux 4.1; 64 bits
PORT = 2  # offset in sockaddr_in and sockaddr_in6; 16 bits, big-endian
SIZE = 256  # bytes; more than any of these structures has
_libc = ctypes.PyDLL(None)  # keeps the GIL: a call takes a microsecond, but waiting for the GIL takes up to 5,000


class Kernel:
    """Asks the kernel about connections. Nothing here raises or blocks. Each thread needs its own instance."""

    def __init__(self) -> None:
        self._value, self._size = ctypes.create_string_buffer(SIZE), ctypes.c_uint32()
        self._value_size = ctypes.byref(self._size)

    def cookie(self, descriptor: int) -> int:
        """Return the cookie of a socket; 0 if the descriptor is not a socket."""
        return self._number(0) if self._option(descriptor, socket.SOL_SOCKET, SO_COOKIE) else 0

    def received(self, descriptor: int) -> int:
        """Return how many bytes a connection has received so far; 0 if the descriptor is not a TCP connection."""
        return self._number(BYTES_RECEIVED) if self._option(descriptor, socket.IPPROTO_TCP, socket.TCP_INFO) else 0

    def carried(self, descriptor: int) -> int:
        """Return how many bytes a connection has carried, those received and those that the other end's kernel has."""
        received = self.received(descriptor)
        return received and received + self._number(BYTES_ACKED)

    def local_port(self, descriptor: int) -> int:
        """Return the port at this end of a connection; 0 if the descriptor is not a socket."""
        self._size.value = SIZE
        failed = _libc.getsockname(descriptor, self._value, self._value_size)
        return 0 if failed or self._size.value < PORT + 2 else int(struct.unpack_from("!H", self._value, PORT)[0])

    def _option(self, descriptor: int, level: int, name: int) -> bool:
        """Read a socket option into `_value`. Return whether there is one."""
        self._size.value = SIZE
        return _libc.getsockopt(descriptor, level, name, self._value, self._value_size) == 0

    def _number(self, offset: int) -> int:
        """Return 64 bits of the option that was read; 0 if it is shorter."""
        return int(struct.unpack_from("=Q", self._value, offset)[0]) if self._size.value >= offset + 8 else 0


def shut_down(descriptor: int) -> None:
    """End a connection in both directions. libzmq sees that, and closes the descriptor."""
    _libc.shutdown(descriptor, socket.SHUT_RDWR)

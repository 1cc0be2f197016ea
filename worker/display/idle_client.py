"""A VNC client that stays connected to x11vnc and asks for no pictures.

x11vnc reads the screen only while a client is connected. Without one it answers a new viewer's first request from the
copy that it made when the last viewer left.
"""

import select
import socket

from a3c64.vnc import login

TIMEOUT_S = 1.0  # of each step of the handshake; x11vnc looks for new clients every 0.2 s


class IdleClient:
    """One connection to a VNC server at `host` and `port`, with its password. A lost connection is opened again."""

    def __init__(self, host: str, port: int, password: str) -> None:
        self._address = (host, port)
        self._password = password
        self._connection: socket.socket | None = None

    @property
    def port(self) -> int:
        """Return the connection's port on this side; 0 if not connected."""
        return 0 if self._connection is None else self._connection.getsockname()[1]

    def tend(self) -> bool:
        """Connect if not connected; return whether a connection was just made. Call it often."""
        try:
            if self._connection is None:
                self._connection = socket.create_connection(self._address, TIMEOUT_S)
                self._shake_hands(self._connection)
                return True
            if select.select([self._connection], [], [], 0)[0] and not self._connection.recv(1 << 16):
                self.close()
        except OSError:
            self.close()
        return False

    def close(self) -> None:
        """Disconnect."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _shake_hands(self, connection: socket.socket) -> None:
        """Log in, and perform the rest of the RFB protocol's handshake (RFC 6143, section 7.3).

        Raises:
            OSError: the other side is not a VNC server, wants another password, or is too slow.
        """

        def receive(size: int) -> bytes:
            data = b""
            while len(data) < size:
                more = connection.recv(size - len(data))
                if not more:
                    raise ConnectionError("the VNC server closed the connection")
                data += more
            return data

        if not login.GREETING.fullmatch(receive(login.GREETING_BYTES)):
            raise ConnectionError("not a VNC server")
        connection.sendall(login.VERSION)
        if receive(4) != login.PASSWORD:
            raise ConnectionError("the VNC server refuses the connection")
        connection.sendall(login.response(self._password, receive(login.CHALLENGE_BYTES)))
        if receive(4) != login.OK:
            raise ConnectionError("the VNC server wants another password")
        connection.sendall(b"\1")  # shared: other viewers stay connected
        receive(20)  # size and pixel format
        receive(min(int.from_bytes(receive(4), "big"), 1 << 16))  # the desktop's name

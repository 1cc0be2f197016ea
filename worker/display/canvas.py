"""Draw on an X server's root window: the few messages of the X protocol (version 11) that this takes.

SDL would share the picture with the X server in a memory segment that every user of the machine can read and write
(mode 0777).
"""

import select
import socket
import struct

import cv2
import numpy as np

from a3c64.worker.display.x_server import METHOD

TIMEOUT_S = 10.0  # of each message; the X server draws the largest in milliseconds
CREATE_GC, PUT_IMAGE = 55, 72  # opcodes
Z_PIXMAP = 2  # a pixel is 32 bits with 24 of colour
LONGEST = 4 * 65535  # bytes of a message
HEAD = struct.Struct("<BBHIIHHhhBBxx")  # of PUT_IMAGE


class Canvas:
    """A connection to the X server with a display number and a secret.

    Raises:
        OSError: no X server answers, or it refuses the connection. Every method may raise it.
    """

    def __init__(self, number: int, cookie: bytes) -> None:
        self._socket = _connect(f"/tmp/.X11-unix/X{number}")
        hello = struct.pack("<BxHHHHxx", ord("l"), 11, 0, len(METHOD), len(cookie))
        self._socket.sendall(hello + _padded(METHOD) + _padded(cookie))
        accepted, length = struct.unpack("<B5xH", self._receive(8))
        setup = self._receive(4 * length)
        if accepted != 1:
            raise ConnectionError("the X server refuses the connection")
        (self._context,) = struct.unpack_from("<I", setup, 4)  # the first number for the client's own objects
        vendor, formats = struct.unpack_from("<H3xB", setup, 16)
        (self._root,) = struct.unpack_from("<I", setup, 32 + len(_padded(bytes(vendor))) + 8 * formats)
        self._socket.sendall(struct.pack("<BxHIII", CREATE_GC, 4, self._context, self._root, 0))

    def draw(self, picture: np.ndarray, left: int, top: int) -> None:
        """Draw a picture, uint8 RGB [height, width, 3], at a place of the screen."""
        width = picture.shape[1]
        rows = (LONGEST - HEAD.size) // (4 * width)
        for begin in range(0, len(picture), rows):
            part = cv2.cvtColor(picture[begin : begin + rows], cv2.COLOR_RGB2BGRA)
            words = (HEAD.size + part.nbytes) // 4
            place = (width, len(part), left, top + begin)
            self._socket.sendall(HEAD.pack(PUT_IMAGE, Z_PIXMAP, words, self._root, self._context, *place, 0, 24))
            self._socket.sendall(part.data)

    def discard_events(self) -> None:
        """Discard what the X server has sent, such as the news of a changed keyboard. Call this often."""
        while select.select([self._socket], [], [], 0)[0]:
            if not self._socket.recv(1 << 16):
                raise ConnectionError("the X server has ended")

    def close(self) -> None:
        """Disconnect."""
        self._socket.close()

    def _receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._socket.recv(size - len(data))
            if not more:
                raise ConnectionError("the X server closed the connection")
            data += more
        return data


def _connect(path: str) -> socket.socket:
    """Connect to the abstract socket of that name, else to the file.

    libxcb has the same order. While an X server runs, nobody else can take its abstract name.
    """
    for address in ("\0" + path, path):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(TIMEOUT_S)
        try:
            connection.connect(address)
            return connection
        except OSError as error:
            connection.close()
            problem = error
    raise problem


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)

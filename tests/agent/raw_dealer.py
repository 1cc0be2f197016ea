"""A connection to a ROUTER socket without libzmq, for messages that libzmq does not send."""

import socket
import struct


def raw_dealer(address, identity):
    """Open a TCP connection with the handshake of ZMTP 3.0 (NULL mechanism), as a DEALER with this routing id."""
    host, port = address.removeprefix("tcp://").split(":")
    connection = socket.create_connection((host, int(port)), 5)
    connection.sendall(b"\xff" + bytes(8) + b"\x7f\x03\0NULL" + bytes(16 + 1 + 31))
    greeting = b""
    while len(greeting) < 64:
        greeting += connection.recv(64 - len(greeting))

    def prop(name, value):
        return bytes([len(name)]) + name + struct.pack(">I", len(value)) + value

    ready = b"\x05READY" + prop(b"Socket-Type", b"DEALER") + prop(b"Identity", identity)
    connection.sendall(b"\x04" + bytes([len(ready)]) + ready)
    connection.recv(100)
    return connection

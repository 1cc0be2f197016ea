"""A connection to a ROUTER socket without libzmq, for messages that libzmq does not send."""

import socket
import struct


def greeted(address, mechanism=b"NULL"):
    """Open a TCP connection with the greeting of ZMTP 3.0. The handshake of the mechanism follows it."""
    host, port = address.removeprefix("tcp://").split(":")
    connection = socket.create_connection((host, int(port)), 60)
    connection.sendall(b"\xff" + bytes(8) + b"\x7f\x03\0" + mechanism.ljust(20, b"\0") + bytes(32))
    greeting = b""
    while len(greeting) < 64:
        greeting += connection.recv(64 - len(greeting))
    return connection


def raw_dealer(address, identity):
    """Open a TCP connection with the handshake of ZMTP 3.0 (NULL mechanism), as a DEALER with this routing id."""
    connection = greeted(address)

    def prop(name, value):
        return bytes([len(name)]) + name + struct.pack(">I", len(value)) + value

    ready = b"\x05READY" + prop(b"Socket-Type", b"DEALER") + prop(b"Identity", identity)
    connection.sendall(b"\x04" + bytes([len(ready)]) + ready)
    connection.recv(100)
    return connection

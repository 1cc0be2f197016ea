"""The security handshake of the RFB protocol, version 3.3, from both sides (RFC 6143, sections 7.1 and 7.2).

In this version the server chooses, so it takes the fewest messages: the server greets, the client answers with
`VERSION`, and the server sends a security type of four bytes. After `NONE` the handshake is over. After `PASSWORD` the
server sends a challenge, the client its `response`, and the server `OK` or another result, of four bytes each.
"""

import re

from a3c64.vnc import des

GREETING = re.compile(rb"RFB \d{3}\.\d{3}\n")
GREETING_BYTES = 12
VERSION = b"RFB 003.003\n"
NONE, PASSWORD = b"\0\0\0\1", b"\0\0\0\2"  # security types; 0 = the server refuses the connection
CHALLENGE_BYTES = 16
OK = b"\0\0\0\0"
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def response(password: str, challenge: bytes) -> bytes:
    """Return the challenge, encrypted with the password. VNC reverses the bits of each byte of the key."""
    key = password.encode("ascii")[:8].ljust(8, b"\0").translate(_MIRRORED)
    return b"".join(des.encrypt(key, challenge[begin : begin + 8]) for begin in range(0, CHALLENGE_BYTES, 8))

"""A VNC client that requests and discards every update, to measure what a viewer costs the server.

It follows RFC 6143 and, for the Tight encoding, the community version of the RFB protocol. Its requests are noVNC's.

python tests/bench/vnc_client.py PORT SECONDS PASSWORD_FILE prints the result as its last line.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import time
from pathlib import Path

from a3c64.vnc import password
from a3c64.vnc.login import response

RAW, TIGHT = 0, 7  # encodings
QUALITY_6, COMPRESSION_2 = -26, -254  # pseudo-encodings with preferences for Tight
FILL, JPEG, FILTERED, PALETTE = 8, 9, 4, 1  # kinds of Tight rectangles and filters
LEAST_COMPRESSED = 12  # bytes; less data is not compressed
START_S = 10.0


def main(port: int, seconds: float, password_file: Path) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=START_S) as connection:
        stream = connection.makefile("rwb")

        def take(form: str) -> tuple[int, ...]:
            return struct.unpack(form, stream.read(struct.calcsize(form)))

        stream.read(12)
        stream.write(b"RFB 003.008\n")
        stream.flush()
        stream.read(take("!B")[0])  # security types
        stream.write(b"\2")  # VNC authentication
        stream.flush()
        stream.write(response(password.read(password_file), stream.read(16)))
        stream.flush()
        if take("!I")[0]:
            raise RuntimeError("the VNC server wants another password")
        stream.write(b"\1")  # shared session
        stream.flush()
        width, height, *_ = take("!HH16x")
        stream.read(take("!I")[0])  # the desktop's name
        stream.write(struct.pack("!BxHiiii", 2, 4, TIGHT, RAW, QUALITY_6, COMPRESSION_2))

        def take_some() -> int:
            """Skip data with a length before it, of seven bits per byte, lowest bits first; return all bytes."""
            length = shift = 0
            while True:
                (byte,) = take("!B")
                length |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80 or shift > 14:
                    return shift // 7 + len(stream.read(length))

        def take_tight(wide: int, high: int) -> int:
            """Skip a Tight rectangle with 24 bits per pixel; return its number of bytes."""
            kind = take("!B")[0] >> 4
            if kind == FILL:
                return 1 + len(stream.read(3))
            if kind == JPEG:
                return 1 + take_some()
            size, head = 3 * wide * high, 1
            if kind & FILTERED:
                head += 1
                if take("!B")[0] == PALETTE:
                    colours = take("!B")[0] + 1
                    head += 1 + len(stream.read(3 * colours))
                    size = high * -(-wide // 8) if colours == 2 else wide * high
            return head + (len(stream.read(size)) if size < LEAST_COMPRESSED else take_some())

        updates = received = 0
        incremental, begin = 0, time.perf_counter()
        while time.perf_counter() - begin < seconds:
            stream.write(struct.pack("!BBHHHH", 3, incremental, 0, 0, width, height))
            stream.flush()
            incremental = 1
            (kind,) = take("!B")
            if kind == 3:  # ServerCutText
                stream.read(take("!3xI")[0])
                continue
            if kind != 0:
                continue
            for _ in range(take("!xH")[0]):
                _, _, wide, high, encoding = take("!HHHHi")
                received += take_tight(wide, high) if encoding == TIGHT else len(stream.read(4 * wide * high))
            updates += 1
        taken = time.perf_counter() - begin
    print(json.dumps({"updates": updates, "bytes": received, "seconds": taken}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]))

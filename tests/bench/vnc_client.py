"""A VNC client that takes every update and looks at none: what a viewer who watches costs the server (RFC 6143).

python tests/bench/vnc_client.py PORT SECONDS; the last line is the result.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import time

RAW, ZRLE = 0, 16  # encodings; viewers compress, so this one asks for it
START_S = 10.0


def main(port: int, seconds: float) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=START_S) as connection:
        stream = connection.makefile("rwb")

        def take(form: str) -> tuple[int, ...]:
            return struct.unpack(form, stream.read(struct.calcsize(form)))

        stream.read(12)
        stream.write(b"RFB 003.008\n")
        stream.flush()
        stream.read(take("!B")[0])  # kinds of security
        stream.write(b"\1")  # none
        stream.flush()
        if take("!I")[0]:
            raise RuntimeError("the VNC server wants a password")
        stream.write(b"\1")  # shared
        stream.flush()
        width, height, *_ = take("!HH16x")
        stream.read(take("!I")[0])  # the name
        stream.write(struct.pack("!BxHii", 2, 2, ZRLE, RAW))
        updates = received = 0
        incremental, begin = 0, time.perf_counter()
        while time.perf_counter() - begin < seconds:
            stream.write(struct.pack("!BBHHHH", 3, incremental, 0, 0, width, height))
            stream.flush()
            incremental = 1
            (kind,) = take("!B")
            if kind == 3:  # what was cut, somewhere
                stream.read(take("!3xI")[0])
                continue
            if kind != 0:
                continue
            for _ in range(take("!xH")[0]):
                _, _, wide, high, encoding = take("!HHHHi")
                size = take("!I")[0] if encoding == ZRLE else 4 * wide * high
                received += len(stream.read(size))
            updates += 1
        taken = time.perf_counter() - begin
    print(json.dumps({"updates": updates, "bytes": received, "seconds": taken}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))

"""Read the events of a TensorBoard file, also while another process appends to it.

A record is its length (8 bytes), a checksum of that (4), the event, and a checksum of it (4). Checksums are not
verified: in Python that takes twenty times as long as the rest.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

MAX_RECORD = 64 << 20  # bytes


def events(path: Path, offset: int = 0) -> Iterator[tuple[Any, int]]:
    """Yield a file's events, each with the offset of the next one; an incomplete record at its end is skipped.

    Args:
        path: of the file; without one, nothing is yielded.
        offset: of the first event to yield, bytes.
    """
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.event_pb2 import Event

    if not path.is_file():
        return
    with path.open("rb") as file:
        file.seek(offset)
        while len(head := file.read(12)) == 12:
            length = int.from_bytes(head[:8], "little")
            if length > MAX_RECORD:
                return
            record = file.read(length + 4)
            if len(record) < length + 4:
                return
            try:
                event = Event.FromString(record[:length])
            except DecodeError:
                return
            offset += 12 + length + 4
            yield event, offset

"""What EEPROM, SRAM, FlashRAM and controller paks contain at power-on, as text that fits into settings and JSON.

console = {"saves": read_saves("game.eep")}
"""

from __future__ import annotations

import base64
import zlib
from pathlib import Path
from typing import NamedTuple

from n64gym.files import read_regular
from n64gym.machine.shared import PAKS, PAKS_BYTES

SAVED_BYTES = PAKS + PAKS_BYTES  # the layout is that of `saves` in lockstep.h
BLANK = b"\xff"  # EEPROM, SRAM and FlashRAM before their first use; paks have zeros
MOST_TEXT = 600_000  # characters; contents that cannot be compressed have 400,000


class Kind(NamedTuple):
    """One kind of file, as mupen64plus writes it."""

    offset: int
    size: int  # of the memory, in bytes
    sizes: tuple[int, ...]  # that a file may have


KINDS = {
    ".eep": Kind(0, 0x800, (0x200, 0x800)),
    ".sra": Kind(0x1000, 0x8000, (0x8000,)),
    ".fla": Kind(0x9000, 0x20000, (0x20000,)),
    ".mpk": Kind(PAKS, PAKS_BYTES, (0x8000, 0x20000)),  # one pak, or four
}


def read_saves(*paths: str | Path) -> str:
    """Return the contents of mupen64plus' files of saves (.eep, .sra, .fla, .mpk) for `console={"saves": …}`.

    Raises ValueError, with one line, for a file that is none of these or that cannot be read.
    """
    contents = bytearray(blank())
    for path in map(Path, paths):
        kind = KINDS.get(path.suffix.lower())
        if kind is None:
            raise ValueError(f"saves not usable: {path}; expected a file named {', '.join(KINDS)}")
        try:
            data = read_regular(path, kind.size)
        except OSError as error:
            raise ValueError(f"saves not readable: {path}: {error.strerror}") from None
        if len(data) not in kind.sizes:
            sizes = " or ".join(map(str, kind.sizes))
            raise ValueError(f"saves not usable: {path} has {len(data)} bytes; expected {sizes}")
        contents[kind.offset : kind.offset + len(data)] = data
    return to_text(bytes(contents))


def blank() -> bytes:
    """Return the contents of a new cartridge and new paks."""
    return BLANK * PAKS + bytes(PAKS_BYTES)


def to_text(contents: bytes) -> str:
    """Return `contents` [SAVED_BYTES] as text; "" for those of `blank`."""
    return "" if contents == blank() else base64.b64encode(zlib.compress(contents, 9)).decode()


def from_text(text: str) -> bytes:
    """Return the contents [SAVED_BYTES] that `to_text` has written. Raises ValueError."""
    if text == "":
        return blank()
    try:
        if len(text) > MOST_TEXT:
            raise ValueError(f"it has {len(text)} characters")
        stream = zlib.decompressobj()
        contents = stream.decompress(base64.b64decode(text, validate=True), SAVED_BYTES)
        if len(contents) != SAVED_BYTES or stream.decompress(stream.unconsumed_tail, 1):
            raise ValueError("it has another length")
    except (ValueError, TypeError, zlib.error) as error:
        raise ValueError(f"console: saves is not a text of read_saves: {error}") from None
    return contents

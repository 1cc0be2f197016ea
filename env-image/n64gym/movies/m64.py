"""Movies: the .m64 files of mupen64-rr and TASVideos, with one controller word for each controller read of the game.

Format: https://tasvideos.org/EmulatorResources/Mupen/M64. All numbers are little endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from n64gym.files import read_regular, write_whole

MAGIC = b"M64\x1a"
VERSION = 3
HEADER_BYTES = 1024
OLD_HEADER_BYTES = 512  # of versions 1 and 2
MAX_BYTES = 128 << 20  # 37 hours of four controllers that are read 60 times a second

SNAPSHOT, POWER_ON, EEPROM, EXISTING_SNAPSHOT = 1, 2, 4, 8
STARTS = {SNAPSHOT: "a savestate", EEPROM: "saved EEPROM contents", EXISTING_SNAPSHOT: "a savestate"}

# magic, version, uid, vis, rerecords, vis per second, controllers, extended version and flags, samples, start,
# controller flags, extended data; at 0x24 + 32 follow 128 reserved bytes.
FIRST = struct.Struct("<4s4I4BIHxxI32s128x")
ROM = struct.Struct("<32s4sH56x")  # at 0xC4: name, CRC1 in the ROM's own byte order, country
TEXTS = struct.Struct("<64s64s64s64s222s256s")  # at 0x122: plugins (video, sound, input, RSP), author, description
OLD_TEXTS = struct.Struct("<48s80s")  # at 0x44 in versions 1 and 2: author, description


class MovieError(ValueError):
    """A movie cannot be read or written. The text gives what was found and what was expected."""

    name = "not usable"  # of the kind of fault


class OtherRomError(MovieError):
    """A movie was recorded on another ROM."""

    name = "another ROM"


class NotFromPowerOnError(MovieError):
    """A movie begins from a savestate or from saved EEPROM contents."""

    name = "not from power-on"


@dataclass(frozen=True, eq=False)
class M64:
    """A movie that begins at power-on."""

    samples: NDArray[np.uint32]
    """BUTTONS words [N], one per read of any controller, in the order of the reads."""
    vis: int  # length in vertical interrupts
    rom_name: str  # the internal name in the ROM's header
    crc1: int  # of the ROM's header, as ROM databases print it
    country: int  # the ROM's bytes 0x3E (the country, low) and 0x3F (the version, high)
    uid: int = 0  # when it was recorded, Unix time
    rerecords: int = 0
    vis_per_second: int = 60
    controllers: int = 1
    controller_flags: int = 1
    """Bit n: controller n + 1 is plugged in, bit n + 4: with a controller pak, bit n + 8: with a rumble pak."""
    start: int = POWER_ON
    video_plugin: str = ""
    sound_plugin: str = ""
    input_plugin: str = ""
    rsp_plugin: str = ""
    author: str = ""
    description: str = ""
    extended_version: int = 0
    extended_flags: int = 0
    extended_data: bytes = bytes(32)

    @property
    def ports(self) -> list[int]:
        """The ports with a controller, 1 to 4. Flags without any port count as the first ports."""
        flags = self.controller_flags & 0xF or (1 << self.controllers) - 1
        return [port for port in range(1, 5) if flags >> port - 1 & 1]

    @property
    def controller_pak(self) -> bool:
        """Whether each of these controllers has a controller pak."""
        return all(self.controller_flags >> port + 3 & 1 for port in self.ports)


def read(path: str | Path) -> M64:
    """Return the movie at `path`. Raises MovieError.

    In versions 1 and 2, the plugins' names have no fixed place, so they are not read.
    """
    try:
        data = read_regular(Path(path), MAX_BYTES)
    except OSError as error:
        raise MovieError(f"movie not readable: {path}: {error.strerror}") from None
    try:
        return parse(data)
    except MovieError as error:
        raise type(error)(f"movie not usable: {path} {error}") from None


def parse(data: bytes) -> M64:
    """Return the movie in `data`, the bytes of a file. Raises MovieError; its text continues "this file …"."""
    if not data:
        raise MovieError("is empty; expected an .m64 movie")
    if data[:4] != MAGIC:
        raise MovieError(f"begins with {data[:4].hex(' ')}; an .m64 movie begins with {MAGIC.hex(' ')}")
    version = int.from_bytes(data[4:8], "little")
    header = {1: OLD_HEADER_BYTES, 2: OLD_HEADER_BYTES, VERSION: HEADER_BYTES}.get(version)
    if header is None and len(data) >= 8:
        raise MovieError(f"is an .m64 movie of version {version}; expected version 1, 2 or {VERSION}")
    if header is None or len(data) < header:
        raise MovieError(f"has {len(data)} bytes; expected a header of {header or HEADER_BYTES} bytes")

    (_, _, uid, vis, rerecords, vis_per_second, controllers, extended_version, extended_flags, count, start, flags,
     extended_data) = FIRST.unpack_from(data)  # fmt: skip
    name, crc1, country = ROM.unpack_from(data, FIRST.size)
    if version == VERSION:
        *plugins, author, description = TEXTS.unpack_from(data, FIRST.size + ROM.size)
    else:
        author, description = OLD_TEXTS.unpack_from(data, FIRST.size - OLD_TEXTS.size)
        plugins = [b""] * 4

    if start != POWER_ON:
        what = STARTS.get(start, "nothing known")
        raise NotFromPowerOnError(f"begins from {what} (start type {start}); only one from power-on (2) can be played")
    if not 1 <= controllers <= 4:
        raise MovieError(f"has {controllers} controllers; expected 1 to 4")
    # mupen64-rr writes one word more than the header's count, so extra words are ignored.
    there = (len(data) - header) // 4
    if there < count:
        raise MovieError(f"holds {there} samples, but its header says {count}: the file is truncated")
    return M64(
        samples=np.frombuffer(data, "<u4", count, header).astype(np.uint32),
        vis=vis,
        rom_name=text(name, "latin-1"),
        crc1=int.from_bytes(crc1, "big"),
        country=country,
        uid=uid,
        rerecords=rerecords,
        vis_per_second=vis_per_second,
        controllers=controllers,
        controller_flags=flags,
        start=start,
        video_plugin=text(plugins[0], "latin-1"),
        sound_plugin=text(plugins[1], "latin-1"),
        input_plugin=text(plugins[2], "latin-1"),
        rsp_plugin=text(plugins[3], "latin-1"),
        author=text(author, "utf-8"),
        description=text(description, "utf-8"),
        extended_version=extended_version,
        extended_flags=extended_flags,
        extended_data=extended_data,
    )


def text(field: bytes, encoding: str) -> str:
    """Return a C string: the bytes before the first NUL."""
    return field.partition(b"\0")[0].decode(encoding, errors="replace")


def to_bytes(movie: M64) -> bytes:
    """Return `movie` as the bytes of a version 3 file. Raises MovieError if a value does not fit its field."""
    try:
        first = FIRST.pack(
            MAGIC, VERSION, movie.uid, movie.vis, movie.rerecords, movie.vis_per_second, movie.controllers,
            movie.extended_version, movie.extended_flags, len(movie.samples), movie.start, movie.controller_flags,
            movie.extended_data,
        )  # fmt: skip
        rom = ROM.pack(c_string(movie, "rom_name", 32), movie.crc1.to_bytes(4, "big"), movie.country)
    except (struct.error, OverflowError) as error:
        raise MovieError(f"movie not written: a number in its header is out of range ({error})") from None
    texts = TEXTS.pack(
        *(c_string(movie, name, 64) for name in ("video_plugin", "sound_plugin", "input_plugin", "rsp_plugin")),
        c_string(movie, "author", 222, "utf-8"),
        c_string(movie, "description", 256, "utf-8"),
    )
    return first + rom + texts + movie.samples.astype("<u4").tobytes()


def c_string(movie: M64, name: str, size: int, encoding: str = "latin-1") -> bytes:
    """Return the field `name`, encoded. Its last byte stays free for the NUL that other programs require."""
    value: str = getattr(movie, name)
    try:
        encoded = value.encode(encoding)
    except UnicodeEncodeError as error:
        raise MovieError(f"movie not written: its {name} {value!r} cannot be encoded in {error.encoding}") from None
    if len(encoded) >= size or b"\0" in encoded:
        raise MovieError(
            f"movie not written: its {name} {value!r} has {len(encoded)} bytes; "
            f"expected at most {size - 1}, without NUL"
        )
    return encoded


def write(path: str | Path, movie: M64, *, sync: bool = True) -> None:
    """Write `movie` to `path` atomically. Raises MovieError, OSError.

    sync: see write_whole.
    """
    write_whole(Path(path), to_bytes(movie), sync=sync)

"""Opens and identifies ROM files, and rejects other files with a one-line error."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from n64gym.files import read_regular
from n64gym.machine.archive import ArchiveError, unpacked

DATA = Path(__file__).parents[1] / "data"  # files that `make -C env-image` builds
OPEN_KART = DATA / "openkart.z64"

LIBDRAGON_BOOT_CODE = b" Libdragon IPL3 "  # a text in the boot code of libdragon's games since 2024

SMALLEST_ROM = 4096  # bytes; the boot program ends there
LARGEST_ROM = 64 << 20  # bytes; the largest cartridge ever made
BYTE_ORDERS = {b"\x80\x37\x12\x40": "z64", b"\x37\x80\x40\x12": "v64", b"\x40\x12\x37\x80": "n64"}

PAL = "DFIPSUXY"  # the header's country codes of games for 50 Hz


class RomError(ValueError):
    """A ROM cannot be used. The text gives what was found, what was expected and what to do."""


class Rom(NamedTuple):
    """A ROM file that has passed the checks of `open_rom`."""

    path: Path  # of the file, or of the archive that it is in
    byte_order: str  # z64 (big endian), v64 (halfwords swapped) or n64 (little endian); the core reads all three
    name: str  # the internal name in the header
    sha1: str  # of the ROM in z64 order, so the same for all byte orders
    crc1: int  # from the header
    country: int  # the header's bytes 0x3E (country, low) and 0x3F (version, high)
    libdragon_boot_code: bool  # libdragon's own boot code instead of Nintendo's

    @property
    def vis_per_second(self) -> int:
        """Vertical interrupts a second: 50 for PAL games, else 60."""
        return 50 if chr(self.country & 0xFF) in PAL else 60

    @property
    def title(self) -> str:
        """The game's title if the ROM is known, else the ROM's internal name."""
        return KNOWN.get(self.sha1, self.name)


MARIO_KART_64 = "579c48e211ae952530ffc8738709f078d5dd215e"
SUPER_SMASH_BROS = "e2929e10fccc0aa84e5776227e798abc07cedabf"
KNOWN = {  # by SHA-1 of the ROM in z64 order
    MARIO_KART_64: "Mario Kart 64 (US)",
    SUPER_SMASH_BROS: "Super Smash Bros. (US)",
}


def open_rom(path: str | Path) -> Rom:
    """Open and check the ROM at `path`, which may be in a .zip or .gz archive. Raises RomError."""
    path = Path(path)
    if path == OPEN_KART and not path.exists():
        raise RomError("Open Kart has not been built: run `make -C env-image`")
    try:
        data = unpacked(read_regular(path, LARGEST_ROM), LARGEST_ROM)
    except ArchiveError as error:
        raise RomError(f"ROM not usable: {path} {error}") from None
    except FileNotFoundError:
        raise RomError(f"ROM not found: there is no file {path}") from None
    except IsADirectoryError:
        raise RomError(f"ROM not usable: {path} is a folder; expected the path of a .z64, .v64 or .n64 file") from None
    except OSError as error:
        raise RomError(f"ROM not readable: {path}: {error.strerror}") from None
    if not data:
        raise RomError(f"ROM not usable: {path} is empty; expected an N64 ROM (.z64, .v64 or .n64)")
    order = BYTE_ORDERS.get(data[:4])
    if order is None:
        raise RomError(
            f"ROM not usable: {path} begins with {data[:4].hex(' ')}; an N64 ROM begins with 80 37 12 40 (.z64), "
            "37 80 40 12 (.v64) or 40 12 37 80 (.n64)"
        )
    if not SMALLEST_ROM <= len(data) <= LARGEST_ROM:
        raise RomError(f"ROM not usable: {path} has {len(data)} bytes; expected {SMALLEST_ROM} to {LARGEST_ROM}")
    data = to_z64(data, order)
    return Rom(
        path.resolve(),
        order,
        name=data[0x20:0x34].decode("ascii", errors="replace").strip(" \0"),
        sha1=hashlib.sha1(data).hexdigest(),
        crc1=int.from_bytes(data[0x10:0x14], "big"),
        country=int.from_bytes(data[0x3E:0x40], "little"),
        libdragon_boot_code=LIBDRAGON_BOOT_CODE in data[:SMALLEST_ROM],
    )


def expect_game(rom: Rom, sha1: str, setting: str) -> None:
    """Raise RomError unless `rom` has this hash. `setting` names the setting that holds the file's path, for the
    error."""
    if rom.sha1 != sha1:
        raise RomError(
            f"{rom.path.name} is not {KNOWN[sha1]}: it is {rom.title!r} with SHA-1 {rom.sha1}; expected {sha1} (in z64 "
            f"order; .v64 and .n64 files are converted before they are compared). The file is named by {setting}"
        )


def to_z64(data: bytes, order: str) -> bytes:
    """Return `data` in big-endian order (z64). An incomplete last word is dropped."""
    data = data[: len(data) & ~3]
    if order == "z64":
        return data
    swapped = bytearray(data)
    if order == "v64":
        swapped[0::2], swapped[1::2] = data[1::2], data[0::2]
    else:
        for lane in range(4):
            swapped[lane::4] = data[3 - lane :: 4]
    return bytes(swapped)

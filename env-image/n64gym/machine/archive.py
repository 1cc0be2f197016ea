"""Reads a ROM from its file, or from a .zip or .gz archive. host.py imports this file too, so it imports no other."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib

ROM_BEGINNINGS = (b"\x80\x37\x12\x40", b"\x37\x80\x40\x12", b"\x40\x12\x37\x80")
ENDINGS = (".z64", ".v64", ".n64")
MOST_FILES = 1000  # files in a .zip that are looked at


class ArchiveError(ValueError):
    """The archive has no ROM that can be read. The text continues "this file …"."""


def unpacked(data: bytes, most: int) -> bytes:
    """Return the ROM in `data`, the bytes of a file: a .zip's only ROM, the content of a .gz, else `data`.

    Nothing is written, and the names in an archive are not used as paths. Raises ArchiveError if the archive is
    damaged, has no ROM or several, or if its ROM has more than `most` bytes.
    """
    try:
        if data[:2] == b"\x1f\x8b":
            with gzip.open(io.BytesIO(data)) as file:
                return _bounded(file.read(most + 1), most)
        if data[:4] == b"PK\x03\x04":
            with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(_only_rom(archive)) as file:
                return _bounded(file.read(most + 1), most)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError) as error:
        raise ArchiveError(f"is a damaged or unusual archive ({error}); unpack it, and name the ROM") from None
    return data


def _bounded(rom: bytes, most: int) -> bytes:
    if len(rom) > most:
        raise ArchiveError(f"holds a file of more than {most} bytes; expected an N64 ROM")
    return rom


def _only_rom(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """Return the archive's only file that is named like a ROM, or else begins like one."""
    files = [one for one in archive.infolist()[:MOST_FILES] if not one.is_dir()]
    found = [one for one in files if one.filename.lower().endswith(ENDINGS)]
    if not found:
        for one in files:
            with archive.open(one) as file:
                if file.read(4) in ROM_BEGINNINGS:
                    found.append(one)
    if len(found) != 1:
        names = ", ".join(ascii(one.filename)[1:-1][:60] for one in found[:5])
        raise ArchiveError(
            f"is an archive with {len(found) or 'no'} ROMs{': ' + names if names else ''}; expected one .z64, .v64 or "
            ".n64 file: unpack it, and name the ROM"
        )
    return found[0]

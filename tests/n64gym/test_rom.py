"""A file that is not a ROM is refused with one clear message."""

import gzip
import io
import zipfile

import pytest

from n64gym.machine.emulator import Emulator
from n64gym.machine.rom import LARGEST_ROM, OPEN_KART, RomError, open_rom, to_z64


def test_all_three_byte_orders_are_recognised(rom, tmp_path):
    original = rom("pad").read_bytes()
    v64 = bytearray(original)
    v64[0::2], v64[1::2] = original[1::2], original[0::2]
    n64 = b"".join(original[i : i + 4][::-1] for i in range(0, len(original), 4))
    for suffix, data in (("z64", original), ("v64", bytes(v64)), ("n64", n64)):
        path = tmp_path / f"game.{suffix}"
        path.write_bytes(data)
        found = open_rom(path)
        assert found.byte_order == suffix
        assert found.name == "A3C64 TEST ROM"
        assert to_z64(data, suffix) == original


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04 a zip file" + bytes(9000), r"is a damaged or unusual archive .*; unpack it"),
        (b"\x1f\x8b a gz file" + bytes(9000), r"is a damaged or unusual archive .*; unpack it"),
        (b"\x7fELF" + bytes(9000), r"begins with 7f 45 4c 46; an N64 ROM begins with 80 37 12 40"),
        (b"\x80\x37\x12\x40" + bytes(60), "has 64 bytes; expected 4096"),
    ],
)
def test_a_file_that_is_not_a_rom_is_refused(tmp_path, content, message):
    path = tmp_path / "game.z64"
    path.write_bytes(content)
    with pytest.raises(RomError, match=message):
        open_rom(path)


def zipped(files):
    """Return a .zip archive of names and contents."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


@pytest.mark.parametrize("kind", ["zip", "gz"])
def test_a_rom_in_an_archive_is_played(rom, tmp_path, kind):
    original = rom("pad").read_bytes()
    path = tmp_path / f"game.{kind}"
    content = {"read me.txt": b"hello", "../../game.z64": original}  # the names are not used as paths
    path.write_bytes(zipped(content) if kind == "zip" else gzip.compress(original))
    assert open_rom(path).sha1 == open_rom(rom("pad")).sha1
    with Emulator(path) as emulator:
        emulator.step(20)
        assert emulator.rdram[0x100 // 4] >= 20
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.z64": b"", "b.n64": b""}, "with 2 ROMs: a.z64, b.n64; expected one"),
        ({"read me.txt": b"hello"}, "with no ROMs; expected one"),
        ({"a.z64": bytes(LARGEST_ROM + 1)}, f"holds a file of more than {LARGEST_ROM} bytes"),
    ],
)
def test_an_archive_without_one_rom_is_refused(tmp_path, files, message):
    path = tmp_path / "game.zip"
    path.write_bytes(zipped(files))
    with pytest.raises(RomError, match=message):
        open_rom(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(RomError, match="there is no file"):
        open_rom(tmp_path / "nothing.z64")
    with pytest.raises(RomError, match="is a folder"):
        open_rom(tmp_path)


def test_a_missing_open_kart_is_reported_with_the_build_command(monkeypatch, tmp_path):
    monkeypatch.setattr("n64gym.machine.rom.OPEN_KART", tmp_path / OPEN_KART.name)
    with pytest.raises(RomError, match="make -C env-image"):
        open_rom(tmp_path / OPEN_KART.name)

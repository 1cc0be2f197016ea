"""A file that is not a ROM is refused with one clear message."""

import pytest

from n64gym.machine.rom import OPEN_KART, RomError, open_rom, to_z64


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
        (b"PK\x03\x04 a zip file" + bytes(9000), r"begins with 50 4b 03 04; an N64 ROM begins with 80 37 12 40"),
        (b"\x80\x37\x12\x40" + bytes(60), "has 64 bytes; expected 4096"),
    ],
)
def test_a_file_that_is_not_a_rom_is_refused(tmp_path, content, message):
    path = tmp_path / "game.z64"
    path.write_bytes(content)
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

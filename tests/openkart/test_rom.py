"""The ROM file: its header, its telemetry block, and a build that gives the same bytes in every folder."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from host_kart import OPEN_KART

from n64gym.games.openkart_telemetry import COURSE_WORD, MAGIC, TELEMETRY_WORD, TITLE, VERSION
from n64gym.machine.emulator import Emulator


def build(folder: Path) -> str:
    shutil.copytree(OPEN_KART, folder, ignore=shutil.ignore_patterns("build"))
    subprocess.run(["make", "-s", "-C", folder, "rom"], check=True, timeout=120)
    return hashlib.sha256((folder / "build" / "openkart.z64").read_bytes()).hexdigest()


def test_the_build_is_reproducible(products: Path, tmp_path: Path):
    here = hashlib.sha256((products / "openkart.z64").read_bytes()).hexdigest()
    assert build(tmp_path / "a") == build(tmp_path / "another" / "place") == here


def test_the_header_is_valid(products: Path):
    rom = (products / "openkart.z64").read_bytes()
    assert rom[:4] == bytes.fromhex("80371240"), "big-endian byte order"
    assert rom[0x20:0x34] == b"OPEN KART".ljust(20)
    assert rom[0x3E:0x3F] == b"E", "NTSC"
    assert 4096 < len(rom) < 1 << 20, "the boot program must copy the whole file"


def test_the_telemetry_block_has_its_header(products: Path):
    with Emulator(products / "openkart.z64") as emulator:
        while emulator.rdram[TELEMETRY_WORD] == 0:
            emulator.step(1)
            assert emulator.vi_count < 300
        words = emulator.rdram[TELEMETRY_WORD:COURSE_WORD].tolist()
        assert words[:3] == [MAGIC, VERSION, TITLE]
        assert words[5] == 3
        assert words[52:] == [0] * 12
        vis, reads = words[22], words[27]
        assert vis == reads
        emulator.step(7)
        assert emulator.rdram[TELEMETRY_WORD + 22] == vis + 7


def test_without_a_controller_no_button_is_pressed(products: Path):
    """Without a controller the joybus answer has all bits set."""
    with Emulator(products / "openkart.z64", controllers=0) as emulator:
        emulator.step(300)
        assert emulator.rdram[TELEMETRY_WORD + 2] == TITLE

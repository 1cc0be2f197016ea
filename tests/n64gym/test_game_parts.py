"""Parts of game folders that Open Kart's does not use: pointers, bits, starts by a movie, and the search for a ROM."""

import dataclasses
import zipfile

import numpy as np
import pytest

import n64gym
from n64gym.game_folder import rom_search, starts
from n64gym.game_folder.expressions import BUILT_IN
from n64gym.game_folder.program import Program
from n64gym.game_folder.reader import parse
from n64gym.game_folder.rom_search import rom_of
from n64gym.game_folder.table import GameError
from n64gym.machine.controller import START, word
from n64gym.machine.memory import Memory
from n64gym.machine.rom import RomError, open_rom
from n64gym.machine.shared import SAMPLES
from n64gym.movies import m64
from n64gym.n64_env import FIRST_VIS

SMALL = """
format = 1
name = "Catch"
[rom]
sha1 = "{sha1}"
[actions]
list = [{{}}, {{ buttons = ["A"] }}]
[starts.play]
movie = "play.m64"
[variables]
"""


def values_of(memory, **variables):
    """Return the values that a game with these variables reads."""
    lines = "\n".join(f"{name} = {{ {text} }}" for name, text in variables.items())
    program = Program(parse((SMALL.format(sha1="openkart") + lines).encode()))
    return program.read(memory, [0] * len(BUILT_IN), [0] * len(program.names))[len(BUILT_IN) :]


def test_a_variable_can_be_some_bits_of_a_number():
    memory = Memory(np.zeros(1 << 21, np.uint32))
    memory.u8[0x80001001] = 0b0101_0110
    memory.s16[0x80001002] = -2
    assert values_of(
        memory,
        part='address = 0x80001001, type = "u8", bits = [4, 6]',
        lowest='address = 0x80001001, type = "u8", bits = [0, 0]',
        every='address = 0x1001, type = "u8", bits = [0, 7]',
        signed='address = 0xa0001002, type = "s16", bits = [0, 3]',
    ) == [0b101, 0, 0b0101_0110, 0b1110]


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [(0x80002000, 1.5), (0xA0002000, 1.5), (0x80001FFC, 0), (0x80002001, 0), (0, 0), (0x2000, 0), (0xFFFFFFFF, 0)],
)
def test_a_variable_behind_pointers_is_0_while_one_of_them_is_wrong(pointer, expected):
    memory = Memory(np.zeros(1 << 21, np.uint32))
    memory.u32[0x80001000] = 0x80004000
    memory.u32[0x80004074] = pointer
    memory.f32[0x80001FFC] = 1.5  # four bytes before what the right pointers point at
    memory.u8[0x80001FFF] = 0b11_0000
    found = values_of(memory, x='address = 0x80001000, type = "f32", follow = [0x74, -4]')
    assert found == [pytest.approx(expected, abs=1e-4)]
    bits = values_of(memory, x='address = 0x80001000, type = "u8", follow = [0x74, -1], bits = [4, 7]')
    assert bits == [3 if pointer in (0x80002000, 0xA0002000) else 0]


def test_a_pointer_at_the_end_of_memory_leads_to_0():
    memory = Memory(np.zeros(1 << 21, np.uint32))
    memory.u32[0x80001000] = 0x807FFFFC
    memory.u32[0x807FFFFC] = 7
    last, beyond = 'type = "u32", follow = [0]', 'type = "u32", follow = [4]'
    assert values_of(memory, last=f"address = 0x80001000, {last}", beyond=f"address = 0x80001000, {beyond}") == [7, 0]


def test_an_episode_can_begin_at_the_end_of_a_movie(rom, tmp_path):
    catch = open_rom(rom("catch"))
    with n64gym.Emulator(catch) as emulator:
        emulator.step(30)
        emulator.step(2, START)  # on the title
        emulator.step(25, word(x=80))  # to the right
        movie = m64.M64(emulator.samples(), emulator.vi_count, catch.name, catch.crc1, catch.country)
        emulator.step(FIRST_VIS)  # as an environment does after a start
        rdram = emulator.rdram.copy()
    m64.write(tmp_path / "play.m64", movie)
    (tmp_path / "game.toml").write_text(SMALL.format(sha1=catch.sha1))
    with n64gym.make_game(tmp_path, catch.path, obs_type="ram", cache=False) as env:
        for _ in range(2):
            env.reset()
            assert np.array_equal(env.unwrapped.emulator.rdram, rdram)
            env.step(1)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"crc1": 0x12345678}, "another ROM: it names 'A3C64 catch' with header CRC1 12345678; "),
        ({"vis": 0}, "play.m64 has 1 controllers, 0 VIs and "),
        ({"vis": 36001}, "play.m64 has 1 controllers, 36001 VIs and "),
        ({"controllers": 2, "controller_flags": 3}, "play.m64 has 2 controllers, "),
        ({"samples": np.zeros(SAMPLES + 1, np.uint32)}, f"VIs and {SAMPLES + 1} samples; expected 1 controller, "),
        ({"start": m64.SNAPSHOT}, "play.m64 begins from a savestate"),
    ],
)
def test_a_movie_that_cannot_lead_to_the_start_is_refused(rom, tmp_path, change, error):
    catch = open_rom(rom("catch"))
    movie = m64.M64(np.zeros(100, np.uint32), 100, catch.name, catch.crc1, catch.country)
    m64.write(tmp_path / "play.m64", movie)
    assert len(starts.read_movie(tmp_path, "play.m64", catch).samples) == 100
    m64.write(tmp_path / "play.m64", dataclasses.replace(movie, **change))
    with pytest.raises(GameError) as caught:
        starts.read_movie(tmp_path, "play.m64", catch)
    assert error in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_rom_is_found_in_a_folder_by_its_hash(rom, tmp_path, monkeypatch):
    wanted = open_rom(rom("catch"))
    game = parse(SMALL.format(sha1=wanted.sha1).encode())
    data = rom("catch").read_bytes()
    (tmp_path / "a.z64").write_bytes(b"not a ROM")
    (tmp_path / "b.z64").write_bytes(rom("pad").read_bytes())
    (tmp_path / "c.txt").write_bytes(data)
    (tmp_path / "d.zip").write_bytes(b"PK\3\4 broken")
    (tmp_path / "folder.z64").mkdir()
    with pytest.raises(RomError, match=rf"{wanted.sha1}.*: none of the 4 ROMs and archives in {tmp_path} is this ROM"):
        rom_of(game, tmp_path)
    swapped = bytearray(len(data) & ~1)
    swapped[0::2], swapped[1::2] = data[1 : len(swapped) : 2], data[0 : len(swapped) : 2]
    (tmp_path / "e.V64").write_bytes(swapped)
    assert rom_of(game, tmp_path).path.name == "e.V64"
    (tmp_path / "e.V64").unlink()
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as archive:
        archive.writestr("game.z64", data)
    assert rom_of(game, str(tmp_path)).path.name == "f.zip"
    with pytest.raises(RomError, match=r"needs the ROM .*: found pad.z64, which is"):
        rom_of(game, rom("pad"))
    with pytest.raises(RomError, match="rom=, the path of its file or of a folder"):
        rom_of(game, "")

    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(rom_search.Path, "iterdir", refuse)
    with pytest.raises(RomError, match=f"{tmp_path} cannot be read: Permission denied"):
        rom_of(game, tmp_path)

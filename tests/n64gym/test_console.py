"""The console's clock, paks and saves are a part of the run. tests/roms/kinds has a ROM for each."""

import json

import gymnasium
import numpy as np
import pytest

from n64gym import Playback, RecordMovie, read_saves
from n64gym.machine.console import Console
from n64gym.machine.emulator import Emulator
from n64gym.machine.state import State

COUNT, FOUND = 0x400 // 4, 0x408 // 4  # RDRAM words: VIs of the ROM, and what it has found


def clock_of(emulator):
    """Return the time that rtc.c has read: the clock chip gives BCD numbers, from the seconds up."""
    numbers = bytearray(np.asarray(emulator.rdram[FOUND : FOUND + 2]).astype(">u4").tobytes())
    numbers[2] &= 0x7F  # the hour has a flag
    second, minute, hour, day, _, month, year, century = (int(f"{number:x}") for number in numbers)
    return f"{1900 + 100 * century + year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"


@pytest.mark.parametrize(("name", "vis_per_second"), [("rtc", 60), ("pal", 50)])
def test_the_clock_is_set_and_goes_with_the_machine(rom, name, vis_per_second):
    with Emulator(rom(name), console=Console(clock="2026-12-31T23:59:58")) as emulator:
        assert emulator.rom.vis_per_second == vis_per_second
        emulator.step(vis_per_second - emulator.vi_count)
        state = emulator.save_state()
        assert clock_of(emulator) == "2026-12-31T23:59:58"
        emulator.step(2 * vis_per_second)
        later = clock_of(emulator)
        assert later == "2027-01-01T00:00:00"
        emulator.load_state(state)  # the clock returns, too
        emulator.step(2 * vis_per_second)
        assert clock_of(emulator) == later
    with Emulator(rom(name)) as emulator:  # the host's time makes no difference
        emulator.step(2 * vis_per_second)
        assert clock_of(emulator) == "2000-01-01T00:00:02"


def test_an_expansion_pak_can_be_pulled_out(rom):
    for console, modules in ((Console(), 4), (Console(expansion_pak=False), 2)):
        with Emulator(rom("memory"), console=console) as emulator:
            emulator.step(4)
            assert emulator.rdram[FOUND] == modules


@pytest.mark.parametrize("name", ["eeprom", "sram", "flashram", "pak"])
def test_saves_belong_to_savestates(rom, name):
    """The ROM reads what it has written in the VI before, so contents of another run would be seen at once."""
    console = Console(controller_pak=True)
    with Emulator(rom(name), console=console) as emulator:
        first = int(emulator.rdram[FOUND])
        emulator.step(20)
        state = emulator.save_state()
        emulator.step(7)
        expected = emulator.rdram.copy()
        assert expected[FOUND] == expected[COUNT] - 1
        for _ in range(2):
            emulator.load_state(state)
            emulator.step(7)
            assert (emulator.rdram == expected).all()
    copy = State.from_data(state.data())
    with Emulator(rom(name), console=console) as emulator:  # another process, which has written other contents
        assert emulator.rdram[FOUND] == first, "saves of an earlier emulator are not kept"
        emulator.step(3)
        emulator.load_state(copy)
        emulator.step(7)
        assert (emulator.rdram == expected).all()


@pytest.mark.parametrize(
    ("name", "ending", "place"),
    [
        ("eeprom", "eep", slice(0, 0x200)),
        ("sram", "sra", slice(0x1000, 0x9000)),
        ("flashram", "fla", slice(0x9000, 0x29000)),
        ("pak", "mpk", slice(0x29000, 0x31000)),
    ],
)
def test_a_game_can_begin_with_saves_and_its_movies_contain_them(rom, tmp_path, name, ending, place):
    with Emulator(rom(name), console=Console(controller_pak=True)) as emulator:
        emulator.step(20)
        written = int(emulator.rdram[COUNT])
        file = tmp_path / f"game.{ending}"
        file.write_bytes(emulator.save_state().saves[place])
    console = {"controller_pak": True, "saves": read_saves(file)}
    with Emulator(rom(name), console=Console(**console)) as emulator:
        emulator.step(1)
        assert emulator.rdram[COUNT] == 1
        assert emulator.rdram[FOUND] == written
    with RecordMovie(gymnasium.make("n64gym/Rom-v0", rom=rom(name), console=console, cache=False), tmp_path) as env:
        env.reset(seed=1)
        for _ in range(5):
            env.step(env.action_space.sample())
    facts = json.loads(env.last_movie.with_suffix(".json").read_text())
    assert facts["console"]["saves"] == console["saves"] != ""
    playback = Playback(env.last_movie, rom(name))
    while not playback.over:
        playback.step()
    playback.close()
    assert not playback.diverged


def test_an_unusable_file_of_saves_is_one_line(tmp_path):
    short, other = tmp_path / "short.eep", tmp_path / "game.sav"
    short.write_bytes(bytes(7))
    other.write_bytes(bytes(512))
    for path, message in (
        (short, "has 7 bytes; expected 512 or 2048"),
        (other, "expected a file named .eep, .sra, .fla, .mpk"),
        (tmp_path / "none.fla", "saves not readable: .*No such file"),
    ):
        with pytest.raises(ValueError, match=message):
            read_saves(path)
    assert read_saves() == ""


def test_without_a_controller_pak_none_answers(rom):
    with Emulator(rom("pak")) as emulator:
        emulator.step(20)
        assert emulator.rdram[FOUND] == 0
        assert emulator.rdram[0x410 // 4] == 0


def test_movies_record_the_console_and_repeat(rom, tmp_path):
    console = {"clock": "1999-06-05T04:03:02", "controller_pak": True}
    with RecordMovie(gymnasium.make("n64gym/Rom-v0", rom=rom("pal"), console=console), tmp_path) as env:
        assert env.metadata["render_fps"] == 12.5
        env.reset(seed=1)
        for _ in range(30):
            env.step(env.action_space.sample())
    facts = json.loads(env.last_movie.with_suffix(".json").read_text())
    used = facts["console"]
    assert used.items() >= {**console, "expansion_pak": True, "processor": "recompiler"}.items()
    assert facts["vis_per_second"] == 50
    playback = Playback(env.last_movie, rom("pal"))
    assert playback.movie.vis_per_second == 50
    while not playback.over:
        playback.step()
    assert not playback.diverged
    assert clock_of(playback.emulator) == "1999-06-05T04:03:04"
    playback.close()


@pytest.mark.parametrize(
    ("console", "message"),
    [
        ({"clock": "yesterday"}, "clock is 'yesterday'; expected a time such as 2000-01-01T00:00:00"),
        ({"clock": "1969-12-31T00:00:00"}, "expected a time such as"),
        ({"expansion_pak": 1}, "expansion_pak is 1; expected true or false"),
        ({"processor": "abacus"}, "processor is 'abacus'; expected 'auto' or 'recompiler' or 'interpreter' or"),
        ({"rsp": True}, "rsp is True; expected 'auto' or 'hle'"),
        ({"saves": 7}, "saves is not a text of read_saves"),
        ({"saves": "eJw="}, "saves is not a text of read_saves"),
        ({"jumper": True}, "expected an object with clock, expansion_pak, controller_pak"),
        (3, "expected an object with"),
    ],
)
def test_an_unknown_console_is_refused(rom, console, message):
    with pytest.raises(ValueError, match=message):
        gymnasium.make("n64gym/Rom-v0", rom=rom("pad"), console=console)

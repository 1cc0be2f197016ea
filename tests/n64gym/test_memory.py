"""emulator.memory gives the numbers that the console has at an address, whatever the host's byte order."""

import struct

import numpy as np
import pytest

from n64gym.machine.emulator import Emulator
from n64gym.machine.memory import Memory
from n64gym.machine.rom import OPEN_KART
from n64gym.machine.shared import RDRAM_BYTES

TYPES = {"u8": ">B", "s8": ">b", "u16": ">H", "s16": ">h", "u32": ">I", "s32": ">i", "f32": ">f"}
WORDS = np.random.default_rng(1).integers(0, 2**32, RDRAM_BYTES // 4, np.uint32)
BYTES = WORDS.astype(">u4").tobytes()  # as the console has them


@pytest.mark.parametrize("name", TYPES)
def test_numbers_are_those_of_the_console(name):
    numbers, form = getattr(Memory(WORDS.copy()), name), struct.Struct(TYPES[name])
    for address in (*range(0, 64, form.size), 0x7FFFFC):
        expected = form.unpack_from(BYTES, address)[0]
        for base in (0, 0x80000000, 0xA0000000):
            np.testing.assert_equal(numbers[base + address], expected)
    expected = np.frombuffer(BYTES, TYPES[name], 32 // form.size, 0x40 + form.size)
    first = 0x80000040 + form.size
    np.testing.assert_equal(numbers[first : first + 32], expected)
    assert len(numbers[0x807FFFFC:0x80800000]) == 4 // form.size


@pytest.mark.parametrize("name", TYPES)
def test_what_is_written_is_read_again_and_nothing_else_changes(name):
    words = WORDS.copy()
    numbers, size = getattr(Memory(words), name), struct.calcsize(TYPES[name])
    numbers[0x80000104] = 7
    numbers[0x80000110:0x80000120] = 3
    assert numbers[0x80000104] == 7
    assert set(numbers[0x80000110:0x80000120].tolist()) == {3}
    changed = np.flatnonzero(np.frombuffer(words.astype(">u4").tobytes(), "u1") != np.frombuffer(BYTES, "u1"))
    assert set(changed) <= {*range(0x104, 0x104 + size), *range(0x110, 0x120)}


def test_an_address_that_the_memory_does_not_have_is_refused():
    memory = Memory(WORDS)
    for numbers, address in ((memory.u8, 0x80800000), (memory.u8, -1), (memory.u32, 0x80000002), (memory.f32, 1)):
        with pytest.raises(IndexError, match=r"has no number at .*; expected an address up to 0x807fffff"):
            numbers[address]
    for part in (slice(0, 0x800004), slice(2, 10), slice(None, 4), slice(8, 4), slice(0, 8, 2)):
        with pytest.raises(IndexError, match="expected"):
            memory.u32[part]


def test_an_emulators_memory_is_live():
    with Emulator(OPEN_KART) as emulator:
        emulator.step(200)
        assert bytes(emulator.memory.u8[0x80000400:0x80000404]) == b"OKRT"

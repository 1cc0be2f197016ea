"""The search of memory for a variable: against a slow oracle, and on games in the real emulator."""

import math
import struct

import numpy as np
import pytest

from n64gym.integration.search import KINDS, KSEG0, Search
from n64gym.integration.session import Session
from n64gym.machine import controller

FORMATS = {"u8": ">B", "s8": ">b", "u16": ">H", "s16": ">h", "u32": ">I", "s32": ">i", "f32": ">f"}
FILTERS = {
    "equal": (lambda before, now, value: close(now, value, 1e-6), 1),
    "between": (lambda before, now, low, high: low <= now <= high, 2),
    "changed": (lambda before, now: now != before, 0),
    "unchanged": (lambda before, now: now == before, 0),
    "greater": (lambda before, now: now > before, 0),
    "less": (lambda before, now: now < before, 0),
    "changed_by": (lambda before, now, value: close(now - before, value, 1e-3), 1),
}


def close(found, wanted, share):
    return abs(found - wanted) <= share * abs(wanted) if isinstance(wanted, float) else found == wanted


def words(memory: bytes) -> np.ndarray:
    return np.frombuffer(memory, ">u4").astype(np.uint32)


@pytest.mark.parametrize("align", [None, 1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_every_filter_keeps_what_a_slow_search_keeps(kind, align):
    random = np.random.default_rng(5)
    small = random.choice([0, 1, 2, 127, 128, 255], (2, 512))  # so that values often repeat, and signs matter
    before, now = (bytes(bytearray(memory.tolist())) for memory in small)
    size = struct.calcsize(FORMATS[kind])

    def value(memory, offset):
        return struct.unpack_from(FORMATS[kind], memory, offset)[0]

    offsets = range(0, 512 - size + 1, align or size)
    for name, (fits, arguments) in FILTERS.items():
        given = sorted(value(now, offset) for offset in (0, 4)) if arguments == 2 else [value(now, 8)]
        if name == "changed_by":
            given = [value(now, 8) - value(before, 8)]
        given = given[:arguments] if arguments else []
        expected = [
            KSEG0 + offset
            for offset in offsets
            if all(math.isfinite(value(memory, offset)) for memory in (before, now))
            and fits(value(before, offset), value(now, offset), *given)
        ]
        memory = words(before)
        search = Search(lambda memory=memory: memory, kind, align)
        memory[:] = words(now)
        assert getattr(search, name)(*given).addresses() == expected, name
        assert len(search) == len(expected)
        assert [match.value for match in search.matches(3)] == [value(now, at - KSEG0) for at in expected[:3]]


def test_filters_narrow_the_candidates_and_can_be_taken_back():
    memory = np.zeros(16, np.uint32)
    search = Search(lambda: memory, "u32")
    assert len(search) == 16
    memory[3], memory[7] = 5, 6
    assert search.changed().addresses() == [KSEG0 + 12, KSEG0 + 28]
    memory[7] = 7
    assert search.changed_by(1).matches() == [(KSEG0 + 28, 6, 7)]
    assert search.undo().addresses() == [KSEG0 + 12, KSEG0 + 28]
    assert len(search.undo().undo().undo()) == 16


def test_numbers_that_are_not_finite_are_no_candidates():
    memory = np.array([1.0, np.nan, np.inf, 2.0], np.float32).view(np.uint32)
    search = Search(lambda: memory, "f32")
    assert search.addresses() == [KSEG0, KSEG0 + 12]
    memory[3] = np.float32(np.nan).view(np.uint32)
    assert search.unchanged().addresses() == [KSEG0]


@pytest.mark.parametrize(("kind", "align", "message"), [("u64", None, "type is 'u64'"), ("u8", 3, "align is 3")])
def test_an_impossible_search_is_refused(kind, align, message):
    with pytest.raises(ValueError, match=message):
        Search(lambda: np.zeros(4, np.uint32), kind, align)


def test_a_games_counter_and_pad_are_found_by_playing(rom):
    """pad.S counts its reads of the controller at 100 and keeps the pad's word at 104."""
    with Session(rom("pad")) as session:
        session.step(10)
        reads = session.search("u32")
        stick = session.search("s8")
        for vis in (1, 3, 2):
            session.step(vis)
            reads.changed_by(vis)
        for x in (40, -70, 3):
            session.step(2, controller.word(x=x))
            stick.equal(x)
        assert 0x80000100 in reads.addresses()
        assert len(reads) < 5
        assert 0x80000106 in stick.addresses()
        assert len(stick) < 5
        session.name("x", 0x80000106, "s8")
        session.name("reads", 0x80000100, "u32")
        saved = session.values()
        session.save("here")
        session.play([controller.word(x=9)] * 3, vis=2)
        assert session.values() == {"x": 9, "reads": saved["reads"] + 6}
        session.load("here")
        assert session.values() == saved
        session.power_on()
        session.step(1)
        assert session.values()["reads"] < saved["reads"]


def test_values_are_written_and_read_at_every_place_of_a_word(rom):
    with Session(rom("pad")) as session:
        session.step(2)
        bytes_ = session.emulator.memory.u8
        for kind, value in (("u8", 200), ("s8", -3), ("u16", 60000), ("s16", -2), ("u32", 1 << 31), ("f32", 0.5)):
            for address in range(0x80700000, 0x80700004, KINDS[kind].itemsize):
                behind = address + KINDS[kind].itemsize
                around = bytes_[address - 1], bytes_[behind]
                session.name("x", address, kind)
                session.put("x", value)
                assert session.values()["x"] == value
                assert around == (bytes_[address - 1], bytes_[behind])
        session.name("x", 0x80700000, "u8")
        for call, message in (
            (lambda: session.put("x", 256), "256 is not a value of type u8"),
            (lambda: session.name("a b", 0x80000100, "u8"), "found 'a b', expected a name"),
            (lambda: session.name("a", 0x80000100, "u9"), "type is 'u9'"),
            (lambda: session.load("lost"), "there is no savestate 'lost'"),
            (lambda: session.forget("lost"), "nothing has the name 'lost'"),
        ):
            with pytest.raises(ValueError, match=message):
                call()

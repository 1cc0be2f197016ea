""".m64 movies: compared with a slow parser of the published table; files that are not movies are refused."""

import os
import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from n64gym.movies import m64
from n64gym.movies.m64 import M64, MovieError

# The published table, offset by offset: https://tasvideos.org/EmulatorResources/Mupen/M64
TABLE = {
    "signature": (0x000, "4s"),
    "version": (0x004, "I"),
    "uid": (0x008, "I"),
    "vis": (0x00C, "I"),
    "rerecords": (0x010, "I"),
    "vis_per_second": (0x014, "B"),
    "controllers": (0x015, "B"),
    "extended_version": (0x016, "B"),
    "extended_flags": (0x017, "B"),
    "length": (0x018, "I"),
    "start": (0x01C, "H"),
    "reserved_1": (0x01E, "2s"),
    "controller_flags": (0x020, "I"),
    "extended_data": (0x024, "32s"),
    "reserved_2": (0x044, "128s"),
    "rom_name": (0x0C4, "32s"),
    "crc1": (0x0E4, "4s"),
    "country": (0x0E8, "H"),
    "reserved_3": (0x0EA, "56s"),
    "video_plugin": (0x122, "64s"),
    "sound_plugin": (0x162, "64s"),
    "input_plugin": (0x1A2, "64s"),
    "rsp_plugin": (0x1E2, "64s"),
    "author": (0x222, "222s"),
    "description": (0x300, "256s"),
}


def parse_by_table(data):
    """Parse a file by the published table; return every field and the samples."""
    fields = {name: struct.unpack_from("<" + kind, data, offset)[0] for name, (offset, kind) in TABLE.items()}
    samples = [struct.unpack_from("<I", data, 0x400 + 4 * i)[0] for i in range(fields["length"])]
    assert len(data) == 0x400 + 4 * len(samples)
    return fields, samples


def field_text(encoding, size):
    return st.text(st.characters(codec=encoding, exclude_characters="\0")).filter(
        lambda value: len(value.encode(encoding)) < size
    )


def movies():
    u8, u16, u32 = (st.integers(0, (1 << bits) - 1) for bits in (8, 16, 32))
    return st.builds(
        M64,
        samples=st.lists(u32, max_size=50).map(lambda words: np.array(words, np.uint32)),
        vis=u32,
        rom_name=field_text("latin-1", 32),
        crc1=u32,
        country=u16,
        uid=u32,
        rerecords=u32,
        vis_per_second=u8,
        controllers=st.integers(1, 4),
        controller_flags=u32,
        video_plugin=field_text("latin-1", 64),
        sound_plugin=field_text("latin-1", 64),
        input_plugin=field_text("latin-1", 64),
        rsp_plugin=field_text("latin-1", 64),
        author=field_text("utf-8", 222),
        description=field_text("utf-8", 256),
        extended_version=u8,
        extended_flags=u8,
        extended_data=st.binary(min_size=32, max_size=32),
    )


@given(movies())
def test_another_parser_reads_our_files(movie):
    fields, samples = parse_by_table(m64.to_bytes(movie))
    assert samples == movie.samples.tolist()
    assert (fields["signature"], fields["version"], fields["start"]) == (b"M64\x1a", 3, 2)
    assert not any(fields["reserved_1"] + fields["reserved_2"] + fields["reserved_3"])
    assert fields["crc1"] == movie.crc1.to_bytes(4, "big")  # in the order of the ROM's bytes
    for name in ("author", "description", "rom_name", "video_plugin", "sound_plugin", "input_plugin", "rsp_plugin"):
        value = getattr(movie, name).encode("utf-8" if name in ("author", "description") else "latin-1")
        assert fields[name] == value.ljust(len(fields[name]), b"\0")
        assert fields[name].endswith(b"\0")
    for name in fields.keys() & vars(movie).keys() - {"crc1"}:
        if isinstance(fields[name], int):
            assert fields[name] == getattr(movie, name), name
    assert fields["extended_data"] == movie.extended_data


@given(movies())
def test_a_written_movie_is_read_back_unchanged(movie):
    again = m64.parse(m64.to_bytes(movie))
    assert (again.samples == movie.samples).all()
    assert again.samples.dtype == np.uint32
    assert {**vars(again), "samples": None} == {**vars(movie), "samples": None}


@given(st.binary(max_size=2000))
def test_garbage_is_refused(data):
    with pytest.raises(MovieError):
        m64.parse(data)


@given(st.binary(min_size=1016, max_size=2000))
def test_garbage_after_the_magic_is_refused_or_parsed(data):
    for version in (1, 2, 3):
        try:
            movie = m64.parse(m64.MAGIC + version.to_bytes(4, "little") + data)
        except MovieError:
            continue
        assert movie.start == m64.POWER_ON


def some_movie(**changes):
    fields = {"samples": np.arange(5, dtype=np.uint32), "vis": 7, "rom_name": "OPEN KART", "crc1": 1, "country": 0x45}
    return M64(**fields | changes)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04 a zip file", "begins with 50 4b 03 04; an .m64 movie begins with 4d 36 34 1a"),
        (b"M64\x1a", "has 4 bytes; expected a header of 1024"),
        (m64.to_bytes(some_movie())[:1023], "has 1023 bytes; expected a header of 1024"),
        (b"M64\x1a\x04" + bytes(2000), "is an .m64 movie of version 4; expected version 1, 2 or 3"),
        (m64.to_bytes(some_movie(start=1)), r"begins from a savestate \(start type 1\); only .* power-on"),
        (m64.to_bytes(some_movie(start=4)), "begins from saved EEPROM contents"),
        (m64.to_bytes(some_movie(start=6)), r"begins from nothing known \(start type 6\)"),
        (m64.to_bytes(some_movie(controllers=0)), "has 0 controllers; expected 1 to 4"),
        (m64.to_bytes(some_movie())[:-1], "holds 4 samples, but its header says 5"),
    ],
)
def test_bad_files_are_refused_with_the_reason(tmp_path, data, message):
    path = tmp_path / "run.m64"
    path.write_bytes(data)
    with pytest.raises(MovieError, match=f"run.m64 {message}"):
        m64.read(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(MovieError, match=r"nothing\.m64: No such file"):
        m64.read(tmp_path / "nothing.m64")
    with pytest.raises(MovieError, match="Is a directory"):
        m64.read(tmp_path)


def test_extra_bytes_at_the_end_are_ignored():
    """mupen64-rr writes one word more than the header's count."""
    assert m64.parse(m64.to_bytes(some_movie()) + b"\xff" * 5).samples.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("version", [1, 2])
def test_old_versions_have_a_shorter_header(version):
    """Author and description are in today's reserved fields; samples begin at byte 512. Source: mupen64-rr's vcr.h."""
    new = m64.to_bytes(some_movie(author="", description=""))
    old = bytearray(new[:512] + new[1024:])
    old[4] = version
    old[0x44 : 0x44 + 48] = b"Somebody".ljust(48, b"\0")
    old[0x74 : 0x74 + 80] = b"16 stars".ljust(80, b"\0")
    movie = m64.parse(bytes(old))
    assert movie.samples.tolist() == [0, 1, 2, 3, 4]
    assert (movie.author, movie.description, movie.rom_name, movie.vis) == ("Somebody", "16 stars", "OPEN KART", 7)
    with pytest.raises(MovieError, match="expected a header of 512"):
        m64.parse(bytes(old[:511]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"author": "ä" * 111}, "author 'ä+' has 222 bytes; expected at most 221"),
        ({"description": "a\0b"}, "without NUL"),
        ({"rom_name": "マリオ"}, "rom_name 'マリオ' cannot be encoded in latin-1"),
        ({"vis": 1 << 32}, "out of range"),
        ({"crc1": -1}, "out of range"),
    ],
)
def test_values_that_do_not_fit_are_refused_and_nothing_is_written(tmp_path, changes, message):
    with pytest.raises(MovieError, match=message):
        m64.write(tmp_path / "run.m64", some_movie(**changes))
    assert not list(tmp_path.iterdir())


def test_the_rom_fields_match_other_programs_movies():
    """Super Mario 64 (U) has CRC1 635A2BFF and country "E". An .m64 file's little-endian CRC field reads FF2B5A63."""
    data = m64.to_bytes(some_movie(crc1=0x635A2BFF, country=ord("E")))
    assert struct.unpack_from("<I", data, 0xE4)[0] == 0xFF2B5A63
    assert data[0xE8:0xEA] == b"E\0"


def test_files_are_replaced_as_a_whole_and_readable_by_others(tmp_path):
    path = tmp_path / "run.m64"
    m64.write(path, some_movie(vis=1))
    m64.write(path, some_movie(vis=2))
    assert m64.read(path).vis == 2
    assert path.stat().st_mode & 0o777 == 0o644
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.m64"]


WRITER = """
import resource, signal, sys
import numpy as np
from n64gym.movies import m64
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
m64.write(sys.argv[1], m64.M64(np.zeros(10000, np.uint32), 1, "", 0, 0))
"""


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    """The writer's limit is 5000 bytes, which imitates a full disk."""
    path = tmp_path / "run.m64"
    m64.write(path, some_movie())
    result = subprocess.run([sys.executable, "-c", WRITER, path], capture_output=True, text=True, env=os.environ)
    assert "File too large" in result.stderr
    assert m64.read(path).vis == 7
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.m64"]

"""Files are written whole or not at all; a file that is not a regular file is refused at once."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from a3c64 import files


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path: Path):
    path = tmp_path / "config.json"
    files.write_whole(path, b"old")
    script = f"""
import os
from pathlib import Path
from a3c64 import files
files.os.replace = lambda *_: os.kill(os.getpid(), 9)
files.write_whole(Path({str(path)!r}), b"new" * 1000)
"""
    assert subprocess.run([sys.executable, "-c", script], timeout=60, check=False).returncode == -9
    assert path.read_bytes() == b"old"
    files.remove_unfinished(tmp_path)
    assert os.listdir(tmp_path) == ["config.json"]
    files.write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch):
    path = tmp_path / "config.json"
    files.write_whole(path, b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        files.write_whole(path, b"new")
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"old", ["config.json"])


@pytest.mark.timeout(10)
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)])
def test_a_file_that_is_not_regular_is_refused_at_once(tmp_path: Path, make):
    make(tmp_path / "odd")
    with pytest.raises(OSError):  # noqa: PT011  # which one depends on the type
        files.read_regular(tmp_path / "odd", 100)
    with pytest.raises(OSError):  # noqa: PT011
        files.append_line(tmp_path / "odd", "a line")


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (b"[" * 100_000, ValueError, "nested too deeply"),
        (b"{", ValueError, "Expecting"),
        (b"\xc3(", ValueError, "utf-8"),
        (b"[" + b"0," * 1000 + b"0]", OSError, "must have at most 1000 bytes, found"),
    ],
)
def test_malformed_json_raises_an_ordinary_error(tmp_path: Path, data: bytes, error: type[Exception], says: str):
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(error, match=says):
        files.read_json(tmp_path / "a.json", 1000 if data.startswith(b"[0") else 1 << 20)


def test_a_file_that_is_set_aside_replaces_no_other_file(tmp_path: Path):
    for content in "ab":
        (tmp_path / "evaluation.json").write_text(content)
        files.set_aside(tmp_path / "evaluation.json", "damaged")
    assert (tmp_path / "evaluation.json.damaged").read_text() == "a"
    assert (tmp_path / "evaluation.json.damaged-2").read_text() == "b"


def test_lines_with_any_bytes_can_be_appended(tmp_path: Path):
    for line in ("a3c64 train", os.fsdecode(b"--run-dir r\xff")):
        files.append_line(tmp_path / "command.txt", line)
    assert (tmp_path / "command.txt").read_bytes() == b"a3c64 train\n--run-dir r\xff\n"

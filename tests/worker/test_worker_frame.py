"""The frame that a worker and its viewer share in memory."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from a3c64.worker.display.frame import MAX_NOTE, MAX_SIDE, Frame


def test_frames_go_from_one_mapping_to_another():
    writer = Frame.create()
    reader = Frame(os.dup(writer.descriptor))
    assert reader.read(0) is None, "nothing yet"
    picture = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    writer.write(picture)
    count, seen, note = reader.read(0)
    np.testing.assert_array_equal(seen, picture)
    assert note == b""
    assert reader.read(count) is None, "nothing new"
    writer.write(picture[:60], b"a note")
    _, seen, note = reader.read(count)
    assert seen.shape == (60, 160, 3)
    assert note == b"a note"
    writer.write(picture[:0], b"!" * (MAX_NOTE + 1))
    _, seen, note = reader.read(count)
    assert seen.shape == (0, 160, 3)
    assert note == b"", "the note is too long"


HOLD = """
import fcntl, sys
for place in sys.argv[2:]:
    fcntl.lockf(int(sys.argv[1]), fcntl.LOCK_EX, 1, int(place))
print(flush=True)
sys.stdin.read()
"""


@contextmanager
def held(frame: Frame, *places: int) -> Iterator[None]:
    """Another process holds these places, and is killed at the end of the block."""
    command = [sys.executable, "-c", HOLD, str(frame.descriptor), *map(str, places)]
    pipe = subprocess.PIPE
    child = subprocess.Popen(command, pass_fds=[frame.descriptor], stdin=pipe, stdout=pipe)
    assert child.stdout.readline() == b"\n"
    try:
        yield
    finally:
        child.kill()
        child.communicate(timeout=5)


def test_a_place_that_another_process_holds_is_not_used():
    frame = Frame.create()
    pictures = [np.full((2, 2, 3), k, np.uint8) for k in range(6)]
    frame.write(pictures[0])
    frame.write(pictures[1])
    with held(frame, 1):
        assert frame.read(1) is None, "the newest is being written"
        frame.write(pictures[2])
        frame.write(pictures[3])
        count, seen, _ = frame.read(0)
        assert (count, seen[0, 0, 0]) == (4, 3), "both were written to the other place"
    with held(frame, 0, 1):
        frame.write(pictures[4])
        assert frame.read(0) is None
    assert frame.read(0)[0] == 4, "the frame is unchanged after its holder was killed"
    frame.write(pictures[5])
    assert frame.read(0)[1][0, 0, 0] == 5


DIE = """
import os, signal, sys, numpy as np
from a3c64.worker.display import frame
writer = frame.Frame(int(sys.argv[1]))
writer.write(np.full((4, 4, 3), 7, np.uint8))
frame.np.copyto = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
writer.write(np.full((4, 4, 3), 8, np.uint8))
"""


def test_a_frame_that_a_killed_writer_left_half_written_is_not_shown():
    frame = Frame.create()
    subprocess.run(
        [sys.executable, "-c", DIE, str(frame.descriptor)], pass_fds=[frame.descriptor], timeout=30, check=False
    )
    count, seen, _ = frame.read(0)
    assert (count, seen[0, 0, 0]) == (1, 7)
    assert frame.read(1) is None


def test_no_frame_is_ever_torn():
    """One process writes frames of changing sizes as fast as it can; another reads only whole ones."""
    writer = Frame.create()
    script = (
        "import sys, numpy as np; from a3c64.worker.display.frame import Frame; frame = Frame(int(sys.argv[1]))\n"
        "for k in range(10**9): frame.write(np.full((40 + k % 50, 60, 3), k % 251, np.uint8), bytes([k % 251]) * 5000)"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(writer.descriptor)], pass_fds=[writer.descriptor])
    try:
        whole = seen = 0
        deadline = time.monotonic() + 30.0
        while whole < 300 and time.monotonic() < deadline:
            if (frame := writer.read(seen)) is None:
                continue
            seen, picture, note = frame
            assert len(np.unique(picture)) == 1
            assert set(note) == {picture[0, 0, 0]}
            assert len(note) == 5000
            assert picture.shape == (40 + (seen - 1) % 50, 60, 3)
            whole += 1
        assert whole == 300
    finally:
        child.kill()
        child.wait(5)


def test_the_reader_tells_the_writer_until_when_a_viewer_watches():
    writer = Frame.create()
    assert writer.watched_until == 0.0
    Frame(os.dup(writer.descriptor)).watched_until = 12.5
    assert writer.watched_until == 12.5


def test_large_frames_are_subsampled():
    writer = Frame.create()
    writer.write(np.zeros((MAX_SIDE[0] * 2, MAX_SIDE[1] * 2 + 1, 3), np.uint8))
    _, seen, _ = Frame(os.dup(writer.descriptor)).read(0)
    assert seen.shape[0] <= MAX_SIDE[0]
    assert seen.shape[1] <= MAX_SIDE[1]

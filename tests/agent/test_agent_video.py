"""Films: ffprobe finds their frames and rate, and a film that fails leaves no file."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from a3c64.config import BadInputError
from a3c64.play.video import Video


def probe(path: Path) -> dict:
    """Return ffprobe's facts about the only stream of a file; it counts frames by decoding them."""
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", str(path)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)["streams"][0]


def picture(k: int) -> np.ndarray:
    return np.full((120, 160, 3), (k * 8, 255 - k * 8, 128), np.uint8)


def test_a_film_has_all_frames_at_the_given_rate(tmp_path: Path) -> None:
    with Video(tmp_path / "new" / "film.mp4", fps=15) as video:
        for k in range(30):
            video.write(picture(k))
    found = probe(tmp_path / "new" / "film.mp4")
    assert (found["codec_name"], found["pix_fmt"], found["width"], found["height"]) == ("h264", "yuv420p", 160, 120)
    assert (int(found["nb_read_frames"]), found["r_frame_rate"], float(found["duration"])) == (30, "15/1", 2.0)


def test_a_film_that_fails_leaves_no_file(tmp_path: Path) -> None:
    def fail(video: Video) -> None:
        video.write(picture(0))
        raise RuntimeError

    with pytest.raises(RuntimeError), Video(tmp_path / "film.mp4", fps=15) as video:
        fail(video)
    assert list(tmp_path.iterdir()) == []


def test_a_film_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"expected a name that ends in \.mp4"):
        Video(tmp_path / "film.avi", fps=15)
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match="file is not a folder"):
        Video(tmp_path / "file" / "film.mp4", fps=15)
    with pytest.raises(BadInputError, match="cannot be written"), Video(tmp_path / "odd.mp4", fps=15) as video:
        video.write(np.zeros((121, 161, 3), np.uint8))

"""Write H.264 video in MP4, which browsers play. Each frame goes through a pipe to ffmpeg and is not kept in memory."""

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import numpy as np

from a3c64.config import BadInputError
from a3c64.files import move_into_place, why_unwritable

QUALITY = "20"  # x264's constant rate factor: 18 is nearly lossless, 23 is the default
SPEED = "veryfast"  # x264's preset: half the processor time of the default, files a few per cent larger
END_S = 60.0  # timeout for ffmpeg to finish the file


def check(path: Path) -> None:
    """Check that a film can be written, without writing anything.

    Raises:
        BadInputError: ffmpeg is not installed, the name does not end in .mp4, or the file cannot be written.
    """
    if path.suffix != ".mp4":
        raise BadInputError(f"--mp4: found {path}, expected a name that ends in .mp4")
    if shutil.which("ffmpeg") is None:
        raise BadInputError("--mp4: ffmpeg was not found; install it: apt-get install ffmpeg")
    if reason := why_unwritable(path):
        raise BadInputError(f"--mp4: {path} cannot be written: {reason}")


class Video:
    """A context manager that writes one file atomically; an exception in the `with` block leaves no file.

    Args:
        path: must end in .mp4; its folder is created.
        fps: frames per second of the film.

    Raises:
        BadInputError: ffmpeg is not installed, the name does not end in .mp4, or the file cannot be written.
    """

    def __init__(self, path: Path, fps: float) -> None:
        check(path)
        self.path, self.fps = path, fps
        self.frames = 0
        self._temporary = path.with_name(f".{path.stem}.writing.mp4")
        self._shape: tuple[int, ...] = ()
        self._process: subprocess.Popen | None = None

    def write(self, picture: np.ndarray) -> None:
        """Add a frame, uint8 [H, W, 3], H and W even; all frames must have the size of the first."""
        if self._process is None:
            self._shape = picture.shape
            self._process = self._start(picture.shape[0], picture.shape[1])
        if picture.shape != self._shape:
            raise ValueError(f"found a frame of shape {picture.shape}, expected {self._shape}")
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(np.ascontiguousarray(picture).data)
        except OSError:
            raise self._failed() from None
        self.frames += 1

    def __enter__(self) -> "Video":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        assert self._process.stdin is not None
        if kind is not None:
            self._process.kill()
            self._process.communicate()
            self._temporary.unlink(missing_ok=True)
            return
        with suppress(OSError):  # the exit code below shows a failure
            self._process.stdin.close()
        try:
            code = self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if code:
            raise self._failed()
        move_into_place(self._temporary, self.path)

    def _start(self, height: int, width: int) -> subprocess.Popen:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInputError(f"--mp4: {self.path.parent} cannot be created: {error.strerror}") from None
        raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{self.fps:g}", "-i", "-"]
        coded = ["-c:v", "libx264", "-preset", SPEED, "-crf", QUALITY, "-pix_fmt", "yuv420p", "-movflags", "+faststart"]
        return subprocess.Popen(
            ["ffmpeg", "-y", "-loglevel", "error", *raw, *coded, str(self._temporary)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C must not reach ffmpeg: it has to finish the file
        )

    def _failed(self) -> BadInputError:
        assert self._process is not None
        assert self._process.stderr is not None
        said = self._process.stderr.read().decode(errors="replace").strip().splitlines()
        self._process.wait()
        self._temporary.unlink(missing_ok=True)
        return BadInputError(f"--mp4: {self.path} cannot be written: {said[-1] if said else 'ffmpeg ended'}")

"""The TensorBoard file of a run: points, distributions, pictures, text and the layout of its pages.

TensorBoard's own record writer writes the file. TensorFlow's writer would cost this process 500 MB and five seconds.
"""

import io
import logging
import os
import re
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.custom_scalar import metadata as custom_scalars
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util import tensor_util

log = logging.getLogger(__name__)

POINTS = 2000  # of each tag at the user's interval, then the interval grows; TensorBoard shows 1000 points
PICTURES = 100  # the same for pictures; TensorBoard shows 10
COLOURSPACES = {1: "L", 3: "RGB"}  # channels -> Pillow's name


def interval(least_s: float, trained_s: float, count: int = POINTS) -> float:
    """Return the seconds between two points. They grow with the length of a run, so that its files stay small.

    With a point every 5 s and a picture every minute, the file of one week would have 260 MB.

    Args:
        least_s: the user's interval.
        trained_s: training time of the run so far.
        count: number of points before the interval grows.
    """
    return max(least_s, trained_s / count)


class EventFile:
    """One TensorBoard event file. On a full disk points are lost, but the run continues.

    Args:
        folder: of all event files of the run.
        beginning: first step of this file. TensorBoard drops points of earlier files from this step on. So curves do
            not go back in time if a server was killed and resumed from its checkpoint.
    """

    def __init__(self, folder: Path, beginning: int) -> None:
        self._folder = folder
        self._beginning = beginning
        self._file: io.FileIO | None = None
        self._size = 0  # of whole records, bytes
        self._complained = False

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Write one point of each tag."""
        self._summary(
            Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]), step
        )

    def histogram(self, tag: str, values: Sequence[float], step: int) -> None:
        """Write one distribution, or nothing if there are no values."""
        if values:
            self._summary(histogram_pb(tag, np.asarray(values, np.float64)), step)

    def picture(self, tag: str, pixels: np.ndarray, step: int) -> None:
        """Write one picture, uint8 [H, W, 1 or 3], as a PNG."""
        height, width, channels = pixels.shape
        png = io.BytesIO()
        Image.frombytes(COLOURSPACES[channels], (width, height), pixels.tobytes()).save(png, "PNG")
        image = Summary.Image(height=height, width=width, colorspace=channels, encoded_image_string=png.getvalue())
        self._summary(Summary(value=[Summary.Value(tag=tag, image=image)]), step)

    def text(self, tag: str, markdown: str, step: int) -> None:
        """Write one text."""
        self._summary(text_pb(tag, markdown), step)

    def hyperparameters(self, values: Mapping[str, object], trial: str, step: int) -> None:
        """Write the hyperparameters, by which the page HParams compares runs."""
        plain = {name: value if isinstance(value, bool | int | float) else str(value) for name, value in values.items()}
        self._summary(hparams_pb(plain, trial_id=trial), step)

    def layout(self, layout: Layout, step: int) -> None:
        """Write the layout of the page Custom Scalars. TensorBoard uses the newest one."""
        value = Summary.Value(
            tag=custom_scalars.CONFIG_SUMMARY_TAG,
            metadata=custom_scalars.create_summary_metadata(),
            tensor=tensor_util.make_tensor_proto(layout.SerializeToString(), dtype=np.object_),
        )
        self._summary(Summary(value=[value]), step)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _summary(self, summary: Summary, step: int) -> None:
        records = io.BytesIO()
        writer = RecordWriter(records)
        if self._size == 0:  # also if the disk was full until now
            start = SessionLog(status=SessionLog.START)
            writer.write(Event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString())
            writer.write(Event(wall_time=time.time(), step=self._beginning, session_log=start).SerializeToString())
        writer.write(Event(wall_time=time.time(), step=step, summary=summary).SerializeToString())
        try:
            self._write(records.getvalue())
        except OSError as error:
            if not self._complained:
                log.warning("TensorBoard's file cannot be written: %s; points are lost, training goes on", error)
            self._complained = True

    def _write(self, records: bytes) -> None:
        """Write all records or none, because TensorBoard reads nothing after an incomplete record."""
        file = self._file or self._open()
        try:
            written = file.write(records)
            if written != len(records):
                raise OSError(f"{written} of {len(records)} bytes written")
        except OSError:
            file.truncate(self._size)
            raise
        self._size += len(records)

    def _open(self) -> io.FileIO:
        self._folder.mkdir(parents=True, exist_ok=True)
        number = _next_number([path.name for path in self._folder.iterdir()])
        name = f"events.out.tfevents.{number:010d}.{socket.gethostname()}.{os.getpid()}.0"
        self._file = (self._folder / name).open("ab", buffering=0)
        return self._file


def _next_number(names: Iterable[str]) -> int:
    """Return the number for a new file's name: the time in seconds, but greater than that of every existing file.

    Readers sort event files by name. If the clock was set back, a new file would sort before older ones. Its points
    would then be dropped as points from before a restart.
    """
    known = [int(match[1]) for name in names if (match := re.search(r"tfevents\.([0-9]{10})\.", name))]
    return max([int(time.time()), *(number + 1 for number in known)])

"""What a display tells of one moment, as data: a few kilobytes on their way from worker to viewer."""

from typing import NamedTuple

import msgpack
import numpy as np

ARRAY = 1  # MessagePack's extension type of an array


class Choice(NamedTuple):
    """One choice of an action, and how likely each option is."""

    name: str  # "" if the action is this one choice
    options: list[str]  # what they are called
    probabilities: np.ndarray  # float32 [options]
    chosen: int  # index of the option that was drawn, in `probabilities`


class Span(NamedTuple):
    """One number of an action: the normal distribution that it was drawn from, in the environment's units."""

    name: str
    low: float
    high: float
    mean: float
    deviation: float
    drawn: float


class Scene(NamedTuple):
    """One moment of a worker's first environment: what was seen and thought, just before it was acted upon."""

    title: str
    worker: int
    run_step: int  # environment steps of the whole run
    staleness: int  # updates by others while the last gradient was computed
    time_s: float  # of a clock that only goes forward
    frames: np.ndarray  # uint8 [K, H, W, 1 or 3], oldest first; K = 0 without an image
    stack: int  # how many frames the network sees, of which the newest K are here
    vector: np.ndarray  # float32 [N]
    choices: list[Choice]
    spans: list[Span]
    value: float
    total_reward: float  # of the episode so far
    length: int  # likewise, steps
    last: tuple[float, int] | None  # the same of the episode before
    figures: list[tuple[str, str]]  # what the environment tells of itself: name, text

    def pack(self) -> bytes:
        """Return it as bytes."""
        return msgpack.packb(self, default=_pack_array)

    @classmethod
    def unpack(cls, data: bytes) -> "Scene":
        """Return what `pack` was given."""
        scene = cls(*msgpack.unpackb(data, ext_hook=_unpack_array))
        return scene._replace(
            choices=[Choice(*choice) for choice in scene.choices], spans=[Span(*span) for span in scene.spans]
        )


def _pack_array(array: np.ndarray) -> msgpack.ExtType:
    return msgpack.ExtType(ARRAY, msgpack.packb([array.dtype.str, array.shape, array.tobytes()]))


def _unpack_array(_code: int, data: bytes) -> np.ndarray:
    dtype, shape, pixels = msgpack.unpackb(data)
    return np.frombuffer(pixels, dtype).reshape(shape)

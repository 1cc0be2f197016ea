"""A scene: the data that the display shows of one moment, sent from worker to viewer; usually a few kilobytes."""

from typing import NamedTuple

import msgpack
import numpy as np

ARRAY = 1  # MessagePack's extension type of an array


class Choice(NamedTuple):
    """One choice of an action, and the probability of each option."""

    name: str  # "" if the action has only this choice
    options: list[str]  # their names
    probabilities: np.ndarray  # float32 [options]
    chosen: int  # index of the sampled option in `probabilities`


class Span(NamedTuple):
    """One number of an action: its normal distribution and its sample, in the environment's units."""

    name: str
    low: float
    high: float
    mean: float
    std: float  # standard deviation
    drawn: float  # the sample


class Scene(NamedTuple):
    """One moment of a worker's first environment: observation, action distribution and value before a step."""

    title: str
    worker: int
    run_step: int  # environment steps of the whole run
    staleness: int  # updates by others during the last rollout
    time_s: float  # of the monotonic clock
    frames: np.ndarray  # uint8 [K, H, W, 1 or 3], oldest first; K = 0 without an image
    stack: int  # number of frames in the network's input; `frames` has the newest K
    vector: np.ndarray  # float32 [N]
    choices: list[Choice]
    spans: list[Span]
    value: float
    total_reward: float  # of the episode so far
    length: int  # of the episode so far, steps
    last: tuple[float, int] | None  # total reward and length of the previous episode
    figures: list[tuple[str, str]]  # of the environment: name, text

    def pack(self) -> bytes:
        """Return the scene as bytes."""
        return msgpack.packb(self, default=_pack_array)

    @classmethod
    def unpack(cls, data: bytes) -> "Scene":
        """Return the scene that `pack` encoded."""
        scene = cls(*msgpack.unpackb(data, ext_hook=_unpack_array))
        return scene._replace(
            choices=[Choice(*choice) for choice in scene.choices], spans=[Span(*span) for span in scene.spans]
        )


def _pack_array(array: np.ndarray) -> msgpack.ExtType:
    return msgpack.ExtType(ARRAY, msgpack.packb([array.dtype.str, array.shape, array.tobytes()]))


def _unpack_array(_code: int, data: bytes) -> np.ndarray:
    dtype, shape, pixels = msgpack.unpackb(data)
    return np.frombuffer(pixels, dtype).reshape(shape)

"""Observations of any Gymnasium space as one image and one vector; either may be empty."""

from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import gymnasium as gym
import numpy as np

from a3c64.config import BadInputError
from a3c64.envs.finite import NotFiniteError, check_vector

cv2.setNumThreads(0)  # one core per worker


class Observations(NamedTuple):
    """B observations, or T x B of them."""

    image: np.ndarray  # uint8 [..., H, W, C], C = 0 if there is no image
    vector: np.ndarray  # float32 [..., N], N = 0 if there is no vector

    def copy(self) -> "Observations":
        """Return a copy with its own arrays."""
        return Observations(self.image.copy(), self.vector.copy())


class Shape(NamedTuple):
    """The shape of one observation."""

    image: tuple[int, int, int]  # height, width, channels; (0, 0, 0) without an image
    vector: int  # length; 0 without a vector

    def empty(self, *leading: int) -> Observations:
        """Return zeros, [*leading, ...]."""
        return Observations(np.zeros((*leading, *self.image), np.uint8), np.zeros((*leading, self.vector), np.float32))


class View:
    """Turns observations of one space into an image and a vector.

    A uint8 picture [H, W] or [H, W, 3] becomes the image; in a Dict, the first picture. Everything else is flattened
    into the vector; choices become one-hot. With `stack` > 1, the last `stack` observations are concatenated, oldest
    first, along the image's channels and the vector.

    Args:
        space: the environment's observation space.
        size: height and width of the image, pixels.
        colours: "rgb" or "grey"; grey pictures stay grey.
        stack: number of observations that are concatenated.

    Raises:
        BadInputError: the space has no fixed size.
    """

    def __init__(self, space: gym.Space, size: int, colours: str, stack: int = 1) -> None:
        self._picture, self._rest = _parts(space)
        self._flatten, length = _flattener(self._rest)
        channels = 0
        if self._picture is not None:
            source = space if self._picture == "" else space[self._picture]  # type: ignore[index]
            self._convert, channels = _converter(source, size, colours)
        self.channels = channels  # of one picture
        # Pairs (from, to) for cv2.mixChannels, which numbers the image's channels, then the new picture's. The order
        # makes sure that each channel is read before it is overwritten.
        self._moves = [number for to in range(channels * stack) for number in (channels + to, to)]
        self._length = length
        self.shape = Shape((size, size, channels * stack) if channels else (0, 0, 0), length * stack)

    def begin(self, observation: Any, out: Observations) -> None:
        """Fill `out` with an episode's first observation, repeated `stack` times.

        Raises:
            NotFiniteError: it has numbers that are not finite; `out` is unchanged.
        """
        image, vector = self._both(observation)
        if self.channels:
            out.image[...] = np.tile(image, out.image.shape[-1] // self.channels)
        if self._length:
            out.vector[...] = np.tile(vector, len(out.vector) // self._length)

    def follow(self, observation: Any, out: Observations) -> None:
        """Append the next observation to `out` and drop the oldest one.

        Raises:
            NotFiniteError: it has numbers that are not finite; `out` is unchanged.
        """
        image, vector = self._both(observation)
        if self.channels:
            cv2.mixChannels([out.image, image], [out.image], self._moves)
        if self._length:
            out.vector[: -self._length] = out.vector[self._length :]
            out.vector[-self._length :] = vector

    def _both(self, observation: Any) -> tuple[Any, Any]:
        image = vector = None
        if self.channels:
            image = self._convert(observation if self._picture == "" else observation[self._picture])
        if self._length:
            try:
                vector = np.asarray(self._flatten(observation), np.float32)
            except (TypeError, ValueError):  # text, None, lists of unequal length
                raise NotFiniteError("observations", observation) from None
            if vector.shape != (self._length,):
                raise NotFiniteError(f"observations of {self._length} numbers", observation)
            check_vector(vector)
        return image, vector


def is_picture(space: gym.Space) -> bool:
    """Return whether a space contains pictures."""
    return (
        isinstance(space, gym.spaces.Box)
        and space.dtype == np.uint8
        and (len(space.shape) == 2 or (len(space.shape) == 3 and space.shape[2] in (1, 3)))
    )


def _parts(space: gym.Space) -> tuple[str | None, gym.Space | None]:
    """Return the picture's key ("" = the whole observation), and the space that goes into the vector."""
    if is_picture(space):
        return "", None
    if isinstance(space, gym.spaces.Dict):
        picture = next((name for name, part in space.items() if is_picture(part)), None)
        rest = {name: part for name, part in space.items() if name != picture}
        return picture, gym.spaces.Dict(rest) if rest else None
    return None, space


def _flattener(space: gym.Space | None) -> tuple[Callable[[Any], Any], int]:
    """Return the function that turns an observation into a vector, and the vector's length."""
    if space is None:
        return lambda _: np.zeros(0, np.float32), 0
    if not space.is_np_flattenable:
        raise BadInputError(f"observations of {space} are not supported: their size is not fixed")
    if isinstance(space, gym.spaces.Box):
        return lambda values: np.asarray(values, np.float32).reshape(-1), int(np.prod(space.shape))
    length = gym.spaces.flatdim(space)
    if isinstance(space, gym.spaces.Dict):
        names = list(space)
        return lambda values: gym.spaces.flatten(space, {name: values[name] for name in names}), length
    return lambda values: gym.spaces.flatten(space, values), length


def _converter(space: gym.Space, size: int, colours: str) -> tuple[Callable[[np.ndarray], np.ndarray], int]:
    """Return the function that resizes pictures to [size, size, channels], and the number of channels."""
    coloured = len(space.shape or ()) == 3 and space.shape[2] == 3  # type: ignore[index]
    channels = 3 if coloured and colours == "rgb" else 1

    def convert(picture: np.ndarray) -> np.ndarray:
        if coloured and channels == 1:
            picture = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        if picture.shape[:2] != (size, size):
            picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
        return picture if picture.ndim == 3 else picture[:, :, None]

    return convert, channels

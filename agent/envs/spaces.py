"""Observations of any Gymnasium space as one image and one vector; either may be empty."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import cv2
import gymnasium as gym
import numpy as np

from a3c64.config import BadInputError
from a3c64.envs.finite import NotFiniteError, check_vector
from a3c64.envs.pictures import WHOLE, Crop, Picture, converter, picture_in, size_of

NUMBERS = (gym.spaces.Box, gym.spaces.Discrete, gym.spaces.MultiDiscrete, gym.spaces.MultiBinary)


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


class Part(NamedTuple):
    """A part of an observation that is not a Dict or Tuple."""

    path: tuple[Any, ...]  # keys of Dicts and indices of Tuples
    space: gym.Space

    @property
    def name(self) -> str:
        """Return its path in quotes, with a space behind it; "" if it is the whole observation."""
        return f"'{'/'.join(map(str, self.path))}' " if self.path else ""


class View:
    """Turns observations of one space into an image and a vector.

    Pictures (agent/envs/pictures.py says which parts are pictures) become the channels of one image, wherever they are
    in Dicts and Tuples. All other numbers are concatenated into the vector; choices become one-hot, and bytes are
    scaled to 0..1. Text, graphs, sequences and spaces of unknown kinds are left out. With `stack` > 1, the last
    `stack` observations are concatenated, oldest first, along the image's channels and the vector.

    Args:
        space: the environment's observation space.
        size: height and width of the image, pixels; small grids become smaller images.
        colours: "rgb" or "grey"; grey pictures stay grey.
        stack: number of observations that are concatenated.
        crop: pixels that are cut off each picture: top, bottom, left, right.

    Attributes:
        description: what the agent sees, in words.

    Raises:
        BadInputError: there is no picture and no number in the space, or `crop` has no picture or leaves nothing of it.
    """

    def __init__(self, space: gym.Space, size: int, colours: str, stack: int = 1, crop: Crop = WHOLE) -> None:
        pictures: list[tuple[Part, Picture]] = []
        numbers: list[Part] = []
        left_out: list[Part] = []
        for part in _parts(space):
            if picture := picture_in(part.space):
                pictures.append((part, picture.cropped(crop)))
            else:
                (numbers if _has_numbers(part.space) else left_out).append(part)
        if crop != WHOLE and not pictures:
            raise BadInputError(f"frame_crop={','.join(map(str, crop))} needs pictures, and the observations have none")
        self._image, image = _image_of(pictures, size, colours)
        self._vector, self._length = _vector_of(numbers)
        if not image[2] and not self._length:
            parts = ", ".join(f"{part.name}{type(part.space).__name__}" for part in left_out + numbers)
            raise BadInputError(
                f"observations of {type(space).__name__} are not supported: expected pictures or numbers of a fixed "
                f"shape, found {parts or 'nothing'}"
            )
        self.channels = image[2]  # of one observation
        # Pairs (from, to) for cv2.mixChannels, which numbers the image's channels, then the new picture's. The order
        # makes sure that each channel is read before it is overwritten.
        self._moves = [number for to in range(self.channels * stack) for number in (self.channels + to, to)]
        self.shape = Shape((*image[:2], image[2] * stack), self._length * stack)
        self.description = _described(pictures, image, numbers, self._length, left_out)

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
            image = self._image(observation)
        if self._length:
            try:
                vector = np.asarray(self._vector(observation), np.float32)
            except (TypeError, ValueError):  # text, None, lists of unequal length
                raise NotFiniteError("observations", observation) from None
            if vector.shape != (self._length,):
                raise NotFiniteError(f"observations of {self._length} numbers", observation)
            check_vector(vector)
        return image, vector


def _parts(space: gym.Space, path: tuple[Any, ...] = ()) -> Iterator[Part]:
    """Yield the parts of a space that are not Dicts or Tuples, in Gymnasium's order."""
    if isinstance(space, gym.spaces.Dict):
        for name, one in space.items():
            yield from _parts(one, (*path, name))
    elif isinstance(space, gym.spaces.Tuple):
        for k, one in enumerate(space):
            yield from _parts(one, (*path, k))
    else:
        yield Part(path, space)


def _has_numbers(space: gym.Space) -> bool:
    return isinstance(space, NUMBERS) and gym.spaces.flatdim(space) > 0


def _getter(path: tuple[Any, ...]) -> Callable[[Any], Any]:
    """Return the function that takes a part out of an observation."""
    if len(path) == 1:
        key = path[0]
        return lambda observation: observation[key]

    def get(observation: Any) -> Any:
        for key in path:
            observation = observation[key]
        return observation

    return get


def _image_of(
    pictures: list[tuple[Part, Picture]], size: int, colours: str
) -> tuple[Callable[[Any], np.ndarray], tuple[int, int, int]]:
    """Return the function that makes the image of an observation, and the image's shape."""
    if not pictures:
        return lambda _: np.zeros((0, 0, 0), np.uint8), (0, 0, 0)
    height, width = size_of([picture for _, picture in pictures], size)
    made = [converter(picture, height, width, colours) for _, picture in pictures]
    getters = [_getter(part.path) for part, _ in pictures]
    convert, channels = made[0]
    if len(pictures) == 1:
        get = getters[0]
        whole = convert if not pictures[0][0].path else lambda observation: convert(get(observation))
        return whole, (height, width, channels)
    each = [(get, convert) for get, (convert, _) in zip(getters, made, strict=True)]
    count = sum(channels for _, channels in made)
    return lambda seen: np.concatenate([turn(get(seen)) for get, turn in each], axis=2), (height, width, count)


def _vector_of(numbers: list[Part]) -> tuple[Callable[[Any], Any], int]:
    """Return the function that makes the vector of an observation, and the vector's length."""
    made = [_flattener(part.space) for part in numbers]
    length = sum(length for _, length in made)
    if len(numbers) == 1 and not numbers[0].path:
        return made[0]
    each = [(_getter(part.path), flatten) for part, (flatten, _) in zip(numbers, made, strict=True)]
    return lambda seen: np.concatenate([flatten(get(seen)) for get, flatten in each]), length


def _flattener(space: gym.Space) -> tuple[Callable[[Any], Any], int]:
    """Return the function that turns a part into a vector, and the vector's length."""
    length = gym.spaces.flatdim(space)
    if isinstance(space, gym.spaces.Box):
        if _is_bytes(space):
            return lambda values: np.asarray(values, np.float32).reshape(-1) / np.float32(255.0), length
        return lambda values: np.asarray(values, np.float32).reshape(-1), length
    return lambda values: gym.spaces.flatten(space, values), length


def _is_bytes(space: gym.Space) -> bool:
    return isinstance(space, gym.spaces.Box) and space.dtype == np.uint8 and bool((space.high > 127).all())


def _described(
    pictures: list[tuple[Part, Picture]],
    image: tuple[int, int, int],
    numbers: list[Part],
    length: int,
    left_out: list[Part],
) -> str:
    """Return what the agent sees, in words."""
    said = []
    if pictures:
        sources = [f"{part.name}{_sides(part.space.shape)}{picture.description}" for part, picture in pictures]
        said.append(f"an image {_sides(image)} (from {'; '.join(sources)})")
    if numbers:
        said.append(f"a vector of {length}")
    text = " and ".join(said)
    scaled = [part for part in numbers if _is_bytes(part.space)]
    if scaled:
        text += f"; bytes scaled to 0..1{_names(scaled)}"
    for part in numbers:  # it looks like a picture, but nothing says how bright its numbers are
        shape = part.space.shape or ()
        if len(shape) in (3, 4) and min(sorted(shape)[-2:]) >= 16 and not part.space.is_bounded():  # type: ignore[attr-defined]
            text += f"; {part.name}{_sides(shape)} has no bounds, so it is not taken for a picture"
    if left_out:
        kinds = ", ".join(f"{part.name}({type(part.space).__name__})" for part in left_out)
        text += f"; left out: {kinds}"
    return text


def _sides(shape: Any) -> str:
    return "x".join(map(str, shape))


def _names(parts: list[Part]) -> str:
    names = ", ".join(part.name.strip() for part in parts if part.path)
    return f" ({names})" if names else ""

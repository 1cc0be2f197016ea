"""Which parts of an observation are pictures, in which layout, and how a picture becomes uint8 [H, W, C]."""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import gymnasium as gym
import numpy as np

from a3c64.config import BadInputError
from a3c64.envs.finite import NotFiniteError

cv2.setNumThreads(0)  # one core per worker

MAX_CHANNELS = 32  # of one picture; a longer axis is not one of channels
MAX_FRAMES = 32  # of a stack [frames, H, W, C]
LEAST_BYTES = 5  # least side of pictures of bytes and booleans; smaller ones are vectors, except [H, W, 3]
LEAST_CHANNELLED = 7  # least side of other pictures that have channels
LEAST_FLAT = 16  # least side of other pictures [H, W]: smaller ones are tables of numbers
MOST_OBLONG = 8  # largest ratio of the sides
GRID = 16  # pictures with sides below this many pixels are grids of cells
CELL = 4  # pixels: each cell of a grid becomes a square that the first convolutions see as one
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # brightness of red, green and blue, as cv2.COLOR_RGB2GRAY
# Bytes of a grid are often small numbers, such as MiniGrid's kinds of objects, 0 to 10. They get four fifths of the
# range, so that they differ visibly; real brightness keeps its order.
OF_SYMBOLS = np.round(np.interp(np.arange(256), [0, 12, 255], [0, 204, 255])).astype(np.uint8)


Crop = tuple[int, int, int, int]  # pixels that are cut off: top, bottom, left, right
WHOLE: Crop = (0, 0, 0, 0)


class Picture(NamedTuple):
    """The layout of a picture."""

    height: int  # pixels, without those that are cut off
    width: int
    frames: int  # in its stack; 1 without
    channels: int  # of one frame
    axes: tuple[int, ...]  # of height, width, frames and channels in the observation; absent ones left out
    low: float  # smallest value
    high: float  # largest value
    dtype: np.dtype
    crop: Crop = WHOLE

    def cropped(self, crop: Crop) -> "Picture":
        """Return the layout with these pixels cut off.

        Raises:
            BadInputError: nothing would be left.
        """
        top, bottom, left, right = crop
        height, width = self.height - top - bottom, self.width - left - right
        if min(height, width) < 1:
            raise BadInputError(
                f"frame_crop={','.join(map(str, crop))} (top, bottom, left, right) leaves nothing of a picture with "
                f"{self.height}x{self.width} pixels"
            )
        return self._replace(height=height, width=width, crop=crop)

    def inside(self, pixels: np.ndarray) -> np.ndarray:
        """Return what the crop leaves of a whole picture [H, W, ...], without a copy."""
        top, _, left, _ = self.crop
        return pixels[top : top + self.height, left : left + self.width]

    @property
    def is_grid(self) -> bool:
        """Return whether it is a small grid of cells."""
        return max(self.height, self.width) < GRID

    @property
    def description(self) -> str:
        """Return what is done to it, such as ", channels first, from 0..1"; "" for plain bytes [H, W, C]."""
        words = ["a grid of cells"] if self.is_grid else []
        if self.crop != WHOLE:
            words.append(f"cropped to {self.height}x{self.width}")
        if self.axes[-1] < self.axes[0] and self.frames == 1:
            words.append("channels first")
        if self.frames > 1:
            words.append(f"{self.frames} frames as channels")
        if self.dtype == bool:
            words.append("true as 255")
        elif (self.low, self.high) != (0.0, 255.0):
            words.append(f"{self.low:g}..{self.high:g} scaled to 0..255")
        return "".join(f", {word}" for word in words)


def picture_in(space: gym.Space) -> Picture | None:
    """Return the layout of a space's picture, or None if its values are not a picture."""
    if not isinstance(space, gym.spaces.Box) or len(space.shape) not in (2, 3, 4) or 0 in space.shape:
        return None
    frames, axes, shape = 1, (0, 1, 2, 3)[: len(space.shape)], space.shape
    if len(shape) == 4:  # a stack, as gymnasium.wrappers.FrameStackObservation makes it
        frames, shape, axes = shape[0], shape[1:], (1, 2, 3)
    if len(shape) == 2:
        height, width, channels, order = *shape, 1, axes
    elif shape[2] <= shape[0] or shape[2] <= MAX_CHANNELS < shape[0]:
        height, width, channels, order = *shape, axes
    else:
        channels, height, width = shape
        order = (axes[1], axes[2], axes[0])
    low, high = float(space.low.min()), float(space.high.max())
    least, most = sorted((height, width))
    if frames > MAX_FRAMES or channels > MAX_CHANNELS or not high - low > 0 or not np.isfinite(high - low):
        return None
    colours = space.dtype == np.uint8 and len(shape) == 3 and channels in (1, 3) and order == axes
    if space.dtype in (np.uint8, bool):
        enough = LEAST_BYTES
    else:
        enough = LEAST_CHANNELLED if len(space.shape) > 2 else LEAST_FLAT
    if not colours and (least < max(enough, channels) or most > MOST_OBLONG * least):
        return None
    if len(space.shape) == 4:
        order = (*order[:2], 0, order[2])
    return Picture(height, width, frames, channels, order, low, high, space.dtype)


def size_of(pictures: list[Picture], size: int) -> tuple[int, int]:
    """Return height and width of the image that the pictures become: of a grid, CELL pixels a cell; else `size`."""
    if len({(one.height, one.width) for one in pictures}) == 1 and pictures[0].is_grid:
        cell = min(CELL, max(1, size // max(pictures[0].height, pictures[0].width)))
        return pictures[0].height * cell, pictures[0].width * cell
    return size, size


def converter(
    picture: Picture, height: int, width: int, colours: str
) -> tuple[Callable[[np.ndarray], np.ndarray], int]:
    """Return the function that turns a picture into uint8 [height, width, channels], and the number of channels."""
    grey = picture.channels == 3 and colours == "grey"
    channels = picture.frames * (1 if grey else picture.channels)
    plain = picture.dtype == np.uint8 and picture.axes == (0, 1, 2)[: len(picture.axes)] and picture.high > 127.0
    if plain and picture.channels <= 4 and not picture.is_grid:
        return _plain(picture, height, width, grey), channels
    table = _table(picture)
    least, scale = picture.low, 255.0 / (picture.high - picture.low)
    whole = (picture.height, picture.width)

    def convert(seen: np.ndarray) -> np.ndarray:
        if table is not None:
            pixels = table[np.asarray(seen, np.uint8)]
        else:
            values = np.asarray(seen, np.float32)
            if not np.isfinite(values.sum()):
                raise NotFiniteError("observations", float(values.sum()))
            pixels = np.clip((values - least) * scale + 0.5, 0.0, 255.0).astype(np.uint8)
        pixels = picture.inside(pixels.transpose(picture.axes))
        if grey:
            pixels = (pixels @ LUMA + 0.5).astype(np.uint8)
        return resized(np.ascontiguousarray(pixels.reshape(*whole, channels)), height, width, picture.is_grid)

    return convert, channels


def _plain(picture: Picture, height: int, width: int, grey: bool) -> Callable[[np.ndarray], np.ndarray]:
    """Return the converter of bytes [H, W] or [H, W, C], which is the fastest."""

    def convert(seen: np.ndarray) -> np.ndarray:
        pixels = picture.inside(seen)
        if grey:
            pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        if pixels.shape[:2] != (height, width):
            pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        return pixels if pixels.ndim == 3 else pixels[:, :, None]

    return convert


def _table(picture: Picture) -> np.ndarray | None:
    """Return the brightness of each byte, uint8 [256]; None for pictures of other types."""
    if picture.dtype != np.uint8:
        return None
    if picture.high > 127.0:
        return OF_SYMBOLS if picture.is_grid else np.arange(256).astype(np.uint8)
    values = (np.arange(256) - picture.low) * 255.0 / (picture.high - picture.low)
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def resized(pixels: np.ndarray, height: int, width: int, is_grid: bool) -> np.ndarray:
    """Resize uint8 [H, W, C] to [height, width, C]; the cells of a grid keep their edges."""
    if pixels.shape[:2] == (height, width):
        return pixels
    channels = pixels.shape[2]
    way = cv2.INTER_NEAREST if is_grid else cv2.INTER_AREA
    four = [pixels[:, :, k : k + 4] for k in range(0, channels, 4)]  # INTER_AREA takes no more channels
    done = [cv2.resize(np.ascontiguousarray(one), (width, height), interpolation=way) for one in four]
    return np.concatenate([one.reshape(height, width, -1) for one in done], axis=2)


def visible(pixels: np.ndarray) -> np.ndarray:
    """Return frames of any number of channels as pictures to look at: [..., C] -> [..., 1 or 3].

    Of several colour pictures this is the last one. Other channels are shown on top of each other.
    """
    channels = pixels.shape[-1]
    if channels in (1, 3):
        return pixels
    return pixels[..., -3:] if channels % 3 == 0 else pixels.max(axis=-1, keepdims=True)

"""Pictures of what the agent sees, sent to the server at intervals, for TensorBoard."""

import time

import numpy as np

from a3c64.envs.pictures import visible
from a3c64.wire import messages as wire
from a3c64.wire.client import Client


def tiled(image: np.ndarray, frames: int) -> np.ndarray:
    """Return a stack of frames, uint8 [H, W, frames * C], side by side, oldest first: [H, frames * W, 1 or 3].

    A picture that is too large for a message is subsampled.
    """
    height, width, channels = image.shape
    each = visible(image.reshape(height, width, frames, channels // frames))
    picture = each.swapaxes(1, 2).reshape(height, frames * width, each.shape[-1])
    while picture.size > wire.MAX_SAMPLE:
        picture = picture[::2, ::2]
    return picture


class ObservationPictures:
    """Sends a picture every wire.SAMPLE_S. Only worker 0 sends, because pictures of one worker are enough.

    Args:
        client: sends the pictures.
        frames: number of frames in an observation.
    """

    def __init__(self, client: Client, frames: int) -> None:
        self._client = client
        self._frames = frames
        self._next = 0.0

    def offer(self, image: np.ndarray) -> None:
        """Send an observation's image, uint8 [H, W, C], if it is due and not empty."""
        if self._client.index != 0 or image.size == 0 or (now := time.monotonic()) < self._next:
            return
        self._next = now + wire.SAMPLE_S
        self._client.send_picture(tiled(image, self._frames))

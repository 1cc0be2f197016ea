"""Gradients and differences of weights in 4 bits a number: blocks of numbers, each with a scale.

The rounding errors are not lost. A worker adds those of a gradient to its next one (error feedback: Seide et al. 2014,
"1-bit stochastic gradient descent"). A difference of weights includes the errors of the differences before it.
"""

import math
from typing import NamedTuple, Self

import numpy as np

BLOCK = 64  # numbers with one scale; their codes and the scale have 36 bytes instead of 256
LARGEST = 7  # codes are -7 to 7, times the block's scale
LEAST_SCALE = np.float32(1e-30)  # a block of smaller numbers is 0, because the inverse must be finite
NUMBER = np.dtype("<f4")


class Packed(NamedTuple):
    """A vector of which the first `size` numbers have 4 bits each."""

    size: int
    scales: np.ndarray  # float32 [blocks]
    exact: np.ndarray  # float32 [rest], the numbers after the first `size`
    codes: np.ndarray  # uint8 [blocks x BLOCK / 2]; the low halves are the first half of all codes

    @classmethod
    def of(cls, vector: np.ndarray, count: int) -> Self:
        """Round a vector, float32 [N]. A block with a number that is not finite stays a block with one."""
        blocks = -(-count // BLOCK)
        padded = np.zeros((blocks, BLOCK), np.float32)
        flat = padded.reshape(-1)
        flat[:count] = vector[:count]
        with np.errstate(all="ignore"):
            scales = np.maximum.reduceat(np.abs(flat), np.arange(0, flat.size, BLOCK)) / np.float32(LARGEST)
            scales[scales < LEAST_SCALE] = 0.0
            inverse = np.divide(1.0, scales, out=np.zeros_like(scales), where=scales != 0.0)
            padded *= inverse[:, None]
            whole = np.rint(flat, out=flat).astype(np.int8).view(np.uint8)
        half = flat.size // 2
        return cls(count, scales, vector[count:], (whole[:half] & 15) | (whole[half:] << 4))

    @classmethod
    def read(cls, frame: bytes | memoryview, count: int) -> Self:
        """Return the content of a message's frame.

        Raises:
            ValueError: the frame has another length.
        """
        blocks = -(-count // BLOCK)
        codes = blocks * BLOCK // 2
        numbers, odd = divmod(len(frame) - codes, NUMBER.itemsize)
        if odd or numbers < blocks:
            least = codes + blocks * NUMBER.itemsize
            raise ValueError(f"{count} packed numbers must have {least} bytes or 4, 8, ... more, found {len(frame)}")
        given = np.frombuffer(frame, NUMBER, numbers)
        return cls(count, given[:blocks], given[blocks:], np.frombuffer(frame, np.uint8, offset=given.nbytes))

    def frame(self) -> bytes:
        """Return the bytes for a message."""
        return b"".join(part.tobytes() for part in (self.scales.astype(NUMBER), self.exact.astype(NUMBER), self.codes))

    def numbers(self) -> np.ndarray:
        """Return the rounded vector, float32 [N]."""
        both = self.codes.view(np.int8)
        out = np.empty(len(self.scales) * BLOCK, np.float32)
        out[: len(both)], out[len(both) :] = (both << 4) >> 4, both >> 4
        with np.errstate(all="ignore"):
            out.reshape(-1, BLOCK)[...] *= self.scales[:, None]
        return np.concatenate((out[: self.size], self.exact))


class ErrorFeedback:
    """Packs a worker's gradients, and adds to each the rounding errors of the one before.

    Args:
        count: number of learned weights. What follows them in a gradient is exact.
        most: a packed gradient has at most this norm, because the server refuses longer ones.
    """

    def __init__(self, count: int, most: float) -> None:
        self._most = most
        self._errors = np.zeros(count, np.float32)

    def pack(self, gradient: np.ndarray) -> Packed:
        """Return a gradient, float32 [N], with the errors of the one before."""
        count = len(self._errors)
        wanted = np.array(gradient, np.float32)
        wanted[:count] += self._errors
        packed = Packed.of(wanted, count)
        with np.errstate(all="ignore"):
            sent = packed.numbers()[:count]
            norm = float(np.sqrt(np.dot(sent, sent)))
        if not math.isfinite(norm):  # the server refuses it, and its errors would spoil every later gradient
            self._errors[...] = 0.0
            return packed
        shorter = np.float32(self._most / norm if norm > self._most else 1.0)
        self._errors = (wanted[:count] - sent) * shorter
        return packed._replace(scales=packed.scales * shorter)


def patched(held: np.ndarray, difference: np.ndarray, count: int) -> np.ndarray:
    """Return weights, float32 [N], from the former ones and a difference whose numbers after `count` are exact."""
    return np.concatenate((held[:count] + difference[:count], difference[count:]))

"""Reads the console's memory by the console's addresses: big-endian bytes, halfwords, words and floats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Memory:
    """RDRAM, words [2097152] in the host's byte order, addressed as 80000000 to 807FFFFF."""

    def __init__(self, rdram: NDArray[np.uint32]) -> None:
        self._words = rdram
        self._signed = rdram.view(np.int32)
        self._floats = rdram.view(np.float32)
        self._halves = rdram.view(np.uint16)
        self._bytes = rdram.view(np.uint8)

    def u8(self, address: int) -> int:
        """Return the byte at `address`."""
        return int(self._bytes[address & 0x7FFFFF ^ 3])

    def u16(self, address: int) -> int:
        """Return the halfword at `address`, which is even."""
        return int(self._halves[(address & 0x7FFFFF) >> 1 ^ 1])

    def u32(self, address: int) -> int:
        """Return the word at `address`, a multiple of 4."""
        return int(self._words[(address & 0x7FFFFF) >> 2])

    def s32(self, address: int) -> int:
        """Return the signed word at `address`, a multiple of 4."""
        return int(self._signed[(address & 0x7FFFFF) >> 2])

    def f32(self, address: int) -> float:
        """Return the float at `address`, a multiple of 4."""
        return float(self._floats[(address & 0x7FFFFF) >> 2])

    def follow(self, address: int) -> int | None:
        """Return the pointer at `address`; None unless it is an aligned address in RDRAM."""
        pointer = self.u32(address)
        return pointer if 0x80000400 <= pointer < 0x80800000 - 0x100 and pointer % 4 == 0 else None

    def s8(self, address: int) -> int:
        """Return the signed byte at `address`."""
        return (self.u8(address) ^ 0x80) - 0x80

    def s16(self, address: int) -> int:
        """Return the signed halfword at `address`, which is even."""
        return (self.u16(address) ^ 0x8000) - 0x8000

    def set_u8(self, address: int, value: int) -> None:
        """Write a byte."""
        self._bytes[address & 0x7FFFFF ^ 3] = value

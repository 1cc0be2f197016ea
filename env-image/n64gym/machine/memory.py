"""The console's memory by the console's addresses: bytes, halfwords, words and floats, whatever the byte order.

memory = emulator.memory
memory.u8[0x80001234]                  # also without the 0x80000000: memory.u8[0x1234]
memory.f32[0x800F69A4]
memory.u8[0x80001000:0x80001010]       # 16 bytes as a NumPy array
memory.u16[0x80001234] = 3             # a movie cannot contain a write, so its playback reports that it diverges

mupen64plus keeps RDRAM as words in the host's byte order, so a byte of the console is at another index there. Addresses
are those of the console, which is big-endian: 0x80000000 to 0x807FFFFF (or 0xA0000000 to 0xA07FFFFF), or 0 to 0x7FFFFF.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from n64gym.machine.shared import RDRAM_BYTES

DIRECT = 0x1FFFFFFF  # the part of an address that is the place in memory
N = TypeVar("N", int, float)
LANES = {1: 3, 2: 1, 4: 0}  # size -> what to xor the index of a number in a word of four bytes with


class Numbers(Generic[N]):
    """The numbers of one type in RDRAM, by the address of their first byte."""

    def __init__(self, rdram: NDArray[np.uint32], name: str, code: str, size: int) -> None:
        self.view: Any = rdram.data.cast("B").cast(code)  # type: ignore[call-overload]
        """The numbers in the host's order; `index` gives the index of an address."""
        self._name, self._odd = name, size - 1  # bits that are 0 in an address of this size
        self._shift, self._lane = size.bit_length() - 1, LANES[size]

    def index(self, address: int) -> int:
        """Return the index of an address in `view`. Raises IndexError."""
        place = address & DIRECT
        if place & self._odd or place >= RDRAM_BYTES:
            raise IndexError(
                f"memory.{self._name} has no number at {address:#x}; expected an address up to 0x807fffff"
                + (f", a multiple of {self._odd + 1}" if self._odd else "")
            )
        return place >> self._shift ^ self._lane

    @overload
    def __getitem__(self, address: int) -> N: ...
    @overload
    def __getitem__(self, address: slice) -> NDArray[Any]: ...
    def __getitem__(self, address: int | slice) -> N | NDArray[Any]:
        """Return the number at an address, or a copy of those from one address up to, not including, another."""
        try:
            place = address & DIRECT  # type: ignore[operator]
        except TypeError:
            return np.asarray(self.view)[self._indices(address)]  # type: ignore[arg-type]
        if place & self._odd or place >= RDRAM_BYTES:
            self.index(address)  # type: ignore[arg-type]  # raises
        return self.view[place >> self._shift ^ self._lane]

    def __setitem__(self, address: int | slice, value: N | NDArray[Any]) -> None:
        """Write a number, or as many as the slice has."""
        if isinstance(address, slice):
            np.asarray(self.view)[self._indices(address)] = value
        else:
            self.view[self.index(address)] = value

    def _indices(self, part: slice) -> NDArray[np.int64]:
        first, end, step = part.start, part.stop, part.step
        if first is None or end is None or step is not None or end < first:
            raise IndexError(f"memory.{self._name}[{first}:{end}:{step}]; expected [FIRST:END], two addresses")
        count = (end - first) >> self._shift
        if not count:
            return np.zeros(0, np.int64)
        self.index(end - self._odd - 1)
        self.index(first)
        return (np.arange(count) + ((first & DIRECT) >> self._shift)) ^ self._lane


class Memory:
    """RDRAM as numbers of seven types. rdram: words [2097152] in the host's byte order; views, no copies."""

    def __init__(self, rdram: NDArray[np.uint32]) -> None:
        self.u8: Numbers[int] = Numbers(rdram, "u8", "B", 1)
        self.s8: Numbers[int] = Numbers(rdram, "s8", "b", 1)
        self.u16: Numbers[int] = Numbers(rdram, "u16", "H", 2)
        self.s16: Numbers[int] = Numbers(rdram, "s16", "h", 2)
        self.u32: Numbers[int] = Numbers(rdram, "u32", "I", 4)
        self.s32: Numbers[int] = Numbers(rdram, "s32", "i", 4)
        self.f32: Numbers[float] = Numbers(rdram, "f32", "f", 4)

    def follow(self, address: int) -> int | None:
        """Return the pointer at `address`; None unless it is an aligned address in RDRAM."""
        pointer = self.u32[address]
        return pointer if 0x80000400 <= pointer < 0x80800000 - 0x100 and pointer % 4 == 0 else None

"""Search memory for a variable, as cheat finders do: play, say how the value has changed, and repeat.

search = Search(lambda: emulator.rdram, "u16")   # every aligned halfword is a candidate
search.equal(3)         # later, when the screen shows 3
search.changed_by(1)    # later, when the screen shows 4
search.matches(10)      # the candidates that are left
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

UNDO = 10  # filters that can be taken back; the first ones of a search hold up to 50 MB each
KSEG0 = 0x80000000
"""Added to an offset in RDRAM, it gives the address that games use."""

KINDS: dict[str, np.dtype[Any]] = {
    "u8": np.dtype(">u1"),
    "s8": np.dtype(">i1"),
    "u16": np.dtype(">u2"),
    "s16": np.dtype(">i2"),
    "u32": np.dtype(">u4"),
    "s32": np.dtype(">i4"),
    "f32": np.dtype(">f4"),
}


class Match(NamedTuple):
    """A candidate."""

    address: int  # 80000000 to 807FFFFF
    before: int | float  # its value at the filter before the last one
    value: int | float  # its value at the last filter


class _Candidates(NamedTuple):
    offsets: NDArray[np.uint32]  # [N], in the console's byte order
    before: NDArray  # [N]
    values: NDArray  # [N]


class Search:
    """The addresses whose values fit all filters so far. Every filter reads memory anew and compares it with its state
    at the filter before, or at the beginning of the search.

    rdram: returns memory as words [N] in the host's byte order. kind: a type of KINDS. align: the distance of
    addresses in bytes; None: the size of the type. An f32 that is not a finite number is never a candidate.
    Raises ValueError.
    """

    def __init__(self, rdram: Callable[[], NDArray[np.uint32]], kind: str, align: int | None = None) -> None:
        if kind not in KINDS:
            raise ValueError(f"type is {kind!r}; expected {', '.join(KINDS)}")
        self.kind = kind
        self._type = KINDS[kind]
        align = self._type.itemsize if align is None else align
        if align not in (1, 2, 4):
            raise ValueError(f"align is {align!r}; expected 1, 2 or 4")
        self._rdram = rdram
        offsets = np.arange(0, rdram().nbytes - self._type.itemsize + 1, align, dtype=np.uint32)
        values = self._read(offsets)
        finite = np.isfinite(values)
        if not finite.all():
            offsets, values = offsets[finite], values[finite]
        self._steps = [_Candidates(offsets, values, values)]

    def __len__(self) -> int:
        return len(self._steps[-1].offsets)

    def equal(self, value: float) -> Self:
        """Keep the candidates that are `value` now. An f32 may differ from it by a millionth of it."""
        now = self._now()
        if self.kind == "f32":
            return self._keep(now, np.isclose(now, value, rtol=1e-6, atol=0))
        return self._keep(now, now == value)

    def between(self, low: float, high: float) -> Self:
        """Keep the candidates from `low` to `high`."""
        now = self._now()
        return self._keep(now, (now >= low) & (now <= high))

    def changed(self) -> Self:
        """Keep the candidates that have changed."""
        now = self._now()
        return self._keep(now, now != self._steps[-1].values)

    def unchanged(self) -> Self:
        """Keep the candidates that have not changed."""
        now = self._now()
        return self._keep(now, now == self._steps[-1].values)

    def greater(self) -> Self:
        """Keep the candidates that have grown."""
        now = self._now()
        return self._keep(now, now > self._steps[-1].values)

    def less(self) -> Self:
        """Keep the candidates that have fallen."""
        now = self._now()
        return self._keep(now, now < self._steps[-1].values)

    def changed_by(self, difference: float) -> Self:
        """Keep the candidates that are `difference` more than before. An f32 may miss it by a thousandth of it."""
        now = self._now()
        with np.errstate(invalid="ignore"):  # now may have NaN
            change = now.astype(np.float64) - self._steps[-1].values  # exact for integers, and does not wrap
        if self.kind == "f32":
            return self._keep(now, np.isclose(change, difference, rtol=1e-3, atol=0))
        return self._keep(now, change == difference)

    def undo(self) -> Self:
        """Take the last filter back, at most UNDO times. Does nothing if there is none."""
        if len(self._steps) > 1:
            self._steps.pop()
        return self

    def addresses(self) -> list[int]:
        """Return the addresses of all candidates."""
        return (self._steps[-1].offsets.astype(np.int64) + KSEG0).tolist()

    def matches(self, most: int = 20) -> list[Match]:
        """Return the first `most` candidates."""
        offsets, before, values = (part[:most].tolist() for part in self._steps[-1])
        return [Match(KSEG0 + offset, old, new) for offset, old, new in zip(offsets, before, values, strict=True)]

    def _now(self) -> NDArray:
        return self._read(self._steps[-1].offsets)

    def _read(self, offsets: NDArray[np.uint32]) -> NDArray:
        """Return the values at `offsets`, in the host's byte order."""
        memory = self._rdram().byteswap().view(np.uint8)  # [B], bytes in the console's order
        size = self._type.itemsize
        at_every_byte = np.ndarray((len(memory) - size + 1,), self._type, memory, strides=(1,))
        return at_every_byte[offsets].astype(self._type.newbyteorder("="))

    def _keep(self, now: NDArray, fits: NDArray[np.bool_]) -> Self:
        if self.kind == "f32":
            fits = fits & np.isfinite(now)
        last = self._steps[-1]
        self._steps.append(_Candidates(last.offsets[fits], last.values[fits], now[fits]))
        del self._steps[: -UNDO - 1]
        return self

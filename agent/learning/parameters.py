"""The model's parameters as one flat float32 vector: names, shapes, signature and initial values; NumPy only."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

MOMENTS = "moments/"  # name prefix of the running moments of observations, which have no gradient
MAX_PARAMETERS = 64_000_000  # 256 MB: far above any model here, and the server can hold it


class ParameterSpec(NamedTuple):
    """One parameter: its name, its shape, and the gain of its orthogonal initial values (0 = zeros)."""

    name: str
    shape: tuple[int, ...]
    gain: float

    @property
    def size(self) -> int:
        """Return its number of elements."""
        return math.prod(self.shape)


def total_size(specs: Sequence[ParameterSpec]) -> int:
    """Return the length of the flat vector."""
    return sum(spec.size for spec in specs)


def learned_size(specs: Sequence[ParameterSpec]) -> int:
    """Return the length of the flat vector's learned part, which comes first; the moments follow."""
    return total_size([spec for spec in specs if not spec.name.startswith(MOMENTS)])


def signature(specs: Sequence[ParameterSpec]) -> str:
    """Return a hash of names and shapes. Two processes with the same hash use the same flat vector."""
    text = ";".join(f"{spec.name}:{','.join(map(str, spec.shape))}" for spec in specs)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def named_views(flat: np.ndarray, specs: Sequence[ParameterSpec]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each parameter as a view into the flat vector, in order."""
    offset = 0
    for spec in specs:
        yield spec.name, flat[offset : offset + spec.size].reshape(spec.shape)
        offset += spec.size


def orthogonal(shape: tuple[int, ...], gain: float, generator: np.random.Generator) -> np.ndarray:
    """Return orthogonal initial values (Saxe et al. 2013); all axes but the last are inputs."""
    rows, columns = math.prod(shape[:-1]), shape[-1]
    square = generator.standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(square)
    q *= np.sign(np.diag(r))  # makes the distribution uniform
    return (gain * (q if rows >= columns else q.T)).reshape(shape)


def initialise(specs: Sequence[ParameterSpec], seed: int) -> np.ndarray:
    """Return the initial weights of a run: float32 [total_size]."""
    generator = np.random.default_rng(seed)
    flat = np.zeros(total_size(specs), np.float32)
    for (_, view), spec in zip(named_views(flat, specs), specs, strict=True):
        if spec.gain:
            view[...] = orthogonal(spec.shape, spec.gain, generator)
    return flat

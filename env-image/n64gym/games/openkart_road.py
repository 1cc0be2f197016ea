"""Reads the road of Open Kart's course, and a kart's limits on it, from RDRAM at the address in the telemetry block."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from n64gym.games.openkart_telemetry import FIXED, MAGIC, CourseTelemetry, read_course_telemetry, read_telemetry

S1_14, S8_8 = 1 << 14, 1 << 8  # scales of vectors and of widths
KSEG0, RDRAM_BYTES = 0x80000000, 8 << 20


class Road(NamedTuple):
    """The road at N equally spaced points of the centre line (the first is on the start line), and a kart's limits on
    it."""

    centre: NDArray[np.float64]  # metres, x and z [N, 2]
    right: NDArray[np.float64]  # unit vector towards the right edge [N, 2]
    left_edge: NDArray[np.float64]  # metres from the centre line to the grass or to where a wall stops a kart [N]
    right_edge: NDArray[np.float64]  # [N]
    spacing: float  # metres from one point to the next
    top_speed: float  # m/s
    engine: float  # m/s2 at rest
    brakes: float  # m/s2
    turning: float  # m/s2 across the nose that full lock reaches
    gripping: float  # m/s2 across the nose that the tyres hold
    tightest: float  # metres, least radius of a turn


def read_road(rdram: NDArray[np.uint32]) -> Road:
    """Return the road of the current course. rdram: words [2097152] in the host's byte order.

    Raises ValueError if memory holds no course, for example in another game.
    """
    about = read_course_telemetry(rdram)
    first, size = about.samples - KSEG0, about.sample_count * about.sample_bytes
    in_words = first % 4 == about.sample_bytes % 4 == 0
    in_memory = about.sample_count > 0 and 0 <= first < RDRAM_BYTES - size
    if read_telemetry(rdram).magic != MAGIC or not (in_words and in_memory):
        raise ValueError(f"memory holds no course of Open Kart: its telemetry says {about}")
    words = rdram[first // 4 : (first + size) // 4]
    samples = np.frombuffer(words.byteswap().tobytes(), sample_type(about))
    centre, forwards = samples["position"] / FIXED, samples["tangent"] / S1_14
    right = np.stack([forwards[:, 1], -forwards[:, 0]], 1)
    left_wall, right_wall = samples["walls"].T / S8_8 - about.kart_radius / FIXED
    asphalt = (samples["half"] + samples["kerb"].astype(int)) / S8_8
    return Road(
        centre,
        right / np.linalg.norm(right, axis=1, keepdims=True),
        np.minimum(asphalt, left_wall),
        np.minimum(asphalt, right_wall),
        spacing=about.spacing / FIXED,
        top_speed=about.top_speed / FIXED,
        engine=about.engine / FIXED,
        brakes=about.brakes / FIXED,
        turning=about.turning / FIXED,
        gripping=about.gripping / FIXED,
        tightest=about.tightest / FIXED,
    )


def sample_type(about: CourseTelemetry) -> np.dtype:
    """Return the layout of a sample (big endian), from the offsets that openkart/src/telemetry.h describes."""
    fields = {
        "position": (">i4", 2, about.sample_position),
        "tangent": (">i2", 2, about.sample_tangent),
        "half": (">i2", 1, about.sample_half),
        "kerb": (">i2", 1, about.sample_kerb),
        "walls": (">i2", 2, about.sample_walls),
    }
    return np.dtype(
        {
            "names": list(fields),
            "formats": [(kind, (count,)) if count > 1 else kind for kind, count, _ in fields.values()],
            "offsets": [offset for *_, offset in fields.values()],
            "itemsize": about.sample_bytes,
        }
    )

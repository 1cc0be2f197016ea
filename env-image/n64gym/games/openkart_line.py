"""The road of Open Kart's race, read from RDRAM, and the line on it along which a lap takes least time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from n64gym.games.openkart_telemetry import FIXED, Telemetry

# openkart/src/kart.c, in metres and seconds
TOP_SPEED = 24.0
TURN = 15.0  # m/s2 across at full lock on dry asphalt
GRIP = 16.5  # what the tyres pull across
BRAKES = 17.0
TIGHTEST = 4.5  # radius
KART_RADIUS = 0.7

# openkart/src/course.h: Course holds count, spacing, cells, grip, slippery, serial, samples
SAMPLES_MAX = 256
SPACING = (2 * FIXED, 8 * FIXED)  # of samples, within reason
TO_GRIP, TO_SLIPPERY, TO_SAMPLES = 3, 4, 6  # words from count
SAMPLE_WORDS = 6

MARGIN = 0.38  # metres kept from where the grass or the wall begins
SHORTNESS = (0.0, 3e-4, 1e-3, 3e-3)  # how much a line's length counts beside its bends; the fastest line is taken
ROUNDS = 400  # of the line's computation
ENGINE = 9.5  # m/s2 at rest
ACROSS = 1.0  # of what a kart can do is planned with
BRAKING = 0.93
STEPS_MIN = 0.31  # of a braking kart's way, which also has to steer


class Road(NamedTuple):
    """The centre line at N places, equally far apart, the first on the start line."""

    centre: NDArray[np.float64]  # metres, x and z [N, 2]
    right: NDArray[np.float64]  # unit vector to the right [N, 2]
    room_left: NDArray[np.float64]  # metres from the centre line that a kart may go [N]
    room_right: NDArray[np.float64]  # [N]
    turning: float  # m/s2 across that steering reaches
    gripping: float  # m/s2 across that the tyres hold


class Line(NamedTuple):
    """A way round a course, place for place beside its centre line."""

    points: NDArray[np.float64]  # metres, x and z [N, 2]
    speeds: NDArray[np.float64]  # m/s, above which the next bends are missed [N]
    seconds: float  # that a lap takes at these speeds, as far as the engine reaches them


def read_road(rdram: NDArray[np.uint32], telemetry: Telemetry) -> Road:
    """Read the course from the game's memory, words [2097152]; it is known by the lap's length, which telemetry gives.

    Raises ValueError if it is not there, as in another game.
    """
    words = rdram.view(np.int32)
    for at in np.flatnonzero((words[: -2 - TO_SAMPLES] >= 8) & (words[: -2 - TO_SAMPLES] <= SAMPLES_MAX)):
        count, spacing = int(words[at]), int(words[at + 1])
        if count * spacing != telemetry.lap_metres or not SPACING[0] <= spacing <= SPACING[1]:
            continue
        first = at + TO_SAMPLES
        samples = words[first : first + count * SAMPLE_WORDS].reshape(-1, SAMPLE_WORDS)
        centre = samples[:, :2] / FIXED
        steps = np.hypot(*(np.roll(centre, -1, 0) - centre).T)
        if len(samples) == count and np.abs(steps * FIXED / spacing - 1).max() < 0.2:
            return _road(centre, samples[:, 2:5], words[at + TO_GRIP] / 256, words[at + TO_SLIPPERY] / 256)
    raise ValueError(f"memory holds no course of {telemetry.lap_metres / FIXED:.0f} m; expected a race of Open Kart")


def _road(centre: NDArray[np.float64], halves: NDArray[np.int32], grip: float, slippery: float) -> Road:
    """halves: two s16 a word, the first above: tangent s1.14, half width and kerb s8.8, left and right wall s8.8."""
    above, below = halves >> 16, (halves & 0xFFFF ^ 0x8000) - 0x8000
    right = np.stack([below[:, 0], -above[:, 0]], 1) / (1 << 14)
    asphalt = (above[:, 1] + below[:, 1]) / 256
    left_wall, right_wall = above[:, 2] / 256 - KART_RADIUS, below[:, 2] / 256 - KART_RADIUS
    return Road(
        centre,
        right / np.linalg.norm(right, axis=1, keepdims=True),
        np.maximum(np.minimum(asphalt, left_wall) - MARGIN, 0.0),
        np.maximum(np.minimum(asphalt, right_wall) - MARGIN, 0.0),
        TURN / slippery,
        GRIP * grip,
    )


def fastest_line(road: Road) -> Line:
    """The fastest of some lines between the one that bends least and the shortest (F. Braghin and others, Race driver
    model, Computers & Structures 86, 2008)."""
    lines = [_timed(road, _between(road, shortness)) for shortness in SHORTNESS]
    return min(lines, key=lambda line: line.seconds)


def _between(road: Road, shortness: float) -> NDArray[np.float64]:
    """The points [N, 2] that minimise bends squared plus `shortness` times length squared, within the road.

    A quadratic programme with bounds, solved by ADMM (S. Boyd and others, 2011, chapter 5).
    """
    count = len(road.centre)
    ahead, here = np.roll(np.eye(count), 1, 1), np.eye(count)
    first, second = ahead - here, ahead - 2 * here + ahead.T
    weighted = second.T @ second + shortness * first.T @ first
    matrix = weighted * (road.right @ road.right.T)
    linear = (road.right * (weighted @ road.centre)).sum(1)
    penalty = 0.02
    inverse = np.linalg.inv(matrix + penalty * here)
    lateral = dual = np.zeros(count)
    for _ in range(ROUNDS):
        wanted = inverse @ (penalty * (lateral - dual) - linear)
        lateral = np.clip(wanted + dual, -road.room_left, road.room_right)
        dual = dual + wanted - lateral
    return road.centre + road.right * lateral[:, None]


def _timed(road: Road, points: NDArray[np.float64]) -> Line:
    """The speeds at which a line can be driven: what the tyres hold in a bend, what the brakes manage before it."""
    before, after = points - np.roll(points, 1, 0), np.roll(points, -1, 0) - points
    lengths = np.hypot(*after.T)
    turns = np.arctan2(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0], (before * after).sum(1))
    bends = np.abs(turns) / ((lengths + np.roll(lengths, 1)) / 2) + 1e-6
    bends = (np.roll(bends, 1) + 2 * bends + np.roll(bends, -1)) / 4
    across = ACROSS * min(road.turning, road.gripping)
    speeds = np.minimum(TOP_SPEED, np.sqrt(across / bends))
    for i in range(2 * len(points) - 1, -1, -1):  # twice round, as the lap is closed
        i %= len(points)
        then = speeds[(i + 1) % len(points)]
        straight = max(STEPS_MIN, 1 - bends[i] * then * then / across)  # who brakes cannot steer
        speeds[i] = min(speeds[i], np.sqrt(then * then + 2 * BRAKING * BRAKES * straight * lengths[i]))
    driven = speeds.copy()
    for i in range(2 * len(points)):
        i %= len(points)
        push = min(ENGINE, ENGINE * (1.1 - driven[i] / TOP_SPEED))
        reached = np.sqrt(driven[i] ** 2 + 2 * push * lengths[i])
        driven[(i + 1) % len(points)] = min(speeds[(i + 1) % len(points)], reached)
    return Line(points, speeds, float((lengths / driven).sum()))

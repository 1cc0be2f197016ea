"""The line on Open Kart's road along which a lap takes least time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from n64gym.games.openkart_road import Road

MARGIN = 0.38  # metres kept from where the grass or the wall begins
SHORTNESS = (0.0, 3e-4, 1e-3, 3e-3)  # how much a line's length counts beside its bends; the fastest line is taken
ROUNDS = 400  # of the line's computation
ACROSS = 1.0  # of what a kart can do is planned with
BRAKING = 0.93
STEPS_MIN = 0.31  # of a braking kart's way, which also has to steer


class Line(NamedTuple):
    """A way round a course, place for place beside its centre line."""

    points: NDArray[np.float64]  # metres, x and z [N, 2]
    speeds: NDArray[np.float64]  # m/s, above which the next bends are missed [N]
    seconds: float  # that a lap takes at these speeds, as far as the engine reaches them


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
    room_left, room_right = (np.maximum(edge - MARGIN, 0.0) for edge in (road.left_edge, road.right_edge))
    inverse = np.linalg.inv(matrix + penalty * here)
    lateral = dual = np.zeros(count)
    for _ in range(ROUNDS):
        wanted = inverse @ (penalty * (lateral - dual) - linear)
        lateral = np.clip(wanted + dual, -room_left, room_right)
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
    speeds = np.minimum(road.top_speed, np.sqrt(across / bends))
    for i in range(2 * len(points) - 1, -1, -1):  # twice round, as the lap is closed
        i %= len(points)
        then = speeds[(i + 1) % len(points)]
        straight = max(STEPS_MIN, 1 - bends[i] * then * then / across)  # who brakes cannot steer
        speeds[i] = min(speeds[i], np.sqrt(then * then + 2 * BRAKING * road.brakes * straight * lengths[i]))
    driven = speeds.copy()
    for i in range(2 * len(points)):
        i %= len(points)
        push = min(road.engine, road.engine * (1.1 - driven[i] / road.top_speed))
        reached = np.sqrt(driven[i] ** 2 + 2 * push * lengths[i])
        driven[(i + 1) % len(points)] = min(speeds[(i + 1) % len(points)], reached)
    return Line(points, speeds, float((lengths / driven).sum()))

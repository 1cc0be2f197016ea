"""Computes a fast racing line on Open Kart's road."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from n64gym.games.openkart_road import Road

MARGIN = 0.38  # metres between the line and the grass or wall
SHORTNESS = (0.0, 3e-4, 1e-3, 3e-3)  # weights of a line's length against its bends; the fastest line wins
ROUNDS = 400  # iterations of ADMM per line
ACROSS = 1.0  # share of a kart's cornering grip that the plan uses
BRAKING = 0.93  # share of its brakes that the plan uses
STEPS_MIN = 0.31  # least share of the brakes that remains while steering


class Line(NamedTuple):
    """A line round a course, with one point for each point of the centre line."""

    points: NDArray[np.float64]  # metres, x and z [N, 2]
    speeds: NDArray[np.float64]  # m/s: highest speed at which the next bends can be driven [N]
    seconds: float  # lap time at these speeds, limited by the engine


def fastest_line(road: Road) -> Line:
    """Return the fastest of several lines between the line with the least bending and the shortest line.

    Source: F. Braghin and others, Race driver model, Computers & Structures 86, 2008.
    """
    lines = [_timed(road, _between(road, shortness)) for shortness in SHORTNESS]
    return min(lines, key=lambda line: line.seconds)


def _between(road: Road, shortness: float) -> NDArray[np.float64]:
    """Return the points [N, 2] within the road that minimise bends squared plus `shortness` times length squared.

    This is a quadratic programme with bounds, solved by ADMM (S. Boyd and others, 2011, chapter 5).
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
    """Return the line with its speed limits (by the tyres in bends, by the brakes before bends) and its lap time."""
    before, after = points - np.roll(points, 1, 0), np.roll(points, -1, 0) - points
    lengths = np.hypot(*after.T)
    turns = np.arctan2(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0], (before * after).sum(1))
    bends = np.abs(turns) / ((lengths + np.roll(lengths, 1)) / 2) + 1e-6
    bends = (np.roll(bends, 1) + 2 * bends + np.roll(bends, -1)) / 4
    across = ACROSS * min(road.turning, road.gripping)
    speeds = np.minimum(road.top_speed, np.sqrt(across / bends))
    for i in range(2 * len(points) - 1, -1, -1):  # two rounds, because the lap is a closed loop
        i %= len(points)
        then = speeds[(i + 1) % len(points)]
        straight = max(STEPS_MIN, 1 - bends[i] * then * then / across)  # steering takes grip from the brakes
        speeds[i] = min(speeds[i], np.sqrt(then * then + 2 * BRAKING * road.brakes * straight * lengths[i]))
    driven = speeds.copy()
    for i in range(2 * len(points)):
        i %= len(points)
        push = min(road.engine, road.engine * (1.1 - driven[i] / road.top_speed))
        reached = np.sqrt(driven[i] ** 2 + 2 * push * lengths[i])
        driven[(i + 1) % len(points)] = min(speeds[(i + 1) % len(points)], reached)
    return Line(points, speeds, float((lengths / driven).sum()))

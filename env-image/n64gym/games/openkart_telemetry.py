"""Reads Open Kart's telemetry block in RDRAM: the words of openkart/src/telemetry.h."""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TELEMETRY_WORD = 0x400 // 4
TELEMETRY_WORDS = 80
COURSE_WORD = TELEMETRY_WORD + 64
MAGIC = 0x4F4B5254  # "OKRT"
VERSION = 3
FRAMES, VIS, DRAW_FROM = 21, 22, 63  # indices of the words that n64gym reads or writes directly
FIXED = 1 << 16  # s16.16
HALF_TURN = 1 << 15  # in units of headings

TITLE, COURSE_SELECT, COUNTDOWN, RACE, RESULTS = range(1, 6)

MODES = ("time_trial", "grand_prix")
COURSES = ("meadow", "desert", "harbour", "mountain", "generated")
LEVELS = ("easy", "medium", "hard")


class Telemetry(NamedTuple):
    """The words of openkart/src/telemetry.h in order, in its units."""

    magic: int
    version: int
    stage: int
    paused: int
    course: int
    laps: int
    laps_done: int
    lap_progress: int
    race_progress: int
    speed: int
    x: int
    y: int
    z: int
    heading: int
    off_road: int
    wrong_way: int
    finished: int
    race_time: int
    lap_time_1: int
    lap_time_2: int
    lap_time_3: int
    frames: int
    vis: int
    wall_hits: int
    drifting: int
    lateral: int
    heading_error: int
    reads: int
    mode: int
    seed: int
    level: int
    karts: int
    place: int
    start: int
    menu_row: int
    kart_hits: int
    ahead_1: int
    ahead_2: int
    ahead_3: int
    ahead_4: int
    ahead_5: int
    ahead_6: int
    lap_metres: int
    half_width: int
    course_ready: int
    rival_1: int
    rival_2: int
    rival_3: int
    rival_4: int
    rival_5: int
    rival_6: int
    rival_7: int
    mirror: int


class CourseTelemetry(NamedTuple):
    """The block's second part: the course's address and format, and a kart's limits on the course."""

    samples: int
    sample_count: int
    sample_bytes: int
    sample_position: int
    sample_tangent: int
    sample_half: int
    sample_kerb: int
    sample_walls: int
    spacing: int
    top_speed: int
    engine: int
    brakes: int
    turning: int
    gripping: int
    tightest: int
    kart_radius: int


WORDS = struct.Struct(f"<{len(Telemetry._fields)}i")
COURSE_WORDS = struct.Struct(f"<I{len(CourseTelemetry._fields) - 1}i")  # the first word is an address


def read_telemetry(rdram: NDArray[np.uint32]) -> Telemetry:
    """Return the game's state. rdram: words [2097152] in the host's byte order."""
    return Telemetry._make(WORDS.unpack_from(rdram.data, 4 * TELEMETRY_WORD))


def read_course_telemetry(rdram: NDArray[np.uint32]) -> CourseTelemetry:
    """Return the course's address and format, and a kart's limits. rdram: words [2097152] in the host's byte order."""
    return CourseTelemetry._make(COURSE_WORDS.unpack_from(rdram.data, 4 * COURSE_WORD))

"""What Open Kart tells the outside, in RDRAM: the words of openkart/src/telemetry.h."""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TELEMETRY_WORD = 0x400 // 4
TELEMETRY_WORDS = 64
MAGIC = 0x4F4B5254  # "OKRT"
VERSION = 2
FRAMES, VIS, DRAW_FROM = 21, 22, 63  # words that n64gym itself asks for, or writes, by their place
FIXED = 1 << 16  # s16.16
HALF_TURN = 1 << 15  # of headings

TITLE, COURSE_SELECT, COUNTDOWN, RACE, RESULTS = range(1, 6)

MODES = ("time_trial", "grand_prix")
COURSES = ("meadow", "desert", "harbour", "mountain", "generated")
LEVELS = ("easy", "medium", "hard")


class Telemetry(NamedTuple):
    """openkart/src/telemetry.h, word by word, in its units."""

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


WORDS = struct.Struct(f"<{len(Telemetry._fields)}i")


def read_telemetry(rdram: NDArray[np.uint32]) -> Telemetry:
    """The telemetry block as it stands in RDRAM, words [2097152]."""
    return Telemetry._make(
        WORDS.unpack_from(rdram.data, 4 * TELEMETRY_WORD)
    )  # in the host's byte order, see Emulator.rdram

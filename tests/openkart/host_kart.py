"""Open Kart on the host, and a driver that learns a course by driving one lap."""

import ctypes
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from n64gym.games.openkart_telemetry import COURSE_SELECT, RACE, RESULTS, TITLE, Telemetry
from n64gym.machine.controller import A, B, L, R, Z, word

OPEN_KART = Path(__file__).parents[2] / "env-image" / "openkart"
NOTES = 200  # places per lap for which the driver stores the heading
LOOK_AHEAD = 8  # notes
CORNERING = 12.0  # m/s2, the lateral acceleration that the driver accepts
BRAKING = 6.0  # m/s2, the deceleration that the driver expects
AHEAD = Telemetry._fields.index("ahead_1")


class HostKart:
    """The game compiled for this machine. A process can have only one, so all tests share it and restart it."""

    def __init__(self, library: Path) -> None:
        self._game = ctypes.CDLL(str(library))
        self._game.ok_telemetry.restype = ctypes.POINTER(ctypes.c_int32 * 80)
        self._game.ok_frame.restype = ctypes.POINTER(ctypes.c_uint16 * (120 * 160))
        self._samples = np.zeros((256, 5), np.int32)
        self.start()

    def start(self) -> None:
        self._game.ok_start()

    def step(self, buttons: int = 0, vis: int = 1) -> Telemetry:
        for _ in range(vis):
            self._game.ok_step(buttons)
        return self.telemetry

    def place(self, x: float, z: float, heading: float) -> None:
        """Put the kart at x, z (metres) with a heading (degrees), without driving there."""
        self._game.ok_place(round(x * 65536), round(z * 65536), round(heading / 360 * 65536) & 0xFFFF)

    def build(self, course: int, seed: int = 0) -> int:
        """Build a course without the menu; return how many drafts it took."""
        return self._game.ok_build(course, seed)

    def samples(self) -> NDArray[np.float64]:
        """Return the course's centre line: x, z, half width, left and right wall, metres [N, 5]."""
        count = self._game.ok_samples(self._samples.ctypes.data_as(ctypes.POINTER(ctypes.c_int32)))
        return self._samples[:count] / 65536

    def karts(self) -> NDArray[np.float64]:
        """Return all karts, the player's first: x, z (metres), heading (degrees), speed (km/h) [8, 4]."""
        karts = np.zeros((8, 4), np.int32)
        self._game.ok_karts(karts.ctypes.data_as(ctypes.POINTER(ctypes.c_int32)))
        return karts * (1 / 65536, 1 / 65536, 360 / 65536, 216 / (1 << 24))

    @property
    def words(self) -> NDArray[np.int32]:
        """The telemetry block's first part [64]."""
        return np.frombuffer(self._game.ok_telemetry().contents, np.int32)[:64].copy()

    @property
    def course_words(self) -> NDArray[np.int32]:
        """The telemetry block's second part, the course's words [16]."""
        return np.frombuffer(self._game.ok_telemetry().contents, np.int32)[64:].copy()

    @property
    def telemetry(self) -> Telemetry:
        return Telemetry(*self.words[: len(Telemetry._fields)].tolist())

    def frame(self) -> NDArray[np.uint8]:
        """Return the picture that the next VI shows, 5-bit RGB [120, 160, 3]."""
        pixels = np.frombuffer(self._game.ok_frame().contents, np.uint16).reshape(120, 160)
        return np.stack([pixels >> shift & 31 for shift in (11, 6, 1)], axis=-1).astype(np.uint8)

    def go_to_menu(self) -> Telemetry:
        """Go from power-on to the course select."""
        self.start()
        self.step(A)
        now = self.step()
        assert now.stage == COURSE_SELECT
        return now

    def go_to_race(self, **wanted: int) -> Telemetry:
        """Go from power-on to the first VI of the wanted race; see menu_buttons."""
        self.start()
        while (now := self.telemetry).stage != RACE:
            self.step(menu_buttons(now, **wanted))
            self.step(0)
        return now


ROWS = ("mode", "course", "seed", "level", "laps", "start", "mirror")
UP, DOWN, LEFT, RIGHT = word(y=80), word(y=-80), word(x=-80), word(x=80)
STEPS = ((1000, Z), (100, R), (10, L))


def menu_buttons(now: Telemetry, **wanted: int) -> int:
    """Return the buttons to press next, and then release, to get to a race with the wanted values of ROWS."""
    if now.stage != COURSE_SELECT:
        return A if now.stage in (TITLE, RESULTS) else 0
    hidden = {"seed": now.course != 4, "level": now.mode == 0}
    for number, row in enumerate(ROWS):
        if hidden.get(row):
            continue
        missing = wanted.get(row, getattr(now, row)) - getattr(now, row)
        if missing:
            if now.menu_row != number:
                return DOWN
            held = next((button for step, button in STEPS if row in ("seed", "start") and abs(missing) >= step), 0)
            return held | (RIGHT if missing > 0 else LEFT)
    return A


def follow(now: Telemetry, grip: float = 1.0) -> int:
    """Return the BUTTONS word of a driver that knows only what the telemetry says of the next 60 m."""
    ahead = np.array([0, *now[AHEAD : AHEAD + 6]]) / 65536 * 2 * math.pi  # [7] radians, every 10 m
    sharpest = np.maximum(np.abs(np.diff(ahead)), 1e-3) / 10  # [6] 1/m
    limits = np.sqrt(CORNERING * 0.9 * grip / sharpest + 2 * BRAKING * grip * np.array([0, 5, 15, 25, 35, 45]))
    speed = now.speed / 65536 / 3.6
    seen = 0.5 * max(speed, 0)  # distance of the point that it steers towards, metres
    return Driver._steer(now, min(90.0, 3.6 * limits.min()), math.degrees(np.interp(seen / 10, np.arange(7), ahead)))


class Driver:
    """Steers along the centre line, and brakes before the bends that it has stored."""

    def __init__(self) -> None:
        self._notes = np.full(NOTES, np.nan)  # the course's heading, in turns

    def learn(self, kart: HostKart) -> "Driver":
        """Drive one lap slowly and store the course's headings."""
        now = kart.go_to_race()
        metres = 0.0
        while now.laps_done == 0:
            self._notes[self._note(now)] = (now.heading - now.heading_error) / 65536 % 1
            metres += max(now.speed, 0) / 65536 / 3.6 / 60
            now = kart.step(self._steer(now, limit=40.0))
        self._metres = metres / NOTES
        known = np.flatnonzero(~np.isnan(self._notes))
        for i in range(NOTES):  # a place without a note gets the note before it
            self._notes[i] = self._notes[known[np.searchsorted(known, i, "right") - 1]]
        return self

    def __call__(self, now: Telemetry) -> int:
        """Return the BUTTONS word for this VI."""
        ahead = self._notes[(self._note(now) + np.arange(LOOK_AHEAD)) % NOTES]
        turns = (np.diff(ahead) + 0.5) % 1 - 0.5
        sharpest = np.abs(np.convolve(turns, np.ones(3) / 3, "valid")).max() * 2 * math.pi  # radians per note
        limit = min(90.0, 3.6 * math.sqrt(CORNERING * self._metres / max(sharpest, 1e-3)))
        seen = 1 + round(now.speed / 65536 / 30)  # distance of the point that it steers towards, in notes
        turn = (self._notes[(self._note(now) + seen) % NOTES] - self._notes[self._note(now)] + 0.5) % 1 - 0.5
        return self._steer(now, limit, turn * 360)

    @staticmethod
    def _note(now: Telemetry) -> int:
        return math.floor(now.race_progress / 65536 * NOTES) % NOTES

    @staticmethod
    def _steer(now: Telemetry, limit: float, turn: float = 0.0) -> int:
        error = now.heading_error / 65536 * 360 + now.lateral / 65536 * 14 - turn
        x = round(min(80, max(-80, -5 * error)))
        speed = now.speed / 65536
        return word(B if speed > limit + 6 else A if speed < limit else 0, x)

"""Lines on which the scripted driver is faster than on its own: `python tests/bench/fast_lines.py` searches them.

The driver's own line bends as little as the road allows, and its speeds come from a simple model of the tyres. A search
changes both, piece by piece, and keeps a change if races on the game compiled for the host become faster. The lines are
in docs/results/one-driver/lines.json.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import sys
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from bench_learn_experiments import COURSES
from programs import ROOT, hardware

from n64gym.games.openkart_driver import Driver, Style
from n64gym.games.openkart_line import Line, fastest_line
from n64gym.games.openkart_road import Road, read_road
from n64gym.games.openkart_telemetry import DRAW_FROM, TELEMETRY_WORD, read_telemetry
from n64gym.machine.controller import DRIVING
from n64gym.n64_env import VIS_PER_SECOND

sys.path.insert(0, str(ROOT / "tests" / "openkart"))

import host_env

LINES = ROOT / "docs" / "results" / "one-driver" / "lines.json"
SMALL: dict[str, Any] = {"obs_type": "grayscale", "size": (42, 42)}  # nobody looks at the pictures
KNOTS = 64  # equally spaced places of a lap; a change is given there and is smooth in between
DELAYS = (0, 13, 22)  # VIs before the start of the races that judge a line
LAPS = 2  # of these races: from the start, and at speed
VIS = 4  # of a step, as in training
LONGEST_S = 200.0  # of a race, seconds
WARMTH = 0.125  # seconds by which a line that is taken may be slower at first, on average
SLOWER = 0.1  # seconds: a race that is slower than the best mean by this much is not driven to its end
NEVER = 1 << 30  # a VI that no race reaches
LINES_SHARE, STYLES_FROM = 0.75, 0.6  # three quarters of changes are of the line, two fifths of the style
FIELDS, STYLE_SIZES = 0.4, (0.02, 0.3)  # share of Style's fields that change, and standard deviation of the logarithm
SHIFTS = 0.55  # share of pieces that shift the line; the others change its speed
PIECES = 3  # at most, of one change
WIDTHS = (0.7, 6.0)  # knots, standard deviation of a piece
SIZES = (0.15, 3.0)  # factor of a piece
METRES, SPEED = 0.8, 0.08  # standard deviations of pieces: to the side, and of the logarithm of the speed


class Change(NamedTuple):
    """What differs from the driver's own line, at KNOTS places, and from its style."""

    right: np.ndarray  # metres to the right [KNOTS]
    speed: np.ndarray  # logarithm of the factor of the speed limit [KNOTS]
    style: np.ndarray  # logarithms of the factors of Style's fields [7]


NONE = Change(np.zeros(KNOTS), np.zeros(KNOTS), np.zeros(len(Style._fields)))


def changed(road: Road, own: Line, change: Change, mirror: bool = False) -> Line:
    """Return the driver's own line with a change. mirror: whether the road is a mirror image of the change's road."""
    right, speed = (_between_knots(knots, len(own.points)) for knots in (change.right, change.speed))
    points = own.points + road.right * (-right if mirror else right)[:, None]
    return Line(points, own.speeds * np.exp(speed), own.seconds)


def style_of(change: Change) -> Style:
    """Return how the driver drives with a change."""
    return Style(*(value * math.exp(factor) for value, factor in zip(Style(), change.style, strict=True)))


def _between_knots(knots: np.ndarray, count: int) -> np.ndarray:
    """Return `count` equally spaced values of a smooth closed curve through the knots."""
    place = np.arange(count) * len(knots) / count
    before = place.astype(int)
    part = place - before
    part = part * part * (3 - 2 * part)  # smoothstep: no bend at a knot
    return knots[before % len(knots)] * (1 - part) + knots[(before + 1) % len(knots)] * part


def found(path: Path = LINES) -> dict[str, Change]:
    """Return the changes of a search by course."""
    courses = json.loads(path.read_text())["courses"]
    return {course: Change(*(np.array(line[name]) for name in Change._fields)) for course, line in courses.items()}


def road_of(course: str) -> Road:
    """Read a course's road on the emulator. The game compiled for the host cannot give it."""
    with gymnasium.make("n64gym/OpenKart-v0", **SMALL, course=course) as env:
        env.reset()
        emulator: Any = env.unwrapped
        return read_road(emulator.emulator.rdram)


class OnLine(Driver):
    """The scripted driver on a given line."""

    def __init__(self, env: Any, style: Style, road: Road, line: Line) -> None:
        super().__init__(env, style)
        self._given = road, line

    def plan(self) -> tuple[Road, Line]:
        """See Driver."""
        return self._given


class Judge:
    """Drives races without pictures, on the game compiled for the host."""

    def __init__(self, course: str) -> None:
        self.road = road_of(course)
        self.own = fastest_line(self.road)
        self._env = gymnasium.make(host_env.ENV_ID, **SMALL, course=course, laps=LAPS)
        self._starts = []
        for delay in DELAYS:
            self._env.reset()
            self._emulator: Any = self._env.unwrapped.emulator  # type: ignore[attr-defined]
            self._emulator.step(delay)
            self._starts.append(self._emulator.save_state())

    def seconds(self, change: Change, longest: float = LONGEST_S) -> float:
        """Return the mean time of the races, or infinity if one takes more than `longest` seconds."""
        line, total = changed(self.road, self.own, change), 0.0
        for start in self._starts:
            driver = OnLine(self._env, style_of(change), self.road, line)
            total += self._race(start, driver, longest)
            if total == math.inf:  # so most changes cost one race
                break
        return total / len(self._starts)

    def _race(self, start: Any, driver: Driver, longest: float) -> float:
        emulator = self._emulator
        emulator.load_state(start)
        for _ in range(int(longest * VIS_PER_SECOND / VIS)):
            emulator.rdram[TELEMETRY_WORD + DRAW_FROM] = NEVER
            emulator.step(VIS, DRIVING[driver()].word)
            if (now := read_telemetry(emulator.rdram)).finished:
                return now.race_time / VIS_PER_SECOND
        return math.inf


def search(judge: Judge, tries: int, seed: int, begin: Change = NONE) -> tuple[Change, list[dict[str, float]]]:
    """Search for a faster line. Return its change, and the mean times of the races at each improvement.

    Simulated annealing (Kirkpatrick and others, 1983): at first, slower lines are taken now and then.
    """
    random = np.random.default_rng(seed)
    here = best = begin
    now = seconds = judge.seconds(begin)
    curve = [{"tries": 0, "seconds": round(seconds, 3)}]
    for number in range(1, tries + 1):
        limit = now + random.exponential(WARMTH) * (1.0 - number / tries) ** 1.5
        tried = another(here, random)
        if (taken := judge.seconds(tried, limit + SLOWER)) <= limit:
            here, now = tried, taken
        if taken < seconds:
            best, seconds = tried, taken
            curve.append({"tries": number, "seconds": round(seconds, 3)})
    return best, curve


def another(change: Change, random: np.random.Generator) -> Change:
    """Return a copy with another line, another style, or both."""
    which = random.random()
    tried = Change(
        *(_with_pieces(change, random) if which < LINES_SHARE else (change.right, change.speed)),
        _another_style(change.style, random) if which > STYLES_FROM else change.style,
    )
    return Change(*(np.round(values, 4) for values in tried))  # as in the results


def _with_pieces(change: Change, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Add one to PIECES pieces. A piece shifts the line, or changes the speed, near one place."""
    right, speed = change.right.copy(), change.speed.copy()
    size = log_uniform(random, SIZES)
    for _ in range(random.integers(1, PIECES + 1)):
        away = np.abs((np.arange(KNOTS) - random.uniform(0, KNOTS) + KNOTS / 2) % KNOTS - KNOTS / 2)
        piece = np.exp(-0.5 * (away / log_uniform(random, WIDTHS)) ** 2) * random.normal() * size
        if random.random() < SHIFTS:
            right += METRES * piece
        else:
            speed += SPEED * piece
    return right, speed


def _another_style(style: np.ndarray, random: np.random.Generator) -> np.ndarray:
    chosen = random.random(len(style)) < FIELDS
    return style + chosen * random.normal(size=len(style)) * log_uniform(random, STYLE_SIZES)


def log_uniform(random: np.random.Generator, between: tuple[float, float]) -> float:
    """Draw a number whose logarithm is uniform."""
    return float(np.exp(random.uniform(*np.log(between))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=2500, help="for each course")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--courses", nargs="+", default=COURSES)
    parser.add_argument(
        "--on", action="store_true", help="begin with the lines of the results, not with the driver's own"
    )
    parser.add_argument("--out", type=Path, default=LINES)
    options = parser.parse_args()
    courses = {}
    for course in options.courses:
        judge = Judge(course)
        line, curve = search(judge, options.tries, options.seed, found()[course] if options.on else NONE)
        seconds = {"own_seconds": round(judge.seconds(NONE), 3), "seconds": curve[-1]["seconds"]}
        print(f"{course}: {seconds}", flush=True)
        courses[course] = (
            {name: values.tolist() for name, values in line._asdict().items()} | seconds | {"curve": curve}
        )
    about = {
        "command": f"python tests/bench/fast_lines.py {' '.join(sys.argv[1:])}".strip(),
        "date": datetime.date.today().isoformat(),
        "hardware": hardware(),
    }
    options.out.write_text(json.dumps(about | {"courses": courses}) + "\n")


if __name__ == "__main__":
    main()

"""Several runs on one map: where each kart of Open Kart was at each moment, coloured by how far training was."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from a3c64.replays.captions import GROUND, write
from a3c64.replays.course_map import CourseMap
from a3c64.replays.files import Replay
from a3c64.replays.pictures import FPS, HEIGHT, VIS, WIDTH, Problem
from n64gym import EmulatorError, MovieError, Playback, RomError
from n64gym.games.openkart_line import Road, read_road
from n64gym.games.openkart_telemetry import COURSES, FIXED, MAGIC, read_telemetry

LEGEND = 208  # pixels at the right
MOST = 12  # karts that can be told apart
TRAIL = 2 * FPS  # places that a kart draws behind it: two seconds
TEXT, ROW = 18, 20  # pixels, letters and lines of the legend
GREY = (150, 156, 168)


class Ghost(NamedTuple):
    """One run."""

    replay: Replay
    places: np.ndarray  # metres, x and z, FPS times a second [T, 2]
    course: tuple[int, int, int]  # the seed of a generated one; mirrored?


def driven(replay: Replay, rom: str) -> tuple[Ghost, Road]:
    """Play a movie and return its kart's way, and the road.

    Raises:
        MovieError: it cannot be played, or diverges.
        RomError: likewise.
        EmulatorError: likewise.
        ValueError: it is no race of Open Kart.
    """
    playback = Playback(replay.path, rom or None)
    try:
        rdram = playback.emulator.rdram
        first = read_telemetry(rdram)
        if first.magic != MAGIC or not replay.facts:
            raise ValueError("is no race of Open Kart with a JSON beside it")
        road = read_road(rdram, first)
        places = []
        while not playback.over:
            playback.advance(VIS)
            now = read_telemetry(rdram)
            places.append((now.x / FIXED, now.z / FIXED))
        if playback.diverged:
            raise MovieError(playback.diverged)
        seed = first.seed if COURSES[first.course] == "generated" else 0
        return Ghost(replay, np.array(places), (first.course, seed, first.mirror)), road
    finally:
        playback.close()


def ghosts(replays: Sequence[Replay], rom: str, problem: Problem) -> tuple[list[Ghost], Road | None]:
    """Return the ways of all that drive the course of the first, and its road."""
    found: list[Ghost] = []
    road = None
    for replay in replays:
        try:
            ghost, its_road = driven(replay, rom)
        except (MovieError, RomError, EmulatorError, ValueError) as error:
            problem(replay, str(error))
            continue
        if found and ghost.course != found[0].course:
            problem(replay, f"drives another course than {found[0].replay.path.name}: choose with --course")
            continue
        found.append(ghost)
        road = road if road is not None else its_road
    return found, road


def frames(found: Sequence[Ghost], road: Road, speed: float) -> Iterator[np.ndarray]:
    """Yield frames, uint8 RGB [HEIGHT, WIDTH, 3], until the last kart has ended."""
    course = CourseMap(road, WIDTH - LEGEND, HEIGHT)
    colours = shades([ghost.replay.step for ghost in found])
    last = max(len(ghost.places) for ghost in found)
    for now in [*np.arange(0.0, last - 1, speed).astype(int), last - 1]:
        picture = course.picture.copy()
        trails = [ghost.places[: now + 1][-TRAIL - 1 :] for ghost in found]  # one that has ended stays where it is
        for trail, colour in zip(trails, colours, strict=True):
            course.line(picture, trail, colour, 2)
        for trail, colour in zip(trails, colours, strict=True):
            course.dot(picture, trail[-1], colour)
        yield np.concatenate([picture, legend(found, colours, now / FPS)], axis=1)


def legend(found: Sequence[Ghost], colours: Sequence[tuple[int, int, int]], seconds: float) -> np.ndarray:
    """Return the legend after so many seconds: step, return or time of each, and the laps that it has done."""
    picture = np.full((HEIGHT, LEGEND, 3), GROUND, np.uint8)
    write(picture, f"{found[0].replay.course}   {seconds:.1f} s", 8, 10, 22)
    write(picture, "training step     laps, s", 26, 34, TEXT, GREY)
    top = 56
    for ghost, colour in zip(found, colours, strict=True):
        cv2.circle(picture, (14, top + 7), 6, colour, -1, cv2.LINE_AA)
        write(picture, f"{ghost.replay.step:,}", 26, top, TEXT)
        laps = ghost.replay.facts.get("lap_times", [])
        done = [lap for lap, end in zip(laps, np.cumsum(laps), strict=True) if end <= seconds]
        over = seconds * FPS >= len(ghost.places) - 1
        said = " ".join(f"{lap:.1f}" for lap in done) or (f"return {ghost.replay.total:.0f}" if over else "")
        write(picture, said, 108, top, TEXT, colour)
        top += ROW
    return picture


def shades(steps: Sequence[int]) -> list[tuple[int, int, int]]:
    """Return a colour for each step: from blue, where training began, to red, where it is."""
    order = np.argsort(np.argsort(steps, kind="stable"), kind="stable")
    levels = (30 + 200 * order / max(1, len(steps) - 1)).astype(np.uint8)
    colours = cv2.applyColorMap(levels[:, None], cv2.COLORMAP_TURBO)[:, 0, ::-1]
    return [(int(red), int(green), int(blue)) for red, green, blue in colours]

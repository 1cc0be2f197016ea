"""Several replays on one map: the place of each kart over time, coloured by its training step."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from a3c64.replays.captions import GROUND, write
from a3c64.replays.course_map import CourseMap
from a3c64.replays.files import Replay
from a3c64.replays.pictures import FPS, HEIGHT, VIS, WIDTH, Problem
from n64gym import EmulatorError, MovieError, Playback, RomError, Track, track

LEGEND = 208  # width of the legend at the right, pixels
MOST = 12  # karts; more could not be told apart
TRAIL = 2 * FPS  # places in the trail behind a kart: two seconds
TEXT, ROW = 18, 20  # font size and line height of the legend, pixels
GREY = (150, 156, 168)


class Ghost(NamedTuple):
    """One replay on the map."""

    replay: Replay
    track: Track  # its kart's places, FPS a second


def ghosts(replays: Sequence[Replay], rom: str, problem: Problem) -> list[Ghost]:
    """Play movies to their ends and return the tracks of all on the same course as the first.

    Args:
        replays: the movies.
        rom: path of an N64 ROM; empty = Open Kart.
        problem: called for each movie that cannot be played, diverges, or is on another course.
    """
    found: list[Ghost] = []
    for replay in replays:
        try:
            playback = Playback(replay.path, rom or None)
            try:
                ghost = Ghost(replay, track(playback, VIS))
            finally:
                playback.close()
        except (MovieError, RomError, EmulatorError) as error:
            problem(replay, str(error))
            continue
        if found and ghost.track.title != found[0].track.title:
            problem(replay, f"drives another course than {found[0].replay.path.name}; choose one course with --course")
            continue
        found.append(ghost)
    return found


def frames(found: Sequence[Ghost], speed: float) -> Iterator[np.ndarray]:
    """Yield frames, uint8 RGB [HEIGHT, WIDTH, 3], until the last kart's movie ends; `found` must not be empty."""
    places = [ghost.track.places for ghost in found]
    course = CourseMap(found[0].track.road, np.concatenate(places), WIDTH - LEGEND, HEIGHT)
    colours = shades([ghost.replay.step for ghost in found])
    last = max(map(len, places))
    for now in [*np.arange(0.0, last - 1, speed).astype(int), last - 1]:
        picture = course.picture.copy()
        trails = [way[: now + 1][-TRAIL - 1 :] for way in places]  # an ended kart stays at its last place
        for trail, colour in zip(trails, colours, strict=True):
            course.line(picture, trail, colour, 2)
        for trail, colour in zip(trails, colours, strict=True):
            course.dot(picture, trail[-1], colour)
        yield np.concatenate([picture, legend(found, colours, now / FPS)], axis=1)


def legend(found: Sequence[Ghost], colours: Sequence[tuple[int, int, int]], seconds: float) -> np.ndarray:
    """Return the legend at a time: the step of each kart, and its finished laps or, at the end, its return."""
    picture = np.full((HEIGHT, LEGEND, 3), GROUND, np.uint8)
    write(picture, f"{found[0].track.title}   {seconds:.1f} s", 8, 10, 22)
    write(picture, "training step     laps, s", 26, 34, TEXT, GREY)
    top = 56
    for ghost, colour in zip(found, colours, strict=True):
        cv2.circle(picture, (14, top + 7), 6, colour, -1, cv2.LINE_AA)
        write(picture, f"{ghost.replay.step:,}", 26, top, TEXT)
        laps = ghost.replay.facts.get("lap_times", [])
        done = [lap for lap, end in zip(laps, np.cumsum(laps), strict=True) if end <= seconds]
        over = seconds * FPS >= len(ghost.track.places) - 1
        said = " ".join(f"{lap:.1f}" for lap in done) or (f"return {ghost.replay.total:.0f}" if over else "")
        write(picture, said, 108, top, TEXT, colour)
        top += ROW
    return picture


def shades(steps: Sequence[int]) -> list[tuple[int, int, int]]:
    """Return a colour for each step, by rank: from blue, the earliest, to red, the latest."""
    order = np.argsort(np.argsort(steps, kind="stable"), kind="stable")
    levels = (30 + 200 * order / max(1, len(steps) - 1)).astype(np.uint8)
    colours = cv2.applyColorMap(levels[:, None], cv2.COLORMAP_TURBO)[:, 0, ::-1]
    return [(int(red), int(green), int(blue)) for red, green, blue in colours]

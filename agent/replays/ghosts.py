"""Several runs on one map: where each kart was at each moment, coloured by how far training was."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from a3c64.replays.captions import GROUND, write
from a3c64.replays.course_map import CourseMap
from a3c64.replays.files import Replay
from a3c64.replays.pictures import FPS, HEIGHT, VIS, WIDTH, Problem
from n64gym import EmulatorError, MovieError, Playback, RomError, Track, track

LEGEND = 208  # pixels at the right
MOST = 12  # karts that can be told apart
TRAIL = 2 * FPS  # places that a kart draws behind it: two seconds
TEXT, ROW = 18, 20  # pixels, letters and lines of the legend
GREY = (150, 156, 168)


class Ghost(NamedTuple):
    """One run."""

    replay: Replay
    track: Track  # where its kart was, FPS times a second


def ghosts(replays: Sequence[Replay], rom: str, problem: Problem) -> list[Ghost]:
    """Play movies and return the ways of all that drive the course of the first.

    Args:
        replays: what is played, each to its end.
        rom: empty = Open Kart.
        problem: is told of those that cannot be played, diverge, or drive elsewhere.
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
            problem(replay, f"drives another course than {found[0].replay.path.name}: choose with --course")
            continue
        found.append(ghost)
    return found


def frames(found: Sequence[Ghost], speed: float) -> Iterator[np.ndarray]:
    """Yield frames, uint8 RGB [HEIGHT, WIDTH, 3], until the last kart has ended; at least one ghost must be given."""
    places = [ghost.track.places for ghost in found]
    course = CourseMap(found[0].track.road, np.concatenate(places), WIDTH - LEGEND, HEIGHT)
    colours = shades([ghost.replay.step for ghost in found])
    last = max(map(len, places))
    for now in [*np.arange(0.0, last - 1, speed).astype(int), last - 1]:
        picture = course.picture.copy()
        trails = [way[: now + 1][-TRAIL - 1 :] for way in places]  # one that has ended stays where it is
        for trail, colour in zip(trails, colours, strict=True):
            course.line(picture, trail, colour, 2)
        for trail, colour in zip(trails, colours, strict=True):
            course.dot(picture, trail[-1], colour)
        yield np.concatenate([picture, legend(found, colours, now / FPS)], axis=1)


def legend(found: Sequence[Ghost], colours: Sequence[tuple[int, int, int]], seconds: float) -> np.ndarray:
    """Return the legend after so many seconds: step, return or time of each, and the laps that it has done."""
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
    """Return a colour for each step: from blue, where training began, to red, where it is."""
    order = np.argsort(np.argsort(steps, kind="stable"), kind="stable")
    levels = (30 + 200 * order / max(1, len(steps) - 1)).astype(np.uint8)
    colours = cv2.applyColorMap(levels[:, None], cv2.COLORMAP_TURBO)[:, 0, ::-1]
    return [(int(red), int(green), int(blue)) for red, green, blue in colours]

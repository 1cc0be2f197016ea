"""Movies as frames: one movie or a grid of several, with a caption below each."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import cv2
import numpy as np

from a3c64.envs.making import declared_for
from a3c64.output import escaped
from a3c64.replays.captions import band
from a3c64.replays.files import Replay
from n64gym import EmulatorError, MovieError, Playback, RomError

WIDTH, HEIGHT = 640, 480  # of a single movie, pixels; half of each in a grid
FPS = 30  # of films and windows
VIS = 2  # vertical interrupts a frame of a game that has 60 a second
GPU_PLUGIN = "glide64mk2"  # draws a game that draws with the GPU and was recorded without pictures
UNSEEN_VIS = 600  # vertical interrupts at once when no picture is drawn
BANDS = {WIDTH: (48, 26), WIDTH // 2: (40, 22)}  # a cell's width -> height of its caption, font size

Problem = Callable[[Replay, str], None]  # called for a movie that cannot be played to its end
Done = Callable[[Replay], None]  # called for a movie that was played


class Cell:
    """A movie that is being played, and its current picture with a caption."""

    def __init__(self, replay: Replay, rom: str, width: int, height: int) -> None:
        self.replay = replay
        self._rom = rom or None
        self._playback = Playback(replay.path, self._rom, video_size=(HEIGHT, WIDTH))
        self._size = width, height
        strip, letters = BANDS[width]
        self.picture = np.zeros((height + strip, width, 3), np.uint8)
        self.picture[height:] = band(described(replay), width, strip, letters)
        self.on = True
        self.problem = ""
        self.vis_per_second = self._playback.emulator.rom.vis_per_second

    def advance(self, vis: int, drawn: bool) -> None:
        """Play `vis` vertical interrupts; after the end or a divergence, the last picture stays."""
        if not self.on:
            return
        try:
            self._playback.advance(vis)
            if drawn and not self._playback.video and self._playback.emulator.display_lists:
                self._draw_with_gpu()
            self.problem = self._playback.diverged
            if drawn:
                self.picture[: self._size[1]] = fitted(self._playback.emulator.frame(), *self._size)
        except EmulatorError as error:
            self.problem = str(error)
        if self.problem or self._playback.over:
            self.on = False
            self.close()

    def close(self) -> None:
        """Close its emulator."""
        self._playback.close()

    def _draw_with_gpu(self) -> None:
        """Play the movie up to this moment again, with a video plugin. It does not change the game."""
        vis = self._playback.emulator.vi_count
        self._playback.close()
        self._playback = Playback(self.replay.path, self._rom, video=GPU_PLUGIN, video_size=(HEIGHT, WIDTH))
        self._playback.advance(vis - self._playback.emulator.vi_count)


def pages(
    replays: Sequence[Replay],
    rom: str,
    problem: Problem,
    done: Done,
    rows: int = 1,
    columns: int = 1,
    speed: float = 1.0,
    drawn: bool = True,
    seconds: float = 0.0,
) -> Iterator[np.ndarray]:
    """Yield frames, uint8 RGB [H, W, 3], FPS a second: pages of rows x columns movies, one page after the other.

    A movie that has ended shows its last picture until all movies of its page have ended.

    Args:
        replays: the movies.
        rom: path of an N64 ROM; empty = Open Kart.
        problem: called for each movie that cannot be played to its end.
        done: called for each other movie, at the end of its page.
        rows: of the grid.
        columns: of the grid.
        speed: multiple of the game's speed.
        drawn: draw pictures; else frames are black, which is faster.
        seconds: the longest that a page lasts; 0 = to the end.
    """
    width, height = (WIDTH, HEIGHT) if rows == columns == 1 else (WIDTH // 2, HEIGHT // 2)
    high = height + BANDS[width][0]
    frame = np.zeros((rows * high, columns * width, 3), np.uint8)
    waiting = list(replays)
    while waiting:
        with ExitStack() as opened:
            cells: list[Cell] = []
            while waiting and len(cells) < rows * columns:
                replay = waiting.pop(0)
                try:
                    cells.append(Cell(replay, rom, width, height))
                    opened.callback(cells[-1].close)
                except (MovieError, RomError, EmulatorError) as error:
                    problem(replay, str(error))
            frame[...] = 0
            shown, due = 0, 0.0
            vis = max((cell.vis_per_second for cell in cells), default=0) / FPS  # a frame at speed 1
            while any(cell.on for cell in cells) and not (seconds and shown >= seconds * FPS):
                due += vis * speed if drawn else UNSEEN_VIS
                for at, cell in enumerate(cells):
                    if cell.on:
                        cell.advance(int(due), drawn)
                        top, left = at // columns * high, at % columns * width
                        frame[top : top + high, left : left + width] = cell.picture
                due -= int(due)
                shown += 1
                yield frame
            for cell in cells:
                if cell.problem:
                    problem(cell.replay, cell.problem)
                else:
                    done(cell.replay)


def fitted(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resize a picture, uint8 [h, w, 3]: nearest neighbour to enlarge it, area means to shrink it."""
    grows = picture.shape[0] <= height
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_NEAREST if grows else cv2.INTER_AREA)


def described(replay: Replay) -> list[str]:
    """Return a caption's lines: course, step and return; below, the environment's figures of the episode."""
    facts = replay.facts
    if not facts:
        return [escaped(replay.path.name)]
    game = str(facts.get("game", ""))
    parts = [replay.course or game]
    if "training" in facts:
        parts.append(f"step {replay.step:,}")
    if "return" in facts:
        parts.append(f"return {replay.total:.1f}")
    said = [one.say_once(replay.metrics[one.name]) for one in declared_for(game).headlines(replay.metrics)]
    return ["   ".join(line) for line in ([part for part in parts if part], said) if line]

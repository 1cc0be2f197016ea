"""Movies as frames, one or several side by side, with a caption below each."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import cv2
import numpy as np

from a3c64.envs.making import declared_for
from a3c64.replays.captions import band
from a3c64.replays.files import Replay
from n64gym import EmulatorError, MovieError, Playback, RomError

WIDTH, HEIGHT = 640, 480  # of a movie that is shown alone; in a grid, half of each
FPS = 30  # of films and windows
VIS = 2  # a frame, at speed 1: 60 a second
UNSEEN_VIS = 600  # at once, where nobody looks
BANDS = {WIDTH: (48, 26), WIDTH // 2: (40, 22)}  # a cell's width -> height of its caption, and of letters

Problem = Callable[[Replay, str], None]  # told of a movie that cannot be played, or not to its end
Done = Callable[[Replay], None]  # told of one that has been


class Cell:
    """A movie being played, and its picture."""

    def __init__(self, replay: Replay, rom: str, width: int, height: int) -> None:
        self.replay = replay
        self._playback = Playback(replay.path, rom or None)
        self._size = width, height
        strip, letters = BANDS[width]
        self.picture = np.zeros((height + strip, width, 3), np.uint8)
        self.picture[height:] = band(described(replay), width, strip, letters)
        self.on = True
        self.problem = ""

    def advance(self, vis: int, drawn: bool) -> None:
        """Play on; at the end, or where it diverges, the last picture stays."""
        if not self.on:
            return
        try:
            self._playback.advance(vis)
            self.problem = self._playback.diverged
            if drawn:
                self.picture[: self._size[1]] = fitted(self._playback.emulator.frame(), *self._size)
        except EmulatorError as error:
            self.problem = str(error)
        if self.problem or self._playback.over:
            self.on = False
            self.close()

    def close(self) -> None:
        """End its emulator."""
        self._playback.close()


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
    """Yield frames, uint8 RGB [H, W, 3] FPS times a second: so many movies at once, then as many of the next.

    Those that have ended show their last picture until all of a page have.

    Args:
        replays: what is played.
        rom: empty = Open Kart.
        problem: is told of those that cannot be played.
        done: is told of the others when they have ended.
        rows: of movies.
        columns: likewise.
        speed: how many times as fast as the game.
        drawn: make pictures; else the frames are black, and nothing costs time but the emulators.
        seconds: of each page at most; 0 = to the end.
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
            while any(cell.on for cell in cells) and not (seconds and shown >= seconds * FPS):
                due += VIS * speed if drawn else UNSEEN_VIS
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
    """Return a picture, uint8 [h, w, 3], at another size: whole pixels where it grows, means where it shrinks."""
    grows = picture.shape[0] <= height
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_NEAREST if grows else cv2.INTER_AREA)


def described(replay: Replay) -> list[str]:
    """Return what a caption says: course, step, return; below it, the environment's figures of the episode."""
    facts = replay.facts
    if not facts:
        return [replay.path.name]
    game = str(facts.get("game", ""))
    parts = [replay.course or game]
    if "training" in facts:
        parts.append(f"step {replay.step:,}")
    parts.append(f"return {replay.total:.1f}")
    said = [one.say_once(replay.metrics[one.name]) for one in declared_for(game).headlines(replay.metrics)]
    return ["   ".join(line) for line in ([part for part in parts if part], said) if line]

"""Play recorded episodes in a window, into a film, or only to check them (`a3c64 replay`, `a3c64 film`)."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from a3c64.config import BadInputError
from a3c64.output import escaped, say
from a3c64.play.video import Video
from a3c64.replays import ghosts
from a3c64.replays.files import Replay, Skipped
from a3c64.replays.pictures import FPS, described, pages
from a3c64.replays.window import KEYS, ReplayWindow

EXIT_SKIPPED = 1
EXIT_NOTHING = 2


class Show(NamedTuple):
    """How replays are shown."""

    rows: int = 1
    columns: int = 1
    speed: float = 1.0
    ghosts: bool = False
    seconds: float = 0.0  # the longest that a page lasts; 0 = to the end
    mp4: Path | None = None
    window: bool = False
    rom: str = ""


class Tally:
    """Counts files and prints a line for each; on a terminal, with a progress bar below."""

    def __init__(self, total: int) -> None:
        self.played = self.skipped = 0
        console = Console(soft_wrap=True, highlight=False)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
        self._task = self._bar.add_task("replays", total=total)
        self._bar.start()

    def done(self, replay: Replay) -> None:
        """Count and print a movie that was played."""
        self.played += 1
        self._say(f"{replay.path}: {', '.join(described(replay)[0].split('   '))}")

    def problem(self, replay: Replay | Skipped, why: str) -> None:
        """Count and print a file that was skipped."""
        self.skipped += 1
        self._say(f"{replay.path}: skipped: {why.removeprefix(str(replay.path)).strip()}")

    def close(self) -> None:
        """Remove the progress bar."""
        self._bar.stop()

    def _say(self, line: str) -> None:
        self._bar.console.print(escaped(line), markup=False)
        self._bar.advance(self._task)
        sys.stdout.flush()


def replay(replays: list[Replay], skipped: list[Skipped], show: Show, stop: threading.Event) -> int:
    """Play until all movies have ended, the user quits, or `stop` is set; return the exit code.

    0: no file was skipped; 1: some were skipped; 2: some were skipped and none was played.
    """
    tally = Tally(len(replays) + len(skipped))
    with ExitStack() as opened:
        opened.callback(tally.close)
        for one in skipped:
            tally.problem(one, one.why)
        video = opened.enter_context(Video(show.mp4, FPS)) if show.mp4 else None
        window = ReplayWindow(FPS) if show.window else None
        if window:
            print(KEYS, flush=True)
            opened.callback(window.close)
        began = time.monotonic()
        for frame in _frames(replays, show, tally, drawn=video is not None or window is not None):
            if video:
                video.write(frame)
            if stop.is_set() or (window and not window.show(frame)):
                break
        spent = time.monotonic() - began
    if video and video.frames:
        seconds = video.frames / FPS
        say(f"{show.mp4}: {seconds:.1f} s of film, made in {spent:.1f} s ({seconds / spent:.1f} x real time)")
    if tally.skipped:
        print(f"{tally.played} played, {tally.skipped} skipped", flush=True)
    if not tally.played and tally.skipped:
        return EXIT_NOTHING
    return EXIT_SKIPPED if tally.skipped else 0


def _frames(replays: list[Replay], show: Show, tally: Tally, drawn: bool) -> Iterator[np.ndarray]:
    if not show.ghosts:
        yield from pages(
            replays, show.rom, tally.problem, tally.done, show.rows, show.columns, show.speed, drawn, show.seconds
        )
        return
    found = ghosts.ghosts(replays, show.rom, tally.problem)
    for ghost in found:
        tally.done(ghost.replay)
    if found and drawn:
        yield from ghosts.frames(found, show.speed)


def grid(text: str) -> tuple[int, int]:
    """Parse COLUMNSxROWS, such as 3x3, into rows and columns.

    Raises:
        BadInputError: the text has another form, or a number is not 1 to 6.
    """
    columns, _, rows = text.lower().partition("x")
    if not (columns.isdecimal() and rows.isdecimal() and 1 <= int(columns) <= 6 and 1 <= int(rows) <= 6):
        raise BadInputError(f"--grid: found {text!r}, expected columns x rows, such as 3x3, up to 6x6")
    return int(rows), int(columns)

"""The search: passes along the race, each of which tries changes of the inputs window by window.

A window's changes are tried from a savestate before it. They are judged by how far the kart has come some seconds
later, so a change that leads into a wall is not kept. The next window begins with the best inputs so far. A whole pass
counts only if it finishes the race in less time. The next pass begins with the best race so far.
"""

import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from n64gym.n64_env import VIS_PER_SECOND
from n64gym.polish.mutations import Words, changed
from n64gym.polish.racer import Moment, Racer
from n64gym.race import RaceStatus

TRIED_AT_ONCE = 8  # changes that are compared with each other, whatever the number of emulators
WINDOW_VIS = (40, 80)  # length of a window; drawn for each
AHEAD_VIS = (150, 330)  # changes are judged so long after the window's end
SPAN = 0.6  # windows beyond the window's end in which a change may still begin
SAVE_VIS = 180  # a savestate is made after so long; saving takes as much time as trying 15 changes
LEAD_VIS = (120, 300)  # the search for a lap begins so long before its line
GOOD_PACE = 0.9  # of the best race's mean speed: after the lap, no changes are tried while the kart is as fast
SLOWER = 1.5  # a race that takes this many times longer than the best is given up
NEVER_VIS = 60 * 60 * 60  # limit of the first race: an hour
MOST_VIS_PER_READ = 4  # for games that read the controller less than once a VI


class Race(NamedTuple):
    """A race to its finish."""

    words: Words  # from power-on
    status: RaceStatus  # at the finish
    lines: tuple[int, ...]  # the VI since the start at which each lap began, then that of the finish

    def told(self) -> str:
        """Return the laps and the race's time as text."""
        laps = ", ".join(f"{seconds:.2f}" for seconds in self.status.lap_times)
        return f"laps {laps} s, race {self.status.race_time:.2f} s"

    def best_lap(self) -> int:
        """Return the number of the fastest lap, from 0."""
        times = self.status.lap_times
        return len(self.lines) - 1 - len(times) + int(np.argmin(times))


@dataclass
class Effort:
    """What a search has done so far."""

    tried: int = 0  # changes
    kept: int = 0  # of these, those that a pass went on with
    passes: int = 0
    better: int = 0  # passes that made the race faster


class SearchStoppedError(Exception):
    """The search was told to stop."""


class Search:
    """Search for a faster race.

    Args:
        racers: one or more, all of the same movie. All have been brought to the start.
        start: the race's start.
        words: the movie, from power-on.
        goal: "race" makes the whole race faster, "lap" its fastest lap.
        seed: of the changes.
        effort: changes to try for each window, in each pass.
        stop: ends the search, also within a pass.
        buttons: bits of the buttons that changes may press or release.
        most: changes to try in all; 0 = no limit.

    Raises:
        EmulatorError: also from all methods.
    """

    def __init__(
        self,
        racers: Sequence[Racer],
        start: Moment,
        words: Words,
        *,
        goal: str,
        seed: int,
        effort: int,
        stop: threading.Event,
        buttons: tuple[int, ...],
        most: int = 0,
    ) -> None:
        self._racers, self._start, self._goal, self._stop = racers, start, goal, stop
        self._buttons, self._effort, self._most = buttons, effort, most
        self._generator = np.random.default_rng(seed)
        self._threads = ThreadPoolExecutor(len(racers))
        self.done = Effort()
        self.best = self._raced(words[len(start.state.samples) :], NEVER_VIS)

    def value(self, race: Race) -> tuple[float, float]:
        """Return what is to become less: seconds of the goal, then those of the race."""
        status = race.status
        return (min(status.lap_times) if self._goal == "lap" else status.race_time), status.race_time

    def one_pass(self) -> bool:
        """Search along the race once. Return whether it became faster.

        Raises:
            SearchStoppedError: `stop` was set, or all changes were tried; the pass does not count.
        """
        best, start = self.best, self._start
        lap = best.best_lap()
        vi, last = 0, best.status.laps  # the pass begins at vi; from lap `last` on, it only brings the race to its end
        if self._goal == "lap":
            vi, last = max(0, best.lines[lap] - int(self._generator.integers(*LEAD_VIS))), lap + 1
        moment, words = start, best.words[len(start.state.samples) :]
        words = np.concatenate([words, np.full(len(words), words[-1])])  # a slower race needs more
        if vi:
            moment, words = self._advanced(moment, words, vi)
        status, vis, read = moment.status, 0, 0  # where the next window begins, since the moment
        while not status.finished and status.race_time < SLOWER * best.status.race_time:
            window, ahead = (int(self._generator.integers(*bounds)) for bounds in (WINDOW_VIS, AHEAD_VIS))
            enough = GOOD_PACE if status.lap >= last else math.inf
            words = self._improved(moment, words, read, window, vis + window + ahead, enough)
            vis += window
            status, read = self._racers[0].run(moment, words, vis)
            if vis >= SAVE_VIS and not status.finished:
                moment, words = self._advanced(moment, words, vis)
                vis = read = 0
        self.done.passes += 1
        if not status.finished:
            return False
        words = np.concatenate([moment.state.samples[len(start.state.samples) :], words])
        race = self._raced(words, 2 * best.lines[-1])
        if self.value(race) >= self.value(best):
            return False
        self.best = race
        self.done.better += 1
        return True

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()

    def _improved(
        self, moment: Moment, words: Words, begin: int, window: int, vis: int, enough: float = math.inf
    ) -> Words:
        """Return the best words found for a window.

        Args:
            moment: from which the words are played.
            words: the best so far.
            begin: the window's first word.
            window: its length, in VIs.
            vis: changes are judged so long after the moment.
            enough: stop at this multiple of the best race's mean speed.
        """
        pace = self.best.status.laps / self.best.status.race_time
        seconds = vis / VIS_PER_SECOND

        def score(racer: Racer, plan: Words) -> float:
            """Return the progress in laps; after the finish it goes on at the mean pace."""
            status, _ = racer.run(moment, plan, vis)
            if not status.finished:
                return status.progress
            return status.laps + (moment.status.race_time + seconds - status.race_time) * pace

        reached = score(self._racers[0], words)
        kept = words[:begin]
        enough = moment.status.progress + enough * pace * seconds
        for _ in range(-(-self._effort // TRIED_AT_ONCE)):
            if self._stop.is_set() or (self._most and self.done.tried >= self._most):
                raise SearchStoppedError
            if reached >= enough:
                break
            span = int((1 + SPAN) * window)
            tails = [changed(words[begin:], span, self._buttons, self._generator) for _ in range(TRIED_AT_ONCE)]
            plans = [np.concatenate([kept, tail]) for tail in tails]
            scores = self._map(score, plans)
            self.done.tried += len(plans)
            top = int(np.argmax(scores))
            if scores[top] > reached:
                reached, words = scores[top], plans[top]
                self.done.kept += 1
        return words

    def _advanced(self, moment: Moment, words: Words, vis: int) -> tuple[Moment, Words]:
        """Drive on. Return the new moment, and the words that are left."""
        after = self._racers[0].advance(moment, words, vis)
        read = len(after.state.samples) - len(moment.state.samples)
        return after, words[read:]

    def _raced(self, words: Words, most_vis: int) -> Race:
        """Drive from the start to the finish."""
        found, samples = self._racers[0].to_finish(self._start, words, min(most_vis, MOST_VIS_PER_READ * len(words)))
        lines, laps = [0], 0
        for vi, status in enumerate(found, 1):
            if status.lap > laps:
                laps = status.lap
                lines.append(vi)
        return Race(samples, found[-1], tuple(lines))

    def _map(self, work: Callable[[Racer, Words], float], plans: Sequence[Words]) -> list[float]:
        """Do `work` for each plan, on all emulators at once."""
        count = len(self._racers)

        def share(n: int) -> list[float]:
            return [work(self._racers[n], plan) for plan in plans[n::count]]

        scores = [0.0] * len(plans)
        for n, found in enumerate(self._threads.map(share, range(min(count, len(plans))))):
            scores[n::count] = found
        return scores

"""Polish a movie of a race (`a3c64 polish`): search for a faster one, and write it each time that it becomes faster."""

import contextlib
import threading
import time
from pathlib import Path
from typing import NamedTuple

from a3c64.config import BadInputError, Settings, named
from a3c64.output import say
from a3c64.replays import verifying
from n64gym import EmulatorError, MovieError, Polisher, RomError, SearchStoppedError


class How(NamedTuple):
    """How to search."""

    goal: str  # "lap" or "race"
    minutes: float  # 0 = no limit
    changes: int  # to try in all; 0 = no limit
    effort: int  # changes to try for each window, in each pass
    emulators: int
    seed: int


def polish(path: Path, out: Path, settings: Settings, how: How, stop: threading.Event) -> bool:
    """Search until the time is over or `stop` is set. Return whether a faster race was found and written to `out`.

    Raises:
        BadInputError: the movie is not a whole race of this ROM, or an emulator failed.
    """
    try:
        with Polisher(
            path,
            settings.rom or None,
            settings.env_id,
            verifying.arguments(settings),
            emulators=how.emulators,
            goal=how.goal,
            seed=how.seed,
            effort=how.effort,
            stop=_Over(stop, how.minutes),
            most=how.changes,
        ) as polisher:
            return _search(polisher, path, out, how)
    except MovieError as error:
        raise BadInputError(f"{path}: refused: {error.name}: {error}") from None
    except RomError as error:
        raise BadInputError(f"{named('rom')}: {error}") from None
    except EmulatorError as error:
        raise BadInputError(f"an emulator failed: {error}; {out} has the best race so far, if there is one") from None


def _search(polisher: Polisher, path: Path, out: Path, how: How) -> bool:
    """Search, and say what was found."""
    search = polisher.search
    first, began, found = search.best, time.monotonic(), False
    limit = f"for {how.minutes:g} minutes" if how.minutes else "without a time limit"
    emulators = "1 emulator" if how.emulators == 1 else f"{how.emulators} emulators"
    say(f"{path}: {first.told()}; searching {limit} on {emulators}, Ctrl-C stops")
    with contextlib.suppress(SearchStoppedError):
        while True:
            better = search.one_pass()
            if better:
                found = True
                polisher.write(out)
            what = search.best.told() if better else "not faster"
            seconds, done = time.monotonic() - began, search.done
            say(f"pass {done.passes}, {seconds:.0f} s: {what} ({done.tried:,} changes tried)")
    seconds, done = time.monotonic() - began, search.done
    rate = done.tried / max(seconds, 1e-9)
    say(f"tried {done.tried:,} changes in {seconds:.0f} s ({rate:.1f} a second), {done.passes} passes")
    if found:
        gain = search.value(first)[0] - search.value(search.best)[0]
        say(f"{out}: {search.best.told()}; the {how.goal} is {gain:.2f} s faster")
    else:
        say(f"nothing faster was found, so {out} was not written; try more --minutes or another --seed")
    return found


class _Over(threading.Event):
    """Set when `stop` is set or the time is over."""

    def __init__(self, stop: threading.Event, minutes: float) -> None:
        super().__init__()
        self._stop, self._end = stop, time.monotonic() + 60 * minutes if minutes else float("inf")

    def is_set(self) -> bool:
        """Return whether the search must end."""
        return self._stop.is_set() or time.monotonic() >= self._end

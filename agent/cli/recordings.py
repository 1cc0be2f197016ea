"""Commands that show recorded episodes: replay, film."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from a3c64.cli.command import Command, Parsed, at_least
from a3c64.config import BadInputError, Settings, has_display


def add_replay_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `replay`."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="movies (.m64), or folders such as a run's")
    _add_showing(parser)
    parser.add_argument("--best", type=int, metavar="N", help="only the N with the highest returns")
    parser.add_argument("--since", metavar="WHEN", help="only those recorded since: 30m, 2h, 3d, or 2026-11-21T14:30")
    parser.add_argument("--course", metavar="NAME", help="only those on this course")
    parser.add_argument("--ghosts", action="store_true", help="all karts on one map of the course; Open Kart")


def replay(settings: Settings, parsed: Parsed) -> int:
    """Play recorded episodes in a window, or write a film of them; exit code 1 if some cannot be played."""
    if parsed["best"] is not None:
        at_least("best", parsed["best"], 1)
    from a3c64.processes import limit_threads

    limit_threads()
    from a3c64.replays import files as replay_files
    from a3c64.replays import ghosts
    from a3c64.replays import replay as replays

    show = replays.Show(ghosts=parsed["ghosts"], **_showing(settings, parsed))
    since = replay_files.moment(parsed["since"]) if parsed["since"] else None
    found, skipped = replay_files.find(parsed["paths"])
    chosen = replay_files.choose(found, parsed["best"], since, parsed["course"])
    if parsed["ghosts"] and len(chosen) > ghosts.MOST:
        chosen = replay_files.stages(chosen, ghosts.MOST)
    if not chosen and not skipped:
        courses = ", ".join(sorted({one.course for one in found if one.course})) or "none"
        raise BadInputError(
            f"nothing to play: no movie fits the options, out of {len(found)} found (courses: {courses}); "
            "leave options out"
        )
    return _shown(replays.replay, chosen, skipped, show)


def add_film_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `film`."""
    parser.add_argument("folder", type=Path, metavar="RUN_DIR", help="a run's folder")
    _add_showing(parser)
    parser.add_argument("--stages", type=int, default=8, metavar="N", help="how many (default: 8)")
    parser.add_argument(
        "--seconds", type=float, default=15.0, metavar="X", help="most seconds of each; 0 = all (default: 15)"
    )


def film(settings: Settings, parsed: Parsed) -> int:
    """Make a film of a whole training: one episode from each of its stages."""
    at_least("stages", parsed["stages"], 1)
    at_least("seconds", parsed["seconds"], 0)
    from a3c64.processes import limit_threads

    limit_threads()
    from a3c64.replays import files as replay_files
    from a3c64.replays import replay as replays

    show = replays.Show(seconds=parsed["seconds"], **_showing(settings, parsed))
    found, skipped = replay_files.find([parsed["folder"]])
    chosen = replay_files.stages(found, parsed["stages"])
    if not chosen and not skipped:
        raise BadInputError(f"{parsed['folder']} has no recorded episodes; expected replays/worker-K/*.m64 with JSON")
    return _shown(replays.replay, chosen, skipped, show)


def _add_showing(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how recorded episodes are shown."""
    parser.add_argument("--speed", type=float, default=1.0, metavar="X", help="times as fast as the game (default: 1)")
    parser.add_argument(
        "--grid", default="1x1", metavar="3x3", help="show several side by side: columns x rows, up to 6x6"
    )
    parser.add_argument("--mp4", type=Path, metavar="FILE", help="write a film instead of opening a window")


def _showing(settings: Settings, parsed: Parsed) -> dict[str, Any]:
    """Return the fields of `Show` that follow from these options and from the machine's display.

    Raises:
        BadInputError: an option's value is invalid, or no film can be made.
    """
    if not 0.1 <= parsed["speed"] <= 1000:
        raise BadInputError(f"--speed: found {parsed['speed']}, expected 0.1 to 1000")
    from a3c64.play.enjoy import open_display
    from a3c64.play.video import check
    from a3c64.replays.replay import grid

    rows, columns = grid(parsed["grid"])
    if parsed["mp4"]:
        check(parsed["mp4"])
    window = parsed["mp4"] is None and has_display() and open_display()
    look = {"rows": rows, "columns": columns, "speed": parsed["speed"]}
    return {**look, "mp4": parsed["mp4"], "window": window, "rom": settings.rom}


def _shown(show: Callable[..., int], chosen: Any, skipped: Any, how: Any) -> int:
    """Show the chosen episodes until Ctrl-C; return the exit code."""
    from a3c64.processes import stop_on_signals

    if not how.window and how.mp4 is None:
        print("there is no display ($DISPLAY), so nothing is shown, only checked; --mp4 FILE makes a film", flush=True)
    return show(chosen, skipped, how, stop_on_signals(insist=True))


COMMANDS = (
    Command("replay", replay, add_replay_options, "PATH..."),
    Command("film", film, add_film_options, "RUN_DIR"),
)

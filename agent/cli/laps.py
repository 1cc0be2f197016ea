"""Commands about lap times: verify, polish, records."""

import argparse
import json
import os
from pathlib import Path

from a3c64 import logs
from a3c64.cli.command import Command, Parsed, at_least
from a3c64.config import EXIT_BAD_INPUT, BadInputError, Settings
from a3c64.files import why_unwritable
from a3c64.output import escaped, say

FOLDER = Path("records")
GOALS = ("lap", "race")
EFFORT = 48  # enough for a pass along a lap in a minute


def add_verify_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `verify`."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="MOVIE", help="movies (.m64), or folders with movies")
    parser.add_argument("--json", action="store_true", help="print a list of the verified races as JSON")


def verify(settings: Settings, parsed: Parsed) -> int:
    """Play a movie from power-on and print its laps and times; exit code 2 if one is not a whole race of this ROM."""
    from a3c64.processes import limit_threads

    limit_threads()
    from a3c64.replays import verifying

    code, races = 0, []
    for path in verifying.movies(parsed["paths"]):
        checked = verifying.check(path, settings)
        if checked.race is None:
            logs.refuse("a3c64 verify", escaped(f"{path}: refused: {checked.kind}: {checked.why}"))
            code = EXIT_BAD_INPUT
        elif parsed["json"]:
            races.append({"path": str(path), **checked.race._asdict()})
        else:
            say(f"{path}: verified")
            for name, text in verifying.described(checked.race):
                say(f"  {name:<10} {text}")
    if parsed["json"]:
        print(json.dumps(races, indent=2))
    return code


def add_polish_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `polish`."""
    parser.add_argument("movie", type=Path, metavar="MOVIE", help="a movie of a whole race (.m64)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the result goes (default: MOVIE-polished.m64)")
    parser.add_argument(
        "--goal", choices=GOALS, default=GOALS[0], help="what to make faster: the fastest lap (default), or the race"
    )
    parser.add_argument("--minutes", type=float, default=10.0, metavar="X", help="0 = no limit (default: 10)")
    parser.add_argument("--changes", type=int, default=0, metavar="N", help="stop after N changes; 0 = no limit")
    parser.add_argument(
        "--effort", type=int, default=EFFORT, metavar="N", help=f"changes to try in a window (default: {EFFORT})"
    )
    parser.add_argument("--emulators", type=int, metavar="N", help="how many search at once (default: one per core)")


def polish(settings: Settings, parsed: Parsed) -> int:
    """Make a movie of a race faster by trying changes of its inputs; exit code 1 if nothing faster was found."""
    movie: Path = parsed["movie"]
    out = parsed["out"] or movie.with_name(f"{movie.stem}-polished.m64")
    emulators = parsed["emulators"] if parsed["emulators"] is not None else len(os.sched_getaffinity(0))
    for name, value, least in (("minutes", parsed["minutes"], 0), ("changes", parsed["changes"], 0)):
        at_least(name, value, least)
    at_least("effort", parsed["effort"], 1)
    at_least("emulators", emulators, 1)
    if out.suffix != ".m64":
        raise BadInputError(f"--out: found {out}, expected a name that ends in .m64")
    for path in (out, out.with_suffix(".json")):
        if path.exists():
            raise BadInputError(f"--out: {path} exists; name another file, or delete it")
        if reason := why_unwritable(path):
            raise BadInputError(f"--out: {path} cannot be written: {reason}")
    from a3c64.processes import limit_threads, stop_on_signals

    limit_threads()
    from a3c64.replays import polishing

    how = polishing.How(
        parsed["goal"], parsed["minutes"], parsed["changes"], parsed["effort"], emulators, settings.seed
    )
    return 0 if polishing.polish(movie, out, settings, how, stop_on_signals()) else 1


def add_records_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `records`."""
    parser.add_argument(
        "folder", nargs="?", type=Path, default=FOLDER, metavar="FOLDER", help=f"the records (default: {FOLDER})"
    )
    parser.add_argument(
        "--add", nargs="+", type=Path, metavar="MOVIE", help="movies to verify, and to keep if they are faster"
    )
    parser.add_argument("--json", action="store_true", help="print the list as JSON")


def records(settings: Settings, parsed: Parsed) -> int:
    """Keep the fastest verified laps and races of each course in a folder; without --add, list them."""
    folder: Path = parsed["folder"]
    if parsed["add"]:
        if parsed["json"]:
            raise BadInputError("--json prints the list of records; give it without --add")
        return _add_records(folder, parsed["add"], settings)
    from a3c64.replays.records import fastest, read
    from a3c64.report.run_summary import table

    if not (kept := fastest(read(folder))):
        raise BadInputError(f"{folder} has no records; add some: a3c64 records {folder} --add MOVIE")
    if parsed["json"]:
        told = [{**one._asdict(), "movie": one.movie, "missing": not (folder / one.movie).is_file()} for one in kept]
        print(json.dumps(told, indent=2))
        return 0
    rows = [("course", "record", "time", "game", "settings", "movie")]
    for record in kept:
        setting = ", ".join(f"{name} {value}" for name, value in record.setup.items() if name != "course")
        movie = record.movie if (folder / record.movie).is_file() else f"{record.movie} (missing)"
        rows.append((record.course, record.kind, f"{record.seconds:.2f} s", record.game, setting, movie))
    print(table(rows))
    return 0


def _add_records(folder: Path, paths: list[Path], settings: Settings) -> int:
    """Verify movies and keep the faster ones; exit code 2 if one is refused."""
    from a3c64.processes import limit_threads

    limit_threads()
    from a3c64.replays import records, verifying

    movies, earlier, code = verifying.movies(paths), records.read(folder), 0
    if reason := why_unwritable(folder / records.FILE):
        raise BadInputError(f"{folder / records.FILE} cannot be written: {reason}")
    try:
        for path in movies:
            checked = verifying.check(path, settings)
            if checked.race is None:
                logs.refuse("a3c64 records", escaped(f"{path}: refused: {checked.kind}: {checked.why}"))
                code = EXIT_BAD_INPUT
                continue
            for record, before, kept in records.add(folder, path, checked.race):
                what = f"{path}: {record.kind} on {record.course}, {record.seconds:.2f} s:"
                if kept:
                    earlier.append(record)
                    say(f"{what} kept as {folder / record.movie}" + (f", was {before.seconds:.2f} s" if before else ""))
                elif before and before.movie == record.movie:
                    say(f"{what} kept already")
                elif before:
                    say(f"{what} not faster than {folder / before.movie}, {before.seconds:.2f} s")
    finally:
        if folder.is_dir():  # last, because a slower record may be one of the movies to add
            records.remove_beaten(folder, earlier)
    return code


COMMANDS = (
    Command("verify", verify, add_verify_options, "MOVIE..."),
    Command("polish", polish, add_polish_options, "MOVIE"),
    Command("records", records, add_records_options, "[FOLDER] [--add MOVIE...]"),
)

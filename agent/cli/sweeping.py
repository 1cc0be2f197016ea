"""`a3c64 sweep`: search for better settings."""

import argparse
import logging
from pathlib import Path

from a3c64 import logs
from a3c64.cli.command import Command, Parsed, at_least
from a3c64.config import EXIT_FAILED, BadInputError, Settings, load
from a3c64.files import why_unwritable
from a3c64.output import say

log = logging.getLogger(__name__)

FOLDER = Path("sweeps")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `sweep`."""
    parser.add_argument("space", type=Path, metavar="FILE", help="the fixed settings and the ranges, TOML")
    parser.add_argument(
        "--trials", type=int, default=40, metavar="N", help="of the sweep, with those of earlier starts (default: 40)"
    )
    parser.add_argument(
        "--minutes", type=float, default=0.0, metavar="X", help="begin no trial after this time; 0 = no limit (default)"
    )
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help=f"of the study and its runs (default: {FOLDER}/NAME of the file)"
    )


def sweep(settings: Settings, parsed: Parsed) -> int:
    """Search for better settings: many short runs, whose settings Optuna chooses; the same command goes on."""
    at_least("trials", parsed["trials"], 1)
    at_least("minutes", parsed["minutes"], 0)
    from a3c64.processes import limit_threads, stop_on_signals

    limit_threads()
    from a3c64.cli.checks import check_environment
    from a3c64.sweep.space import read

    space = read(parsed["space"])
    fixed = load(space.run)
    folder: Path = parsed["folder"] or FOLDER / parsed["space"].stem
    if reason := why_unwritable(folder / "study.db"):
        raise BadInputError(f"--folder: {folder} cannot be used: {reason}")
    check_environment(fixed, space.run)
    from a3c64.report.run_summary import table

    try:
        from a3c64.sweep import results
        from a3c64.sweep.study import open_study, search
    except ModuleNotFoundError as error:
        raise BadInputError(f"sweep needs {error.name}, which is not installed: pip install 'a3c64[sweep]'") from None

    stop = stop_on_signals()
    logs.configure("sweep", settings.log_level, settings.log_format, output=2)  # standard output is for the table
    folder.mkdir(parents=True, exist_ok=True)
    study = open_study(folder, space, parsed["trials"], {name: getattr(fixed, name) for name in space.ranges})
    search(study, folder, space, parsed["trials"], parsed["minutes"], stop)
    found = results.write(folder, study, space)
    print(table(results.rows(found, space)))
    print()
    if found and found[0].score is not None:
        say(f"best, {found[0].name}: {results.best_flags(found[0])}")
        say(f"{folder / results.BEST}: for a3c64 train --preset; {folder / results.PAGE} has the curves")
    if stop.is_set():
        say("stopped; the same command goes on")
    elif all(one.error for one in found):
        log.error("no trial has finished; %s failed: %s", found[0].name, found[0].error)
        return EXIT_FAILED
    return 0


COMMANDS = (Command("sweep", sweep, add_options, "FILE"),)

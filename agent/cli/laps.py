"""Commands about lap times: verify."""

import argparse
import json
from pathlib import Path

from a3c64 import logs
from a3c64.cli.command import Command, Parsed
from a3c64.config import EXIT_BAD_INPUT, Settings
from a3c64.output import escaped, say


def add_verify_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `verify`."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="MOVIE", help="movies (.m64), or folders with movies")
    parser.add_argument("--json", action="store_true", help="print a list of the verified races as JSON")


def verify(settings: Settings, parsed: Parsed) -> int:
    """Play a movie from power-on and print its laps and times; exit code 2 if one is no whole race of this ROM."""
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


COMMANDS = (Command("verify", verify, add_verify_options, "MOVIE..."),)

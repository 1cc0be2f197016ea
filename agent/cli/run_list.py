"""Commands that read run folders: runs, compare."""

import argparse
import json
import time
from pathlib import Path

from a3c64.cli.command import Command, Parsed
from a3c64.config import BadInputError, Settings
from a3c64.output import say

DEFAULT = Path("runs")


def add_runs_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `runs`."""
    parser.add_argument("folders", nargs="*", type=Path, default=[DEFAULT], metavar="FOLDER", help="default: runs")
    parser.add_argument("--json", action="store_true", help="print them as JSON")


def runs(settings: Settings, parsed: Parsed) -> int:
    """List runs: environment, steps, evaluations, age, and whether a server is running."""
    from a3c64.paramserver.run_lock import holder
    from a3c64.report.run_summary import age, find, score, summarise, table

    missing = [folder for folder in parsed["folders"] if not folder.is_dir()]
    if missing:
        raise BadInputError(f"{missing[0]} is not a folder; `a3c64 train` makes {DEFAULT}/default")
    found = [summarise(path) for folder in parsed["folders"] for path in find(folder)]
    if parsed["json"]:
        told = [
            {
                "folder": str(run.folder),
                "env_id": run.hyperparameters.get("env_id"),
                "steps": run.steps,
                "last": run.last and run.last.plain(),
                "best": run.best and run.best.plain(),
                "written": run.written,
                "server": holder(run.folder) or None,
            }
            for run in found
        ]
        print(json.dumps(told, indent=2))
        return 0
    if not found:
        raise BadInputError(f"no run in {', '.join(map(str, parsed['folders']))}; `a3c64 train` begins one")
    rows = [("run", "environment", "steps", "last evaluation", "best evaluation", "saved", "server")]
    for run in found:
        env_id, scores = str(run.hyperparameters.get("env_id", "-")), (score(run.last), score(run.best))
        saved = f"{age(time.time() - run.written)} ago"
        rows.append((str(run.folder), env_id, f"{run.steps:,}", *scores, saved, holder(run.folder) or "-"))
    print(table(rows))
    return 0


def add_compare_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `compare`."""
    parser.add_argument("folders", nargs="+", type=Path, metavar="RUN", help="folders of runs, two or more")
    out = Path("comparison.html")
    parser.add_argument("--out", type=Path, default=out, metavar="FILE", help=f"the page with curves (default: {out})")


def compare(settings: Settings, parsed: Parsed) -> int:
    """Compare runs: a table of their differences, and a page with their learning curves."""
    from a3c64.report import comparison
    from a3c64.report.run_summary import find, summarise, table

    folders = [path for folder in parsed["folders"] for path in find(folder)]
    for folder in parsed["folders"]:
        if not any(path.is_relative_to(folder) for path in folders):
            raise BadInputError(f"{folder} is not a run's folder; `a3c64 runs` lists them")
    if len(folders) < 2:
        raise BadInputError(f"found {len(folders)} run, expected two or more; `a3c64 runs` lists them")
    found = [summarise(folder) for folder in folders]
    comparison.write(parsed["out"], found)
    print(table(comparison.rows(found)))
    print()
    say(f"{parsed['out']} has their learning curves")
    return 0


COMMANDS = (
    Command("runs", runs, add_runs_options, "[FOLDER ...]"),
    Command("compare", compare, add_compare_options, "RUN RUN ..."),
)

"""The report of `a3c64 doctor`: a Markdown file without pictures and memory of the game."""

import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from a3c64.files import write_whole
from a3c64.output import escaped
from n64gym import Finding

ABOUT = (
    "This file holds no picture, no memory, and no other data of a game, and no name of a folder or host. "
    "You can attach it to an issue."
)


def write(path: Path, parts: Mapping[str, Sequence[Finding]]) -> None:
    """Write the findings of each part, by its title.

    Raises:
        OSError: the file cannot be written.
    """
    day = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    lines = ["# a3c64 doctor", "", f"a3c64 {version('a3c64')}, {day}. {ABOUT}"]
    for title, findings in parts.items():
        lines += ["", f"## {title}", "", "| | Check | Found | To do |", "|---|---|---|---|"]
        lines += [f"| {' | '.join(map(_cell, finding))} |" for finding in findings]
    write_whole(path, ("\n".join(lines) + "\n").encode())


def _cell(text: str) -> str:
    """Return a text for a cell of a table; a ROM's name may be a stranger's."""
    return escaped(str(text)).replace("|", "\\|").replace("<", "&lt;")

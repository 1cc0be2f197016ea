"""The documents: their headings, listings and commands."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
RESULTS = sorted((ROOT / "docs" / "results").glob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "env-image" / "README.md", *sorted((ROOT / "docs").glob("*.md")), *RESULTS]
PROGRAMS = (
    "a3c64",
    "make",
    "docker",
    "docker-compose",
    "python",
    "pytest",
    "scp",
    "ssh",
    "sudo",
    "source",
    "pip",
    "git",
)
FENCE = re.compile(r"^( *)```(\w*)(?: title=\"([^\"]*)\")?\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"\s+# .*$")


class Listing(NamedTuple):
    """A fenced block."""

    page: Path
    language: str
    title: str
    text: str


class Line(NamedTuple):
    """One command or setting, as the reader types it."""

    page: Path
    text: str


def listings() -> list[Listing]:
    """All fenced blocks of all pages."""
    return [Listing(page, m[2], m[3] or "", m[4]) for page in PAGES for m in FENCE.finditer(page.read_text())]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", page.read_text())


def headings(page: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)


def lines_to_type() -> list[Line]:
    """Every line of an indented block, and every code span that begins with the name of a program."""
    found = []
    for page in PAGES:
        text = prose(page)
        blocks = re.findall(r"(?:^\n|\A)((?:^ {4,}\S.*\n)+)", text, re.MULTILINE)
        for block in blocks:
            if re.match(r" +(- |\d+\. )", block):  # a nested list
                continue
            joined = re.sub(r"\\\n\s*", " ", block)
            found += [Line(page, COMMENT.sub("", line).strip()) for line in joined.splitlines()]
        spans = re.findall(r"`([^`\n]+)`", re.sub(r"^ {4,}\S.*$", "", text, flags=re.MULTILINE))
        found += [Line(page, span) for span in spans if span.split()[0].removeprefix(".venv/bin/") in PROGRAMS]
    return found

"""How many machines one server carries, from the results of bench_server.py: a table in Markdown.

python tests/bench/ceiling.py docs/results/server.json prints the table of docs/machines.md.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

GRADIENTS_S = 16.0  # of one core, Open Kart: 2,560 steps a second, 160 steps a gradient
WORKERS = "64"  # enough that the server always has a message waiting
CORES = (2, 8, 64)
GIGABIT = 125e6  # bytes a second, each way
HEAD = (
    "| Messages | Server CPU per gradient, ms | of it the busiest thread | Gradients/s at most | Two-core machines "
    "| Eight-core | 64-core | KB per gradient, to the server and from it | Gradients/s that fill 1 Gbit/s |\n"
    "|---|---|---|---|---|---|---|---|---|"
)
Figures = dict[str, float]


def ceiling(figures: Figures) -> float:
    """Return the most gradients a second: the server's busiest thread then has a whole core."""
    return 1000.0 / figures["busiest_ms"]


def machines(gradients_s: float, cores: int) -> str:
    """Return how many machines make so many gradients a second: whole ones, or a tenth."""
    number = gradients_s / (GRADIENTS_S * cores)
    return f"{int(number)}" if number >= 1.0 else f"{number:.1f}"


def row(name: str, figures: Figures) -> str:
    """Return a line of the table."""
    most = ceiling(figures)
    kilobytes = max(figures["sent_kb"], figures["received_kb"])
    link = GIGABIT / (1000 * kilobytes)
    carried = " | ".join(machines(most, cores) for cores in CORES)
    return (
        f"| {name} | {figures['cpu_ms']:.2f} | {figures['busiest_ms']:.2f} | {most:,.0f} | {carried} "
        f"| {figures['sent_kb']:.0f} and {figures['received_kb']:.0f} | {link:,.0f} |"
    )


def table(results: dict[str, Any]) -> str:
    """Return the table of a file, with a line for each form of messages, by its measurement with WORKERS workers."""
    most = {form: rows[WORKERS] for form, rows in results["rows"].items()}
    memory = results["rows"][next(iter(most))]
    return "\n".join(
        [
            HEAD,
            *(row(form, figures) for form, figures in most.items()),
            "",
            f"Memory of the server, {next(iter(most))}: "
            + ", ".join(f"{figures['resident_mb']:.0f} MB with {count}" for count, figures in memory.items())
            + " workers.",
        ]
    )


def main() -> None:
    print(table(json.loads(Path(sys.argv[1]).read_text())))


if __name__ == "__main__":
    main()

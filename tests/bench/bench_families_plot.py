"""Writes the table and the picture of docs/results/environments.md from docs/results/families/*.json.

python tests/bench/bench_families_plot.py runs in the environment of requirements/plot.txt.
"""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from bench_learn_experiments import RESULTS
from bench_learn_plot import COLOURS, NAMES, fill
from families import FAMILIES

PICTURE = "families.png"
SIDES = ("a3c64", "ppo")
COLUMNS = 3  # of the picture

Runs = dict[tuple[str, str], list[dict[str, Any]]]  # environment, algorithm -> one run per seed


def load(folder: Path) -> Runs:
    found: Runs = defaultdict(list)
    for path in sorted(folder.glob("*.json")):
        result = json.loads(path.read_text())
        found[result["family"], result["algorithm"]].append(result)
    return found


def number(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.0f}"


def played(runs: list[dict[str, Any]], way: str) -> str:
    """Return the mean over the seeds, and the seeds' values in brackets."""
    values = [run[way]["mean_return"] for run in runs]
    return f"**{number(statistics.mean(values))}** ({', '.join(map(number, values))})" if values else "-"


def steps(runs: list[dict[str, Any]]) -> str:
    return f"{round(statistics.mean(run['steps'] for run in runs), -3):,.0f}" if runs else "-"


def table(runs: Runs) -> str:
    """Return a table with two rows per environment."""
    lines = [
        "| Environment | Seconds | Solved from | | Greedy | Drawn | Steps |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, family in FAMILIES.items():
        for side in SIDES:
            found = runs.get((name, side), [])
            first = side == SIDES[0]
            seconds = f"{found[0]['time_limit']:.0f}" if found else f"{family.seconds:.0f}"
            solved = "-" if family.threshold is None else f"{family.threshold:g}"
            lines.append(
                f"| {family.env_id if first else ''} | {seconds if first else ''} | {solved if first else ''} "
                f"| {NAMES[side]} | {played(found, 'greedy')} | {played(found, 'drawn')} | {steps(found)} |"
            )
    return "\n".join(lines)


def commands(runs: Runs) -> str:
    """Return the commands of the first seed's runs; the other seeds differ only in the number."""
    lines = []
    for name in FAMILIES:
        for side in SIDES:
            for run in runs.get((name, side), [])[:1]:
                lines.append(f"- {run['date']}, ended after {run['seconds']:.0f} s: `{run['command']}`")
    return "\n".join(lines)


def picture(path: Path, runs: Runs) -> None:
    """Draw the return in training over wall-clock time: one chart per environment, one line per run."""
    rows = -(-len(FAMILIES) // COLUMNS)
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(11, 2.5 * rows), layout="constrained")
    for axis in axes.flat[len(FAMILIES) :]:
        axis.set_visible(False)
    for axis, (name, family) in zip(axes.flat, FAMILIES.items(), strict=False):
        for side in SIDES:
            for place, run in enumerate(runs.get((name, side), [])):
                label = NAMES[side] if place == 0 else None
                times, returns = [p["seconds"] for p in run["curve"]], [p["return"] for p in run["curve"]]
                axis.plot(times, returns, color=COLOURS[side], linewidth=1, alpha=0.8, label=label)
        if family.threshold is not None:
            axis.axhline(family.threshold, color="grey", linestyle=":")
        axis.set_title(family.env_id, fontsize=9)
        axis.grid(alpha=0.3)
        axis.tick_params(labelsize=7)
    axes.flat[0].legend(fontsize=7)
    figure.supxlabel("seconds since the command", fontsize=9)
    figure.supylabel("return in training, last 100 episodes", fontsize=9)
    figure.savefig(path, dpi=100, metadata={"Software": None})
    plt.close(figure)


def main() -> None:
    runs = load(RESULTS / "families")
    picture(RESULTS / PICTURE, runs)
    page = RESULTS / "environments.md"
    shown = f"{table(runs)}\n\n![Return in training over wall time]({PICTURE})\n\n{commands(runs)}"
    fill(page, {"families": shown})
    print(f"{page}: {sum(map(len, runs.values()))} runs of families")


if __name__ == "__main__":
    main()

"""Writes the tables and pictures of docs/results/goals.md from docs/results/*.json: `make bench-learn-plot`.

python tests/bench/bench_learn_plot.py runs in the environment of requirements/plot.txt. It writes the parts of a page
between the markers, so that no figure is typed by hand.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from bench_learn_experiments import EXPERIMENTS, FINISHES, RESULTS

COLOURS = {"a3c64": "tab:blue", "ppo": "tab:orange", "a2c": "tab:green"}
NAMES = {"a3c64": "a3c64", "ppo": "Stable-Baselines3 PPO", "a2c": "Stable-Baselines3 A2C"}
TOGETHER = ("openkart", "openkart-ppo", "openkart-a2c")  # experiments in one picture
MARKERS = "<!-- {name}: written by tests/bench/bench_learn_plot.py -->"

Results = dict[str, list[dict[str, Any]]]  # experiment -> one result per seed


def load(folder: Path) -> Results:
    found: Results = defaultdict(list)
    for path in sorted(folder.glob("*-seed*.json")):
        result = json.loads(path.read_text())
        found[result["experiment"]].append(result)
    return found


def minutes(seconds: float | None) -> str:
    return "not reached" if seconds is None else f"{seconds / 60:.1f} min"


def number(value: float | None, form: str = ".1f") -> str:
    return "-" if value is None else format(value, form)


def table(results: Results) -> str:
    """Return a table with one row per run."""
    lines = ["| | Seed | Goal | Reached after | At the end | Steps | Wall time |", "|---|---|---|---|---|---|---|"]
    for name, experiment in EXPERIMENTS.items():
        goal = experiment.goal
        bound = f">= {goal.at_least:g}" if goal.at_least != float("-inf") else f"<= {goal.at_most:.2f}"
        for result in results.get(name, []):
            end = result["last"]
            shown = number(end[goal.measure], ".2f" if goal.measure != "mean_return" else ".1f")
            if result["before"]:
                shown += f" (before: {number(result['before'][goal.measure], '.2f')})"
            lines.append(
                f"| {experiment.title} | {result['seed']} | {goal.measure} {bound} "
                f"| {minutes(result['reached_seconds'])} | {shown} of {end['n']} {end['policy']} "
                f"| {result['steps']:,} | {minutes(result['seconds'])} |"
            )
    return "\n".join(lines)


def against(results: Results) -> str:
    """Return a table with the time to 95 % finishes of a3c64 and the others, medians over the seeds."""
    lines = ["| | Runs | Reached the goal | Time to 95 % finishes, median |", "|---|---|---|---|"]
    times = {}
    for name in TOGETHER:
        runs = results.get(name, [])
        if not runs:
            continue
        reached = [run["reached_seconds"] if run["reached_seconds"] is not None else float("inf") for run in runs]
        times[name] = statistics.median_high(reached)
        middle = times[name] if times[name] != float("inf") else None
        count = sum(one != float("inf") for one in reached)
        lines.append(f"| {NAMES[runs[0]['algorithm']]} | {len(runs)} | {count} | {minutes(middle)} |")
    ours, others = times.get("openkart"), [times[name] for name in TOGETHER[1:] if name in times]
    if ours not in (None, float("inf")) and others and min(others) != float("inf"):
        lines.append(f"\nOurs takes {ours / min(others):.2f} of the time of the faster of the others (wanted: 0.5).")
    return "\n".join(lines)


def par_table(par: dict[str, Any]) -> str:
    """Return a table of the scripted policy's times."""
    lines = ["| Course | Best lap, s | Race of three laps, s |", "|---|---|---|"]
    for course, times in par["courses"].items():
        lines.append(f"| {course} | {times['best_lap_s']:.2f} | {times['race_s']:.2f} |")
    many = par["generated"]
    lines.append(f"| generated: {many['finished']} of {many['races']} finished | {many['best_lap_s']:.2f}, mean | |")
    return "\n".join(lines)


def commands(results: Results) -> str:
    """Return a list with the command, the machine and the versions of every run."""
    lines = []
    for name in EXPERIMENTS:
        for result in results.get(name, []):
            machine, versions = result["hardware"], result["versions"]
            packages = ", ".join(f"{package} {number}" for package, number in versions.items())
            lines.append(
                f"- {name}, seed {result['seed']}, {result['date']}: `{result['command']}`, ended by bench_learn.py "
                f"after {minutes(result['seconds'])}; {machine['cores']} cores, "
                f"{machine['cpu']}, load {machine['load_before']} before the start; {packages}"
            )
    return "\n".join(lines)


def picture(path: Path, runs: list[dict[str, Any]], title: str) -> None:
    """Draw two charts over wall-clock time: the return in training, and the goal's figure in evaluations."""
    goal = EXPERIMENTS[runs[0]["experiment"]].goal
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    named = set()
    for run in runs:
        algorithm = run["algorithm"]
        style: dict[str, Any] = {"color": COLOURS[algorithm], "alpha": 0.8}
        label = None if algorithm in named else NAMES[algorithm]
        named.add(algorithm)
        axes[0].plot(*points(run["curve"], "return"), label=label, linewidth=1, **style)
        axes[1].plot(*points(run["evaluations"], goal.measure), "o-", label=label, markersize=4, **style)
    figure.suptitle(title)
    axes[0].set(title="return, last 100 episodes", xlabel="minutes")
    axes[1].set(title=f"judged: {goal.measure}", xlabel="minutes")
    axes[1].axhline(goal.at_least if goal.at_least != float("-inf") else goal.at_most, color="grey", linestyle=":")
    if goal == FINISHES:
        axes[1].set_ylim(-0.02, 1.02)
    for axis in axes:
        axis.set_xlim(left=0)
        axis.grid(alpha=0.3)
    axes[0].legend()
    figure.savefig(path, dpi=100, metadata={"Software": None})
    plt.close(figure)


def points(values: list[dict[str, Any]], name: str) -> tuple[list[float], list[float]]:
    known = [one for one in values if one[name] is not None]
    return [one["seconds"] / 60 for one in known], [one[name] for one in known]


def pictures(results: Results) -> str:
    """Draw all pictures; return the Markdown that shows them."""
    shown = []
    together = [run for name in TOGETHER for run in results.get(name, [])]
    groups = {"openkart": together} | {name: runs for name, runs in results.items() if name not in TOGETHER}
    for name, runs in groups.items():
        if runs:
            picture(RESULTS / f"{name}.png", runs, EXPERIMENTS[name].title)
            shown.append(f"![{EXPERIMENTS[name].title}: return and judgements over wall time]({name}.png)")
    return "\n\n".join(shown)


def fill(page: Path, parts: dict[str, str]) -> None:
    """Put each part between its two markers in a page of docs/results."""
    text = page.read_text()
    for name, part in parts.items():
        marker, end = MARKERS.format(name=name), f"<!-- end of {name} -->"
        if marker not in text or end not in text:
            sys.exit(f"{page.name} lacks {marker} or {end}: put both where the {name} should stand")
        pattern = re.escape(marker) + ".*?" + re.escape(end)
        written = f"{marker}\n\n{part or 'No run yet.'}\n\n{end}"
        text = re.sub(pattern, lambda _, written=written: written, text, flags=re.DOTALL)
    page.write_text(text)


def main() -> None:
    results = load(RESULTS)
    parts = {
        "table": table(results) if results else "",
        "against": against(results) if any(name in results for name in TOGETHER) else "",
        "pictures": pictures(results),
        "commands": commands(results),
    }
    fill(RESULTS / "goals.md", parts)
    fill(RESULTS / "one-driver.md", {"par": par_table(json.loads((RESULTS / "par.json").read_text()))})
    print(f"{RESULTS / 'goals.md'}: {sum(map(len, results.values()))} runs")


if __name__ == "__main__":
    main()

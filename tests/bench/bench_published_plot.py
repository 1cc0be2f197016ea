"""Writes the table and the picture of docs/results/published.md from docs/results/published/*.json.

python tests/bench/bench_published_plot.py runs in the environment of requirements/plot.txt. bench_stability.py
writes the runs: `--set preset=universe --name universe --workers 16 --results docs/results/published`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from bench_learn_experiments import RESULTS
from bench_learn_plot import fill

PICTURE = "published.png"
BESIDE = {  # runs with the preset that the environment's id chooses, which are on this page for other reasons
    "ALE/Breakout-v5": "families/ale-breakout-a3c64-seed*.json",
    "ALE/Pong-v5": "pong/cropped-not-sticky-seed*.json",
    "n64gym/OpenKart-v0": "stability/openkart-default-2workers-seed*.json",
}
DEFAULT = "default"

Run = dict[str, Any]


def load(results: Path) -> list[Run]:
    """Return all runs, those of the default presets last."""
    published = [json.loads(path.read_text()) for path in sorted((results / "published").glob("*.json"))]
    played = {run["env_id"] for run in published}
    defaults = [
        json.loads(path.read_text()) | {"name": DEFAULT, "env_id": env_id}
        for env_id, pattern in BESIDE.items()
        if env_id in played
        for path in sorted(results.glob(pattern))
    ]
    return published + defaults


def points(run: Run) -> list[tuple[int, float]]:
    """Return the curve: steps, and the mean return of the last 100 episodes in training."""
    named = [(point["step"], point.get("rollout/ep_rew_mean", point.get("return"))) for point in run["curve"]]
    return [(step, value) for step, value in named if value is not None]


def row(run: Run) -> str:
    curve = points(run)
    best = max(curve, key=lambda point: point[1])
    took = f"{run['cpu_seconds'] / 60:.0f} min of {run['seconds'] / 3600:.1f} h, {run['hardware']['load_before']}"
    return (
        f"| {run['env_id']} | {run['name']} | {run.get('workers', '')} | {run['seed']} | {run['steps']:,} "
        f"| {curve[0][1]:.1f} | {best[1]:.1f} ({best[0]:,}) | {curve[-1][1]:.1f} | {took} | {run['date']} |"
    )


def table(runs: list[Run]) -> str:
    """Return a table with one row for each run of a published agent."""
    head = "| Environment | Preset | Workers | Seed | Steps | First | Best (step) | Last | CPU time, load | Date |"
    shown = sorted((run for run in runs if run["name"] != DEFAULT), key=lambda run: (run["env_id"], run["name"]))
    return "\n".join([head, "|---" * 10 + "|", *map(row, shown)])


def picture(path: Path, runs: list[Run]) -> None:
    """Draw a chart for each environment: the return in training over environment steps, a line for each run."""
    environments = sorted({run["env_id"] for run in runs})
    colours = dict(zip(sorted({run["name"] for run in runs}), plt.colormaps["tab20"].colors, strict=False))
    figure, axes = plt.subplots(
        1, len(environments), figsize=(5 * len(environments), 3.6), squeeze=False, layout="constrained"
    )
    for axis, env_id in zip(axes[0], environments, strict=True):
        labelled = set()
        for run in (run for run in runs if run["env_id"] == env_id and points(run)):
            label = None if run["name"] in labelled else run["name"]
            labelled.add(run["name"])
            steps, returns = zip(*points(run), strict=True)
            axis.plot(steps, returns, color=colours[run["name"]], linewidth=1, alpha=0.8, label=label)
        axis.set(title=env_id, xlabel="environment steps", ylabel="return, last 100 episodes", xscale="log")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=7)
    figure.savefig(path, dpi=100, metadata={"Software": None})
    plt.close(figure)


def main() -> None:
    runs = load(RESULTS)
    if not runs:
        sys.exit("no run of a published agent yet")
    picture(RESULTS / PICTURE, runs)
    page = RESULTS / "published.md"
    shown = f"{table(runs)}\n\n![Return in training over steps: published agents and default presets]({PICTURE})"
    fill(page, {"published": shown})
    print(f"{page}: {len(runs)} runs")


if __name__ == "__main__":
    main()

"""Writes the section "Stability" of docs/results.md and its picture from docs/results/stability/*.json.

python tests/bench/bench_stability_plot.py [DOCS] runs in the environment of requirements/plot.txt.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from bench_learn_plot import DOCS, fill

GOALS = {"finish_rate": 0.95, "mean_return": 475.0}  # Open Kart, CartPole
RETURNS = {"finish_rate": 380.0, "mean_return": 475.0}  # a run counts as learned from this mean return in training on
PICTURE = "stability.png"

Runs = dict[tuple[str, str, int], list[dict[str, Any]]]  # environment, settings, workers -> one run per seed


def load(folder: Path) -> Runs:
    found: Runs = defaultdict(list)
    for path in sorted(folder.glob("*.json")):
        result = json.loads(path.read_text())
        found[result["env_id"], result["name"], result["workers"]].append(result)
    return found


def measure_of(run: dict[str, Any]) -> str:
    return "finish_rate" if "finish_rate" in run["judgements"][0] else "mean_return"


def reached(run: dict[str, Any]) -> int | None:
    """Return the number of the first evaluation that reaches the goal, or None."""
    measure = measure_of(run)
    values = [judgement[measure] for judgement in run["judgements"]]
    return next((number for number, value in enumerate(values) if value >= GOALS[measure]), None)


def lowest_return(run: dict[str, Any]) -> float | None:
    """Return the lowest mean return in training since the first that counts as learned; None if there is none."""
    returns = [point["rollout/ep_rew_mean"] for point in run["curve"] if "rollout/ep_rew_mean" in point]
    goal = RETURNS[measure_of(run)]
    first = next((number for number, value in enumerate(returns) if value >= goal), None)
    return None if first is None else min(returns[first:])


def row(key: tuple[str, str, int], runs: list[dict[str, Any]]) -> str:
    env_id, name, workers = key
    firsts = [reached(run) for run in runs]
    later = [
        [judgement[measure_of(run)] for judgement in run["judgements"][first:]]
        for run, first in zip(runs, firsts, strict=True)
        if first is not None
    ]
    kept = [value >= 0.8 * max(values) for values in later for value in values]
    steps = [run["judgements"][first]["step"] for run, first in zip(runs, firsts, strict=True) if first is not None]
    settings = ", ".join(f"{k} {v}" for k, v in runs[0]["settings"].items()) or "the defaults"
    lowest = [value for value in map(lowest_return, runs) if value is not None]
    return (
        f"| {env_id} | {name}: {settings} | {workers} | {', '.join(str(run['seed']) for run in runs)} "
        f"| {max(run['steps'] for run in runs):,} "
        f"| {f'{statistics.median(steps):,.0f}' if steps else 'not reached'} ({len(steps)} of {len(runs)}) "
        f"| {f'{min(map(min, later)):g}' if later else '-'} "
        f"| {f'{statistics.mean(kept):.0%}' if kept else '-'} "
        f"| {f'{min(lowest):.0f} ({len(lowest)} of {len(runs)})' if lowest else '-'} |"
    )


def table(runs: Runs) -> str:
    head = (
        "| Environment | Settings | Workers | Seeds | Steps | At the goal after, median | Lowest judgement since "
        "| Judgements at 80 % of the best or more, since | Lowest mean return in training once learned |"
    )
    return "\n".join([head, "|---" * 9 + "|", *(row(key, runs[key]) for key in sorted(runs))])


def picture(path: Path, runs: Runs) -> None:
    """Draw the mean return in training and the evaluations, with one thin line per seed."""
    environments = sorted({key[0] for key in runs})
    figure, axes = plt.subplots(len(environments), 2, figsize=(10, 3.6 * len(environments)), layout="constrained")
    for pair, env_id in zip(axes.reshape(-1, 2), environments, strict=True):
        for number, key in enumerate(key for key in sorted(runs) if key[0] == env_id):
            for run in runs[key]:
                measure, label = measure_of(run), f"{key[1]}, {key[2]} workers" if run is runs[key][0] else None
                style: dict[str, Any] = {"color": f"C{number}", "linewidth": 0.8, "alpha": 0.8, "label": label}
                known = [point for point in run["curve"] if "rollout/ep_rew_mean" in point]
                pair[0].plot([p["step"] / 1e6 for p in known], [p["rollout/ep_rew_mean"] for p in known], **style)
                judged = run["judgements"]
                pair[1].plot([j["step"] / 1e6 for j in judged], [j[measure] for j in judged], ".-", **style)
        pair[0].set(title=f"{env_id}: return in training, last 100 episodes", xlabel="million steps")
        pair[1].set(title=f"judged, 20 greedy episodes: {measure}", xlabel="million steps")
        pair[0].legend(fontsize=7)
        for axis in pair:
            axis.grid(alpha=0.3)
    figure.savefig(path, dpi=100, metadata={"Software": None})
    plt.close(figure)


def main() -> None:
    docs = Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS
    runs = load(docs / "results" / "stability")
    picture(docs / PICTURE, runs)
    page = docs / "results.md"
    shown = f"{table(runs)}\n\n![Mean return in training, and judgements, of every run]({PICTURE})"
    page.write_text(fill(page.read_text(), {"stability": shown}))
    print(f"{page}: {sum(map(len, runs.values()))} runs of stability")


if __name__ == "__main__":
    main()

"""Writes the tables and the picture of docs/results/stability.md and others from docs/results/stability/*.json.

python tests/bench/bench_stability_plot.py runs in the environment of requirements/plot.txt.
"""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from bench_learn_experiments import RESULTS
from bench_learn_plot import fill


class Goal(NamedTuple):
    """What a run of an environment is to reach."""

    measure: str  # of an evaluation
    evaluation: float
    training: float  # a run counts as learned from this mean return in training on


GOALS = {
    "n64gym/OpenKart-v0": Goal("finish_rate", 0.95, 380.0),
    "CartPole-v1": Goal("mean_return", 475.0, 475.0),
    "LunarLander-v3": Goal("mean_return", 200.0, 200.0),
    "ALE/Pong-v5": Goal("mean_return", 18.0, 18.0),
    "CarRacing-v3": Goal("mean_return", 900.0, 900.0),
}
PAGES = {"ALE/Pong-v5": "pong", "CarRacing-v3": "environments"}  # other environments' runs are in the page "stability"
PICTURE = "stability.png"
BESIDE = ("old-defaults", "default")  # the settings that the picture shows, from left to right; the table has all
WORKERS = 2  # of the runs in the picture

Runs = dict[tuple[str, str, int], list[dict[str, Any]]]  # environment, settings, workers -> one run per seed


def load(folder: Path) -> Runs:
    found: Runs = defaultdict(list)
    for path in sorted(folder.glob("*.json")):
        result = json.loads(path.read_text())
        found[result["env_id"], result["name"], result["workers"]].append(result)
    return found


def values_of(run: dict[str, Any]) -> list[float]:
    """Return the measure of the run's goal in each evaluation."""
    return [judgement[GOALS[run["env_id"]].measure] for judgement in run["judgements"]]


def reached(run: dict[str, Any]) -> int | None:
    """Return the number of the first evaluation that reaches the goal, or None."""
    goal = GOALS[run["env_id"]].evaluation
    return next((number for number, value in enumerate(values_of(run)) if value >= goal), None)


def since(run: dict[str, Any]) -> list[float]:
    """Return the evaluations since the first at the goal: an empty list without one."""
    first = reached(run)
    return [] if first is None else values_of(run)[first:]


def lowest_return(run: dict[str, Any]) -> float | None:
    """Return the lowest mean return in training since the first that counts as learned; None if there is none."""
    returns = [point["rollout/ep_rew_mean"] for point in run["curve"] if "rollout/ep_rew_mean" in point]
    goal = GOALS[run["env_id"]].training
    first = next((number for number, value in enumerate(returns) if value >= goal), None)
    return None if first is None else min(returns[first:])


def kept(runs: list[dict[str, Any]]) -> list[bool]:
    """Return for each evaluation since the first at the goal whether it is at 80 % of its run's best or more."""
    return [value >= 0.8 * max(later) for run in runs if (later := since(run)) for value in later]


def row(key: tuple[str, str, int], runs: list[dict[str, Any]]) -> str:
    env_id, name, workers = key
    firsts = [reached(run) for run in runs]
    lowest_since = [min(later) for run in runs if (later := since(run))]
    good = kept(runs)
    steps = [run["judgements"][first]["step"] for run, first in zip(runs, firsts, strict=True) if first is not None]
    settings = ", ".join(f"{k} {v}" for k, v in runs[0]["settings"].items()) or "the defaults"
    lowest = [value for value in map(lowest_return, runs) if value is not None]
    return (
        f"| {env_id} | {name}: {settings} | {workers} | {', '.join(str(run['seed']) for run in runs)} "
        f"| {max(run['steps'] for run in runs):,} "
        f"| {f'{statistics.median(steps):,.0f}' if steps else 'not reached'} ({len(steps)} of {len(runs)}) "
        f"| {f'{min(lowest_since):g}' if lowest_since else '-'} "
        f"| {f'{statistics.mean(good):.0%}' if good else '-'} "
        f"| {f'{min(lowest):.0f} ({len(lowest)} of {len(runs)})' if lowest else '-'} |"
    )


def table(runs: Runs) -> str:
    head = (
        "| Environment | Settings | Workers | Seeds | Steps | At the goal after, median | Lowest evaluation since "
        "| Evaluations at 80 % of the best or more, since | Lowest mean return in training once learned |"
    )
    return "\n".join([head, "|---" * 9 + "|", *(row(key, runs[key]) for key in sorted(runs))])


def picture(path: Path, runs: Runs) -> None:
    """Draw the settings of BESIDE side by side, for environments that have both.

    The return in training is a thin line per seed, evaluations are dots.
    """
    ran = [{env_id for env_id, name, workers in runs if (name, workers) == (beside, WORKERS)} for beside in BESIDE]
    environments = sorted(set.intersection(*ran))
    size = (5 * len(BESIDE), 3.6 * len(environments))
    figure, axes = plt.subplots(
        len(environments), len(BESIDE), figsize=size, sharex="row", sharey="row", squeeze=False, layout="constrained"
    )
    for line, env_id in zip(axes, environments, strict=True):
        for axis, name in zip(line, BESIDE, strict=True):
            shown = runs[env_id, name, WORKERS]
            good = kept(shown)
            share = f"\n{statistics.mean(good):.0%} of evaluations at 80 % of the best, once learned" if good else ""
            axis.set_title(f"{env_id}, {name}{share}", fontsize=9)
            axis.set(xlabel="million steps", ylabel="return")
            axis.grid(alpha=0.3)
            for number, run in enumerate(shown):
                known = [point for point in run["curve"] if "rollout/ep_rew_mean" in point]
                steps, returns = [p["step"] / 1e6 for p in known], [p["rollout/ep_rew_mean"] for p in known]
                axis.plot(steps, returns, color=f"C{number}", linewidth=0.8, label=f"seed {run['seed']}, in training")
                judged = run["judgements"]
                steps, returns = [j["step"] / 1e6 for j in judged], [j["mean_return"] for j in judged]
                axis.plot(steps, returns, ".", color=f"C{number}", label=f"seed {run['seed']}, 20 episodes")
            axis.legend(fontsize=6, loc="lower right")
    figure.savefig(path, dpi=100, metadata={"Software": None})
    plt.close(figure)


def main() -> None:
    runs = load(RESULTS / "stability")
    picture(RESULTS / PICTURE, runs)
    for page in ("stability", *PAGES.values()):
        shown = {key: found for key, found in runs.items() if PAGES.get(key[0], "stability") == page}
        fill(RESULTS / f"{page}.md", {"stability": table(shown)})
    print(f"{RESULTS / 'stability.md'}: {sum(map(len, runs.values()))} runs of stability")


if __name__ == "__main__":
    main()

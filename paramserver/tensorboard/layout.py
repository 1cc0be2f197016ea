"""How TensorBoard shows a run: its hyperparameters as a table, and charts in groups (the page Custom Scalars)."""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from tensorboard.plugins.custom_scalar.layout_pb2 import Category, Chart, Layout, MultilineChartContent

from a3c64.config import Hyperparameters, variable

HYPERPARAMETERS = "run/hyperparameters"
OBSERVATION = "rollout/observation"
STALENESS = "train/staleness_distribution"


class Lines(NamedTuple):
    """A chart: its title, and regular expressions of the tags that are lines of it."""

    title: str
    tags: tuple[str, ...]


LEARNING = [
    Lines("Return of an episode", ("rollout/ep_rew_mean", "eval/mean_reward")),
    Lines("Length of an episode, steps", ("rollout/ep_len_mean", "eval/mean_length")),
    Lines("Steps a second", ("time/fps",)),
]
RACING = [  # those of which the environment tells something
    Lines("Races finished, share", ("env/finished", "eval/finish_rate")),
    Lines("Laps driven", ("env/progress", "eval/progress")),
    Lines("Best lap, s", ("env/best_lap_s", "eval/best_lap")),
    Lines("Lap by lap, s", (r"env/lap_\d+_s",)),
    Lines("Race, s", ("env/race_time_s", "eval/race_time_s")),
    Lines("Place", ("env/place", "eval/place")),
    Lines("Off the road, share of steps", ("env/off_road", "eval/off_road")),
    Lines("Collisions", ("env/collisions", "eval/collisions")),
    Lines("Return, term by term", ("env/reward_.*",)),
]
LOSSES = [
    Lines("Policy loss", ("train/policy_loss",)),
    Lines("Value loss", ("train/value_loss",)),
    Lines("Entropy", ("train/entropy",)),
    Lines("Gradient's norm before clipping", ("train/grad_norm",)),
    Lines("Change of the policy, nats", ("train/kl",)),
    Lines("Pace", ("train/pace",)),
    Lines("Learning rate", ("train/learning_rate",)),
    Lines("Staleness, updates", ("train/staleness",)),
]
TIME = [
    Lines("A worker's time, shares", ("time/(act|step|differentiate|exchange|load|show)",)),
    Lines("The server's time, shares", ("time/server_.*",)),
    Lines("Steps so far", ("time/total_timesteps",)),
]
WORKERS = [
    Lines("Alive", ("workers/alive",)),
    Lines("Joined and lost so far", ("workers/(joined|lost)",)),
    Lines("Messages not acted on, emulators restarted", ("workers/refused", "env/emulator_restarts")),
]
EVALUATION = [
    Lines("Return of greedy episodes", ("eval/mean_reward",)),
    Lines("The environment's figures", ("eval/(?!mean_|reward_).*",)),
]
OPEN = ("Learning", "Racing", "The environment")  # groups that are not folded up


def layout(metrics: Iterable[str]) -> Layout:
    """Return the groups of charts, for an environment that reports certain metrics with its episodes."""
    told = {f"env/{name}" for name in metrics}
    racing = [chart for chart in RACING if told & _matched(chart, told)]
    shown = set().union(*(_matched(chart, told) for chart in [*RACING, *WORKERS]))
    other = [
        Lines(name.removeprefix("env/"), (re.escape(name), re.escape(name.replace("env/", "eval/", 1))))
        for name in sorted(told - shown)
    ]
    groups = {
        "Learning": LEARNING,
        "Racing": racing,
        "The environment": other,
        "Losses": LOSSES,
        "Where the time goes": TIME,
        "Workers": WORKERS,
        "Evaluation": EVALUATION,
    }
    return Layout(
        category=[
            Category(title=title, closed=title not in OPEN, chart=map(_chart, charts))
            for title, charts in groups.items()
            if charts
        ]
    )


def hyperparameters_text(run: Hyperparameters, command: str) -> str:
    """Return a Markdown table of all hyperparameters, with those that are not the default in bold, and the command."""
    rows = ["| Variable | Value | Default | |", "|---|---|---|---|"]
    for name, field in Hyperparameters.model_fields.items():
        value, default = getattr(run, name), field.default
        shown = _cell(value) if value == default else f"**{_cell(value)}**"
        rows.append(f"| {variable(name)} | {shown} | {_cell(default)} | {_cell(field.description)} |")
    return "\n".join([f"    {command}", "", *rows])


def _matched(chart: Lines, tags: Iterable[str]) -> set[str]:
    return {tag for tag in tags if any(re.fullmatch(pattern, tag) for pattern in chart.tags)}


def _chart(lines: Lines) -> Chart:
    whole = [f"{pattern}$" for pattern in lines.tags]  # TensorBoard looks only at how a tag begins
    return Chart(title=lines.title, multiline=MultilineChartContent(tag=whole))


def _cell(value: Any) -> str:
    return "" if value is None else str(value).replace("|", "\\|")

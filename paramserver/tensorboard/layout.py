"""TensorBoard's layout of a run: a table of hyperparameters, and groups of charts (the page Custom Scalars)."""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from tensorboard.plugins.custom_scalar.layout_pb2 import Category, Chart, Layout, MultilineChartContent

from a3c64.config import variable
from a3c64.envs.figures import Figure, Figures
from a3c64.hyperparameters import Hyperparameters

HYPERPARAMETERS = "run/hyperparameters"
OBSERVATION = "rollout/observation"
STALENESS = "train/staleness_distribution"


class LineChart(NamedTuple):
    """A chart: its title, and regular expressions of the tags that it shows."""

    title: str
    tags: tuple[str, ...]


LEARNING = [
    LineChart("Return of an episode", ("rollout/ep_rew_mean", "eval/mean_reward")),
    LineChart("Length of an episode, steps", ("rollout/ep_len_mean", "eval/mean_length")),
    LineChart("Steps a second", ("time/fps",)),
]
LOSSES = [
    LineChart("Policy loss", ("train/policy_loss",)),
    LineChart("Value loss", ("train/value_loss",)),
    LineChart("Entropy", ("train/entropy",)),
    LineChart("Gradient's norm before clipping", ("train/grad_norm",)),
    LineChart("Change of the policy, nats", ("train/kl",)),
    LineChart("Pace", ("train/pace",)),
    LineChart("Learning rate", ("train/learning_rate",)),
    LineChart("Staleness, updates", ("train/staleness",)),
]
TIME = [
    LineChart("A worker's time, shares", ("time/(act|step|differentiate|exchange|load|show)",)),
    LineChart("The server's time, shares", ("time/server_.*",)),
    LineChart("Steps so far", ("time/total_timesteps",)),
]
WORKERS = [
    LineChart("Alive", ("workers/alive",)),
    LineChart("Joined and lost so far", ("workers/(joined|lost)",)),
    LineChart("Messages not acted on, emulators restarted", ("workers/refused", "env/emulator_restarts")),
    LineChart("Failures of the tracker and of the command after checkpoints", ("outside/.*",)),
    LineChart("Connections refused", ("workers/refused_connections",)),
]
EVALUATION = [
    LineChart("Return of evaluations", ("eval/mean_reward",)),
    LineChart("The environment's figures", ("eval/(?!mean_|reward_).*",)),
    LineChart("Evaluations in a row far below the best, returns to the best weights", ("guard/(fallen|restored)",)),
]
OPEN = ("Learning", "The environment")  # groups that are expanded at first


def layout(metrics: Iterable[str], declared: Figures) -> Layout:
    """Return the groups of charts.

    Args:
        metrics: names of the figures that the environment reports with its episodes.
        declared: its declarations of them.
    """
    in_workers = _matched(WORKERS, (f"env/{name}" for name in metrics))
    groups = {
        "Learning": LEARNING,
        "The environment": [
            _of_figure(figure) for figure in declared.grouped(metrics) if f"env/{figure.name}" not in in_workers
        ],
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


def hyperparameters_text(hyperparameters: Hyperparameters, command: str) -> str:
    """Return the command and a Markdown table of all hyperparameters. Values other than the default are bold."""
    rows = ["| Variable | Value | Default | |", "|---|---|---|---|"]
    for name, field in Hyperparameters.model_fields.items():
        value, default = getattr(hyperparameters, name), field.default
        shown = _cell(value) if value == default else f"**{_cell(value)}**"
        rows.append(f"| {variable(name)} | {shown} | {_cell(default)} | {_cell(field.description)} |")
    return "\n".join([f"    {command}", "", *rows])


def _of_figure(figure: Figure) -> LineChart:
    """Return the chart of a figure. A name with * has many lines, so its chart shows only those of training."""
    training = f"env/{figure.pattern}"
    return LineChart(figure.title, (training,) if "*" in figure.name else (training, f"eval/{figure.pattern}"))


def _matched(charts: Iterable[LineChart], tags: Iterable[str]) -> set[str]:
    patterns = [pattern for chart in charts for pattern in chart.tags]
    return {tag for tag in tags if any(re.fullmatch(pattern, tag) for pattern in patterns)}


def _chart(lines: LineChart) -> Chart:
    whole = [f"{pattern}$" for pattern in lines.tags]  # TensorBoard matches only the beginning of a tag
    return Chart(title=lines.title, multiline=MultilineChartContent(tag=whole))


def _cell(value: Any) -> str:
    return "" if value is None else str(value).replace("|", "\\|")

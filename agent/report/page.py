"""The report of an evaluation: one HTML file without scripts (`a3c64 eval --report FILE.html`)."""

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

import numpy as np

from a3c64.config import BadInputError
from a3c64.envs.episode import Episode
from a3c64.envs.figures import Figures
from a3c64.files import write_whole
from a3c64.hyperparameters import Hyperparameters
from a3c64.policy.policy_file import Policy
from a3c64.report import history
from a3c64.report import races as course_report
from a3c64.report.charts import Series, chart, histogram, number
from a3c64.report.trace import Trace

COURSES = 4  # the most courses that are drawn
LINE = '<span class="key line"></span>training, last 100 episodes'


def write(
    path: Path,
    hyperparameters: Hyperparameters,
    policy: Policy | None,
    greedy: bool,
    episodes: Sequence[Episode],
    figures: Figures,
    traces: Sequence[Trace],
    folder: Path | None,
) -> None:
    """Write the report.

    Args:
        path: of the file; its folder is created.
        hyperparameters: of the episodes.
        policy: the policy that played; None = random actions.
        greedy: whether the actions were greedy.
        episodes: the episodes, at least one.
        figures: the figures that the environment declares.
        traces: the races, if the episodes were races.
        folder: the policy's run folder, for learning curves; None = no curves.

    Raises:
        BadInputError: the file cannot be written.
    """
    learning = learned(folder, figures) if folder else ""
    style = files("a3c64.report").joinpath("report.css").read_text()
    actions = "greedy actions" if greedy else "drawn actions"
    player = f"a policy of {policy.step:,} steps, {actions}" if policy else "random actions"
    made = f"<footer>Made by <code>{escape(policy.command)}</code></footer>" if policy else ""
    page = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f"<title>{escape(hyperparameters.env_id)}: a3c64 report</title><style>{style}</style></head>\n<body>"
        f"<header><h1>{escape(hyperparameters.env_id)}</h1>"
        f"<p>{len(episodes)} episodes with {player}, seed {hyperparameters.seed}</p></header>"
        f"\n{facts(episodes, figures)}\n{learning}\n{played(episodes, figures, traces)}\n{made}</body></html>\n"
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, page.encode())
    except OSError as error:
        raise BadInputError(f"--report: {path} cannot be written: {error.strerror}") from None


def facts(episodes: Sequence[Episode], figures: Figures) -> str:
    """Return the tiles at the top, as HTML."""
    returns = [episode.total_reward for episode in episodes]
    shown = [("mean return", f"{np.mean(returns):.1f}", f"± {np.std(returns):.1f}")]
    summed_up = figures.sum_up(episodes)
    for one in figures.headlines(summed_up):
        value, _, unit = one.show(summed_up[one.name]).partition(" ")
        shown.append((one.label if one.summary != "mean" else f"mean {one.label}", value, unit))
    series = figures.series(episodes)
    for one, values in series.items():
        shown.append((f"median {one.label.replace('*', '').strip()}", f"{np.median(values):.2f}", one.unit))
    if not series:
        shown.append(("mean length", number(float(np.mean([episode.length for episode in episodes]))), "steps"))
    tiles = [
        f"<div><b>{value}</b> <i>{escape(unit)}</i><span>{escape(name)}</span></div>" for name, value, unit in shown
    ]
    return f'<section class="facts">{"".join(tiles)}</section>'


def learned(folder: Path, figures: Figures) -> str:
    """Return the learning curves of a run folder, as HTML."""
    curves = history.curves(folder)
    evaluations = sorted(history.evaluations(folder), key=lambda one: one.step)
    how = " and ".join(sorted({one.actions for one in evaluations}, reverse=True))
    dots = f'<span class="key dot"></span>evaluations, {how} actions' if how else ""
    drawn = []
    for title, tag, name in history.charts(figures, [(curves, evaluations)]):
        curve = curves.get(tag)
        found = {one.step: one.numbers[name] for one in evaluations if name in one.numbers}
        steps, values = np.array(list(found), float), np.array(list(found.values()), float)
        if curve is not None:  # an evaluation is drawn at the time when training had reached its step
            over = [Series(curve.steps, curve.values, "line"), Series(steps, values, "dot", "points")]
            clock = curves.get("time/total_timesteps", curve)
            minutes = np.interp(steps, clock.steps, clock.minutes)
            timed = [over[0]._replace(x=curve.minutes), over[1]._replace(x=minutes)]
            drawn.append(figure(f"{title} over steps", chart(title, "environment steps", over), f"{LINE} {dots}"))
            drawn.append(figure(f"{title} over time", chart(title, "minutes of training", timed), f"{LINE} {dots}"))
        elif found:
            only = chart(title, "environment steps", [Series(steps, values, "dot", "points")])
            drawn.append(figure(f"{title} over steps", only, dots))
    if not drawn:
        return f"<p>{escape(folder.name)} has neither TensorBoard data nor evaluations: no learning curve.</p>"
    return f'<h2>Learning</h2><section class="grid">{"".join(drawn)}</section>'


def played(episodes: Sequence[Episode], figures: Figures, traces: Sequence[Trace]) -> str:
    """Return the charts of the episodes, as HTML."""
    drawn, series = [], figures.series(episodes)
    for one, values in series.items():
        said = f"{len(values)} of {len(episodes)} episodes"
        drawn.append(figure(one.title, histogram(one.title, one.title, values), said))
    if not series:
        returns, lengths = zip(*((episode.total_reward, episode.length) for episode in episodes), strict=True)
        drawn.append(figure("Returns", histogram("Returns", "return of an episode", returns)))
        drawn.append(figure("Lengths", histogram("Lengths", "steps of an episode", lengths)))
    courses = sorted({trace.course for trace in traces})
    for course in courses[:COURSES]:
        there = [trace for trace in traces if trace.course == course]
        name = f" on {course}" if course else ""
        if speeds := course_report.speeds(there):
            said = "each lap a thin line, their median the bold one; km/h"
            drawn.append(figure(f"Speed round the lap{name}", speeds, said))
        if map_ := course_report.lines(there):
            drawn.append(figure(f"Driven lines{name}", map_.svg, map_.legend, "wide"))
    more = f"<p>{len(courses) - COURSES} more courses were driven.</p>" if len(courses) > COURSES else ""
    return (
        f'<h2>Driving</h2><section class="grid">{"".join(drawn)}</section>{more}'
        if traces
        else (f'<h2>Episodes</h2><section class="grid">{"".join(drawn)}</section>')
    )


def figure(title: str, svg: str, said: str = "", kind: str = "") -> str:
    """Return a chart with its title and caption, as HTML."""
    caption = f"<figcaption>{said}</figcaption>" if said else ""
    return f'<figure class="{kind}"><h3>{escape(title)}</h3>{svg}{caption}</figure>'

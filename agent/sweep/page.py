"""The page of a sweep: its table, the scores, the learning curves, and the score against each setting. No scripts."""

import math
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from a3c64.report.charts import Series, chart
from a3c64.report.page import figure
from a3c64.report.run_summary import table
from a3c64.sweep.space import Range, Space

if TYPE_CHECKING:
    from a3c64.sweep.results import Result


def page(folder: Path, found: "Sequence[Result]", space: Space) -> str:
    """Return the page as HTML.

    Args:
        folder: of the sweep, for the title.
        found: all trials, the best first.
        space: the sweep's file.
    """
    from a3c64.sweep.results import best_flags, rows

    scored = [one for one in found if one.score is not None]
    drawn = []
    if scored:
        drawn.append(figure("Mean return of each trial", _scores(scored), "Line: the best so far."))
    curved = [one for one in found if one.curve]
    if curved:
        known = [one for one in curved if one.state != "finished"], [one for one in curved if one.state == "finished"]
        series = [_curve(one, "thin") for part in known for one in part]
        if scored and scored[0].curve:
            series.append(_curve(scored[0], "bold"))
        svg = chart("Mean return in training", "environment steps", series)
        drawn.append(figure("Mean return in training", svg, "Thick: the best trial. Pruned trials end early."))
    if scored:
        drawn += [figure(name, *_against(name, searched, scored)) for name, searched in space.ranges.items()]
    title = f"Sweep {folder.resolve().name}: {len(found)} trials of {space.run.get('env_id', '')}"
    best = f"<p>Best: {escape(best_flags(scored[0]))}</p>" if scored else "<p>No trial has finished.</p>"
    style = files("a3c64.report").joinpath("report.css").read_text()
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f"<title>{escape(title)}</title><style>{style}</style></head>\n"
        f"<body><header><h1>{escape(title)}</h1>{best}</header>"
        f'<section class="grid">{"".join(drawn)}</section>\n'
        f"<pre>{escape(table(rows(found, space)))}</pre></body></html>\n"
    )


def _curve(one: "Result", style: str) -> Series:
    return Series(np.array([*one.curve], float), np.array([*one.curve.values()], float), style)


def _scores(scored: "Sequence[Result]") -> str:
    ordered = sorted(scored, key=lambda one: one.name)
    x = np.array([int(one.name.rpartition("-")[2]) for one in ordered], float)
    y = np.array([one.score for one in ordered], float)
    best = np.maximum.accumulate(y)
    return chart("Mean return of each trial", "trial", [Series(x, best, "line"), Series(x, y, "dot", "points")])


def _against(name: str, searched: Range | tuple[Any, ...], scored: "Sequence[Result]") -> tuple[str, str]:
    """Return the scores against one setting, and a caption."""
    said = ""
    label, values = name, [one.values[name] for one in scored]
    if isinstance(searched, Range):
        if searched.log:
            label, values = f"log10 of {name}", [math.log10(value) for value in values]
    else:  # at equal distances, in the file's order
        values = [searched.index(value) for value in values]
        said = ", ".join(f"{k} = {str(value).lower()}" for k, value in enumerate(searched))
    points = Series(np.array(values, float), np.array([one.score for one in scored], float), "dot", "points")
    return chart(f"Mean return against {name}", label, [points]), escape(said)

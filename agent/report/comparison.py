"""Compare runs: a table of their differences, and a page with their learning curves (`a3c64 compare`)."""

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

import numpy as np

from a3c64.config import BadInputError
from a3c64.envs.making import declared_for
from a3c64.files import write_whole
from a3c64.policy.shareable import shareable
from a3c64.report import history
from a3c64.report.charts import Series, chart
from a3c64.report.page import figure
from a3c64.report.run_summary import RunSummary, changed, score, table

COLOURS = 8  # of report.css, path.c0 to path.c7


def rows(runs: Sequence[RunSummary]) -> list[list[str]]:
    """Return a row for each quantity and each setting that differs between runs; a column for each run."""
    told = [
        ["", *(str(run.folder) for run in runs)],
        ["steps", *(f"{run.steps:,}" for run in runs)],
        ["last evaluation", *(score(run.last) for run in runs)],
        ["best evaluation", *(score(run.best) for run in runs)],
        ["env_id", *(str(run.hyperparameters.get("env_id", "-")) for run in runs)],
    ]
    settings = [shareable(run.hyperparameters) for run in runs]  # the table is also a page to be shared
    names = sorted(set().union(*settings) - {"env_id"})
    for name in names:
        values = [str(known.get(name, "-")) for known in settings]
        if len(set(values)) > 1:
            told.append([name, *values])
    if any(changed(run.folder) for run in runs):
        told.append(["changed on resume", *("yes" if changed(run.folder) else "no" for run in runs)])
    return told


def write(path: Path, runs: Sequence[RunSummary]) -> None:
    """Write a page with the table and the learning curves of all runs.

    Raises:
        BadInputError: the page cannot be written.
    """
    style = files("a3c64.report").joinpath("report.css").read_text()
    known = [(run, history.curves(run.folder), history.evaluations(run.folder)) for run in runs]
    names = "".join(
        f'<span class="key line c{k % COLOURS}"></span>{escape(str(run.folder))} ' for k, run in enumerate(runs)
    )
    drawn = []
    env_id = str(runs[0].hyperparameters.get("env_id", ""))
    for title, tag, name in history.charts(
        declared_for(env_id), [(curves, evaluations) for _, curves, evaluations in known]
    ):
        over_steps, over_time = [], []
        for k, (_, curves, evaluations) in enumerate(known):
            colour = f"c{k % COLOURS}"
            if (curve := curves.get(tag)) is not None:
                over_steps.append(Series(curve.steps, curve.values, f"line {colour}"))
                over_time.append(Series(curve.minutes, curve.values, f"line {colour}"))
            found = [(one.step, one.numbers[name]) for one in evaluations if name in one.numbers]
            if found:
                steps, values = np.array(found, float).T
                over_steps.append(Series(steps, values, f"dot {colour}", "points"))
        for over, axis in ((over_steps, "environment steps"), (over_time, "minutes of training")):
            if over:
                drawn.append(figure(f"{title} over {axis}", chart(title, axis, over), names))
    page = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f"<title>a3c64: {len(runs)} runs</title><style>{style}</style></head>\n<body>"
        f"<header><h1>{len(runs)} runs</h1>"
        "<p>Lines: training, last 100 episodes. Dots: evaluations.</p></header>"
        f'<pre>{escape(table(rows(runs)))}</pre>\n<section class="grid">{"".join(drawn)}</section></body></html>\n'
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, page.encode(errors="replace"))
    except OSError as error:
        raise BadInputError(f"--out: {path} cannot be written: {error.strerror}") from None

"""The report page: it is well formed, its curves are right, and it loads nothing from elsewhere."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from a3c64.config import BadInputError
from a3c64.envs.episode import Episode
from a3c64.envs.figures import UNDECLARED
from a3c64.hyperparameters import Hyperparameters
from a3c64.paramserver.tensorboard.event_file import EventFile
from a3c64.play.evaluate import evaluate
from a3c64.policy import policy_file
from a3c64.report import history
from a3c64.report import page as report
from a3c64.report.charts import number, ticks
from a3c64.report.trace import PLACES, Trace, lap_speeds

SVG = "svg"
EVALUATED = {"step": 20, "version": 2, "seconds": 9.0, "episodes": 4, "mean_reward": 55.0, "mean_length": 7.0}


def figures(page: Path) -> dict[str, ElementTree.Element]:
    """Check that a page is well formed and loads nothing from elsewhere; return title -> figure."""
    text = page.read_text()
    assert not re.search(r"https?:|//\w|<script|<link|@import|url\(", text)
    assert "prefers-color-scheme: dark" in text
    root = ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>"))
    found = {figure.findtext("h3", ""): figure for figure in root.iter("figure")}
    assert all(figure.find(SVG) is not None for figure in found.values())
    return found


def chart_a_run(folder: Path) -> None:
    for begin, steps in ((0, (10, 20, 30)), (21, (30, 40))):  # the second start resumed at step 20
        events = EventFile(folder / "tensorboard", begin)
        for step in steps:
            events.scalars({"rollout/ep_rew_mean": float(begin + step), "env/best_lap_s": 50.0 - step / 10}, step)
        events.close()
        [path] = (p for p in (folder / "tensorboard").iterdir() if not p.name.startswith("done"))
        path.rename(path.with_name(f"done.{begin:03d}.tfevents"))
    means = {"finish_rate": 0.5, "best_lap": 44.0}
    (folder / "evaluation.json").write_text(json.dumps([EVALUATED | {"means": means}]))


def test_a_curve_leaves_out_steps_that_a_restart_undid(tmp_path):
    chart_a_run(tmp_path)
    curve = history.curves(tmp_path)["rollout/ep_rew_mean"]
    assert curve.steps.tolist() == [10, 20, 30, 40]
    assert curve.values.tolist() == [10, 20, 51, 61]
    assert (np.diff(curve.minutes) >= 0).all()
    torn = tmp_path / "tensorboard" / "done.021.tfevents"
    torn.write_bytes(torn.read_bytes()[:-5])
    assert history.curves(tmp_path)["rollout/ep_rew_mean"].steps.tolist() == [10, 20, 30]
    assert history.curves(tmp_path / "nowhere") == {}
    (tmp_path / "evaluation.json").write_text('{"a": 1}')
    assert history.evaluations(tmp_path) == []


def test_the_page_says_how_actions_were_chosen(tmp_path):
    chart_a_run(tmp_path)
    played = [Episode(1.0, 10, {})]
    path = tmp_path / "evaluation.json"
    for kinds, said in (
        ([{}], "greedy"),
        ([{"actions": "drawn"}], "drawn"),
        ([{}, {"actions": "drawn"}], "greedy and drawn"),
    ):
        path.write_text(
            json.dumps([EVALUATED | kind | {"step": 20 + n, "figures": {}} for n, kind in enumerate(kinds)])
        )
        policy = policy_file.bundled("n64gym/OpenKart-v0")
        report.write(tmp_path / "r.html", Hyperparameters(), policy, False, played, UNDECLARED, [], tmp_path)
        page = (tmp_path / "r.html").read_text()
        assert f"evaluations, {said} actions" in page
        assert f"a policy of {policy.step:,} steps, drawn actions" in page


@pytest.mark.parametrize("episodes", [1, 30])
def test_an_environment_without_laps_gets_curve_returns_and_lengths(tmp_path, episodes):
    chart_a_run(tmp_path)
    hyperparameters = Hyperparameters(env_id="CartPole-v1")
    played = [Episode(float(k % 7), 10 + k, {}) for k in range(episodes)]
    report.write(tmp_path / "new" / "r.html", hyperparameters, None, True, played, UNDECLARED, [], tmp_path)
    found = figures(tmp_path / "new" / "r.html")
    assert {"Return over steps", "Return over time", "Returns", "Lengths"} <= found.keys()
    assert not {"Lap time, s", "Driven lines"} & found.keys()
    assert len(list(found["Return over steps"].iter("circle"))) == 1, "one circle for the evaluation"
    bars = list(found["Returns"].iter("rect"))
    assert 1 <= len(bars) <= episodes


def test_races_of_the_bundled_policy_are_drawn(tmp_path):
    page = tmp_path / "r.html"
    policy = policy_file.bundled("n64gym/OpenKart-v0")
    hyperparameters = policy.hyperparameters.model_copy(update={"env_args": '{"laps": 1}', "seed": 0})
    said = evaluate(hyperparameters, policy, episodes=2, greedy=True, report=page, folder=tmp_path)
    assert said["figures"]["finished"] == 1.0
    found = figures(page)
    assert list(found) == ["Lap time, s", "Speed round the lap on meadow", "Driven lines on meadow"]
    assert "no learning curve" in page.read_text()
    speeds = found["Speed round the lap on meadow"].find(SVG).findall("path")
    assert [path.get("class") for path in speeds if path.get("class") in ("thin", "bold")] == ["thin", "thin", "bold"]
    paths = found["Driven lines on meadow"].find(SVG).findall("path")
    [road] = [path for path in paths if path.get("class") == "road"]
    lines = [path.get("d") for path in paths if path.get("class", "").startswith("s ")]
    assert len(lines) > 3, "several colours of speed"

    def extent(text):
        return np.array(re.findall(r"[ML]([\d.]+) ([\d.]+)", text), float)

    driven, around = extent("".join(lines)), extent(road.get("d"))
    assert (driven.min(0) > around.min(0) - 60).all()
    assert (driven.max(0) < around.max(0) + 60).all()
    assert np.ptp(driven, axis=0).min() > 0.7 * np.ptp(around, axis=0).min(), "the whole course was driven"


def test_lap_speeds_are_at_equal_distances_along_the_lap():
    way = np.linspace(0, 2.5, 501)
    trace = Trace("meadow", way, 100 * (way % 1), np.empty((0, 2)), None)
    laps = lap_speeds(trace)
    assert laps.shape == (3, PLACES)
    np.testing.assert_allclose(laps[1, 10], 100 * 10 / PLACES, atol=1)
    assert np.isnan(laps[2, -1]), "this part of the lap was not driven"
    assert lap_speeds(trace._replace(way=-way)).shape == (0, PLACES)


def test_a_report_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match="cannot be written: File exists"):
        report.write(
            tmp_path / "file" / "r.html", Hyperparameters(), None, True, [Episode(1.0, 1, {})], UNDECLARED, [], None
        )


@pytest.mark.parametrize(("low", "high"), [(0, 0), (-3.2, 1e6), (33.1, 33.4), (0, 1), (1e-5, 2e-5), (-7, -7)])
def test_ticks_are_few_rising_and_around_the_values(low, high):
    found = ticks(low, high, 5)
    assert 2 <= len(found) <= 6
    assert found[0] <= low <= high <= found[-1] + 1e-9
    assert (np.diff(found) > 0).all()


def test_numbers_in_charts_are_short():
    assert [number(x) for x in (0, 0.25, 33.5, 1250, 420000, 1.5e6)] == ["0", "0.25", "33.5", "1250", "420k", "1.5M"]

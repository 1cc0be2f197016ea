"""`a3c64 runs` and `a3c64 compare`: what they print about folders of runs, and about folders that are not runs."""

import json
import os
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from a3c64.config import load
from a3c64.learning.parameters import ParameterSpec
from a3c64.paramserver.run_lock import RunLock
from a3c64.paramserver.tensorboard.event_file import EventFile
from a3c64.policy import checkpoint
from a3c64.report.run_summary import age, find

SPECS = (ParameterSpec("w", (3, 2), 1.0),)


def make_run(folder: Path, step: int, scores: tuple[float, ...] = (), **flags: object) -> Path:
    hyperparameters = load({"env_id": "CartPole-v1", **flags}).hyperparameters().model_dump()
    checkpoint.save(folder / "checkpoints", checkpoint.first(SPECS, 0, hyperparameters)._replace(step=step))
    (folder / "config.json").write_text(json.dumps(hyperparameters))
    facts = {"version": 1, "seconds": 1.0, "episodes": 20, "mean_length": 9.0, "means": {}}
    told = [{"step": 100 * (n + 1), "mean_reward": score, **facts} for n, score in enumerate(scores)]
    (folder / "evaluation.json").write_text(json.dumps(told))
    events = EventFile(folder / "tensorboard", 0)
    for n in range(5):
        events.scalars({"rollout/ep_rew_mean": 10.0 * n}, n * step // 4)
    events.close()
    return folder


def test_names_with_terminal_escapes_are_listed_escaped(stack, tmp_path):
    for number, name in enumerate(("\x1b]0;owned\x07", "line\nbreak")):
        make_run(tmp_path / name, 40 + number, env_id="\x1b[2JKart-v0")
    for arguments in (["runs", str(tmp_path)], ["compare", str(tmp_path), "--out", str(tmp_path / "page.html")]):
        listed = stack.run("a3c64", *arguments)
        assert listed.returncode == 0, listed.stderr
        assert all(c.isprintable() or c == "\n" for c in listed.stdout + listed.stderr)
        for shown in (r"\x1b]0;owned\x07", r"line\nbreak", r"\x1b[2JKart-v0"):
            assert shown in listed.stdout


def test_runs_lists_the_runs_below_a_folder(stack, tmp_path):
    make_run(tmp_path / "a", 1_200_000, (20.0, 300.0, 250.0))
    make_run(tmp_path / "group" / "b", 40)
    (tmp_path / "odd" / "checkpoints").mkdir(parents=True)
    os.mkfifo(tmp_path / "odd" / "config.json")
    (tmp_path / "no run").mkdir()
    lock = RunLock(tmp_path / "group" / "b", "tcp://127.0.0.1:7")
    listed = stack.run("a3c64", "runs", str(tmp_path))
    assert listed.returncode == 0, listed.stderr
    title, *lines = listed.stdout.splitlines()
    assert re.split(r"  +", title) == [
        "run",
        "environment",
        "steps",
        "last evaluation",
        "best evaluation",
        "saved",
        "server",
    ]
    cells = [re.split(r"  +", line) for line in lines]
    assert cells[0][:5] == [f"{tmp_path}/a", "CartPole-v1", "1,200,000", "250.00 at 300", "300.00 at 200"]
    assert re.fullmatch(r"\d+ s ago", cells[0][5])
    assert cells[0][6] == "-"
    assert cells[1][:5] == [f"{tmp_path}/group/b", "CartPole-v1", "40", "-", "-"]
    assert cells[1][6] == f"process {os.getpid()} on {os.uname().nodename}, tcp://127.0.0.1:7"
    assert cells[2][:3] == [f"{tmp_path}/odd", "-", "0"]
    assert len(cells) == 3
    lock.close()
    told = json.loads(stack.run("a3c64", "runs", "--json", str(tmp_path / "a")).stdout)
    assert [(one["steps"], one["best"]["mean_reward"], one["server"]) for one in told] == [(1_200_000, 300.0, None)]


def test_compare_shows_what_differs_and_draws_all_curves(stack, tmp_path):
    folders = [
        make_run(tmp_path / "slow", 400, (20.0,), env_args=json.dumps({"game": str(tmp_path / "slow" / "game")})),
        make_run(
            tmp_path / "fast",
            800,
            (90.0, 80.0),
            learning_rate="0.01",
            env_args=json.dumps({"game": str(tmp_path / "fast" / "game")}),
        ),
    ]
    page = tmp_path / "pages" / "both.html"
    done = stack.run("a3c64", "compare", *map(str, folders), "--out", str(page))
    assert done.returncode == 0, done.stderr
    rows = {cells[0]: cells[1:] for line in done.stdout.splitlines() if len(cells := re.split(r"  +", line)) == 3}
    assert rows["steps"] == ["400", "800"]
    assert rows["best evaluation"] == ["20.00 at 100", "90.00 at 100"]
    assert rows["learning_rate"] == ["0.001", "0.01"]
    assert "t_max" not in rows, "equal settings are left out"
    assert "env_args" not in rows, "each run has its own copy of the same game"
    text = page.read_text()
    assert not re.search(r"https?:|<script|<link|@import|url\(", text)
    root = ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>"))
    figures = {figure.findtext("h3", ""): figure for figure in root.iter("figure")}
    assert list(figures) == ["Return over environment steps", "Return over minutes of training"]
    drawn = [path.get("class") for path in figures["Return over environment steps"].iter("path")]
    assert [name for name in drawn if name != "grid"] == ["line c0", "line c1"]
    assert len(list(figures["Return over environment steps"].iter("circle"))) == 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("runs", "{tmp}/nowhere"), "nowhere is not a folder"),
        (("runs", "{tmp}"), "no run in "),
        (("compare", "{tmp}"), "is not a run's folder"),
        (("compare", "{tmp}", "{tmp}/nowhere"), "is not a run's folder"),
    ],
)
def test_mistakes_are_one_line_errors(stack, tmp_path, arguments, says):
    done = stack.run("a3c64", *(one.replace("{tmp}", str(tmp_path)) for one in arguments))
    assert (done.returncode, done.stdout, len(done.stderr.strip().splitlines())) == (2, "", 1)
    assert says in done.stderr


def test_a_run_is_found_at_any_depth_but_not_inside_another(tmp_path):
    for name in ("x/y/z", "x/y/z/inner", "w"):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / name / "config.json").write_text("{}")
    assert list(find(tmp_path)) == [tmp_path / "w", tmp_path / "x" / "y" / "z"]
    assert list(find(tmp_path / "w")) == [tmp_path / "w"]


def test_ages_are_short():
    assert [age(s) for s in (0, 90, 300, 8_000, 400_000)] == ["0 s", "90 s", "5 min", "2 h", "5 days"]

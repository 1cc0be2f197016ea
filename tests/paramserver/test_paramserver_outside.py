"""What follows a run from outside: the command after checkpoints, and experiment trackers."""

import importlib.util
import json
import logging
import os
import sqlite3
from typing import ClassVar

import pytest
from in_process import SPECS, push
from live import until

from a3c64.config import BadInputError
from a3c64.paramserver.outside import trackers, tracking_process
from a3c64.paramserver.outside.checkpoint_command import CheckpointCommand
from a3c64.paramserver.outside.tracking_process import Follower, TrackingState
from a3c64.paramserver.tensorboard.event_file import EventFile
from a3c64.processes import StopEvent

PATIENCE_S = 180.0


def checkpoint(folder, step):
    path = folder / "checkpoints" / f"step_{step}"
    path.mkdir(parents=True)
    (path / "weights").write_text(str(step))
    return path


def train(clients, name):
    """Send one gradient, as a new worker."""
    client = clients.honest(name=name)
    push(client, client.join(SPECS).version)


def ended(command):
    def quiet():
        command.tend()
        return command._child is None and command._waiting is None

    until(quiet, PATIENCE_S, "the command's end")


def test_a_command_gets_each_checkpoint_as_one_word_and_no_shell_reads_it(tmp_path):
    run = tmp_path / "a run $(touch shell)"
    command = CheckpointCommand(f"cp -r {{path}} '{tmp_path}/of {{step}}'", run)
    path = checkpoint(run, 5)
    command.checkpoint(path)
    ended(command)
    assert (tmp_path / "of 5" / "weights").read_text() == "5"
    assert not list(tmp_path.rglob("shell"))
    assert (command.failures, command.skipped) == (0, 0)


def test_failures_are_counted_and_said_with_code_and_last_line(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        for template in ("cat {path}/nothing", "false", "no-such-program {path}"):
            command = CheckpointCommand(template, tmp_path)
            command.checkpoint(checkpoint(tmp_path / template[:2], 1))
            ended(command)
            assert command.failures == 1
    first, second, third = (record.getMessage() for record in caplog.records)
    assert "exit code 1: cat: " in first
    assert "step_1/nothing: No such file" in first
    assert "exit code 1: it said nothing" in second
    assert "no-such-program" in third


def test_one_command_runs_at_a_time_the_newest_checkpoint_waits_and_the_end_does_not_wait_for_ever(tmp_path, caplog):
    os.mkfifo(tmp_path / "gate")
    command = CheckpointCommand(f"sh -c 'echo $0 >>{tmp_path}/seen; cat {tmp_path}/gate' {{step}}", tmp_path)
    for step in (1, 2, 3):
        command.checkpoint(checkpoint(tmp_path, step))
    seen = tmp_path / "seen"
    until(seen.exists, PATIENCE_S, "the first command")
    command.tend()
    assert seen.read_text() == "1\n"
    (tmp_path / "gate").write_text("open")
    until(lambda: command.tend() or seen.read_text() == "1\n3\n", PATIENCE_S, "the command of the newest checkpoint")
    assert (command.failures, command.skipped) == (0, 1)
    child = command._child
    with caplog.at_level(logging.WARNING):
        command.close(0.1)
    assert child.returncode is not None
    assert command.failures == 1
    assert "did not end within" in caplog.text


def test_a_server_runs_the_command_also_for_its_last_checkpoint_and_reports_failures(stack, clients, tmp_path):
    saved = tmp_path / "saved"
    saved.mkdir()
    server = stack.start(
        "a3c64.paramserver", checkpoint_command=f"mv {tmp_path}/missing {saved}", checkpoint_interval=0.5
    )
    until(stack.report, PATIENCE_S, "the server")
    for count in (1, 2):  # a checkpoint is written when there is something new
        train(clients, f"first{count}")
        stack.wait_for(lambda r, count=count: r.failures["checkpoint_command"] >= count, PATIENCE_S, "a failure")
    assert "failures" in stack.run("a3c64", "status", "--run-dir", str(stack.run_dir), timeout_s=PATIENCE_S).stdout
    server.terminate()
    assert server.wait(PATIENCE_S) == 0
    assert "ended with exit code 1: mv: " in stack.log(server)
    again = stack.start("a3c64.paramserver", checkpoint_command=f"cp -r {{path}} {saved}", checkpoint_interval=3600)
    until(stack.report, PATIENCE_S, "the server, again")
    train(clients, "second")
    again.terminate()
    assert again.wait(PATIENCE_S) == 0
    (last,) = saved.iterdir()
    assert last.name == "step_60"


class Recorder:
    """A tracker in memory, which can fail."""

    runs: ClassVar[dict] = {}
    failing = False

    def __init__(self, project, run_dir):
        pass

    def begin(self, run, name, settings):
        self.run = run or f"{name}-{len(self.runs)}"
        self.runs.setdefault(self.run, {"settings": settings, "points": [], "ends": 0})
        return self.run

    def log(self, points):
        if self.failing:
            raise ConnectionError("no\nnetwork")
        self.runs[self.run]["points"] += [(point.step, dict(point.scalars)) for point in points]

    def end(self):
        self.runs[self.run]["ends"] += 1


@pytest.fixture
def recorder(monkeypatch):
    monkeypatch.setitem(trackers.TRACKERS, "recorder", Recorder)
    monkeypatch.setattr(Recorder, "runs", {})
    monkeypatch.setattr(Recorder, "failing", False)
    return Recorder


def follow_to_the_end(run_dir):
    stop = StopEvent()
    stop.set()
    Follower(run_dir, "recorder", "project").follow(stop)
    return TrackingState.read(run_dir, "recorder")


def test_a_tracker_gets_every_point_once_in_the_same_run_whatever_fails_between(recorder, tmp_path, monkeypatch):
    run = tmp_path / "mine"
    run.mkdir()
    (run / "config.json").write_text(json.dumps({"env_id": "Env-v0"}))
    now = iter(range(1000, 3000))
    monkeypatch.setattr("a3c64.paramserver.tensorboard.event_file.time.time", lambda: next(now))
    monkeypatch.setattr(tracking_process, "BATCH", 2)
    events = EventFile(run / "tensorboard", 0)
    for step in (10, 20, 30):
        events.scalars({"time/fps": float(step), "rollout/ep_rew_mean": 1.5}, step)
        events.text("run/hyperparameters", "not a scalar", step)
    first = follow_to_the_end(run)
    assert (first.run, first.failures, first.error) == ("mine-0", 0, "")
    recorder.failing = True
    events.scalars({"time/fps": 40.0}, 40)
    failed = follow_to_the_end(run)
    assert (failed.run, failed.failures, failed.error) == ("mine-0", 1, "ConnectionError: no network")
    assert failed.offset == first.offset
    recorder.failing = False
    EventFile(run / "tensorboard", 21).scalars({"time/fps": 25.0}, 25)  # a restart from the checkpoint of step 20
    last = follow_to_the_end(run)
    assert (last.run, last.failures, last.error) == ("mine-0", 1, "")
    (tracked,) = recorder.runs.values()
    assert tracked["settings"] == {"env_id": "Env-v0"}
    assert [(step, values["time/fps"]) for step, values in tracked["points"]] == [
        (step, float(step)) for step in (10, 20, 30, 40, 25)
    ]
    assert follow_to_the_end(run) == last
    assert len(tracked["points"]) == 5


def test_a_tracker_without_its_library_is_refused_in_one_line(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BadInputError, match=r'--track: found wandb.*pip install "a3c64\[wandb\]"'):
        trackers.check("wandb")


def test_mlflow_tracks_a_run_that_is_killed_as_one_run(stack, clients, tmp_path, monkeypatch):
    if importlib.util.find_spec("mlflow") is None:
        message = "MLflow is not installed: run `make .venv/track`"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    store = tmp_path / "mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store}")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    settings = {"track": "mlflow", "track_project": "mine", "checkpoint_interval": 0.5}
    server = stack.start("a3c64.paramserver", **settings)
    until(stack.report, PATIENCE_S, "the server")
    train(clients, "first")

    def rows(query):
        try:
            with sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=60) as database:
                return database.execute(query).fetchall()
        except sqlite3.OperationalError:  # MLflow has not made its tables yet
            return []

    def tracked(step):
        return rows(f"select 1 from metrics where key = 'time/total_timesteps' and step = {step}")

    until(lambda: tracked(20), PATIENCE_S, "a point with the first update")
    until(lambda: (stack.run_dir / "checkpoints" / "step_20").exists(), PATIENCE_S, "its checkpoint")
    server.kill()
    server.wait(PATIENCE_S)
    again = stack.start("a3c64.paramserver", **settings)
    until(stack.report, PATIENCE_S, "the server, again")
    train(clients, "second")
    until(lambda: tracked(40), PATIENCE_S, "a point with the second update")
    again.terminate()
    assert again.wait(PATIENCE_S) == 0
    ((run, status),) = rows("select run_uuid, status from runs")
    assert run == TrackingState.read(stack.run_dir, "mlflow").run
    assert status in ("FINISHED", "RUNNING")  # RUNNING if the machine was too busy to say it within the grace
    assert ("env_id", "tiny_env:TinyImage-v0") in rows("select key, value from params")
    assert rows("select name from experiments where name = 'mine'")
    assert "mlflow has this run as" in stack.log(again)


def test_mlflow_gets_no_name_that_it_refuses():
    assert trackers.NOT_IN_NAMES.sub("_", "env/lap (s) ü") == "env/lap _s_ ü"

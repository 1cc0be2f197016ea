"""`a3c64 sweep`: its file, its study, and a small sweep of real runs by two processes, stopped and continued."""

import csv
import json
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest
from live import alive_descendants, still_running, until

from a3c64.config import BadInputError, load
from a3c64.paramserver.run_lock import RunLock
from a3c64.policy import checkpoint
from a3c64.sweep import locks, results, study, trial
from a3c64.sweep.space import Range, read
from a3c64.sweep.trial import InterruptedTrialError, TrialFailedError

FILE = """
[run]
env_id = "CartPole-v1"
total_timesteps = 1500
workers = 1
eval_episodes = 2

[space]
learning_rate = {low = 1e-4, high = 1e-2, log = true}
t_max = [8, 16, 32]
normalise_advantages = [true, false]
"""
RUN, SPACE = FILE.split("[space]")


def written(folder: Path, text: str = FILE) -> Path:
    path = folder / "small.toml"
    path.write_text(text)
    return path


def test_a_file_becomes_typed_ranges(tmp_path):
    text = FILE.replace("workers = 1", 'env_args = {x = 1}\nseeds = [3, 4]\npreset = "none"')
    space = read(written(tmp_path, text + "envs_per_worker = {low = 4, high = 16, step = 4}\n"))
    assert (space.seeds, space.steps, json.loads(space.run["env_args"])) == ((3, 4), 3000, {"x": 1})
    assert space.ranges == {
        "learning_rate": Range(1e-4, 1e-2, True, None, False),
        "t_max": (8, 16, 32),
        "normalise_advantages": (True, False),
        "envs_per_worker": Range(4, 16, False, 4, True),
    }
    usual = {"learning_rate": 1e-3, "t_max": 32, "normalise_advantages": False, "envs_per_worker": 16}
    assert space.holds(usual)
    assert not space.holds(usual | {"t_max": 40})
    assert not space.holds(usual | {"learning_rate": 0.5})


BAD = {  # a file -> a part of its error
    "learning_rate = 1": "unknown section [learning_rate], expected [run] and [space]",
    "x = [": "is not a TOML file",
    RUN: "expected a section [space] with settings, found none",
    FILE.replace("[space]", "[spaces]"): "unknown section [spaces], did you mean space?",
    FILE.replace("total_timesteps = 1500", ""): "[run] total_timesteps is missing",
    FILE.replace("1500", "-1"): "[run] total_timesteps: found -1, expected 0 or more",
    FILE.replace("workers", "wokers"): "[run] wokers: there is no such setting, did you mean workers?",
    FILE.replace("workers = 1", "seed = 1"): "[run] seed cannot be given: give seeds",
    FILE.replace("workers = 1", "seeds = 1"): "[run] seeds: found 1, expected a list of different whole numbers",
    FILE.replace("workers = 1", "seeds = [-1]"): "[run] seeds: found -1, expected 0 or more",
    FILE.replace("workers = 1", "time_limit = 9"): "[run] time_limit cannot be given: all trials take",
    FILE.replace("workers = 1", "web_port = 1"): "[run] web_port cannot be given: it is not a setting of learning",
    FILE.replace("workers = 1", "t_max = 8"): "t_max is in [run] and in [space]",
    FILE + "discont = [1, 2]": "[space] discont: there is no such setting, did you mean discount?",
    FILE + "discont = {low = 0, high = 1}": "[space] discont: there is no such setting, did you mean discount?",
    FILE + "env_id = ['a', 'b']": "[space] env_id cannot be searched",
    FILE + "trunk = ['deep', 'fine']": "[space] trunk: found 'deep', expected 'patches', 'fine'",
    FILE + "trunk = {low = 0, high = 1}": "[space] trunk: found a range, expected a list",
    FILE + "lstm_size = [32]": "[space] lstm_size: found [32], expected two or more different values",
    FILE + "lstm_size = 32": "[space] lstm_size: found 32, expected a list or {low",
    FILE + "discount = {low = 0.9}": "[space] discount: expected low and high, found low",
    FILE + "discount = {low = 0.9, hihg = 1}": "[space] discount: unknown key hihg, did you mean high?",
    FILE + "discount = {low = 0.9, high = 1.5}": "[space] discount: found 1.5, expected 1.0 or less",
    FILE
    + "discount = {low = 0.9, high = 0.8}": "[space] discount: found low 0.9 and high 0.8, expected low below high",
    FILE + "entropy_cost = {low = 0, high = 1, log = true}": "found low 0.0, expected more than 0 with log = true",
    FILE + "entropy_cost = {low = 0, high = 1, log = 1}": "found log 1, expected true or false",
    FILE
    + "entropy_cost = {low = 0, high = 1, step = 2}": "found step 2, expected a number above 0, at most high - low",
    FILE + "frame_stack = {low = 1, high = 2.5}": "[space] frame_stack: found 2.5, expected a whole number",
}


@pytest.mark.parametrize("text", BAD)
def test_a_mistake_in_the_file_is_one_line(text, tmp_path):
    with pytest.raises(BadInputError) as refused:
        read(written(tmp_path, text))
    assert BAD[text] in str(refused.value)
    assert str(refused.value).startswith(str(tmp_path / "small.toml"))
    assert "\n" not in str(refused.value)


def test_a_sweep_prunes_marks_failures_and_finds_the_best(tmp_path, monkeypatch):
    """A stand-in for training whose return grows with the learning rate; it fails with one of the other settings."""

    def run_trial(space, values, folder, report, stop):
        if values["t_max"] == 8:
            raise TrialFailedError("diverged")
        for tenth in range(1, 10):
            report(150 * tenth, tenth * values["learning_rate"])
        return 10 * values["learning_rate"]

    monkeypatch.setattr(study, "run_trial", run_trial)
    space = read(written(tmp_path))
    usual = {"learning_rate": 7e-4, "t_max": 32, "normalise_advantages": False}
    opened = study.open_study(tmp_path, space, 10, usual)
    for t_max, rate in ((16, 5e-3), (16, 5e-3), (16, 5e-3), (8, 5e-3), (16, 1e-4)):  # the last two fail, are pruned
        opened.enqueue_trial({"t_max": t_max, "learning_rate": rate})
    study.search(opened, tmp_path, space, 10, 0, Event())
    found = results.results(opened, space)
    assert len(found) == 10
    first = next(one for one in found if one.name == "trial-0000")
    assert first.values == usual, "the first trial has the settings as they are"
    states = {one.state for one in found}
    assert states == {"finished", "pruned", "failed"}
    assert all((one.state == "failed") == (one.values["t_max"] == 8) == (one.error == "diverged") for one in found)
    finished = [one for one in found if one.state == "finished"]
    assert found[0].score == max(one.score for one in finished) >= first.score
    assert all(150 <= one.steps < 1500 for one in found if one.state == "pruned")
    page = (tmp_path / results.PAGE).read_text()
    assert page.count("<svg") == 5, "scores, curves, and one for each setting"


def test_an_interrupted_trial_goes_on_with_its_values_and_its_curve(tmp_path, monkeypatch):
    seen, stop = [], Event()

    def run_trial(space, values, folder, report, stop):
        seen.append((folder, values))
        report(150, 1.0)
        if len(seen) == 1:
            raise InterruptedTrialError
        report(300, 2.0)
        return 3.0

    monkeypatch.setattr(study, "run_trial", run_trial)
    space = read(written(tmp_path))
    for _ in range(2):
        opened = study.open_study(tmp_path, space, 1, load({}).model_dump())
        study.search(opened, tmp_path, space, 1, 0, stop)
    assert len(seen) == 2
    assert seen[0] == seen[1]
    [one] = results.results(opened, space)
    assert (one.name, one.score, one.curve) == ("trial-0000", 3.0, {150: 1.0, 300: 2.0})


# A process that begins a trial, and is killed in it.
KILLED = """
import sys, time
from pathlib import Path
from threading import Event
from a3c64.config import load
from a3c64.sweep import study
from a3c64.sweep.space import read

def run_trial(space, values, folder, report, stop):
    report(150, 1.0)
    print(values["learning_rate"], flush=True)
    time.sleep(600)

study.run_trial = run_trial
folder = Path(sys.argv[1])
space = read(folder / "small.toml")
study.search(study.open_study(folder, space, 1, load({}).model_dump()), folder, space, 1, 0, Event())
"""


def test_a_killed_trial_is_begun_again_at_once_and_a_running_one_is_not(tmp_path, monkeypatch):
    space, seen = read(written(tmp_path)), []

    def run_trial(space, values, folder, report, stop):
        seen.append((folder.name, values["learning_rate"]))
        return 3.0

    monkeypatch.setattr(study, "run_trial", run_trial)
    with subprocess.Popen([sys.executable, "-c", KILLED, tmp_path], stdout=subprocess.PIPE, text=True) as process:
        try:
            rate = float(process.stdout.readline())  # its only trial runs
            opened = study.open_study(tmp_path, space, 1, load({}).model_dump())
            study.search(opened, tmp_path, space, 1, 0, Event())
            assert not seen, "the sweep has its one trial, and another process runs it"
        finally:
            process.kill()
    study.search(opened, tmp_path, space, 1, 0, Event())
    assert seen == [("trial-0000", rate)]
    [one] = results.results(opened, space)
    assert (one.state, one.score, one.curve) == ("finished", 3.0, {150: 1.0})
    assert not list((tmp_path / locks.TRIALS).iterdir())


def test_a_trial_waits_until_the_run_of_a_killed_sweep_has_ended(tmp_path):
    run, stop = tmp_path / "seed-0", Event()
    locks.wait_for_run(run, 60, stop)  # there is no such run yet
    lock = RunLock(run, "tcp://127.0.0.1:7")
    waiting = Thread(target=locks.wait_for_run, args=(run, 60, stop))
    waiting.start()
    waiting.join(1.0)
    assert waiting.is_alive()
    lock.close()
    waiting.join(60)
    assert not waiting.is_alive()


@pytest.mark.parametrize("stopped", [True, False])
def test_a_run_that_fails_while_the_user_stops_is_interrupted_and_not_failed(stopped, tmp_path, monkeypatch):
    stop = Event()

    class Run:
        def wait(self, timeout_s):
            if stopped:
                stop.set()
            else:
                self.stop()

        def stop(self):
            raise RuntimeError("the last checkpoint was not saved")

    monkeypatch.setattr(trial, "train", lambda **settings: Run())
    with pytest.raises(InterruptedTrialError if stopped else TrialFailedError):
        trial.run_trial(read(written(tmp_path)), {}, tmp_path, lambda step, value: None, stop)


def test_another_file_and_a_damaged_study_are_refused(tmp_path):
    study.open_study(tmp_path, read(written(tmp_path)), 1, load({}).model_dump())
    other = read(written(tmp_path, FILE.replace("1500", "1600").replace("32]", "64]")))
    with pytest.raises(BadInputError, match=r"another file \(total_timesteps, t_max differ\)"):
        study.open_study(tmp_path, other, 1, load({}).model_dump())
    (tmp_path / study.FILE).write_bytes(b"not a database" * 1000)
    with pytest.raises(BadInputError, match=r"study\.db cannot be used: .*not a database"):
        study.open_study(tmp_path, other, 1, load({}).model_dump())


@pytest.mark.timeout(900)  # eight starts of our programs
def test_two_processes_share_a_sweep_of_real_runs_and_ctrl_c_saves_it(stack, tmp_path):
    folder = tmp_path / "sweep"
    command = ["a3c64", "sweep", str(written(tmp_path)), "--folder", str(folder), "--trials", "2"]
    quiet = {"run_dir": "", "env_id": "", "lstm_size": "", "t_max": "", "discount": "", "envs_per_worker": ""}
    stopped, other = (stack.start(*command, **quiet) for _ in range(2))

    def has_begun_a_run() -> bool:
        begun = re.findall(r"(trial-\d+): learning_rate", stack.log(stopped))
        return stopped.poll() is not None or any(list((folder / name).glob("*/config.json")) for name in begun)

    until(has_begun_a_run, 120, "a run")
    children = []
    with suppress(psutil.NoSuchProcess):  # on a loaded machine it may have ended before we look
        children = alive_descendants(stopped.pid)
    stopped.send_signal(signal.SIGINT)
    assert stopped.wait(180) == 0, stack.log(stopped)
    assert not still_running(children)
    assert other.wait(300) == 0, stack.log(other)
    done = stack.run(*command, timeout_s=300, **quiet)  # goes on if the other had ended before the Ctrl-C
    assert done.returncode == 0, done.stderr
    for name in ("trial-0000", "trial-0001"):
        config = json.loads((folder / name / "seed-0" / "config.json").read_text())
        assert config["total_timesteps"] == 1500
        assert checkpoint.steps(folder / name / "seed-0" / "checkpoints")[0] >= 1500
    with (folder / results.CSV).open() as file:
        rows = list(csv.DictReader(file))
    assert sorted((row["trial"], row["state"]) for row in rows) == [
        ("trial-0000", "finished"),
        ("trial-0001", "finished"),
    ]
    best = max(rows, key=lambda row: float(row["mean_return"]))
    assert f"best, {best['trial']}: --learning-rate {best['learning_rate']}" in done.stdout
    settings = load({"env_id": "CartPole-v1", "preset": str(folder / results.BEST)})
    assert (settings.learning_rate, str(settings.t_max)) == (float(best["learning_rate"]), best["t_max"])
    assert settings.max_gradient_norm == 0.5, "the rest is from the preset of CartPole"

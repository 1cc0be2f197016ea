"""The commands with faulty environments: one line, exit code 2, no process that restarts for ever."""

import json
import threading

import pytest
from live import free_port, until

from a3c64.cli import local, worker_processes
from a3c64.config import Settings
from a3c64.processes import spawn


def settings(fault, env_id="strange_env:Strange-v0"):
    return {"env_id": env_id, "env_args": json.dumps({"fault": fault}), "eval_interval": 0}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("make NotImplementedError", "Strange-v0: making it raised NotImplementedError (strange_env.py, line"),
        ("reset KeyError", "Strange-v0: reset raised KeyError: 'x' (strange_env.py, line"),
        ("step four", "Strange-v0: step must return (observation, reward, terminated, truncated, info), found a tuple"),
    ],
)
def test_train_refuses_a_faulty_environment_before_it_starts_anything(stack, fault, said):
    done = stack.run("a3c64", "train", timeout_s=250, **settings(fault))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert said in done.stderr
    assert not stack.run_dir.exists(), "nothing was written"


def test_a_worker_alone_refuses_a_faulty_environment(stack):
    given = settings("reset RuntimeError")
    stack.start("a3c64", "server", **given)
    done = stack.run("a3c64", "worker", timeout_s=250)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("reset raised RuntimeError: no licence (strange_env.py, line") == 1
    assert "Traceback" not in done.stderr


def test_a_run_ends_when_its_environment_always_raises_later(stack):
    done = stack.run(
        "a3c64", "train", "--workers", "1", **settings("late RuntimeError", "strange_env:StrangeNeverEnds-v0"),
        timeout_s=280,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "step raised RuntimeError: no licence" in done.stderr
    assert "in 20 episodes in a row" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def crashing(monkeypatch, tmp_path):
    """A local run whose only worker always crashes before its first step."""

    def start(arguments, environment, **options):
        if arguments == ["-m", "a3c64.worker"]:
            arguments = ["-c", "raise SystemExit(70)"]
        return spawn(arguments, environment, **options)

    monkeypatch.setattr(worker_processes, "spawn", start)
    monkeypatch.setattr(worker_processes, "CRASHES", 2)
    return Settings(
        run_dir=tmp_path, bind=f"tcp://127.0.0.1:{free_port()}", workers=1, web_port=0, tensorboard_port=0,
        eval_interval=0,
    )  # fmt: skip


def test_a_run_ends_when_a_worker_always_crashes_and_no_step_is_learned(crashing, caplog):
    assert local.LocalRun(crashing).run(threading.Event()) == 1
    assert "worker 0 ended with code 70. This happened 2 times in a row, so it is not started again" in caplog.text


def test_a_run_that_is_stopped_after_crashes_without_a_learned_step_does_not_exit_with_0(crashing, caplog, monkeypatch):
    monkeypatch.setattr(worker_processes, "CRASHES", 1000)
    run, stop, codes = local.LocalRun(crashing), threading.Event(), []
    thread = threading.Thread(target=lambda: codes.append(run.run(stop)))
    thread.start()
    try:
        until(lambda: "worker 0 ended with code 70" in caplog.text, 120, "a crash")
    finally:
        stop.set()
        thread.join(60)
    assert codes == [1]
    assert "no step was learned" in caplog.text

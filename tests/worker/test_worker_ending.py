"""Training that ends by itself: every process exits with 0, and the last weights are evaluated and saved."""

import json
import signal
from contextlib import suppress

import psutil
import pytest
from live import SMALL, alive_descendants, still_running, until
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from a3c64.policy import checkpoint


def evaluations(stack) -> list[dict]:
    path = stack.run_dir / "evaluation.json"
    return json.loads(path.read_text()) if path.exists() else []


def evaluator_of(local) -> psutil.Process | None:
    for process in alive_descendants(local.pid):
        with suppress(psutil.NoSuchProcess):  # it has just ended
            if "a3c64.worker.evaluator" in process.cmdline():
                return process
    return None


def test_a_run_ends_at_its_step_limit_and_evaluates_the_last_weights(stack):
    result = stack.run("a3c64", "train", "--workers", "2", total_timesteps=1_000, learning_rate=1e-3, timeout_s=90)
    assert result.returncode == 0, result.stderr
    assert "the run has taken its 1000 steps" in result.stdout
    assert "Traceback" not in result.stderr
    assert "ended with code" not in result.stderr
    (last,) = evaluations(stack)
    assert (last["step"], last["episodes"]) == (1_000, 20)
    assert last["mean_length"] == 20.0
    newest = checkpoint.newest(stack.run_dir / "checkpoints")
    best = checkpoint.newest(stack.run_dir / "best")
    assert (newest.step, best.step) == (1_000, 1_000)
    assert (newest.weights == best.weights).all()
    assert best.score == last
    assert 0 < newest.seconds < 60
    events = EventAccumulator(str(stack.run_dir / "tensorboard")).Reload()
    assert [(e.step, pytest.approx(e.value)) for e in events.Scalars("eval/mean_reward")] == [
        (1_000, last["mean_reward"])
    ]
    assert "eval/progress" in events.Tags()["scalars"]

    again = stack.run("a3c64", "train", "--workers", "1", total_timesteps=1_000, timeout_s=90)
    assert again.returncode == 0, again.stderr
    assert len(evaluations(stack)) == 1, "a run that is over is not evaluated again"


def test_a_run_ends_when_greedy_episodes_reach_the_reward(stack):
    """A random policy gets a return of 10, the best one 20."""
    result = stack.run(
        "a3c64", "train", "--workers", "1", stop_at_reward=18, eval_interval=0.5, learning_rate=1e-3, timeout_s=120
    )
    assert result.returncode == 0, result.stderr
    assert "A3C64_STOP_AT_REWARD" in result.stdout
    scores = [one["mean_reward"] for one in evaluations(stack)]
    assert max(scores) >= 18.0
    assert checkpoint.newest(stack.run_dir / "best").score["mean_reward"] == max(scores)


def test_a_run_ends_at_its_time_limit_and_all_processes_exit_with_0(stack):
    server = stack.start("a3c64.paramserver", time_limit=4, eval_interval=1)
    others = [stack.start("a3c64.worker"), stack.start("a3c64.worker"), stack.start("a3c64.worker.evaluator")]
    stack.wait_for(lambda r: (len(r.workers), r.evaluators) == (2, 1), 60, "all processes have joined")
    assert [process.wait(60) for process in others] == [0, 0, 0]
    assert server.wait(60) == 0
    log = stack.log(server)
    assert "the run has trained for 4 s (A3C64_TIME_LIMIT)" in log
    newest = checkpoint.newest(stack.run_dir / "checkpoints")
    assert evaluations(stack)[-1]["step"] == newest.step
    assert newest.seconds == pytest.approx(4.0, abs=0.5)


def test_a_killed_evaluator_is_restarted_and_training_goes_on(stack):
    local = stack.start("a3c64", "train", "--workers", "1", eval_interval=0.5)
    stack.wait_for(lambda r: r.evaluation, 60, "an evaluation")
    assert "evaluated best: step" in stack.run("a3c64", "status").stdout
    first = evaluator_of(local)
    assert first.nice() == 10
    first.kill()
    until(lambda: (new := evaluator_of(local)) and new.pid != first.pid, 60, "another evaluator")
    count = len(evaluations(stack))
    stack.wait_for(lambda r: r.evaluation.count > count, 60, "it evaluates")
    assert stack.report().lost == 0, "no worker was lost"
    descendants = alive_descendants(local.pid)
    local.send_signal(signal.SIGINT)
    assert local.wait(60) == 0
    assert still_running(descendants) == []


def test_evaluations_survive_a_killed_server(stack):
    server = stack.start("a3c64.paramserver", eval_interval=0.5, checkpoint_interval=0.3)
    stack.start("a3c64.worker")
    evaluator = stack.start("a3c64.worker.evaluator")
    stack.wait_for(lambda r: r.evaluation and r.evaluation.count >= 2, 60, "evaluations")
    server.kill()
    server.wait()
    before = evaluations(stack)
    assert len(before) >= 2, "reported evaluations are saved"
    stack.start("a3c64.paramserver", eval_interval=0.5)
    stack.wait_for(lambda r: r.evaluation.count > len(before), 60, "more evaluations")
    assert evaluations(stack)[: len(before)] == before
    assert evaluator.poll() is None


def test_an_evaluation_interval_of_0_means_no_evaluator(stack):
    local = stack.start("a3c64", "train", "--workers", "1", eval_interval=0)
    stack.wait_for(lambda r: r.steps, 60, "training")
    assert evaluator_of(local) is None
    evaluator = stack.run("a3c64.worker.evaluator")
    assert evaluator.returncode == 0
    assert "A3C64_EVAL_INTERVAL of this run is 0" in evaluator.stdout


def test_cartpole_is_solved_and_ends_the_run(stack):
    """The user's command, with the environment's preset: about 15 s on two idle cores."""
    untouched = {name.removeprefix("A3C64_").lower(): "" for name in SMALL}
    settings = {"env_id": "CartPole-v1", "stop_at_reward": 475, "eval_interval": 5, "time_limit": 200}
    result = stack.run("a3c64", "train", "--workers", "2", **untouched | settings, timeout_s=280)
    assert result.returncode == 0, result.stderr
    assert "A3C64_STOP_AT_REWARD" in result.stdout
    best = max(one["mean_reward"] for one in evaluations(stack))  # the last weights are evaluated too, and may be worse
    assert best >= 475

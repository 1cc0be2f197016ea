"""Workers and servers start, end, crash and restart, and leave no process behind."""

import json
import os
import signal
import time

import psutil
import pytest
from live import alive_descendants, free_port, free_ports_in_a_row, still_running, until


def test_workers_join_leave_and_crash_while_the_others_go_on(stack):
    stack.start("a3c64.paramserver")
    first, second = stack.start("a3c64.worker"), stack.start("a3c64.worker")
    stack.wait_for(lambda r: len(r.workers) == 2 and all(w.steps for w in r.workers), 60, "both work")
    second.kill()
    before = stack.report().steps
    report = stack.wait_for(lambda r: len(r.workers) == 1, 60, "the killed worker is removed")
    assert report.lost == 1
    assert report.steps > before, "the other worker goes on"
    third = stack.start("a3c64.worker")
    report = stack.wait_for(lambda r: len(r.workers) == 2, 60, "another worker joins")
    assert {w.index for w in report.workers} == {0, 1}, "the new worker gets the free index"
    stack.wait_for(lambda r: all(w.steps for w in r.workers), 60, "the new worker works")
    began = time.monotonic()
    for worker in (first, third):
        worker.send_signal(signal.SIGTERM)
    assert [worker.wait(8) for worker in (first, third)] == [0, 0]
    assert time.monotonic() - began < 8
    report = stack.wait_for(lambda r: not r.workers, 60, "both have left")
    assert report.lost == 1


def test_a_starting_worker_reports_what_it_does(stack):
    stack.start("a3c64.paramserver")
    stack.start("a3c64.worker")
    states = []

    def works(report) -> bool:
        states.extend(worker.state.partition(",")[0] for worker in report.workers)
        return "working" in states

    stack.wait_for(works, 60, "it works")
    said = {"checking the environment", "loading TensorFlow", "starting environments", "building the network"}
    assert set(states) <= said | {"starting", "working"}
    assert set(states) & said, "a start takes longer than a heartbeat interval"


def test_workers_continue_after_a_killed_server_is_started_again(stack):
    server = stack.start("a3c64.paramserver", checkpoint_interval=0.5)
    workers = [stack.start("a3c64.worker"), stack.start("a3c64.worker")]
    stack.wait_for(lambda r: len(r.workers) == 2 and r.steps > 500, 60, "both work")
    indices = {w.name: w.index for w in stack.report().workers}
    until(lambda: (stack.run_dir / "checkpoints" / "latest").exists(), 60, "a checkpoint")
    server.kill()
    server.wait()
    saved = int((stack.run_dir / "checkpoints" / "latest").read_text().strip().removeprefix("step_"))
    time.sleep(3.0)
    assert [worker.poll() for worker in workers] == [None, None], "workers wait"
    again = stack.start("a3c64.paramserver")
    report = stack.wait_for(
        lambda r: len(r.workers) == 2 and all(w.steps for w in r.workers), 30, "both are back at work"
    )
    assert report.steps > saved
    assert f"resuming at step {saved}" in stack.log(again)
    assert {w.name: w.index for w in report.workers} == indices


def test_a_worker_without_server_waits_and_stops_when_told(stack):
    worker = stack.start("a3c64.worker")
    until(lambda: "waiting for the parameter server" in stack.log(worker), 60, "a line about the wait")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(5) == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"env_id": "CartPol-v1"}, "no environment is called 'CartPol-v1', did you mean CartPole-v"),
        ({"env_id": "CartPole-v1", "env_args": '{"speed": 1}'}, "--env-args (A3C64_ENV_ARGS): CartPole-v1: "),
    ],
)
def test_an_environment_that_cannot_be_used_ends_local_mode_with_one_line(stack, settings, message):
    result = stack.run("a3c64", "train", "--workers", "1", **settings)
    assert result.returncode == 2
    lines = [line for line in result.stderr.splitlines() if "a3c64" in line]
    assert len(lines) == 1, result.stderr
    assert message in lines[0]


def start_local(stack, **settings):
    local = stack.start("a3c64", "train", "--workers", "2", tensorboard_port=free_port(), **settings)
    stack.wait_for(lambda r: len(r.workers) == 2 and all(w.steps for w in r.workers), 60, "local mode works")
    descendants = alive_descendants(local.pid)
    assert len(descendants) >= 4, "server, TensorBoard, two workers"
    return local, descendants


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_everything_in_10_s(stack, number):
    local, descendants = start_local(stack, vnc_port=free_ports_in_a_row(2))
    began = time.monotonic()
    local.send_signal(number)
    assert local.wait(60) == 0
    assert time.monotonic() - began < 10
    assert still_running(descendants) == []
    log = stack.log(local)
    assert "steps " in log
    assert "return " in log
    step = int((stack.run_dir / "checkpoints" / "latest").read_text().strip().removeprefix("step_"))
    resumed = stack.start("a3c64", "train", "--workers", "1")
    stack.wait_for(lambda r: r.steps > step, 60, "it resumes by itself")
    assert f"resuming at step {step}" in stack.log(resumed)


def test_local_mode_that_is_killed_leaves_no_process(stack):
    local, descendants = start_local(stack, vnc_port=free_ports_in_a_row(2))
    local.kill()
    local.wait()
    try:
        until(lambda: not still_running(descendants), 60, "all processes have ended")
    except AssertionError:
        raise AssertionError(f"left: {still_running(descendants)}") from None


def test_a_worker_that_crashes_is_started_again(stack):
    local, _ = start_local(stack)
    victim = psutil.Process(stack_worker_pid(stack, 0))
    victim.kill()
    report = stack.wait_for(lambda r: r.lost == 1 and len(r.workers) == 2, 60, "a new one took its place")
    assert [(worker.index, worker.restarts) for worker in report.workers] == [(0, 1), (1, 0)]
    assert "worker 0 was ended by SIGKILL (1 so far), next try in 1 s" in stack.log(local)
    local.send_signal(signal.SIGINT)
    assert local.wait(60) == 0


def test_a_server_that_is_killed_is_started_again(stack):
    local, _ = start_local(stack, checkpoint_interval=0.5)
    until(lambda: (stack.run_dir / "checkpoints" / "latest").exists(), 60, "a checkpoint")
    server = psutil.Process(stack.report().server.pid)
    workers = {w.name for w in stack.report().workers}
    server.kill()
    server.wait(5)
    saved = int((stack.run_dir / "checkpoints" / "latest").read_text().strip().removeprefix("step_"))
    report = stack.wait_for(lambda r: r.steps > saved, 60, "steps go on beyond the last checkpoint")
    assert report.server.pid != server.pid
    report = stack.wait_for(lambda r: len(r.workers) == 2, 60, "both workers are back")
    assert {w.name for w in report.workers} == workers, "the same processes, which reconnected"
    assert "the server was ended by SIGKILL (1 so far), next try in 1 s" in stack.log(local)
    assert f"resuming at step {saved}" in stack.log(local)
    descendants = alive_descendants(local.pid)
    assert len(descendants) >= 4, "server, TensorBoard, two workers"
    local.send_signal(signal.SIGINT)
    assert local.wait(60) == 0
    assert still_running(descendants) == []
    assert int((stack.run_dir / "checkpoints" / "latest").read_text().removeprefix("step_")) >= report.steps


def test_if_workers_take_all_cores_each_is_pinned_to_one(stack):
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        pytest.skip("there is one core")
    os.sched_setaffinity(0, cores[:2])
    try:
        start_local(stack)
    finally:
        os.sched_setaffinity(0, cores)
    workers = [psutil.Process(stack_worker_pid(stack, index)) for index in (0, 1)]
    assert sorted(worker.cpu_affinity() for worker in workers) == [[core] for core in cores[:2]]
    assert psutil.Process(stack.report().server.pid).cpu_affinity() == cores[:2], "the server is not pinned"


def stack_worker_pid(stack, index):
    return next(int(w.name.split(":")[1]) for w in stack.report().workers if w.index == index)


def test_local_mode_ends_when_the_run_does(stack):
    result = stack.run("a3c64", "train", "--workers", "1", "--total-timesteps", "400", timeout_s=90)
    assert result.returncode == 0, result.stderr
    assert "the run has taken its 400 steps" in result.stdout
    assert (stack.run_dir / "checkpoints" / "latest").read_text() == "step_400\n"
    again = stack.run("a3c64", "train", "--workers", "1", "--total-timesteps", "400", timeout_s=90)
    assert again.returncode == 0


def test_local_mode_on_a_taken_port_is_a_one_line_error(stack):
    stack.start("a3c64.paramserver")
    until(stack.report, 60, "a server on the port")
    result = stack.run("a3c64", "train", run_dir=stack.folder / "other")
    assert result.returncode == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert "(--bind) is taken by process" in result.stderr
    assert "free: --bind tcp://127.0.0.1:" in result.stderr
    assert not (stack.folder / "other").exists()


def test_status_and_eval_without_a_run_are_errors(stack):
    status = stack.run("a3c64", "status")
    assert status.returncode == 1
    assert "no server answers at" in status.stderr
    evaluation = stack.run("a3c64", "eval")
    assert evaluation.returncode == 2
    assert "no checkpoint in" in evaluation.stderr


def test_status_prints_the_report(stack):
    stack.start("a3c64.paramserver")
    until(stack.report, 60, "a server")
    status = stack.run("a3c64", "status", "--json")
    assert status.returncode == 0
    assert json.loads(status.stdout)["workers"] == []
    assert "workers   0 alive" in stack.run("a3c64", "status").stdout

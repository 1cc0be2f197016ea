"""A real local run logs what it does, and output that cannot be written does not end it."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress

import pytest
from live import ROOT, until

LINE = re.compile(r"\d\d:\d\d:\d\d (local|server|worker \d|evaluator|viewer|web) +\S")
TRAIN = [sys.executable, "-m", "a3c64", "train", "--workers", "1"]


def train(stack, output: int, **settings: object) -> subprocess.Popen:
    """Start a run with `output`, a file descriptor, as standard output and standard error."""
    environment = stack.environment(eval_interval=2, learning_rate=1e-3, **settings)
    streams = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
    process = subprocess.Popen(TRAIN, cwd=ROOT, env=environment, start_new_session=True, **streams)
    stack.processes.append(process)
    return process


def test_milestones_and_the_next_commands_are_logged(stack):
    local = stack.start("a3c64", "train", "--workers", "1", eval_interval=1, learning_rate=1e-3)
    stack.wait_for(lambda r: r.evaluation and r.evaluation.count >= 2, 90, "evaluations")
    local.send_signal(signal.SIGINT)
    assert local.wait(60) == 0
    lines = stack.log(local).splitlines()
    assert [line for line in lines if not LINE.match(line)] == []
    said = "\n".join(lines)
    assert re.search(
        r"server +evaluated at step [\d,]+ \| greedy return [\d.]+ \| progress [\d.]+ \| the best so far", said
    )
    step = int((stack.run_dir / "checkpoints" / "latest").read_text().strip().removeprefix("step_"))
    assert [line.split(" ", 1)[1].strip() for line in lines[-3:]] == [
        f"local      saved up to step {step:,}, in {stack.run_dir}/checkpoints/step_{step}",
        "local      to go on: a3c64 train --workers 1",
        f"local      to watch it: a3c64 enjoy --run-dir {stack.run_dir} --load-best",
    ]


def test_the_json_format_prints_one_object_per_line(stack):
    result = stack.run("a3c64", "train", "--workers", "1", "--log-format", "json", total_timesteps=400, timeout_s=90)
    assert result.returncode == 0, result.stderr
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert {"local", "server"} <= {one["role"] for one in records}
    assert any(one["message"] == "the run has taken its 400 steps" for one in records)


@pytest.mark.parametrize("what", ["full disk", "closed pipe", "closed terminal"])
def test_output_that_cannot_be_written_does_not_end_a_run(stack, what):
    if what == "full disk":
        output, reader = os.open("/dev/full", os.O_WRONLY), None
    elif what == "closed pipe":
        reader, output = os.pipe()
    else:
        reader, output = os.openpty()
    local = train(stack, output)
    os.close(output)
    begun = stack.wait_for(lambda r: r.steps > 0, 90, "training")
    if reader is not None:
        assert os.read(reader, 1 << 16), "there was output so far"
        os.close(reader)
    count = begun.evaluation.count if begun.evaluation else 0
    later = stack.wait_for(lambda r: r.evaluation and r.evaluation.count > count, 60, "an evaluation")
    stack.wait_for(lambda r: r.steps > later.steps, 60, "training goes on")
    assert [w.restarts for w in later.workers] == [0]
    assert later.server.pid == begun.server.pid
    local.send_signal(signal.SIGINT)
    assert local.wait(60) == 0, "the run stops cleanly"
    assert int((stack.run_dir / "checkpoints" / "latest").read_text().removeprefix("step_")) >= later.steps


def test_a_terminal_that_hangs_up_stops_the_run_cleanly(stack):
    """Without nohup, the kernel sends SIGHUP, and the run saves a checkpoint before it ends."""
    master, terminal = os.openpty()
    local = train(stack, terminal)
    os.close(terminal)
    report = stack.wait_for(lambda r: r.steps > 100, 90, "training")
    os.close(master)
    with suppress(ProcessLookupError):
        os.kill(local.pid, signal.SIGHUP)
    assert local.wait(60) == 0
    until(lambda: (stack.run_dir / "checkpoints" / "latest").exists(), 60, "a checkpoint")
    step = int((stack.run_dir / "checkpoints" / "latest").read_text().strip().removeprefix("step_"))
    assert step >= report.steps

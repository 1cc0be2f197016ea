"""Progress: a bar on a terminal, lines elsewhere, nothing on standard output."""

import json
import os
import pty
import subprocess
import sys

from a3c64 import progress

EVAL = [sys.executable, "-m", "a3c64", "eval", "--random", "--env-id", "CartPole-v1", "--episodes", "8"]


def test_eval_draws_a_bar_on_a_terminal_and_its_result_stays_json(stack):
    ours, theirs = pty.openpty()
    environment = stack.environment(env_id="", lstm_size="") | {"TERM": "xterm", "COLUMNS": "80"}
    process = subprocess.Popen(EVAL, env=environment, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    seen = b""
    try:
        while block := os.read(ours, 4096):
            seen += block
    except OSError:  # Linux raises it when the other side is closed
        pass
    out, _ = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == 0, seen
    assert json.loads(out)["n"] == 8
    assert b"episodes" in seen
    assert b"8/8" in seen


def test_a_short_eval_prints_no_progress_without_a_terminal(stack):
    done = subprocess.run(EVAL, env=stack.environment(env_id="", lstm_size=""), capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")


def test_progress_lines_have_an_interval(monkeypatch, capfd):
    times = iter([0.0, 4.0, 11.0, 12.0, 30.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(times))
    with progress.Progress("episodes", 4) as work:
        for _ in range(4):
            work.advance()
    assert capfd.readouterr().err == "2 of 4 episodes in 11 s\n4 of 4 episodes in 30 s\n"

"""Progress: a bar on a terminal, lines elsewhere, nothing on standard output."""

import json
import os
import pty
import re
import subprocess
import sys
import termios

from a3c64 import progress
from a3c64.output import CLEAR_LINE

EVAL = [sys.executable, "-m", "a3c64", "eval", "--random", "--env-id", "CartPole-v1", "--episodes", "8"]


def on_a_terminal(command: list[str], environment: dict[str, str], stdout: int | None = None) -> tuple[bytes, str, int]:
    """Run a command whose standard error is a terminal. Return what the terminal got, stdout, and the exit code."""
    ours, theirs = pty.openpty()
    environment |= {"TERM": "xterm", "COLUMNS": "80"}
    process = subprocess.Popen(command, env=environment, stdout=stdout or theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    try:
        while block := os.read(ours, 4096):
            seen += block
    except OSError:  # Linux raises it when the other side is closed
        pass
    out, _ = process.communicate(timeout=60)
    os.close(ours)
    return seen, (out or b"").decode(), process.returncode


def test_eval_draws_a_bar_on_a_terminal_and_its_result_stays_json(stack):
    environment = stack.environment(env_id="", lstm_size="")
    seen, out, code = on_a_terminal(EVAL, environment, stdout=subprocess.PIPE)
    assert code == 0, seen
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


TRAIN = [sys.executable, "-m", "a3c64", "train", "--workers", "1", "--total-timesteps", "400", "--eval-interval", "0"]


def test_train_draws_a_bar_on_a_terminal_until_its_workers_train(stack):
    longer = [word.replace("400", "20000") for word in TRAIN]  # so that the bar's reader, twice a second, sees it train
    seen, _, code = on_a_terminal(longer, stack.environment())
    assert code == 0, seen
    assert b"loading TensorFlow" in seen
    assert b"0/1" in seen
    lines = [line for line in seen.split(b"\n") if b"joined" in line or b"has taken its" in line]
    assert len(lines) >= 2
    for line in lines:  # each log line erases the bar that stands there
        assert re.match(rb"\d\d:\d\d:\d\d (server|local)", line.rpartition(CLEAR_LINE.encode())[2]), line
    assert seen.rfind(b"0/1") < seen.rfind(b"saved step"), "the bar goes when training begins"


def test_train_draws_nothing_without_a_terminal(stack):
    done = subprocess.run(TRAIN, env=stack.environment(), capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\x1b" not in done.stdout


def test_a_stopped_terminal_does_not_block_the_bar():
    ours, theirs = os.openpty()
    termios.tcflow(theirs, termios.TCOOFF)  # as Ctrl-S
    script = "from a3c64.progress import Progress\nwith Progress('x', 300) as p:\n    for k in range(300): p.advance()"
    process = subprocess.Popen([sys.executable, "-c", script], stderr=theirs, env={**os.environ, "TERM": "xterm"})
    assert process.wait(60) == 0
    os.close(theirs)
    os.close(ours)

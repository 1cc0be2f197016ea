"""Processes stop on any number of signals at any moment, and children end with their parent."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from live import still_running, until

SCRIPT = """
import signal
from a3c64.processes import stop_on_signals

stop = stop_on_signals()
assert not stop.is_set() and not stop.wait(0.01)
with stop._cond:  # the lock that threading.Event holds for moments while it waits or is set
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)
assert stop.is_set() and stop.wait(60)
print("stopped")
"""


def test_a_signal_at_any_moment_sets_the_stop_event():
    result = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=20)
    assert (result.returncode, result.stdout) == (0, "stopped\n"), result.stderr


HANGS_UP = """
import os, signal
from a3c64.processes import stop_on_signals

stop = stop_on_signals()
os.kill(os.getpid(), signal.SIGHUP)
print(stop.is_set())
"""


@pytest.mark.parametrize(("nohup", "stops"), [(False, "True"), (True, "False")])
def test_sighup_stops_a_process_unless_it_runs_under_nohup(nohup, stops):
    ignore = ["nohup"] if nohup else []
    command = [*ignore, sys.executable, "-c", HANGS_UP]
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=20)
    assert (result.returncode, result.stdout) == (0, f"{stops}\n"), result.stderr


PARENT = """
import subprocess, sys, time
from a3c64.processes import start

child = start(["sleep", "60"], stdin=subprocess.DEVNULL)
print(child.pid, flush=True)
time.sleep(60)
"""


def test_a_child_ends_when_its_parent_is_killed():
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    child = psutil.Process(int(parent.stdout.readline()))
    until(lambda: child.name() == "sleep", 60, "setpriv has executed the program")
    assert os.getsid(child.pid) == child.pid, "the child leads a new session"
    parent.kill()
    parent.communicate(timeout=10)
    until(lambda: not still_running([child]), 60, "the child has ended")


def test_no_program_is_started_with_code_between_fork_and_exec():
    """A lock that another thread holds at the fork is never released in the child."""
    root = Path(__file__).parents[2]
    files = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=root, capture_output=True, text=True, check=True, timeout=30
    )
    calls = [
        f"{file}:{node.lineno}"
        for file in files.stdout.split()
        for node in ast.walk(ast.parse((root / file).read_text()))
        if isinstance(node, ast.keyword) and node.arg == "preexec_fn"
    ]
    assert not calls

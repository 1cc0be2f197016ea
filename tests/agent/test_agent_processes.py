"""Being told to stop, however often and whenever."""

import subprocess
import sys

import pytest

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


def test_a_signal_may_come_at_any_moment():
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
def test_a_terminal_that_hangs_up_stops_unless_nohup(nohup, stops):
    ignore = ["nohup"] if nohup else []
    command = [*ignore, sys.executable, "-c", HANGS_UP]
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=20)
    assert (result.returncode, result.stdout) == (0, f"{stops}\n"), result.stderr

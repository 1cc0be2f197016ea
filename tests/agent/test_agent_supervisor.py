"""The supervisor, with real children that crash, end, or cannot be started."""

import subprocess
import sys
import threading
import time

import pytest
from live import free_port, until

from a3c64.cli import local
from a3c64.config import Settings
from a3c64.supervisor import RestartPolicy, Supervisor


@pytest.fixture(autouse=True)
def short_backoff(monkeypatch):
    monkeypatch.setattr("a3c64.supervisor.BACKOFF_S", 0.05)


def child(script: str):
    return lambda: subprocess.Popen([sys.executable, "-c", script], start_new_session=True)


def tend_until(supervisor: Supervisor, condition, what: str) -> None:
    def check() -> bool:
        supervisor.tend()
        return condition()

    until(check, 20, what)


def test_a_child_that_crashes_is_restarted_after_a_growing_backoff(caplog):
    supervisor = Supervisor("it", child("import os; os.kill(os.getpid(), 9)"))
    began = time.monotonic()
    tend_until(supervisor, lambda: supervisor.crashes == 4, "four crashes")
    assert time.monotonic() - began > 0.05 + 0.1 + 0.2, "the backoff doubles"
    assert "it was ended by SIGKILL (4 so far)" in caplog.text
    assert supervisor.final is None
    supervisor.close(1.0)


def test_a_child_whose_work_is_done_is_not_restarted():
    supervisor = Supervisor("it", child(""), RestartPolicy(finished=lambda: True))
    tend_until(supervisor, lambda: supervisor.final == 0, "the end")
    assert supervisor.crashes == 0
    again = Supervisor("it", child(""))
    tend_until(again, lambda: again.crashes == 2, "by default, a child that exits with 0 is restarted")


def test_after_a_fatal_exit_code_a_child_is_not_restarted():
    supervisor = Supervisor("it", child("raise SystemExit(2)"), RestartPolicy(fatal=(2,)))
    tend_until(supervisor, lambda: supervisor.final == 2, "the end")
    other = Supervisor("it", child("raise SystemExit(3)"), RestartPolicy(fatal=(2,)))
    tend_until(other, lambda: other.crashes == 2, "another code is a crash")
    assert other.final is None


def test_restarts_end_after_crashes_without_progress(caplog):
    supervisor = Supervisor("it", child("raise SystemExit(7)"), RestartPolicy(most_crashes=3))
    tend_until(supervisor, lambda: supervisor.final == 7, "the supervisor gives up")
    assert supervisor.crashes == 3
    assert "it ended with code 7. This happened 3 times in a row, so it is not started again" in caplog.text


def test_progress_resets_the_count_of_crashes():
    steps = iter(range(100))
    supervisor = Supervisor(
        "it", child("raise SystemExit(7)"), RestartPolicy(most_crashes=2, progress=lambda: next(steps))
    )
    tend_until(supervisor, lambda: supervisor.crashes == 4, "more than most_crashes")
    assert supervisor.final is None
    supervisor.close(1.0)


def test_a_child_that_cannot_be_started_is_logged_once(caplog):
    supervisor = Supervisor("it", lambda: subprocess.Popen(["/no/such/program"]))
    supervisor.tend()
    supervisor.tend()
    assert caplog.text.count("it cannot be started") == 1
    supervisor.close(1.0)


def test_local_mode_gives_up_on_a_server_that_always_crashes(monkeypatch, tmp_path, caplog):
    monkeypatch.setattr(local, "spawn", lambda *_, **__: child("import os; os.abort()")())
    run = local.LocalRun(Settings(run_dir=tmp_path, bind=f"tcp://127.0.0.1:{free_port()}"))
    assert run.run(threading.Event()) == 1
    assert "the server was ended by SIGABRT. This happened 5 times in a row, so it is not started again" in caplog.text


def test_local_mode_knows_that_a_server_that_ended_well_has_finished_its_run(monkeypatch, tmp_path):
    """A worker that was told of the end may be looked at only after the server has ended too."""
    monkeypatch.setattr(local, "FETCH_S", 0.2)
    run = local.LocalRun(Settings(run_dir=tmp_path, bind=f"tcp://127.0.0.1:{free_port()}"))
    run._server.child = child("")()
    run._server.child.wait()
    assert run._over()
    run._server.child = child("raise SystemExit(1)")()
    run._server.child.wait()
    assert not run._over()

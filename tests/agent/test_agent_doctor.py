"""`a3c64 doctor`: its exit codes, its report, and what a machine lacks. tests/n64gym/test_checkup.py checks ROMs."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from a3c64.config import load
from a3c64.doctor import machine
from n64gym import FindingState

pytestmark = pytest.mark.timeout(700)  # a run starts, and trains, on a machine that may be loaded
A3C64 = Path(sys.executable).with_name("a3c64")


def doctor(folder, *arguments):
    """Run it on one core, with few environments: the training of the forecast has a worker for each core."""
    core = str(min(os.sched_getaffinity(0)))
    command = ["taskset", "-c", core, A3C64, "doctor", "--report", "report.md", *map(str, arguments)]
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"A3C64_ENVS_PER_WORKER": "2"},
        capture_output=True,
        text=True,
        timeout=600,
        stdin=subprocess.DEVNULL,
    )
    return done, (folder / "report.md").read_text()


def states(output):
    """Return the state of each check that the output has a line of."""
    lines = [line.split(maxsplit=1) for line in output.splitlines() if line and not line.startswith(" ")]
    return {rest[0].split(":")[0]: state for state, *rest in lines if state in list(FindingState)}


def test_open_kart_and_this_machine_are_fine_and_a_training_gives_a_forecast(tmp_path):
    done, report = doctor(tmp_path, "--train-seconds", 1)
    assert done.returncode == 0, done.stdout + done.stderr
    found = states(done.stdout)
    for what in ("menus", "memory", "acceleration", "clock", "steering", "repetition", "training"):
        assert found[what] == "ok", what
    assert "1,000,000 steps in" in done.stdout
    for title in ("## Machine", "## Open Kart", "## Forecast"):
        assert title in report
    assert [path.name for path in tmp_path.iterdir()] == ["report.md"]  # the run's folder was elsewhere, and is gone


def test_a_failed_check_is_exit_code_1_and_the_report_has_nothing_private(rom, tmp_path):
    done, report = doctor(tmp_path, "--rom", rom("kart64-cpu"))
    assert done.returncode == 1, done.stdout + done.stderr
    assert {what for what, state in states(done.stdout).items() if state == "FAIL"} == {"SHA-1", "menus and memory"}
    assert states(done.stdout)["training"] == "note"  # not tried
    assert "player 1's flags 0x9000" in report
    assert len(report) < 20_000
    for private in (str(tmp_path), str(rom("kart64-cpu").parent), socket.gethostname(), "![", "data:"):
        assert private not in report


def test_what_a_machine_lacks_is_named_with_its_remedy(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(machine, "NEEDED", ("no-such-package",))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = {finding.what: finding for finding in machine.check(load({"web_port": str(port)}))}
    assert (found["Xvfb"].state, found["Xvfb"].do) == (FindingState.NOTE, "apt-get install xvfb")
    assert (found["Docker"].state, found["Docker"].found) == (FindingState.NOTE, "not installed")
    assert found[f"port {port}"].state is FindingState.NOTE
    assert found[f"port {port}"].do == "train with another --web-port"
    failed = [one.found for one in machine._packages() if one.state is FindingState.FAIL]
    assert failed == ["missing: no-such-package"]
    assert found["processor cores"].state is FindingState.OK

"""Pauses and changed clocks do not count as training time and do not make workers count as dead."""

import signal
import subprocess
import sys
import threading
import time

from in_process import ONES, ROLLOUT, SIGNATURE, SPECS, make_client, push
from live import ROOT, until

from a3c64.hyperparameters import Hyperparameters
from a3c64.paramserver.running_clock import MAX_GAP_S, RunningClock
from a3c64.paramserver.service import Service
from a3c64.paramserver.weights import SharedWeights
from a3c64.wire.client import Client
from a3c64.wire.heartbeat import Heartbeat
from a3c64.wire.report import ServerReport
from a3c64.wire.transport import SocketTransport

PAUSE_S = 3.0


def test_a_pause_is_not_training_time_and_drops_no_worker():
    now = 100.0
    service = Service(
        SharedWeights(Hyperparameters(time_limit=30, **ROLLOUT), None), "run", ServerReport(), RunningClock(lambda: now)
    )
    client = make_client(service)
    client.hello()
    client.join(SPECS)
    for _ in range(40):
        now += 0.25
        service.look()
        service.roster.beat("a")
    assert service.seconds == 10.0
    now += 1000.0  # the container was paused
    service.look()
    assert service.roster.sweep() == []
    assert service.seconds == 10.0 + MAX_GAP_S
    assert not service.over
    assert push(client, 0).accepted


def working(stack):
    client = Client(SocketTransport(stack.server), "a", "a", threading.Event())
    client.hello()
    client.join(SPECS)
    heartbeat = Heartbeat(stack.server, "a")
    heartbeat.start()
    return client, heartbeat


def test_a_stopped_and_continued_server_keeps_its_workers(stack):
    server = stack.start("a3c64.paramserver")
    until(stack.report, 60, "the server")
    client, heartbeat = working(stack)
    begin, before = time.monotonic(), stack.report().seconds
    server.send_signal(signal.SIGSTOP)
    time.sleep(PAUSE_S)
    server.send_signal(signal.SIGCONT)
    report = stack.report()
    passed = time.monotonic() - begin
    assert report.seconds - before < passed - PAUSE_S + MAX_GAP_S + 0.3
    assert (len(report.workers), report.lost) == (1, 0)
    assert client.push(ONES, SIGNATURE, 0, 20, {}, []).accepted
    heartbeat.stop()
    client.close()


def test_changes_of_the_time_of_day_have_no_effect(stack):
    """In this server, each read of the time of day is off by up to a day."""
    jumping = (
        "import random, runpy, time; real = time.time; time.time = lambda: real() + random.uniform(-86400, 86400); "
    )
    jumping += "runpy.run_module('a3c64.paramserver', run_name='__main__')"
    log = stack.folder / "jumping.log"
    with log.open("wb") as file:
        command = [sys.executable, "-c", jumping]
        environment = stack.environment(checkpoint_interval=0.3, status_interval=0.3)
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT)
    stack.processes.append(server)
    until(stack.report, 60, "the server")
    client, heartbeat = working(stack)
    begin, version = time.monotonic(), 0
    before = stack.report().seconds
    while time.monotonic() - begin < 2.0:
        version = client.push(ONES, SIGNATURE, version, 20, {}, []).version  # a busy machine may repeat one
    report, passed = stack.report(), time.monotonic() - begin
    assert abs(report.seconds - before - passed) < 10.0, "a jump is hours"
    assert version > 0
    assert (report.updates, report.lost, len(report.workers)) == (version, 0, 1)
    assert until(lambda: (stack.run_dir / "checkpoints" / "latest").exists(), 60, "a checkpoint")
    heartbeat.stop()
    client.close()
    server.send_signal(signal.SIGTERM)
    assert server.wait(8) == 0, log.read_text()
    assert "Traceback" not in log.read_text()

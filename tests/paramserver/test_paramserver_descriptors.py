"""A server that has run out of file descriptors refuses new connections. The run continues and is saved."""

import signal
import socket
import subprocess
import sys
import threading
import time

import psutil
from in_process import ONES, SIGNATURE, SPECS
from live import ROOT, until

from a3c64.wire.client import Client
from a3c64.wire.heartbeat import Heartbeat
from a3c64.wire.transport import SocketTransport

LIMIT = 96  # `ulimit -n`, soft and hard; the server itself needs about 40, with the ones that it reserves


def test_without_descriptors_connections_are_refused_and_the_run_continues(stack):
    limited = f"import resource, runpy; resource.setrlimit(resource.RLIMIT_NOFILE, ({LIMIT}, {LIMIT})); "
    limited += "runpy.run_module('a3c64.paramserver', run_name='__main__')"
    log = stack.folder / "limited.log"
    with log.open("wb") as file:
        environment = stack.environment(checkpoint_interval=0.3, status_interval=0.3)
        command = [sys.executable, "-c", limited]
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT)
    stack.processes.append(server)
    until(stack.report, 60, "the server")
    client = Client(SocketTransport(stack.server), "a", "a", threading.Event())
    client.hello()
    update = client.join(SPECS)
    heartbeat = Heartbeat(stack.server, "a")
    heartbeat.start()
    update = client.push(ONES, SIGNATURE, update.version, 20, {}, [])

    host, port = stack.address.removeprefix("tcp://").split(":")
    crowd = []
    for _ in range(4 * LIMIT):
        try:
            crowd.append(socket.create_connection((host, int(port)), timeout=2))
        except OSError:  # the server refuses
            break
        time.sleep(0.002)
    until(lambda: "new connections are refused" in log.read_text(), 60, "a line about refused connections")
    used = psutil.Process(server.pid).cpu_times()
    begin = time.monotonic()
    for _ in range(10):
        update = client.push(ONES, SIGNATURE, update.version, 20, {}, [])
        assert update.accepted
        time.sleep(0.1)
    share = (sum(psutil.Process(server.pid).cpu_times()[:2]) - sum(used[:2])) / (time.monotonic() - begin)
    assert share < 0.5, "the server must not spin on connections that it cannot accept"
    step = update.step
    until(lambda: (stack.run_dir / "checkpoints" / f"step_{step}").exists(), 60, "a checkpoint of the current step")

    for one in crowd:
        one.close()
    report = stack.wait_for(lambda report: report.updates == 11, 60, "new connections, once there is room")
    assert (len(report.workers), report.lost) == (1, 0)
    heartbeat.stop()
    client.close()
    server.send_signal(signal.SIGTERM)
    assert server.wait(8) == 0
    assert "Traceback" not in log.read_text()
    assert "no checkpoint could be written" not in log.read_text()

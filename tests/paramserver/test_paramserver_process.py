"""A real server process over real sockets: garbage, kill -9, full disk, busy port."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading

import msgpack
import numpy as np
import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live import ROOT, free_port, get_json, until

from a3c64.config import BadInputError
from a3c64.learning.parameters import ParameterSpec, signature
from a3c64.paramserver.run_lock import RunLock, holder
from a3c64.wire import keys
from a3c64.wire import messages as wire
from a3c64.wire.client import Client
from a3c64.wire.status import fetch
from a3c64.wire.transport import SocketTransport

SPECS = [ParameterSpec("w", (300, 200), 1.0)]
ONES = np.full(60_000, 0.02, np.float32)  # its norm is 4.9
GOOD = wire.Push(signature(SPECS), 0, 20, {}, [])


def make_client(stack, name="abc"):
    client = Client(SocketTransport(stack.server), name, name, threading.Event())
    client.hello()
    return client, client.join(SPECS)


def refused(stack) -> int:
    return sum(stack.report().refused.values())


def test_garbage_is_refused_and_counted_and_changes_no_weights(stack):
    server = stack.start("a3c64.paramserver")
    client, first = make_client(stack)
    weights = first.weights.copy()
    sent = 0
    with zmq.Context.instance().socket(zmq.DEALER) as stranger:
        stranger.setsockopt(zmq.LINGER, 0)
        keys.read(stack.server.key_file).apply(stranger)
        stranger.connect(stack.address)

        def expect_refusal(frames):
            nonlocal sent
            stranger.send_multipart(frames)
            sent += 1
            assert stranger.poll(5000), "no answer"
            answer = wire.decode(stranger.recv_multipart())
            assert isinstance(answer.body, wire.Refused)
            return answer.body.reason

        @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.lists(st.binary(max_size=300), min_size=1, max_size=5))
        def random_bytes(frames):
            expect_refusal(frames)

        random_bytes()
        assert "version 9" in expect_refusal(
            [wire.sealed(msgpack.packb([9, "push", 1, GOOD._asdict()]), bytes(ONES)), bytes(ONES)]
        )
        assert "must begin with the message hello" in expect_refusal(wire.encode(1, GOOD, ONES))

        # The same from a client that has said hello.
        stranger.send_multipart(wire.encode(1, wire.Hello("stranger", "stranger", -1, wire.WORKER, 0)))
        assert stranger.poll(5000)
        stranger.recv_multipart()
        nan = ONES.copy()
        nan[777] = np.nan
        assert "must be finite" in expect_refusal(wire.encode(2, GOOD, nan))
        assert "must have 60000 numbers, found 59999" in expect_refusal(wire.encode(3, GOOD, ONES[1:]))
        assert "found x" in expect_refusal(wire.encode(4, GOOD._replace(signature="x"), ONES))
        assert "sequence must be greater than 4, found 4" in expect_refusal(wire.encode(4, GOOD, ONES))

        assert refused(stack) == sent

        # Bytes that are not ZMTP. ZeroMQ drops the connection, or reads them as a message of ZMTP 1.0.
        host, port = stack.address.removeprefix("tcp://").split(":")
        with socket.create_connection((host, int(port)), timeout=5) as raw:
            raw.sendall(os.urandom(4096))

    again = client.join(SPECS)
    np.testing.assert_array_equal(again.weights, weights)
    assert (again.version, again.step) == (0, 0)
    assert client.push(ONES, signature(SPECS), 0, 20, {}, []).accepted, "the server must continue"
    client.close()
    assert server.poll() is None


def test_a_server_resumes_from_the_checkpoint_after_kill_9(stack):
    server = stack.start("a3c64.paramserver", checkpoint_interval=0.3)
    client, update = make_client(stack)
    for _ in range(5):
        update = client.push(ONES, signature(SPECS), update.version, 20, {}, [])
    assert update.step == 100
    until(lambda: (stack.run_dir / "checkpoints" / "step_100").exists(), 60, "a checkpoint")
    server.kill()
    server.wait()
    stack.start("a3c64.paramserver")
    update = client.push(ONES, signature(SPECS), update.version, 20, {}, [])
    assert not update.accepted, "the gradient was sent to the dead server and must be lost"
    assert (update.step, update.version) == (100, 5)
    update = client.push(ONES, signature(SPECS), update.version, 20, {}, [])
    assert (update.step, update.accepted) == (120, True)
    client.close()


def test_sigterm_saves_and_exits_0(stack):
    server = stack.start("a3c64.paramserver")
    client, update = make_client(stack)
    update = client.push(ONES, signature(SPECS), update.version, 20, {}, [])
    server.send_signal(signal.SIGTERM)
    assert server.wait(8) == 0
    assert (stack.run_dir / "checkpoints" / "latest").read_text() == "step_20\n"
    assert (stack.run_dir / "config.json").exists()
    assert "paramserver" in (stack.run_dir / "command.txt").read_text()
    client.close()


def test_a_busy_port_is_reported_in_one_line(stack):
    stack.start("a3c64.paramserver")
    until(stack.report, 60, "the first server")
    second = stack.run("a3c64.paramserver", run_dir=stack.folder / "other")
    assert second.returncode == 2
    assert "cannot be bound (Address already in use)" in second.stderr
    assert len(second.stderr.strip().splitlines()) == 1


def test_a_run_folder_belongs_to_one_server(stack):
    """A second server's error names the first server, and nothing is written. After the first has ended, a third can
    start."""
    first = stack.start("a3c64.paramserver")
    until(stack.report, 60, "the first server")
    before = {path: path.stat().st_mtime_ns for path in stack.run_dir.rglob("*")}
    other = {"bind": f"tcp://127.0.0.1:{free_port()}", "status_interval": 60}
    second = stack.run("a3c64.paramserver", **other)
    assert second.returncode == 2
    assert len(second.stderr.strip().splitlines()) == 1
    for part in (str(stack.run_dir), f"process {first.pid} on {socket.gethostname()}", stack.address):
        assert part in second.stderr
    after = {path: path.stat().st_mtime_ns for path in stack.run_dir.rglob("*")}
    events = {path for path in after if "tfevents" in path.name}  # the first server still writes to its event file
    assert {path: after[path] for path in after.keys() - events} == {p: before[p] for p in before.keys() - events}
    assert "is in use by another server" in stack.run("a3c64.paramserver").stderr, (
        "the error must name the folder, not the port"
    )
    first.kill()
    first.wait()
    third = stack.start("a3c64.paramserver", **other)
    until(lambda: fetch(stack.server._replace(url=other["bind"]), timeout_s=1.0), 60, "the next server")
    third.send_signal(signal.SIGTERM)
    assert third.wait(8) == 0


def test_checking_a_folders_lock_does_not_block_a_server(tmp_path):
    stop = threading.Event()

    def look():
        while not stop.is_set():
            holder(tmp_path)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            RunLock(tmp_path, "tcp://127.0.0.1:1").close()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    lock = RunLock(tmp_path, "tcp://127.0.0.1:1")
    assert holder(tmp_path).endswith("tcp://127.0.0.1:1")
    with pytest.raises(BadInputError, match="is in use by another server"):
        RunLock(tmp_path, "tcp://127.0.0.1:2")
    lock.close()
    assert (holder(tmp_path), holder(tmp_path / "nowhere")) == ("", "")


def test_a_run_folder_that_cannot_be_made_is_reported_in_one_line(stack):
    (stack.folder / "file").write_text("")
    result = stack.run("a3c64.paramserver", run_dir=stack.folder / "file" / "run")
    assert result.returncode == 2
    assert result.stderr.startswith("a3c64 server: A3C64_RUN_DIR: ")
    assert len(result.stderr.strip().splitlines()) == 1


def test_training_continues_when_checkpoints_cannot_be_written(stack):
    """This server's files may not exceed 20 KB, so TensorBoard's small points fit and checkpoints do not."""
    limited = "import resource, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000)); "
    limited += "runpy.run_module('paramserver', run_name='__main__')"
    log = stack.folder / "limited.log"
    with log.open("wb") as file:
        server = subprocess.Popen(
            [sys.executable, "-c", limited],
            cwd=ROOT,
            env=stack.environment(checkpoint_interval=0.2),
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    stack.processes.append(server)
    client, update = make_client(stack)
    for _ in range(3):
        update = client.push(ONES, signature(SPECS), update.version, 20, {}, [])
        threading.Event().wait(0.5)
    assert update.accepted
    said = log.read_text()
    assert said.count("no checkpoint could be written") == 1, said
    assert "training goes on" in said
    client.close()


def test_more_workers_than_the_soft_descriptor_limit_can_join(stack):
    limited = "import resource, runpy; _, most = resource.getrlimit(resource.RLIMIT_NOFILE); "
    limited += "resource.setrlimit(resource.RLIMIT_NOFILE, (48, most)); "
    limited += "runpy.run_module('paramserver', run_name='__main__')"
    stack.processes.append(subprocess.Popen([sys.executable, "-c", limited], cwd=ROOT, env=stack.environment()))
    clients = []
    for number in range(64):
        client, _ = make_client(stack, f"worker{number}")
        clients.append(client)
    assert len(stack.report().workers) == 64
    for client in clients:
        client.close()


def test_tensorboard_shows_steps_rising_and_is_restarted_when_it_dies(stack):
    port = free_port()
    server = stack.start("a3c64.paramserver", tensorboard_port=port)
    client, update = make_client(stack)

    def points():
        try:
            tag = "time%2Ftotal_timesteps"
            return get_json(f"http://127.0.0.1:{port}/data/plugin/scalars/scalars?run=.&tag={tag}")
        except OSError:
            return []

    def rising():
        nonlocal update
        update = client.push(ONES, signature(SPECS), update.version, 20, {}, [])
        values = [value for _, _, value in points()]
        return len(values) >= 2 and values[-1] > values[0]

    until(rising, 60, "TensorBoard")
    import psutil

    (board,) = psutil.Process(server.pid).children()
    board.kill()
    until(lambda: not points(), 60, "TensorBoard's end")
    until(points, 60, "TensorBoard again")
    assert re.search(r"TensorBoard \(see .*\) was ended by SIGKILL", stack.log(server))
    assert client.push(ONES, signature(SPECS), update.version, 20, {}, []).accepted
    client.close()
    server.send_signal(signal.SIGTERM)
    assert server.wait(8) == 0
    with pytest.raises(OSError, match="refused"):
        get_json(f"http://127.0.0.1:{port}/")

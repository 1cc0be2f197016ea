"""A real server whose connections are taken over, stalled, cut, delayed or altered. Each update must count once."""

import gc
import random
import threading
import time
import warnings
from contextlib import suppress

import numpy as np
import pytest
import zmq
from live import until
from proxy import Proxy
from raw_dealer import raw_dealer

from a3c64.learning.parameters import ParameterSpec, initialise, signature
from a3c64.wire import client as client_module
from a3c64.wire import messages as wire
from a3c64.wire.client import Client
from a3c64.wire.transport import SocketTransport

SPECS = [ParameterSpec("w", (100, 100), 1.0)]
ONES = np.full(10_000, 0.05, np.float32)  # its norm is 5
HEARTBEAT_S = 2.2  # the server's socket sends a ZMTP heartbeat within this time, which would show a broken connection


@pytest.fixture
def short_timeouts(monkeypatch):
    """Give clients short timeouts, so that tests are short."""
    monkeypatch.setattr(client_module, "ANSWER_S", 0.5)
    monkeypatch.setattr(client_module, "HELLO_S", 0.1)


@pytest.fixture
def server(stack):
    process = stack.start("a3c64.paramserver")
    until(stack.report, 60, "the server")
    yield process
    assert process.poll() is None, stack.log(process)
    assert stack.report() is not None


@pytest.fixture
def proxy(server, stack):
    proxy = Proxy(stack.address, seed=7)
    yield proxy
    proxy.close()


def make_client(stack, url=None, name="abc"):
    address = stack.server._replace(url=url or stack.address)
    client = Client(SocketTransport(address), name, name, threading.Event())
    client.hello()
    return client, client.join(SPECS)


def push(client, version):
    return client.push(ONES, signature(SPECS), version, 20, {}, [])


def test_a_second_connection_with_a_routing_id_does_not_stop_the_server(stack):
    """These messages used to abort the server: one from A, one from B with A's routing id, one from A, which closes."""
    stack.encrypted = False
    server = stack.start("a3c64.paramserver")
    client, update = make_client(stack)
    message = b"\0\x01x"  # one frame of one byte
    first = raw_dealer(stack.address, b"ab")
    first.sendall(message)
    time.sleep(0.2)
    second = raw_dealer(stack.address, b"ab")
    second.sendall(message)
    time.sleep(0.2)
    with suppress(OSError):  # a server that refuses the second connection may close either one
        first.sendall(message)
    time.sleep(0.2)
    first.close()
    time.sleep(HEARTBEAT_S)
    assert server.poll() is None, stack.log(server)
    assert push(client, update.version).accepted
    second.close()
    client.close()


def test_messages_that_arrive_after_a_stall_count_at_most_once(proxy, short_timeouts, stack):
    """An unstable VPN does this. Meanwhile the client has reconnected."""
    client, update = make_client(stack, proxy.address)
    assert push(client, update.version).accepted
    proxy.stalled.set()
    timer = threading.Timer(0.9, proxy.stalled.clear)
    timer.start()
    late = push(client, 1)
    assert not late.accepted
    for _ in range(3):
        late = push(client, late.version)
        assert late.accepted
    time.sleep(HEARTBEAT_S)
    after = push(client, late.version)
    assert after.accepted
    assert after.step == 20 * after.version, "a gradient and its steps must count together and once"
    assert after.version in (5, 6), "the stalled gradient may count only before its client says hello again"
    client.close()


def test_updates_count_at_most_once_over_cut_delayed_and_altered_connections(proxy, short_timeouts, stack):
    """A client that continues to push succeeds, and the server's state matches its answers."""
    client, update = make_client(stack, proxy.address)
    draw, accepted, pushed, end = random.Random(3), 0, 0, time.monotonic() + 90.0
    while time.monotonic() < end and not (pushed > 60 and accepted > 10 and proxy.cuts and proxy.corrupted):
        # An altered chunk ends its connection, and a handshake takes eight chunks.
        proxy.cut, proxy.corrupt, proxy.delay_s = draw.choice([(0, 0, 0), (0.05, 0, 0), (0, 0.05, 0), (0, 0, 0.01)])
        update = push(client, update.version)
        accepted, pushed = accepted + update.accepted, pushed + 1
        assert update.step == 20 * update.version
    proxy.cut = proxy.corrupt = proxy.delay_s = 0.0
    update = push(client, update.version)
    accepted, pushed = accepted + update.accepted, pushed + 1
    assert accepted <= update.version <= pushed, (
        "each gradient must be applied at most once, and each accepted one must be"
    )
    assert proxy.cuts > 0
    assert proxy.corrupted > 0
    assert accepted > 10
    moved = update.weights - initialise(SPECS, 0)
    assert np.ptp(moved) < 1e-5, "gradients are uniform, so unequal changes show altered gradients or weights"
    print(f"{pushed} pushed, {accepted} accepted, {proxy.cuts} cuts, {proxy.corrupted} altered")
    client.close()


def test_exchanges_that_take_longer_than_the_timeout_end_while_bytes_move(proxy, monkeypatch, stack):
    """With a fixed timeout, a client behind a slow link began each transfer again and again, and never got weights."""
    monkeypatch.setattr(client_module, "ANSWER_S", 0.6)
    monkeypatch.setattr(client_module, "HELLO_S", 60.0)  # a hello is short, so nothing shows that it is on its way
    monkeypatch.setattr(client_module, "LONGEST_S", 60.0)
    proxy.bytes_s = 0.6 * ONES.nbytes  # a second
    client = Client(SocketTransport(stack.server._replace(url=proxy.address)), "abc", "abc", threading.Event())
    client.hello()
    given_up = threading.Timer(90.0, client._stop.set)
    given_up.daemon = True
    given_up.start()
    update = client.join(SPECS)
    while not push(client, update.version).accepted:  # on a busy machine, nothing may move for longer than ANSWER_S
        pass
    given_up.cancel()
    for option in (zmq.HEARTBEAT_TIMEOUT, zmq.HEARTBEAT_TTL):  # libzmq's own heartbeats wait behind a vector, too
        assert client._transport._socket.getsockopt(option) >= 120_000
    client.close()


def test_messages_over_an_abandoned_connection_are_refused(server, stack):
    client, update = make_client(stack)
    old = client._transport
    client._transport = SocketTransport(stack.server)
    client.hello()
    old.send(wire.encode(1000, wire.Push(signature(SPECS), 0, 20, {}, []), ONES))
    frames = old.receive(5.0)
    assert wire.decode(frames).body.remedy == "hello"
    assert push(client, update.version).step == 20
    old.close()
    client.close()


def test_the_replacement_of_a_killed_worker_gets_its_index(server, stack):
    """It gets the index at once, because the old connection is closed. It need not wait for five missed heartbeats."""

    def join(name, index):
        client = Client(SocketTransport(stack.server), name, name, threading.Event(), index=index)
        client.hello()
        return client

    clients = [join(f"w{index}", index) for index in (0, 1, 2)]
    assert [client.index for client in clients] == [0, 1, 2]
    clients[1]._transport._socket.close(linger=0)  # the kernel does the same when a process is killed
    time.sleep(0.2)
    again = join("w3", 1)
    assert again.index == 1
    other = join("w4", 1)
    assert other.index == 3, "index 1 belongs to a living worker"
    report = stack.report()
    assert [(worker.index, worker.restarts) for worker in report.workers] == [(0, 0), (1, 1), (2, 0), (3, 0)]
    assert report.lost == 1
    for client in (clients[0], clients[2], again, other):
        client.close()


def test_closed_connections_leave_no_open_socket(server, stack):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(3):
            client, _ = make_client(stack)
            client.close()
        del client
        gc.collect()
    assert [str(one.message) for one in told if issubclass(one.category, ResourceWarning)] == []

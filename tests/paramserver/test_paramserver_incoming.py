"""Clients send a real server messages that never end. It closes their connections, and its memory is bounded."""

import re
import struct
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from in_process import ONES, SIGNATURE, SPECS
from live import until
from proxy import Proxy
from raw_dealer import greeted, raw_dealer

from a3c64.learning.parameters import ParameterSpec, signature
from a3c64.wire.evaluator_client import EvaluatorClient
from a3c64.wire.transport import SocketTransport

MEGABYTE = 1 << 20
HUGE = b"\x02" + struct.pack(">Q", 200 * MEGABYTE)  # the beginning of a frame, as it is on the wire


def start(stack, encrypted):
    """Start a server. Only one that does not encrypt accepts a `raw_dealer`."""
    stack.encrypted = encrypted
    process = stack.start("a3c64.paramserver")
    until(stack.report, 60, "the server")
    return process


def worker(clients):
    client = clients.honest()
    return client, client.join(SPECS)


def push(client, version):
    return client.push(ONES, SIGNATURE, version, 20, {}, [])


def peak_mb(process):
    """Return the most memory that a process has ever used."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())[1]) / 1024


def part(size):
    """Return a part of a message that has more parts, as it is on the wire."""
    return (b"\x01\0" if size == 0 else b"\x03" + struct.pack(">Q", size)) + bytes(size)


def send_until_closed(connection, first, piece):
    """Send `first`, then `piece` again and again, until the server closes the connection."""
    with connection as raw, suppress(OSError):
        raw.sendall(first)
        for _ in range(190):
            raw.sendall(piece)
            time.sleep(0.05)  # so that a busy machine does not decide how much arrives between two looks
        pytest.fail(f"the server has taken {190 * len(piece) // MEGABYTE} MB of a message")


@pytest.mark.parametrize(
    ("first", "piece"),
    [
        pytest.param(b"", part(0) * (1 << 16), id="empty parts"),  # each takes 2 bytes here, and 64 in the server
        pytest.param(b"", part(MEGABYTE), id="large parts"),
        pytest.param(HUGE, bytes(MEGABYTE), id="one huge part"),
    ],
)
def test_a_message_without_an_end_is_cut_off(stack, clients, first, piece):
    """It used to fill the memory: libzmq keeps all parts until the last one arrives. 1.6 GB were measured."""
    server = start(stack, encrypted=False)
    client, update = worker(clients)
    begin = peak_mb(server)
    for _ in range(2):
        send_until_closed(raw_dealer(stack.address, b""), first, piece)
    report = stack.wait_for(lambda r: r.refused.get("endless") == 2, 60, "the count")
    assert (report.refused, report.updates) == ({"endless": 2}, 0)
    assert peak_mb(server) - begin < 500.0
    assert push(client, update.version).accepted


def test_a_stranger_without_a_key_cannot_fill_the_memory(stack, clients):
    """A stranger can send the handshake's messages. Their size is not limited."""
    server = start(stack, encrypted=True)
    client, update = worker(clients)
    begin = peak_mb(server)
    send_until_closed(greeted(stack.address, b"CURVE"), HUGE, bytes(MEGABYTE))
    report = stack.wait_for(lambda r: r.refused, 60, "the count")
    assert (report.refused, report.updates) == ({"endless": 1}, 0)
    assert peak_mb(server) - begin < 150.0
    assert push(client, update.version).accepted


def test_a_client_with_a_key_cannot_fill_the_memory(stack, clients):
    server = start(stack, encrypted=True)
    client, update = worker(clients)
    begin = peak_mb(server)
    proxy = Proxy(stack.address)
    proxy.delay_s = 0.01  # at most 6.5 MB/s, so that a busy machine does not decide how much arrives between two looks
    attacker = SocketTransport(stack.server._replace(url=proxy.address))
    attacker.send([bytes(MEGABYTE)] * 200)
    report = stack.wait_for(lambda r: r.refused, 60, "the count")
    attacker.close()
    proxy.close()
    assert (set(report.refused), report.updates) == ({"endless"}, 0)
    assert peak_mb(server) - begin < 150.0
    assert push(client, update.version).accepted


def test_many_unfinished_messages_are_bounded_together(stack, clients):
    start(stack, encrypted=False)
    client, update = worker(clients)
    crowd = [raw_dealer(stack.address, b"") for _ in range(60)]
    for raw in crowd:
        with suppress(OSError):
            raw.sendall(part(MEGABYTE // 2))
    # 30 MB, of which 16 may stay: the worker has no more than a few bytes underway
    report = stack.wait_for(lambda r: r.refused.get("endless", 0) >= 27, 60, "closed connections")
    assert set(report.refused) == {"endless"}
    assert push(client, update.version).accepted
    for raw in crowd:
        raw.close()


def test_a_message_of_many_parts_is_refused(stack, clients):
    server = start(stack, encrypted=False)
    client, update = worker(clients)
    begin = peak_mb(server)
    with raw_dealer(stack.address, b"") as raw:
        raw.sendall(part(0) * 100_000 + b"\0\x01x")
        report = stack.wait_for(lambda r: r.refused, 60, "the refusal")
    assert report.refused == {"malformed": 1}
    assert peak_mb(server) - begin < 100.0
    assert push(client, update.version).accepted


@pytest.mark.parametrize("encrypted", [False, True])
def test_idle_and_busy_connections_stay_open(stack, clients, encrypted):
    """A busy client pushes as fast as it can."""
    start(stack, encrypted)
    specs = [ParameterSpec("w", (500, 500), 0.0)]  # 1 MB
    gradient = np.full(250_000, 0.01, np.float32)
    client = clients.honest()
    update = client.join(specs)
    idle = clients.honest(EvaluatorClient, "idle")
    end = time.monotonic() + 3.0
    while time.monotonic() < end:
        update = client.push(gradient, signature(specs), update.version, 20, {}, [])
        assert update.accepted
    assert idle.pull().version == update.version
    assert until(stack.report, 60, "a report").refused == {}


def test_a_slow_message_is_received_when_it_ends(stack, clients):
    start(stack, encrypted=False)
    worker(clients)
    with raw_dealer(stack.address, b"") as slow:
        slow.sendall(part(MEGABYTE))
        time.sleep(1.0)
        assert until(stack.report, 60, "a report").refused == {}
        slow.sendall(b"\0\x01x")
        assert stack.wait_for(lambda r: r.refused, 60, "the answer").refused == {"damaged": 1}

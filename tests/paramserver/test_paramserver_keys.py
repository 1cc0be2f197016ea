"""Without the run's key, nobody reaches the server: refused, counted, nothing changed. The key files are private."""

import os
import signal
import socket
import stat
import threading
import time
from contextlib import suppress

import psutil
import pytest
import zmq
from in_process import ONES, SIGNATURE, SPECS
from live import free_port, until

from a3c64.config import BadInputError
from a3c64.files import write_new
from a3c64.paramserver.authentication import Authentication, Refusals
from a3c64.paramserver.run_keys import SECRET, RunKeys
from a3c64.wire import keys
from a3c64.wire import messages as wire
from a3c64.wire.address import ServerAddress
from a3c64.wire.client import Client
from a3c64.wire.keys import ClientKey
from a3c64.wire.transport import SocketTransport, configure

PATIENCE_S = 60.0
SILENCE_MS = 1000  # an attacker waits this long for an answer that must not come
FLOOD = 2500  # connections; libzmq would hold at most 2,000 of their events in a queue of the usual length
ATTACKS = [
    wire.Hello("attacker", "attacker", -1, wire.WORKER, 0),
    wire.Join([[spec.name, list(spec.shape), spec.gain] for spec in SPECS], []),
    wire.Push(SIGNATURE, 0, 1_000_000, {}, []),
    wire.Ask(),
    wire.Bye(),
]


def make_client(stack):
    return Client(SocketTransport(stack.server), "a", "a", threading.Event())


def attack(stack, prepare):
    """Send a message of each kind from a socket without the key; return the answers."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as attacker:
        attacker.setsockopt(zmq.LINGER, 0)
        prepare(attacker)
        attacker.connect(stack.address)
        for number, body in enumerate(ATTACKS, 1):
            vector = 1e18 * ONES if isinstance(body, wire.Push) else None
            attacker.send_multipart(wire.encode(number, body, vector), zmq.DONTWAIT)
        answers = []
        while attacker.poll(SILENCE_MS):
            answers.append(attacker.recv_multipart())
        return answers


def connect_raw(url):
    host, port = url.removeprefix("tcp://").split(":")
    connection = socket.create_connection((host, int(port)), PATIENCE_S)
    connection.settimeout(PATIENCE_S)
    return connection


def hang_up(connection):
    """Wait until the other end has closed a connection."""
    try:
        while connection.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return True


def push(client, update):
    """Push until a gradient is accepted: a server that has just started does not know the client."""
    for _ in range(5):
        update = client.push(ONES, SIGNATURE, update.version, 20, {}, [])
        if update.accepted:
            return update
    raise AssertionError("no gradient is accepted")


def test_without_the_key_connections_are_refused_and_counted_and_nothing_changes(stack, clients):
    server = stack.start("a3c64.paramserver", status_interval=0.2)
    until(stack.report, PATIENCE_S, "the server")
    client = clients.honest()
    update = client.join(SPECS)
    ours = keys.read(stack.server.key_file)
    strangers = {
        "no key": lambda attacker: None,
        "a key of its own": ClientKey.new(ours.server).apply,
        "the key of another run": ours._replace(server=zmq.curve_keypair()[0]).apply,
    }
    for kind, prepare in strangers.items():
        report = until(stack.report, PATIENCE_S, "a report")
        counted, end = report.refused_connections, time.monotonic() + PATIENCE_S
        # If the attacker happens to hang up first, it is not refused.
        while report.refused_connections == counted and time.monotonic() < end:
            assert attack(stack, prepare) == [], kind
            report = until(stack.report, PATIENCE_S, "a report")
        assert report.refused_connections > counted, kind
        assert {worker.name for worker in report.workers} <= {"honest"}, kind
        assert (report.updates, report.steps, report.over) == (0, 0, ""), kind
    with connect_raw(stack.address) as old:  # the framing of ZMTP 1.0, which has no keys
        old.sendall(b"\x01\x00\x06\x00hello")
        assert hang_up(old)
    update = push(client, update)
    assert (update.version, update.step) == (1, 20)
    server.send_signal(signal.SIGTERM)
    assert server.wait(PATIENCE_S) == 0
    log = stack.log(server)
    assert "connections without a valid key are refused" in log
    assert "copy keys/client" in log
    assert ours.secret.decode() not in log
    assert ours.text() not in log


def test_key_files_are_private_and_a_restarted_server_keeps_them(stack, clients):
    old_umask = os.umask(0)
    try:
        server = stack.start("a3c64.paramserver")
    finally:
        os.umask(old_umask)
    until(stack.report, PATIENCE_S, "the server")
    client = clients.honest()
    update = client.join(SPECS)
    folder = stack.run_dir / "keys"
    files = {path: path.read_bytes() for path in folder.iterdir()}
    assert {path.name for path in files} >= {"client", SECRET}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)
    assert files[folder / SECRET].strip() not in files[folder / "client"]

    server.kill()
    server.wait()
    again = stack.start("a3c64.paramserver")
    until(stack.report, PATIENCE_S, "the next server")
    push(client, update)
    report = stack.wait_for(lambda report: len(report.workers) == 1, PATIENCE_S, "the worker")
    assert report.refused_connections == 0
    again.send_signal(signal.SIGTERM)
    assert again.wait(PATIENCE_S) == 0
    assert {path: path.read_bytes() for path in folder.iterdir()} == files


def answered(status):
    """Return the result of `a3c64 status` if the server has answered; on a busy machine it may not."""
    return status if status.returncode == 0 else None


def test_local_mode_hands_the_key_over_in_a_file(stack):
    train = stack.start(
        "a3c64", "train", "--workers", "1", "--run-dir", str(stack.run_dir), env_id="CartPole-v1", eval_interval=600
    )
    stack.wait_for(
        lambda report: report.evaluators and any(worker.steps for worker in report.workers),
        2 * PATIENCE_S,
        "a worker and an evaluator",
    )
    text = (stack.run_dir / "keys" / "client").read_text().strip()
    secrets = [text, keys.ClientKey.of(text).secret.decode(), (stack.run_dir / "keys" / SECRET).read_text().strip()]
    family = [psutil.Process(train.pid), *psutil.Process(train.pid).children(recursive=True)]
    for process in family:
        with suppress(psutil.Error):  # it has ended
            seen = " ".join([*process.cmdline(), *process.environ().values()])
            assert not any(secret in seen for secret in secrets), process.cmdline()
    for command in (("status",), ("status", "--json"), ("status", "--server", stack.address)):
        status = until(lambda command=command: answered(stack.run("a3c64", *command)), PATIENCE_S, "an answer")
        assert not any(secret in status.stdout for secret in secrets)
    train.send_signal(signal.SIGINT)
    assert train.wait(PATIENCE_S) == 0
    assert not any(secret in stack.log(train) for secret in secrets)
    assert "connections without a valid key" not in stack.log(train), stack.log(train)


def test_a_worker_without_the_right_key_says_what_to_do(stack):
    server = stack.start("a3c64.paramserver")
    until(stack.report, PATIENCE_S, "the server")
    ours = keys.read(stack.server.key_file)

    missing = stack.start("a3c64.worker", key_file=stack.folder / "missing")
    until(lambda: "there is no key file" in stack.log(missing), PATIENCE_S, "a line about the missing key")

    write_new(stack.folder / "other", ours._replace(server=zmq.curve_keypair()[0]).text().encode())
    other = stack.start("a3c64.worker", key_file=stack.folder / "other")
    until(lambda: "belongs to another run" in stack.log(other), PATIENCE_S, "a line about the key of another run")

    plain = stack.start("a3c64.worker", no_encryption=True)
    until(lambda: "leave out --no-encryption" in stack.log(plain), PATIENCE_S, "a line about the missing encryption")

    write_new(stack.folder / "revoked", ClientKey.new(ours.server).text().encode())
    refused = stack.run("a3c64.worker", key_file=stack.folder / "revoked", timeout_s=2 * PATIENCE_S)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
    assert "refuses the key" in refused.stderr
    assert "copy keys/client from the server's run folder" in refused.stderr

    (stack.folder / "typo").write_text(ours.text()[:-1])
    invalid = stack.run("a3c64.worker", key_file=stack.folder / "typo")
    assert (invalid.returncode, invalid.stderr.count("\n")) == (2, 1), invalid.stderr
    assert "is invalid" in invalid.stderr

    for name, said in (("missing", "there is no key file"), ("other", "belongs to"), ("revoked", "refuses the key")):
        status = stack.run("a3c64", "status", "--server", stack.address, "--key-file", str(stack.folder / name))
        assert (status.returncode, status.stderr.count("\n")) == (1, 1), status.stderr
        assert said in status.stderr

    write_new(stack.folder / "missing", ours.text().encode())  # the waiting worker finds it
    stack.wait_for(lambda report: report.joined == 1, 2 * PATIENCE_S, "the worker with the new key file")
    assert server.poll() is None


@pytest.mark.parametrize("bind", ["tcp://0.0.0.0:{}", "tcp://*:{}", "tcp://198.51.100.7:{}", "tcp://example.org:{}"])
@pytest.mark.parametrize("command", [["a3c64.paramserver"], ["a3c64", "train"]])
def test_no_encryption_is_refused_except_on_loopback(stack, command, bind):
    refused = stack.run(*command, bind=bind.format(free_port()), no_encryption=True)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
    assert "--no-encryption: found --bind tcp://" in refused.stderr
    assert not stack.run_dir.exists()


def test_no_encryption_works_on_loopback_and_leaves_no_key(stack):
    stack.encrypted = False
    stack.start("a3c64.paramserver")
    client = make_client(stack)
    client.hello()
    assert client.join(SPECS).version == 0
    client.close()
    assert not (stack.run_dir / "keys" / "client").exists()
    assert not (stack.run_dir / "keys" / SECRET).exists()
    found = {"no_encryption": "", "server": "", "bind": ""}
    until(lambda: answered(stack.run("a3c64", "status", **found)), PATIENCE_S, "an answer")


def test_a_key_has_a_text_form_that_shows_typos():
    key = ClientKey.new(zmq.curve_keypair()[0])
    text = key.text()
    assert ClientKey.of(f" {text}\n") == key
    assert len(text) == 88
    assert text.replace("-", "").replace("_", "").isalnum(), "it must need no quotes in a shell or a URL"
    swapped = text[:10] + ("A" if text[10] != "A" else "B") + text[11:]
    for wrong in ("", "a", text[:-1], text + "A", swapped, text.replace(text[5], "é"), "!" * 88):
        with pytest.raises(ValueError, match=r"^a key has 88 letters"):
            ClientKey.of(wrong)


def test_key_files_that_do_not_fit_are_refused_and_kept(tmp_path):
    client_file = tmp_path / "keys" / "client"
    RunKeys(tmp_path, client_file).write()
    (tmp_path / "keys" / SECRET).rename(tmp_path / "secret")
    before = client_file.read_bytes()
    with pytest.raises(BadInputError, match="belongs to another server"):
        RunKeys(tmp_path, client_file)
    for damaged in (b"", b"~" * 40, b"short"):
        (tmp_path / "keys" / SECRET).write_bytes(damaged)
        with pytest.raises(BadInputError, match=r"server-secret cannot be used"):
            RunKeys(tmp_path, client_file)
    assert client_file.read_bytes() == before
    with pytest.raises(FileExistsError):
        write_new(client_file, b"other")
    assert client_file.read_bytes() == before
    assert not list((tmp_path / "keys").glob(".writing-*"))


def test_a_new_file_replaces_none_on_a_file_system_without_links(tmp_path, monkeypatch):
    def no_links(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    write_new(tmp_path / "key", b"first")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "key", b"second")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"first"]


def test_a_flood_of_refused_connections_blocks_neither_clients_nor_the_end(tmp_path):
    """Nobody reads the events of the socket meanwhile, as when the server writes a large checkpoint."""
    run_keys = RunKeys(tmp_path, tmp_path / "client")
    run_keys.write()
    url = f"tcp://127.0.0.1:{free_port()}"
    with zmq.Context() as context:
        router = context.socket(zmq.ROUTER)
        configure(router)
        authentication = Authentication(router, run_keys)
        router.bind(url)
        authentication.watch()
        for _ in range(FLOOD):
            with connect_raw(url) as one:
                one.sendall(b"\xff" + bytes(8) + b"\x7f\x03\0NULL" + bytes(16 + 1 + 31))
                hang_up(one)
        transport = SocketTransport(ServerAddress(url, tmp_path / "client"))
        transport.send([b"hello"])
        while not authentication.wait(1000):
            pass
        assert router.recv_multipart()[1:] == [b"hello"]
        counted = 0
        while refused := authentication.refused():
            counted += refused
        assert counted == FLOOD
        transport.close()
        authentication.close()
        router.close(linger=0)


def test_refusals_are_counted_while_other_handshakes_succeed():
    accepted, succeeded, ended = zmq.EVENT_ACCEPTED, zmq.EVENT_HANDSHAKE_SUCCEEDED, zmq.EVENT_DISCONNECTED
    gave_up = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    histories = {
        "a client": ([(accepted, 5), (succeeded, 0), (ended, 5)], 0),
        "a stranger": ([(accepted, 5), (ended, 5)], 1),
        "a client that is ended before it shows its key": ([(accepted, 5), (gave_up, 32), (ended, 5)], 0),
        "both": ([(accepted, 5), (accepted, 6), (succeeded, 0), (ended, 6), (ended, 5), (accepted, 5), (ended, 5)], 2),
        "a client between two others": (
            [(accepted, 5), (accepted, 6), (succeeded, 0), (ended, 6), (succeeded, 0), (ended, 5)],
            0,
        ),
        "a stranger beside a slow client": ([(accepted, 5), (accepted, 6), (ended, 6), (succeeded, 0), (ended, 5)], 1),
        "descriptors are used again": (
            [(accepted, 5), (succeeded, 0), (ended, 5)] * 3 + [(accepted, 5), (ended, 5)],
            1,
        ),
    }
    for name, (events, count) in histories.items():
        refusals = Refusals()
        for event in events:
            refusals.add(*event)
        assert refusals.take() == count, name
        assert refusals.take() == 0

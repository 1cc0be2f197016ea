"""The web page's server as a process: the files that it serves or refuses, the screens, and its limits."""

import json
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psutil
import pytest
from live import until
from live_gateway import NO_PASSWORD, PASSWORD, VERSION, WAIT_S, Gateway, Service, frame, upgrade

from a3c64.paramserver.web.feed import REPORT, SCREENS
from a3c64.paramserver.web.gateway import MAX_CONNECTIONS

MB = 1 << 20
MOST_MB = 300  # generous; idle it has 60, and it had 2050 with ten readers when it read whole files


@pytest.fixture
def services():
    """Return a VNC server and what a harmful worker may name instead."""
    found = {
        "secret": Service(),
        "silent": Service(b""),  # as HTTP servers and databases are
        "other": Service(b"SSH-2.0-OpenSSH_9.2\r\n"),
        "half": Service(b"RFB 003.0"),
        "echo": Service(),
        "locked": Service(password=PASSWORD),
        "strange": Service(password="another"),
        "fast": Service(more=400 * MB),
    }
    yield found
    for one in found.values():
        one.close()


@pytest.fixture
def gateway(tmp_path, services):
    found = Gateway(tmp_path, services, "train.example, proxy")
    yield found
    found.close()


def test_only_a_token_gives_access_to_its_screen(gateway):
    answer = gateway.upgrade("/screen?token=secret", "Origin: http://localhost:1")
    assert answer.status == 101
    expected = bytes([0x82, len(VERSION)]) + VERSION
    assert answer.body == expected, "the version must be one binary frame, RFC 6455 section 5.2"
    assert gateway.upgrade("/screen?token=secret").status == 101
    for path in ("/screen?token=guess", "/screen", "/screen?token=", "/screen?host=127.0.0.1&port=22", "/"):
        assert gateway.upgrade(path).status == 403, path
    for origin in ("http://elsewhere.example", "http://localhost:2", "http://[", "null", ""):
        assert gateway.upgrade("/screen?token=secret", f"Origin: {origin}").status == 403, origin


def test_bytes_pass_in_both_directions_after_the_handshake(gateway, services):
    with gateway.watch("echo") as viewer:
        viewer.sendall(frame(b"hello"))
        until(lambda: services["echo"].received == VERSION + b"\1hello", WAIT_S, "the viewer's bytes")
        expected = b"".join(bytes([0x82, len(data)]) + data for data in (VERSION, NO_PASSWORD))
        answer = b""
        while expected not in answer:
            answer += (more := viewer.recv(4096))
            assert more, answer
        until(lambda: services["echo"].send(b"picture"), WAIT_S, "the screen's connection")
        while not answer.endswith(b"picture"):
            answer += (more := viewer.recv(4096))
            assert more, answer


def test_a_browser_needs_no_password(gateway, services):
    with gateway.watch("locked") as viewer:
        viewer.sendall(frame(b"hello"))
        until(lambda: services["locked"].received == VERSION + b"\1hello", WAIT_S, "the viewer's bytes")
        expected, answer = b"".join(bytes([0x82, len(data)]) + data for data in (VERSION, NO_PASSWORD)), b""
        while expected not in answer:
            answer += (more := viewer.recv(4096))
            assert more, answer
    assert gateway.upgrade("/screen?token=strange").status == 502
    (gateway.run / "vnc").unlink()
    assert gateway.upgrade("/screen?token=locked").status == 502
    assert gateway.upgrade("/screen?token=secret").status == 101
    assert gateway.log() == ""


@pytest.mark.parametrize("token", ["silent", "other", "half"])
def test_a_port_that_is_no_vnc_server_gets_and_gives_no_byte(gateway, services, token):
    with gateway.connect() as viewer:
        # The request of an attacker who does not wait for an answer.
        request = (
            f"GET /screen?token={token} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        )
        key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        viewer.sendall((request + key).encode() + bytes([0x82, 0x80 | 16, 0, 0, 0, 0]) + b"DELETE / HTTP/1.")
        answer = b""
        while more := viewer.recv(4096):
            answer += more
            if b"not a VNC server's\n" in answer:
                break
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert b"SSH" not in answer
    assert services[token].connections > 0
    assert services[token].received == b""


def test_only_screens_that_greet_are_listed(gateway, services):
    def listed():
        report = json.loads(gateway.ask(f"/{REPORT}").body)
        assert report["steps"] == 7
        return {worker["screen"] for worker in report["workers"]} - {None}

    until(lambda: listed() == {"secret", "echo", "locked", "fast"}, WAIT_S, "the screens")
    until(lambda: all(service.connections for service in services.values()), WAIT_S, "a check of each screen")
    assert listed() == {"secret", "echo", "locked", "fast"}
    assert {services[token].received for token in ("silent", "other", "half")} == {b""}
    (gateway.web / SCREENS).write_text("{}")
    assert listed() == set()


def test_a_slow_viewer_needs_no_memory(gateway, services):
    with gateway.watch("fast"):
        sent = [0]

        def stalled():
            sent.append(services["fast"].sent)
            time.sleep(1.0)
            return sent[-1] > 0 and sent[-1] == sent[-2]

        until(stalled, WAIT_S, "the end of sending")
        assert sent[-1] < 100 * MB
        assert gateway.rss() < MOST_MB


ALLOWED = [
    "localhost", "LOCALHOST:6080", "localhost.", "127.0.0.1:7080", "[::1]:1", "192.0.2.7", "train.example:443", "Proxy",
    socket.gethostname(),
]  # fmt: skip
REFUSED = [
    "Host: evil.example", "Host: evil.example:6080", "Host: localhost.evil.example", "Host: 127.0.0.1.nip.example",
    "Host: xtrain.example", "Host: localhost@evil.example", "Host: [evil]", "Host: ", "",
    "Host: localhost\r\nHost: evil.example", "Host: " + "a" * 3000,
]  # fmt: skip


def test_the_machines_own_names_are_served(gateway):
    for host in ALLOWED:
        assert gateway.ask("/", host=f"Host: {host}").status == 200, host
        answer = gateway.upgrade("/screen?token=secret", f"Origin: http://{host}", host=f"Host: {host}")
        assert answer.status == 101, host


def test_other_names_get_one_clear_line(gateway, services):
    for host in REFUSED:
        for path in ("/", f"/{REPORT}", "/recordings.json", "/replays/worker-0/one.json", "/page.js"):
            answer = gateway.ask(path, host=host)
            assert answer.status in (400, 403), (host, path)
            assert answer.status == 400 or answer.body.count(b"\n") == 1
            assert b"steps" not in answer.body
            assert len(answer.body) < 4000
        name = host.removeprefix("Host: ")
        answer = gateway.upgrade("/screen?token=secret", f"Origin: http://{name}", host=host)
        assert answer.status in (400, 403), host
    assert services["secret"].connections == 0


def test_the_refusal_names_the_host_and_the_setting(gateway):
    answer = gateway.ask("/", host="Host: evil.example:6080")
    assert answer.status == 403
    assert b"'evil.example'" in answer.body
    assert b"A3C64_WEB_HOSTS" in answer.body


def test_the_pages_files_are_served(gateway):
    assert json.loads(gateway.ask(f"/{REPORT}?x=1").body)["steps"] == 7
    for path in ("/", "/page.js", "/style.css", "/replays/worker-0/one.m64", "/replays/worker-0/one.json"):
        answer = gateway.ask(path)
        assert answer.status == 200, path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert gateway.ask(path, method="HEAD")[::2] == (200, b"")
    assert json.loads(gateway.ask("/recordings.json").body)["count"] == 1
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert gateway.ask("/", method=method).status == 405


NOT_SERVED = [
    f"/{SCREENS}",
    "/../gateway.py",
    "/..%2fgateway.py",
    "/%2e%2e/gateway.py",
    "/replays/../config.json",
    "/replays/%2e%2e/config.json",
    "/replays/..%2fconfig.json",
    "/replays/worker-0/../../config.json",
    "/replays//etc/passwd",
    "//etc/passwd",
    "/replays/%00.json",
    "/replays/link.json",
    "/replays/pipe.json",
    "/replays/",
    "/replays",
    "/novnc/",
    "/config.json",
    "/web/run.json",
    "http://localhost/page.js",
]


def test_no_other_file_is_served(gateway):
    (gateway.run / "config.json").write_text("{}")
    (gateway.run / "replays" / "link.json").symlink_to(gateway.run / "config.json")
    os.mkfifo(gateway.run / "replays" / "pipe.json")
    assert {path: gateway.ask(path).status for path in NOT_SERVED} == dict.fromkeys(NOT_SERVED, 404)


def test_one_bad_replay_does_not_hide_the_list(gateway):
    worker = gateway.run / "replays" / "worker-0"
    for name, content in [("nan", '{"return": NaN, "recorded": "2026-01-01", "steps": 1}'), ("deep", "[" * 100_000)]:
        (worker / f"{name}.m64").touch()
        (worker / f"{name}.json").write_text(content)
    answer = gateway.ask("/recordings.json")
    assert json.loads(answer.body, parse_constant=pytest.fail)["count"] == 1


def test_parts_of_a_file_are_served_to_several_clients(gateway):
    content = os.urandom(5 * MB)
    (gateway.run / "videos" / "a.mp4").write_bytes(content)

    def part(wanted):
        return gateway.ask("/videos/a.mp4", f"Range: bytes={wanted}")

    for wanted, expected, shown in [
        ("0-3", content[:4], f"bytes 0-3/{5 * MB}"),
        ("-4", content[-4:], f"bytes {5 * MB - 4}-{5 * MB - 1}/{5 * MB}"),
        (f"{5 * MB - 2}-", content[-2:], f"bytes {5 * MB - 2}-{5 * MB - 1}/{5 * MB}"),
        (f"100-{99 * MB}", content[100:], f"bytes 100-{5 * MB - 1}/{5 * MB}"),
    ]:
        answer = part(wanted)
        assert (answer.status, answer.headers["content-range"], answer.body) == (206, shown, expected)
        assert answer.headers["content-type"] == "video/mp4"
    answer = part(f"{5 * MB}-")
    assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{5 * MB}")
    assert gateway.ask("/videos/a.mp4").headers["accept-ranges"] == "bytes"
    with ThreadPoolExecutor(10) as clients:
        parts = clients.map(part, [f"{begin}-{begin + MB // 2 - 1}" for begin in range(0, 5 * MB, MB // 2)])
        assert b"".join(answer.body for answer in parts) == content


def test_slow_readers_of_a_large_file_need_no_memory(gateway):
    with (gateway.run / "videos" / "a.mp4").open("wb") as video:
        video.truncate(200 * MB)
    readers = [gateway.connect() for _ in range(10)]
    try:
        for reader in readers:
            reader.sendall(b"GET /videos/a.mp4 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for reader in readers:
            assert reader.recv(16).startswith(b"HTTP/1.1 200 ")
        assert len(gateway.ask("/videos/a.mp4").body) == 200 * MB
        assert gateway.rss() < MOST_MB
    finally:
        for reader in readers:
            reader.close()


def test_connections_and_threads_are_bounded(gateway):
    idle = [gateway.connect() for _ in range(MAX_CONNECTIONS + 8)]
    try:
        assert idle[-1].recv(4096).startswith(b"HTTP/1.1 503 ")
        assert psutil.Process(gateway.process.pid).num_threads() < 20
        assert gateway.rss() < MOST_MB
    finally:
        for one in idle:
            one.close()

    def served():
        with suppress(OSError):  # the gateway may not have noticed their end yet
            return gateway.ask("/").status == 200

    until(served, WAIT_S, "an answer after they have gone")


MALFORMED = [
    b"\x16\x03\x01\x02\x00",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"GET /screen?token=secret HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\r\n",
    upgrade("/screen?token=secret", "Host: localhost", "Sec-WebSocket-Protocol: x").replace(b"13", b"\xff"),
    upgrade("/screen?token=secret", "Host: localhost").replace(b"AAA=", b"\xff\xff\xff="),
    upgrade("/screen?token=secret", "Host: localhost").replace(b"websocket", b"w\xff"),
]


def test_malformed_requests_are_refused_and_not_logged(gateway):
    for sent in MALFORMED:
        with gateway.connect() as client:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: client.recv(4096), b""))
        assert answer == b"" or answer.split()[1] in (b"400", b"501", b"505"), sent[:100]
    assert gateway.ask("/").status == 200
    assert gateway.log() == ""


def test_it_ends_while_clients_are_connected(gateway):
    with (gateway.run / "videos" / "a.mp4").open("wb") as video:
        video.truncate(200 * MB)
    with gateway.connect() as reader, gateway.watch("fast") as viewer, gateway.connect():
        reader.sendall(b"GET /videos/a.mp4 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        reader.recv(16)
        viewer.recv(16)
        gateway.process.terminate()
        assert gateway.process.wait(WAIT_S) == 0
    assert gateway.log() == ""

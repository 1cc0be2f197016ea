"""IPv6 addresses wherever a host is taken: bind, server, the web page, TensorBoard, and the lines that print them."""

import socket
import urllib.request

import pytest
from live import Stack, free_port, need_ipv6, until

from a3c64 import ports
from a3c64.addresses import Place, is_loopback, link, parse, reachable
from a3c64.config import BadInputError, Settings


def test_an_address_of_this_machine_can_be_reached():
    for bound, reached in [
        ("tcp://0.0.0.0:5555", "tcp://127.0.0.1:5555"),
        ("tcp://*:5555", "tcp://127.0.0.1:5555"),
        ("tcp://[::]:5555", "tcp://[::1]:5555"),
        ("tcp://[fd00::2]:5555", "tcp://[fd00::2]:5555"),
        ("tcp://server:5555", "tcp://server:5555"),
        ("ipc:///tmp/a:b", "ipc:///tmp/a:b"),
    ]:
        assert reachable(bound) == reached


def test_only_this_machine_reaches_a_loopback_address():
    assert all(map(is_loopback, ("127.0.0.1", "127.0.0.2", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "*", "192.168.1.20", "server")))


def test_a_place_is_written_and_read():
    for place, text in [(Place("::1", 5), "[::1]:5"), (Place("10.0.0.7", 5), "10.0.0.7:5"), (Place("a", 5), "a:5")]:
        assert str(place) == text
        assert parse(text) == place
    assert link("::", 80) == "http://[::1]:80/"
    assert link("server", 80) == "http://server:80/"


@pytest.mark.parametrize("name", ["web_host", "tensorboard_host", "vnc_host"])
def test_a_host_may_have_brackets(name):
    assert getattr(Settings(**{name: "[::1]"}), name) == "::1"
    assert getattr(Settings(**{name: "::"}), name) == "::"
    for wrong in ("", "127.0.0.1:80", "[::1]:80", "::1::2", "http://a", "a b"):
        with pytest.raises(ValueError, match="without a port"):
            Settings(**{name: wrong})


def test_an_invalid_ipv6_endpoint_is_refused():
    assert Settings(bind="tcp://[::1]:5").bind == "tcp://[::1]:5"
    for wrong in ("tcp://::1:5", "tcp://[::1]", "tcp://[::1::2]:5", "tcp://[a]:5", "tcp://[::1:5"):
        with pytest.raises(ValueError, match="an address such as"):
            Settings(bind=wrong)


def test_a_taken_port_is_named_with_a_flag_for_a_free_one():
    need_ipv6()
    with (
        socket.create_server(("::1", 0), family=socket.AF_INET6) as taken,
        pytest.raises(BadInputError, match=r"free: --bind 'tcp://\[::1\]:\d+'$"),
    ):
        ports.check([ports.Wanted("bind", "::1", taken.getsockname()[1])])


def test_a_run_on_ipv6_addresses(tmp_path):
    """The server, a worker, `status`, the web page and TensorBoard. A server that binds [::] takes IPv4 too."""
    need_ipv6()
    stack = Stack(tmp_path)
    bind, web, board = free_port(), free_port(), free_port()
    stack.address = f"tcp://[::1]:{bind}"
    settings = {"bind": f"tcp://[::]:{bind}", "web_host": "[::]", "web_port": web, "vnc_port": 0}
    try:
        server = stack.start(
            "a3c64", "train", "--workers", "1", **settings, tensorboard_host="::1", tensorboard_port=board
        )
        stack.wait_for(lambda report: report.steps and report.workers, 120, "training over IPv6")
        for port in (web, board):
            url = f"http://[::1]:{port}/"
            until(lambda url=url: answers(url), 200, f"a page at {url}")
            assert url in stack.log(server)
        for where in (
            ("--server", stack.address),
            ("--server", f"tcp://127.0.0.1:{bind}"),
            ("--run-dir", str(stack.run_dir)),
        ):
            until(lambda where=where: stack.run("a3c64", "status", *where).returncode == 0, 120, f"status {where}")
    finally:
        stack.close()


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as page:
            return page.status == 200
    except OSError:
        return False

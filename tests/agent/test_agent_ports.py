"""Ports in use: before any process starts, an error names each, the process that has it, and a free one."""

import os
import re
import socket
import subprocess
import sys
import threading
import time

import pytest
from live import free_port

from a3c64 import ports
from a3c64.config import BadInputError


def listen(port: int = 0, host: str = "127.0.0.1") -> socket.socket:
    server = socket.create_server((host, port))
    return server


def test_all_taken_ports_are_named_with_their_holder_and_free_ones():
    with listen() as one, listen(host="0.0.0.0") as two:
        first, second = one.getsockname()[1], two.getsockname()[1]
        wanted = [ports.Wanted("bind", "127.0.0.1", first), ports.Wanted("web_port", "127.0.0.1", second)]
        with pytest.raises(BadInputError) as error:
            ports.check(wanted)
    said = str(error.value)
    assert f"port {first} (--bind) is taken by process {os.getpid()} (" in said
    assert f"port {second} (--web-port) is taken by process {os.getpid()} (" in said
    bind, web = re.search(r"free: --bind tcp://127.0.0.1:(\d+) --web-port (\d+)$", said).groups()
    ports.check([ports.Wanted("bind", "127.0.0.1", int(bind)), ports.Wanted("web_port", "127.0.0.1", int(web))])


def test_a_port_that_is_freed_soon_is_waited_for():
    server = listen()
    wanted = [ports.Wanted("web_port", "127.0.0.1", server.getsockname()[1])]
    threading.Timer(0.5, server.close).start()
    began = time.monotonic()
    ports.check(wanted)
    assert 0.4 < time.monotonic() - began < ports.PATIENCE_S


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ([("bind", "127.0.0.1", 7000), ("web_port", "127.0.0.1", 7000)], "--bind and --web-port both use port 7000"),
        (
            [("web_port", "192.0.2.1", 7000)],
            "--web-port: 192.0.2.1:7000 cannot be used: Cannot assign requested address",
        ),
    ],
)
def test_ports_that_can_never_be_used_are_refused(wanted, said):
    with pytest.raises(BadInputError) as error:
        ports.check([ports.Wanted(*one) for one in wanted])
    assert str(error.value).startswith(said)


def test_the_process_that_holds_a_port_is_found():
    port = free_port()
    code = f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); print(flush=True); time.sleep(60)"
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        other.stdout.readline()
        assert ports.holder(port).startswith(f"process {other.pid} (")
    finally:
        other.kill()
        other.wait()
    assert ports.holder(port) == ""

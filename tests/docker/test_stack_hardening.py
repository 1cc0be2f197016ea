"""What code inside a container can reach and use up. Each promise of docs/security.md is tried from inside."""

import json
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from neighbour import Neighbour
from stack import BUILD_S, COMMAND_S, START_S, Stack, run

pytestmark = [pytest.mark.docker, pytest.mark.timeout(BUILD_S + 300)]

# Prints [user ids, capabilities, no-new-privileges] of every process of the container, each value once.
PROCESSES = """
import glob, json, re
found = set()
for path in glob.glob("/proc/[0-9]*/status"):
    try:
        fields = dict(re.findall(r"(\\w+):\\t(.*)", open(path).read()))
    except (FileNotFoundError, ProcessLookupError):
        continue
    capabilities = "".join(fields["Cap" + kind] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb"))
    found.add((fields["Uid"], capabilities.strip("0"), fields["NoNewPrivs"]))
print(json.dumps(sorted(found)))
"""
WRITABLE = "find / -path /proc -prune -o -type d -writable -print 2>/dev/null || true"

# Uses up memory, /tmp and threads. Prints how each limit showed, and the number of threads.
EXHAUST = """
import errno, json, os, threading
found = {}
if not (child := os.fork()):
    os._exit(len(b"x" * (2 << 30)) == 0)
found["memory"] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
for folder in ("/tmp", "/dev/shm"):
    try:
        with open(folder + "/x", "wb") as file:
            for _ in range(128):
                file.write(bytes(1 << 20))
                file.flush()
    except OSError as error:
        found[folder] = [errno.errorcode[error.errno], os.stat(folder + "/x").st_size]
        os.remove(folder + "/x")
threading.stack_size(64 * 1024)
over, threads = threading.Event(), 0
try:
    while threads < 6000:
        threading.Thread(target=over.wait, daemon=True).start()
        threads += 1
except RuntimeError as error:
    found["error"] = str(error)
print(json.dumps(found | {"threads": threads}), flush=True)
over.set()
"""

GREETING = "the neighbour answers"
LISTEN = f"""
import socket
server = socket.create_server(("{Neighbour.address}", 8000))
print("listening", flush=True)
while True:
    connection = server.accept()[0]
    connection.sendall(b"{GREETING}")
    connection.close()
"""
# Prints what the neighbour says, or the name of the error.
CALL = f"""
import socket
try:
    print(socket.create_connection(("{Neighbour.address}", 8000), 5).recv(100).decode())
except OSError as error:
    print(type(error).__name__)
"""
RESOLVE = """
import socket
def known(name):
    try:
        return bool(socket.getaddrinfo(name, 80))
    except socket.gaierror:
        return False
print(known("paramserver"), known("example.com"))
"""


@pytest.fixture
def listening(neighbour: Neighbour) -> Iterator[None]:
    """The neighbour listens. It knows no way to the containers, as any other machine of a network."""
    listener = subprocess.Popen([*neighbour.inside, "python3", "-c", LISTEN], stdout=subprocess.PIPE, text=True)
    try:
        assert listener.stdout
        assert listener.stdout.readline() == "listening\n"
        yield
    finally:
        listener.kill()
        listener.wait()


def python(container: str, program: str) -> str:
    """Run a program in a container and return its output."""
    return run("docker", "exec", container, "python3", "-c", program)


def writable(container: str) -> set[str]:
    """Return the folders that a process of the container may write to, without those below them."""
    found = run("docker", "exec", container, "sh", "-c", WRITABLE).splitlines()
    return {path for path in found if not any(path.startswith(f"{other}/") for other in found)}


def test_no_process_has_root_or_a_capability_or_can_get_one(stack: Stack) -> None:
    stack.wait_for_training(2, START_S)
    for container in stack.everything():
        assert json.loads(python(container, PROCESSES)) == [["1000\t1000\t1000\t1000", "", "1"]]
        assert run("docker", "exec", container, "sh", "-c", "command -v gcc cc make || true") == ""


def test_only_memory_and_the_containers_own_volume_can_be_written(stack: Stack) -> None:
    stack.wait_for_training(2, START_S)
    memory = {"/tmp", "/dev/shm", "/dev/mqueue"}
    own = {"paramserver": {"/data", "/keys"}, "worker": {"/data/replays"}, "evaluator": set()}
    for service, folders in own.items():
        for container in stack.containers(service):
            assert writable(container) <= memory | folders, service
            touched = run("docker", "exec", container, "sh", "-c", "touch /etc/x 2>&1 || true")
            assert touched.endswith("Read-only file system")


def test_a_worker_sees_nothing_of_the_run_but_its_replays(stack: Stack) -> None:
    stack.wait_for_training(2, START_S)
    files = ["sh", "-c", "ls /data; grep -o '[^ ]*_run/_data' /proc/self/mountinfo || true"]
    assert "checkpoints" in run("docker", "exec", stack.server(), *files)
    assert f"{stack.project}_run/_data" in run("docker", "exec", stack.server(), *files)
    for worker in stack.containers("worker"):
        assert run("docker", "exec", worker, *files) == "replays"
        plant = ["sh", "-c", "mkdir -p /data/checkpoints/step_9 2>&1 || true"]
        assert run("docker", "exec", worker, *plant).endswith("Read-only file system")


def test_the_page_lists_the_replays_that_workers_write_and_the_server_cannot_change(stack: Stack) -> None:
    stack.wait_for_replays(START_S)
    touched = run("docker", "exec", stack.server(), "sh", "-c", "touch /data/replays/x 2>&1 || true")
    assert touched.endswith("Read-only file system")


def test_processes_memory_and_tmp_are_limited(stack: Stack) -> None:
    compose = ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]
    settings = stack.environment | {"WORKER_MEMORY": "1g", "TMP_SIZE": "8m"}
    command = [*compose, "run", "-T", "--rm", "--no-deps", "worker", "python3", "-c", EXHAUST]
    found = json.loads(run(*command, env=settings, timeout=2 * COMMAND_S).splitlines()[-1])
    assert found["memory"] == -9  # killed by the kernel: 2 GB in a container of 1 GB
    assert found["/tmp"] == ["ENOSPC", 8 << 20]
    assert found["/dev/shm"] == ["ENOSPC", 64 << 20]
    assert found["error"] == "can't start new thread"
    assert 4000 < found["threads"] < 4096


def test_the_default_limits_hold_in_every_container(stack: Stack) -> None:
    for container in stack.everything():
        limits = run("docker", "inspect", "-f", "{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}", container)
        assert limits == f"{4 << 30} 4096"
        size = python(container, "import os; s = os.statvfs('/tmp'); print(s.f_frsize * s.f_blocks)")
        assert int(size) == 1 << 30


def test_workers_reach_the_server_and_nothing_beyond_this_machine(stack: Stack, listening: None) -> None:
    stack.wait_for_training(2, START_S)
    assert python(stack.server(), CALL) == GREETING  # check that the probe works where there is a way out
    for container in stack.containers("worker") + stack.containers("evaluator"):
        assert python(container, CALL) in ("TimeoutError", "OSError")  # OSError: the network is unreachable
        assert python(container, RESOLVE) == "True False"

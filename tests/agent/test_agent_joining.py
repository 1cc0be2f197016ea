"""Another machine joins a run by the printed line alone, loses the connection, is back, and is locked out."""

import json
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from live import HERE, free_port, need_ipv6, still_running, until
from machines import ADDRESSES, two_machines

from a3c64.cli.own_address import own_address
from a3c64.wire.join_link import JoinLink
from a3c64.wire.keys import ClientKey

PATIENCE_S = 180.0
A3C64 = str(Path(sys.executable).with_name("a3c64"))
KEY = ClientKey.of("srvAVARe117XjtzlU5Hf0dwdE5q0QC91usdTaeJnyzUUanqjmnHR8b2v_dZmB3_MXQgPAK6POe-SvplzthTwkjDR")


@pytest.fixture
def machines():
    machines = two_machines()
    yield machines
    machines.close()


class Program:
    """A command of a3c64 on one of the machines. Its output is in a file."""

    def __init__(self, where, line, folder, name, **variables):
        self.log_file = folder / f"{name}.log"
        environment = {
            "PATH": f"{Path(A3C64).parent}:/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHONPATH": str(HERE),
            **variables,
        }
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [*where, *shlex.split(line)], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT,
            )  # fmt: skip

    @property
    def log(self):
        return self.log_file.read_text()

    @property
    def lines(self):
        return self.log.splitlines()

    def workers(self):
        """Return the processes of its workers."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [one for one in children if "a3c64.worker" in _command(one)]

    def end(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE_S)

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()


def _command(process):
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


@pytest.fixture
def programs(tmp_path):
    started = []

    def start(where, line, name, **variables):
        started.append(Program(where, line, tmp_path, name, **variables))
        return started[-1]

    yield start
    for program in reversed(started):
        program.close()


def test_a_machine_joins_by_the_printed_line_is_back_after_a_cut_and_can_be_locked_out(machines, programs, tmp_path):
    run_dir, port = tmp_path / "run", free_port()
    training = programs(
        machines.on(0),
        f"a3c64 train --listen --env-id tiny_env:TinyImage-v0 --workers 1 --bind tcp://127.0.0.1:{port} --lstm-size 32 "
        f"--envs-per-worker 1 --eval-interval 0 --tensorboard-port 0 --web-port {free_port()} --run-dir {run_dir}",
        "train",
    )  # fmt: skip

    def report():
        try:
            return json.loads((run_dir / "web" / "run.json").read_text())
        except FileNotFoundError:
            assert training.process.poll() is None, training.log
            return {"workers": []}

    def entry(worker):
        """Return what the server knows about a worker process, or None."""
        name = f"{socket.gethostname()}:{worker.pid}"
        return next((one for one in report()["workers"] if one["name"] == name), None)

    def learns(worker):
        return (entry(worker) or {"steps": 0})["steps"] > 0

    def printed(program):
        assert program.process.poll() is None, program.log
        return [line for line in program.lines if line.startswith("a3c64 worker --join ")]

    (line,) = until(lambda: printed(training), PATIENCE_S, "the printed line")
    assert f" --join a3c64://{ADDRESSES[0]}:{port}/" in line
    secret = line.rpartition("/")[2]

    away = programs(machines.on(1), f"{line} --workers 1", "away", TMPDIR=str(tmp_path))
    (worker,) = until(away.workers, PATIENCE_S, "a worker process")
    until(lambda: learns(worker), PATIENCE_S, "steps of the other machine")
    (local,) = training.workers()
    until(lambda: learns(local), PATIENCE_S, "steps of the server's machine")
    assert [one.environ()["A3C64_COMPRESSION"] for one in (worker, local)] == ["4bit", "none"]
    (key_file,) = tmp_path.glob("a3c64-join-*/key")
    assert (key_file.stat().st_mode & 0o777, key_file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert secret not in "".join(word for one in (worker, local) for word in one.cmdline())
    assert secret not in "".join(value for one in (worker, local) for value in one.environ().values())

    machines.plug(False)
    until(lambda: entry(worker) is None, PATIENCE_S, "the server misses the worker")
    before = report()["steps"]
    until(lambda: report()["steps"] > before, PATIENCE_S, "steps while the cable is out")
    machines.plug(True)
    until(lambda: learns(worker), PATIENCE_S, "steps of the same process after the cut")
    assert worker in away.workers()

    revoke = subprocess.run(
        [*machines.on(0), A3C64, "keys", "--run-dir", run_dir, "--revoke"], capture_output=True, text=True, timeout=120
    )
    assert revoke.returncode == 0, revoke.stderr
    assert away.process.wait(PATIENCE_S) == 2, away.log
    assert "refuses the key" in away.log
    before = report()["steps"]
    until(lambda: report()["steps"] > before, PATIENCE_S, "steps of the server's machine with the new key")
    assert local in training.workers(), "it was not restarted"

    late = programs(machines.on(1), line, "late")
    assert late.process.wait(PATIENCE_S) == 2
    assert "may be revoked" in late.lines[-1]

    new = revoke.stdout.strip()
    assert f"a3c64://{ADDRESSES[0]}:{port}/" in new
    again = programs(machines.on(1), f"{new} --workers 1", "again", TMPDIR=str(tmp_path))
    (worker,) = until(again.workers, PATIENCE_S, "a worker process with the new key")
    until(lambda: entry(worker), PATIENCE_S, "the worker with the new key")
    started = psutil.Process(again.process.pid).children(recursive=True)
    assert again.end() == 0, again.log
    assert still_running(started) == []
    assert list(tmp_path.glob("a3c64-join-*")) == []
    training.end()
    logs = [program.log for program in (training, away, late, again)]
    assert "Traceback" not in "".join(logs)
    assert logs[0].count(secret) == 1, "the printed line is the only place"
    assert secret not in "".join(logs[1:])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--join", "tcp://127.0.0.1:5555"], "expected a3c64://HOST:PORT/KEY"),
        (["--join", f"a3c64://127.0.0.1/{KEY.text()}"], "expected a3c64://HOST:PORT/KEY"),
        (["--join", f"a3c64://127.0.0.1:5555/{KEY.text()[:-1]}"], "a key has 88"),
        (["--join", f"a3c64://127.0.0.1:99999/{KEY.text()}"], "a port up to 65535"),
        (["--join", "-"], "expected a3c64://HOST:PORT/KEY"),
        (["--join", JoinLink.of(f"a3c64://h:1/{KEY.text()}").text(), "--key-file", "k"], "leave out --key-file"),
        (["--workers", "3"], "without --join"),
    ],
)  # fmt: skip
def test_a_wrong_link_is_refused_in_one_line_without_the_key(stack, arguments, said):
    done = stack.run("a3c64", "worker", *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert said in done.stderr
    assert KEY.text()[:-1] not in done.stderr


def test_join_does_not_repeat_a_link_that_it_does_not_take(stack):
    done = stack.run("a3c64", "join", f"a3c64://127.0.0.1:5555/{KEY.text()}")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "type `a3c64 worker --join LINK`" in done.stderr
    assert KEY.text() not in done.stderr


def test_a_machine_whose_server_does_not_answer_waits_until_ctrl_c(stack, programs, tmp_path):
    link = JoinLink.of(f"a3c64://127.0.0.1:{free_port()}/{KEY.text()}")
    waiting = programs([], f"{A3C64} worker --join {link.text()}", "waiting", TMPDIR=str(tmp_path))
    until(lambda: "no server answers at" in waiting.log, PATIENCE_S, "a line")
    assert waiting.end() == 0
    assert len(waiting.lines) == 1
    assert KEY.text() not in waiting.log
    assert list(tmp_path.glob("a3c64-join-*")) == []


def test_keys_can_be_made_before_the_first_start_and_are_kept(stack):
    first, second = (stack.run("a3c64", "keys", "--new", "--address", "fd00::1") for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    joining = stack.run("a3c64", "join", "--address", "fd00::1")
    assert first.stdout == second.stdout == joining.stdout
    link = JoinLink.of(first.stdout.removeprefix("a3c64 worker --join "))
    assert link.place.host == "fd00::1"
    assert {path.name for path in (stack.run_dir / "keys").iterdir()} == {"client", "server-secret"}


@pytest.mark.parametrize("place", ["10.0.0.5:5555", "[fd00::1]:5555", "train.example:1"])
def test_a_link_reads_as_it_was_written(place):
    text = f"a3c64://{place}/{KEY.text()}"
    link = JoinLink.of(text)
    assert (link.text(), link.key, link.url) == (text, KEY, f"tcp://{place}")


def test_the_address_for_others_is_one_of_this_machine():
    found = own_address("0.0.0.0")
    with socket.socket() as probe:
        probe.bind((found.host, 0))
    assert own_address("10.9.8.7").host == "10.9.8.7"


def test_a_server_on_all_ipv6_addresses_is_reached_at_one_of_this_machine():
    need_ipv6()
    host = own_address("::").host
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))

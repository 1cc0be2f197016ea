"""Other machines join a run by the printed line alone, over bad links. One is lost, is back, and is locked out."""

import socket
import subprocess

import psutil
import pytest
from joined import A3C64, PATIENCE_S, Joined, Program
from live import free_port, need_ipv6, still_running, until
from machines import SERVER, machines_or_skip
from slow_link import FAR

from a3c64.cli.own_address import own_address
from a3c64.wire.join_link import JoinLink
from a3c64.wire.keys import ClientKey

KEY = ClientKey.of("srvAVARe117XjtzlU5Hf0dwdE5q0QC91usdTaeJnyzUUanqjmnHR8b2v_dZmB3_MXQgPAK6POe-SvplzthTwkjDR")


@pytest.fixture
def machines():
    machines = machines_or_skip(FAR, FAR)
    yield machines
    machines.close()


@pytest.fixture
def run(machines, tmp_path):
    run = Joined(machines, tmp_path)
    yield run
    run.close()


@pytest.mark.timeout(900)  # six processes that load TensorFlow
def test_machines_behind_bad_links_join_by_the_printed_line_are_back_after_a_cut_and_can_be_locked_out(
    machines, run, tmp_path
):
    assert f" --join a3c64://{SERVER}:{run.port}/" in run.line
    secret = run.line.rpartition("/")[2]

    away, other = run.join(1, "away"), run.join(2, "other")
    worker, others = run.worker(away), run.worker(other)
    local = run.worker(run.training)
    for one in (worker, others, local):
        run.goes_on(one)
    assert [one.environ()["A3C64_COMPRESSION"] for one in (worker, others, local)] == ["4bit", "4bit", "none"]
    key_files = list(tmp_path.glob("a3c64-join-*/key"))
    assert [path.stat().st_mode & 0o777 for path in key_files] == [0o600, 0o600]
    assert [path.parent.stat().st_mode & 0o777 for path in key_files] == [0o700, 0o700]
    assert secret not in "".join(word for one in (worker, local) for word in one.cmdline())
    assert secret not in "".join(value for one in (worker, local) for value in one.environ().values())

    machines.plug(False)
    until(lambda: run.entry(worker) is None, PATIENCE_S, "the server misses the worker")
    for one in (others, local):
        run.goes_on(one)
    machines.plug(True)
    until(lambda: run.steps(worker), PATIENCE_S, "steps of the same process after the cut")
    assert worker in away.workers()
    assert other.end() == 0, other.log

    revoke = subprocess.run(
        [*machines.on(0), A3C64, "keys", "--run-dir", run.run_dir, "--revoke"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert revoke.returncode == 0, revoke.stderr
    assert away.process.wait(PATIENCE_S) == 2, away.log
    assert "refuses the key" in away.log
    before = run.report()["steps"]
    until(lambda: run.report()["steps"] > before, PATIENCE_S, "steps of the server's machine with the new key")
    assert local in run.training.workers(), "it was not restarted"

    late = run.start(1, run.line, "late")
    assert late.process.wait(PATIENCE_S) == 2
    assert "may be revoked" in late.lines[-1]

    new = revoke.stdout.strip()
    assert f"a3c64://{SERVER}:{run.port}/" in new
    again = run.join(1, "again", new)
    run.worker(again)
    started = psutil.Process(again.process.pid).children(recursive=True)
    assert again.end() == 0, again.log
    assert still_running(started) == []
    assert list(tmp_path.glob("a3c64-join-*")) == []
    run.training.end()
    logs = [program.log for program in (run.training, away, other, late, again)]
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


def test_a_machine_whose_server_does_not_answer_waits_until_ctrl_c(tmp_path):
    link = JoinLink.of(f"a3c64://127.0.0.1:{free_port()}/{KEY.text()}")
    waiting = Program([], f"{A3C64} worker --join {link.text()}", tmp_path, "waiting")
    try:
        until(lambda: "no server answers at" in waiting.log, PATIENCE_S, "a line")
        assert waiting.end() == 0
    finally:
        waiting.close()
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
    assert {path.name for path in (stack.run_dir / "keys").iterdir()} == {"client", "server-secret", "vnc"}


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

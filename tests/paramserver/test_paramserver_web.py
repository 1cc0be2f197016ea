"""The web page's data: reports, sparklines and tokens, and a server that publishes them."""

import http.client
import json
import os
import threading
import urllib.request

import pytest
from in_process import ONES, SIGNATURE, SPECS, make_service
from live import free_port, until

from a3c64.cli.watch import lines
from a3c64.config import Settings
from a3c64.envs.episode import Episode
from a3c64.paramserver.roster import IDLE_S, RATE_S, Roster
from a3c64.paramserver.web.feed import REPORT, SCREENS, Web
from a3c64.paramserver.web.sparklines import POINTS, Sparklines
from a3c64.wire import messages as wire
from a3c64.wire.client import Client
from a3c64.wire.report import WorkerReport


class HostTransport:
    """Like a3c64.wire.client.LocalTransport, with a host that the client connects from."""

    def __init__(self, service, host):
        self._service, self._host, self._answers = service, host, []

    def send(self, frames):
        answer = self._service.handle(b"a", frames, self._host)
        if answer:
            self._answers.append([memoryview(bytes(frame)) for frame in answer])

    def receive(self, timeout_s):
        return self._answers.pop(0) if self._answers else None

    def close(self):
        pass


CONNECTED = [
    ("10.0.0.7", 5900, "10.0.0.7:5900"),
    ("fd00::7", 5900, "[fd00::7]:5900"),
    ("10.0.0.7", 0, None),
    ("", 5900, None),
]


def test_a_workers_display_is_on_the_host_that_it_connects_from():
    for host, port, expected in CONNECTED:
        service = make_service()
        client = Client(HostTransport(service, host), "a", "a", threading.Event(), vnc_port=port)
        client.hello()
        assert service.report().workers[0].vnc == expected
        assert service.report().workers[0].host == host, "the page names it"


@pytest.mark.parametrize("port", [-1, 65536])
def test_an_invalid_port_is_refused(port):
    frames = make_service().handle(b"a", wire.encode(1, wire.Hello("a", "n", -1, wire.WORKER, port)), "10.0.0.7")
    assert f"vnc_port must be 0 to 65535, found {port}" in wire.decode([bytes(frame) for frame in frames]).body.reason


def test_the_report_has_each_workers_state():
    service = make_service()
    client = Client(HostTransport(service, "127.0.0.1"), "a", "a", threading.Event())
    client.hello()
    client.join(SPECS)
    assert service.report().workers[0].state == "starting"
    for said, shown in [
        ("loading TensorFlow", "loading TensorFlow"),
        ("a\x1b[2J\nb" + "c" * 100, "a[2Jb" + "c" * 59),
        ("", "starting"),
    ]:
        service.handle(b"b", wire.encode(0, wire.Beat("a", said)))
        assert service.report().workers[0].state == shown
    service.handle(b"b", wire.encode(0, wire.Beat("a", "building the network")))
    for second in range(1, 31):
        service.clock.now = float(second)
        client.push(ONES, SIGNATURE, 0, 20, {}, [Episode(float(second), 9, {"emulator_restarts": 1.0})])
    worker = service.report().workers[0]
    assert (worker.state, worker.steps, worker.steps_per_s) == ("working", 600, 20.0)
    assert worker.mean_return == sum(range(11, 31)) / 20, "the mean return must be over the last 20 episodes"
    assert (worker.restarts, worker.emulator_restarts) == (0, 1)
    service.clock.now += 3.0
    assert service.report().workers[0].state == "no heartbeat for 3 s"
    service.clock.now += IDLE_S
    service.roster.beat("a")
    assert service.report().workers[0].state == "no gradient for 18 s"
    assert service.report().workers[0].steps_per_s < 20.0 * RATE_S / IDLE_S
    assert "worker 0, state no gradient for 18 s" in lines(service.report(), "here", 0.0)


def test_an_index_counts_the_workers_that_had_it_before():
    now = 0.0
    roster = Roster(lambda: now)
    roster.greet("a", b"1", "", -1)
    roster.greet("b", b"2", "", -1)
    now = 10.0
    roster.beat("a")
    assert [member.index for member in roster.sweep()] == [1]
    assert (roster.greet("c", b"3", "", -1).restarts, roster.greet("a", b"1", "", 0).restarts) == (1, 0)


def report(step=0, addresses=(), **figures):
    service = make_service()
    service.metrics.add_episodes([Episode(1.0, 1, figures)])
    known = service.report()
    blank = WorkerReport(
        index=0, name="", state="", steps=0, steps_per_s=0.0, mean_return=None, staleness=0, restarts=0,
        emulator_restarts=0, vnc=None,
    )  # fmt: skip
    workers = tuple(blank.model_copy(update={"index": n, "vnc": vnc}) for n, vnc in enumerate(addresses))
    return known.model_copy(update={"steps": step, "workers": workers})


def test_sparklines_are_bounded_and_cover_all_of_the_run():
    sparklines = Sparklines()
    for second in range(10_000):
        sparklines.add(float(second), report(second, **({"score": 30.0} if second > 5000 else {})))
    points = sparklines.points()
    assert POINTS / 2 <= len(points["seconds"]) <= POINTS
    assert points["seconds"][0] == 0.0
    assert points["seconds"][-1] > 9800
    json.dumps(points)
    score = points.pop("figures")["score"]
    assert (score[0], score[-1]) == (None, 30.0)
    assert {len(values) for values in points.values()} == {len(score)}


def test_a_token_lasts_as_long_as_its_display(tmp_path, monkeypatch):
    monkeypatch.setattr("a3c64.paramserver.web.feed.TELL_S", 0.0)
    monkeypatch.setattr("a3c64.paramserver.web.feed.Supervisor.tend", lambda _: None)
    web = Web(Settings(run_dir=tmp_path, web_port=1))

    def publish(*addresses):
        web.tend(lambda: report(addresses=addresses))
        page, gateway = (json.loads((tmp_path / "web" / name).read_text()) for name in (REPORT, SCREENS))
        return [worker["screen"] for worker in page["workers"]], gateway

    (first, none), gateway = publish("10.0.0.7:5900", None)
    assert none is None
    assert gateway == {first: ["10.0.0.7", 5900]}
    (again, second), gateway = publish("10.0.0.7:5900", "10.0.0.8:5900")
    assert again == first
    assert set(gateway) == {first, second}
    assert publish() == ([], {})
    web.close()
    assert os.listdir(tmp_path / "web") == []


def test_a_server_shows_its_run_on_the_page(stack):
    port = free_port()
    server = stack.start("a3c64.paramserver", web_port=port, web_hosts="other.example, train.example")
    request = urllib.request.Request(f"http://127.0.0.1:{port}/run.json", headers={"Host": "train.example"})

    def page():
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.load(answer)
        except (OSError, http.client.HTTPException):  # the page's server may end in the middle of an answer
            return None

    first = until(page, 60, "the page")
    assert first["run"] == "run"
    until(lambda: page()["at"] > first["at"], 60, "a newer report")
    server.kill()
    until(lambda: page() is None, 60, "the end of the page with its server")


def test_watch_reports_a_missing_server_and_ends_cleanly(stack):
    watching = stack.start("a3c64", "watch")
    until(lambda: "no server answers" in stack.log(watching), 60, "a line about the missing server")
    stack.start("a3c64.paramserver")
    until(lambda: "workers 0, 0 lost" in stack.log(watching), 60, "a line about the new server")
    watching.send_signal(2)
    assert watching.wait(60) == 0
    assert "Traceback" not in stack.log(watching)

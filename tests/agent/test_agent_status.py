"""The report of a run: encoding does not change it, a malformed one is refused, `a3c64 status` prints it as lines."""

import json

import msgpack
import pytest
from in_process import SPECS, make_client, make_service, push

from a3c64.config import BadInputError
from a3c64.envs.episode import Episode
from a3c64.paramserver.evaluations import evaluation
from a3c64.wire.address import ServerAddress
from a3c64.wire.report import RunReport
from a3c64.wire.status import fetch, text


def working_service():
    service = make_service(env_id="CartPole-v1")
    client = make_client(service)
    client.hello()
    client.join(SPECS)
    push(client, 0, episodes=[Episode(3.0, 7, {"score": 250.0})])
    service.evaluations.add(evaluation(20, 1, 2.0, [Episode(5.0, 9, {"score": 300.0})]))
    return service


def test_encoding_does_not_change_a_report():
    report = working_service().report()
    assert RunReport.of(msgpack.unpackb(msgpack.packb(report.plain()))) == report
    assert RunReport.of(json.loads(report.model_dump_json())) == report
    assert (report.steps, report.mean_return, report.workers[0].steps) == (20, 3.0, 20)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"steps": None}, "steps"),
        ({"workers": [{"index": 0}]}, "workers.0.name"),
        ({"workers": 7}, "workers"),
        ({"refused": {"stale": "many"}}, "refused.stale"),
        ({"evaluation": {"last": {}, "best": {}, "count": 1}}, "evaluation.last.step"),
        ({"over": ["a"]}, "over"),
    ],
)
def test_a_malformed_report_is_refused_in_one_line(change, named):
    with pytest.raises(ValueError, match=rf"^{named}: ") as caught:
        RunReport.of(working_service().report().plain() | change)
    assert "\n" not in str(caught.value)


def test_a_report_may_have_more_fields_but_not_lack_one():
    plain = working_service().report().plain()
    assert RunReport.of({**plain, "of a newer release": 1}) == RunReport.of(plain)
    del plain["steps"]
    with pytest.raises(ValueError, match=r"^steps: Field required$"):
        RunReport.of(plain)


def test_status_names_the_run_and_its_best_evaluation():
    lines = text(working_service().report())
    assert "run       run (CartPole-v1)" in lines
    assert "evaluated best: step 20, greedy return 5.00, score 300.00" in lines


def test_a_server_of_another_release_is_a_one_line_error(monkeypatch):
    monkeypatch.setattr("a3c64.wire.client.Client.ask", lambda *_: {"steps": 1})
    with pytest.raises(
        BadInputError, match=r"^tcp://127\.0\.0\.1:1: the server's report is invalid: server: Field required; use the"
    ):
        fetch(ServerAddress("tcp://127.0.0.1:1", None), 0.1)

"""`a3c64 status` prints what a server says, and a server may be a stranger's."""

import json

from in_process import make_service

from a3c64.cli.monitoring import status
from a3c64.config import Settings


def test_a_report_as_json_cannot_control_the_terminal(monkeypatch, capsys):
    evil = "\u009b2J\u202e\x1b]0;owned\x07"
    report = make_service().report().model_copy(update={"env_id": evil})
    monkeypatch.setattr("a3c64.wire.status.ask", lambda *_: (report, ""))
    assert status(Settings(no_encryption=True), {"json": True, "server": "tcp://127.0.0.1:1"}) == 0
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert "\x1b" not in printed
    assert evil in json.loads(printed).values()

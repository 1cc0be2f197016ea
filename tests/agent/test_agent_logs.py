"""Logs: lines with time, role and index; repeats are limited; a log that cannot be written does not end a run."""

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

from a3c64.logs import MAX_KINDS, WINDOW_S, Limit

ROOT = Path(__file__).parents[2]
PRINT_RESULTS = {"agent/cli", "agent/play", "agent/replays"}  # for the user who runs the command
PRINT = {ROOT / "agent" / "config.py", ROOT / "agent" / "output.py"}
AT = r"\d\d:\d\d:\d\d"


def log_as_worker(script: str, form: str = "text", level: str = "info") -> subprocess.CompletedProcess:
    """Run lines of Python in a process whose log is configured as worker 1's."""
    begin = "import logging\nfrom a3c64 import logs\n"
    begin += f"logs.configure('worker', {level!r}, {form!r})\nlogs.number(1)\nlog = logging.getLogger('a3c64.test')\n"
    return subprocess.run([sys.executable, "-c", begin + script], capture_output=True, text=True, timeout=30)


def test_progress_goes_to_stdout_and_warnings_to_stderr():
    done = log_as_worker("log.info('joined')\nlog.warning('%s is damaged', 'x')\nlog.debug('unheard')")
    assert re.fullmatch(rf"{AT} worker 1   joined\n", done.stdout)
    assert re.fullmatch(rf"{AT} worker 1   warning: x is damaged\n", done.stderr)


def test_the_log_level_selects_messages():
    done = log_as_worker("log.info('joined')\nlog.warning('careful')\nlog.error('bad')", level="error")
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)
    assert "debug: detail" in log_as_worker("log.debug('detail')", level="debug").stdout


def test_json_has_a_line_for_each_message():
    done = log_as_worker("log.info('%s joined', 'worker 2')\ntry: 1/0\nexcept ValueError: pass\n", form="json")
    line = json.loads(done.stdout)
    assert line.pop("time").startswith("20")
    assert line == {
        "level": "info",
        "role": "worker",
        "index": 1,
        "logger": "a3c64.test",
        "message": "worker 2 joined",
    }
    failed = log_as_worker("try: 1/0\nexcept ZeroDivisionError: log.exception('failed')", form="json")
    assert failed.stderr.count("\n") == 1
    assert "ZeroDivisionError" in json.loads(failed.stderr)["traceback"]


def test_text_from_the_network_stays_one_line():
    done = log_as_worker(r"log.info('%s joined', 'a\nb\x1b[2J\udcff')")
    assert re.fullmatch(rf"{AT} worker 1   a b\\x1b\[2J\\udcff joined\n", done.stdout)


def test_a_traceback_is_printed_escaped():
    done = log_as_worker("try: raise ValueError('\\x1b[2J')\nexcept ValueError: log.exception('failed')")
    assert done.stderr.endswith("\nValueError: \\x1b[2J\n")
    assert done.stderr.count("\n") > 2


def test_warnings_of_libraries_are_lines_without_colour():
    done = log_as_worker("from gymnasium import logger\nlogger.warn('an odd space')\nlogger.warn('an odd space')")
    again = rf"{AT} worker 1   warning: WARN: an odd space \(1 like this since the last one\)\n"
    assert re.fullmatch(rf"{AT} worker 1   warning: WARN: an odd space\n{again}", done.stderr)


def test_a_wrong_log_template_does_not_end_a_process():
    done = log_as_worker("log.info('%d workers', 'x')\nlog.info('on')")
    assert done.returncode == 0
    assert "%d workers" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.endswith("on\n")


def record(template: str, *arguments: object, level: int = logging.WARNING) -> logging.LogRecord:
    return logging.LogRecord("a3c64", level, "", 0, template, arguments, None)


def test_a_repeated_message_is_logged_once_a_minute_with_a_count():
    now = 0.0
    limit = Limit(lambda: now)
    said = []
    for _ in range(300):  # 5 minutes
        said += [(now, one.getMessage(), getattr(one, "repeats", 0)) for one in limit.admit(record("no: %s", "a"))]
        now += 1.0
    assert [at for at, _, _ in said] == [0.0, WINDOW_S, 2 * WINDOW_S, 3 * WINDOW_S, 4 * WINDOW_S]
    assert [count for _, _, count in said][:2] == [0, 59]
    assert sum(count or 1 for _, _, count in said) + sum(one.repeats for one in limit.due()) == 300, (
        "every repeat is counted"
    )


def test_repeated_progress_is_dropped():
    now = 0.0
    limit = Limit(lambda: now)
    assert len(limit.admit(record("steps 0"))) == 1
    assert limit.admit(record("steps 0")) == []
    now = WINDOW_S
    assert [one.getMessage() for one in limit.admit(record("steps 20"))] == ["steps 20"], (
        "an old progress line is not logged after a newer one"
    )


def test_messages_about_other_subjects_are_not_repeats():
    limit = Limit(lambda: 0.0)
    assert len(limit.admit(record("%s left: %s", "worker 1", "x"))) == 1
    assert len(limit.admit(record("%s left: %s", "worker 2", "x"))) == 1
    assert len(limit.admit(record("%s left: %s", "worker 1", "y"))) == 0
    assert len(limit.admit(record("steps 1"))) == 1
    assert len(limit.admit(record("steps 2"))) == 1
    assert len(limit.admit(record("%s", "x", level=logging.DEBUG))) == 1


def test_a_flood_of_messages_about_new_subjects_is_limited():
    limit = Limit(lambda: 0.0)
    said = sum(len(limit.admit(record("%s joined", f"worker {number}"))) for number in range(10_000))
    assert said <= MAX_KINDS + 1


PROGRESS = "for step in range(2000): log.info(f'steps {step}')\n"


def exit_code(script: str, **streams: object) -> int:
    begin = "import logging\nfrom a3c64 import logs\nlogs.configure('server')\nlog = logging.getLogger('a3c64.test')\n"
    return subprocess.run([sys.executable, "-c", begin + script], timeout=60, **streams).returncode


def test_a_full_disk_does_not_end_a_process():
    with open("/dev/full", "wb") as full:
        assert exit_code(PROGRESS, stdout=full, stderr=full) == 0
        assert exit_code("import warnings; warnings.warn('x')\n1/0", stdout=full, stderr=full) == 1


def test_a_result_that_cannot_be_written_is_a_one_line_error():
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "a3c64", "--help"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=30)
    said = "a3c64: standard output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_a_closed_pipe_does_not_end_a_process():
    read, write = os.pipe()
    os.close(read)
    assert exit_code(PROGRESS, stdout=write, stderr=write) == 0
    os.close(write)


def test_a_closed_terminal_does_not_end_a_process():
    master, terminal = os.openpty()
    os.close(master)
    assert exit_code(PROGRESS, stdout=terminal, stderr=terminal) == 0
    os.close(terminal)


def test_logs_of_closed_streams_do_not_go_into_other_files(tmp_path):
    script = f"open({str(tmp_path / 'file')!r}, 'w').write('mine'); log.error('not into the file')"
    begin = "import logging\nfrom a3c64 import logs\nlogs.configure('server')\nlog = logging.getLogger('a3c64.test')\n"
    command = ["sh", "-c", '"$0" -c "$1" <&- >&- 2>&-', sys.executable, begin + script]
    assert subprocess.run(command, timeout=30).returncode == 0
    assert (tmp_path / "file").read_text() == "mine"


def test_a_reader_that_does_not_read_does_not_block_a_process():
    read, write = os.pipe()
    try:
        long = "for step in range(200): log.info(f'steps {step}' + 'x' * 1000)"
        assert exit_code(long, stdout=write, stderr=subprocess.DEVNULL) == 0
        os.set_blocking(read, False)
        assert os.read(read, 1 << 20).decode().splitlines()[0].endswith("x" * 1000)
    finally:
        os.close(read)
        os.close(write)


def test_only_commands_print():
    for folder in ("agent", "paramserver", "worker"):
        for path in (ROOT / folder).rglob("*.py"):
            if str(path.parent.relative_to(ROOT)) not in PRINT_RESULTS and path not in PRINT:
                assert not re.search(r"^\s*print\(", path.read_text(), re.MULTILINE), f"{path} prints: use logging"

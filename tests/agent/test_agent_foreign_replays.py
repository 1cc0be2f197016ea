"""Replays of strangers: a bad one costs one line and the others play; nothing is imported, read or printed raw."""

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import gymnasium
import pytest

from a3c64.config import BadInputError
from a3c64.replays.files import choose, find, moment
from a3c64.replays.pictures import described
from n64gym import RecordMovie

ROOT = Path(__file__).parents[2]
STEPS = 20
HUGE = 10**400
WRONG = {  # name -> facts that replace those of a good replay
    "format": {"format": [1]},
    "frameskip-0": {"frameskip": 0},
    "frameskip-negative": {"frameskip": -4},
    "frameskip-text": {"frameskip": "4"},
    "frameskip-half": {"frameskip": 4.5},
    "frameskip-huge": {"frameskip": HUGE},
    "begins-list": {"begins": [1, 2]},
    "begins-huge": {"begins": {"sample": 0, "vi": 10**12}},
    "begins-negative": {"begins": {"sample": 0, "vi": -1}},
    "begins-empty": {"begins": {}},
    "ends-huge": {"ends": {"sample": 0, "vi": HUGE}},
    "ends-nan": {"ends": {"sample": 0, "vi": float("nan")}},
    "ends-text": {"ends": "soon"},
    "ends-true": {"ends": {"vi": True}},
    "steps": {"steps": 7},
    "checks-number": {"checks": 5},
    "checks-short": {"checks": "AAAA"},
    "checks-garbage": {"checks": "%" * 56},
    "watch-number": {"watch": 7},
    "watch-pairs": {"watch": [[1, 2]]},
    "watch-zero-stride": {"watch": [[0, 100, 0]]},
    "watch-outside": {"watch": [[0, 2**40, 1]]},
    "watch-many": {"watch": [[0, 1 << 21, 1]] * 500},
    "watch-at-end": {"watch_at_end": "all"},
    "sha256": {"rdram_sha256": 5},
    "rom-list": {"rom": []},
    "rom-number": {"rom": {"sha1": 5}},
    "video-path": {"video": "../../../../tmp/evil"},
    "video-number": {"video": 3},
    "game-module": {"game": "evil_module:Evil-v0"},
    "game-escape": {"game": "\x1b]0;owned\x07"},
    "game-list": {"game": ["x"]},
    "setup-list": {"setup": [1]},
    "course-escape": {"setup": {"course": "\x1b[2J"}},
    "course-object": {"setup": {"course": {"a": 1}}},
    "course-long": {"setup": {"course": "x" * 10**6}},
    "return-text": {"return": "high"},
    "return-nan": {"return": float("nan")},
    "return-huge": {"return": HUGE},
    "return-null": {"return": None},
    "training-list": {"training": [3]},
    "step-infinite": {"training": {"step": float("inf")}},
    "step-text": {"training": {"step": "many"}},
    "metrics-list": {"metrics": [1]},
    "metrics-text": {"metrics": {"finished": "yes"}},
    "metrics-huge": {"metrics": {"finished": HUGE}},
    "laps-number": {"lap_times": 3},
    "laps-text": {"lap_times": ["fast"]},
    "recorded-number": {"recorded": 5},
}
TEXTS = {  # name -> the whole JSON file
    "deep": "[" * 100_000,
    "deep-inside": '{"format": 1, "x": ' + '{"a":' * 100_000,
    "list": "[]",
    "text": '"format"',
    "number": "7",
    "null": "null",
    "empty": "",
    "digits": '{"format": ' + "9" * 100_000 + "}",
}


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A recorded episode."""
    folder = tmp_path_factory.mktemp("good")
    with RecordMovie(gymnasium.make("n64gym/OpenKart-v0"), folder) as env:
        env.reset(seed=1)
        for _ in range(STEPS):
            env.step(1)
    return next(folder.glob("*.m64"))


def spoiled(good, folder, name, text):
    """Put a copy of a replay with another JSON into a folder."""
    shutil.copy(good, folder / f"{name}.m64")
    (folder / f"{name}.json").write_text(text)
    return folder / f"{name}.m64"


def known(good):
    return json.loads(good.with_suffix(".json").read_text())


@pytest.fixture
def folder(good, tmp_path):
    """All the bad replays, and two good ones that are played first and last."""
    there = tmp_path / "replays"
    there.mkdir()
    for name, facts in WRONG.items():
        spoiled(good, there, name, json.dumps(known(good) | facts))
    for name, text in TEXTS.items():
        spoiled(good, there, name, text)
    shutil.copy(good, there / "fifo.m64")
    os.mkfifo(there / "fifo.json")
    for name in ("a-good", "z-good"):
        spoiled(good, there, name, json.dumps(known(good)))
    return there


def start(folder, *arguments, **streams):
    clean = {name: value for name, value in os.environ.items() if name != "DISPLAY" and not name.startswith("A3C64_")}
    command = [Path(sys.executable).with_name("a3c64"), *map(str, arguments)]
    return subprocess.Popen(command, cwd=folder, env=clean, text=True, **streams)


def a3c64(folder, *arguments):
    with start(folder, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            stdout, stderr = process.communicate(timeout=240)
        finally:
            process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


@pytest.mark.parametrize("options", [(), ("--ghosts",)])
def test_bad_replays_cost_one_line_each_and_the_others_play(folder, tmp_path, options):
    (tmp_path / "evil_module.py").write_text("open('imported', 'w')\n")
    done = a3c64(tmp_path, "replay", folder, *options)
    bad = len(WRONG) + len(TEXTS) + 1
    assert done.returncode == 1, done.stderr
    assert f"2 played, {bad} skipped" in done.stdout
    lines = [line for line in done.stdout.splitlines() if ": skipped: " in line]
    assert len(lines) == bad
    assert all(len(line) < 600 for line in lines)
    assert all(c.isprintable() or c == "\n" for c in done.stdout + done.stderr)
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "imported").exists(), "the game's module was imported"


@pytest.mark.parametrize("name", list(WRONG))
def test_every_wrong_fact_is_named(good, tmp_path, name):
    """The line says what is wrong: the fact's name, or its first part."""
    found, skipped = find([spoiled(good, tmp_path, name, json.dumps(known(good) | WRONG[name]))])
    assert not found
    (fact,) = WRONG[name]
    assert any(word in skipped[0].why for word in (fact, "lap time", "a metric")), skipped[0].why


def test_facts_of_strangers_that_are_allowed_do_not_end_a_batch(good, tmp_path):
    """Odd facts that the schema accepts: other games, dates without a time zone, figures that are not finite."""
    odd = [
        {"game": "phys2d/CartPole-v0"},  # registered, but its package is not installed
        {"game": "GymV21Environment-v0"},
        {"game": "no such game"},
        {"recorded": "2026-11-21T14:30:00"},
        {"recorded": "0001-01-01T00:00:00"},
        {"recorded": "yesterday"},
        {"metrics": {"finished": float("nan"), "race_time_s": float("inf"), "driven": 1e18}},
        {"setup": {}},
        {"lap_times": [1e18, 2]},
        {"training": {}},
    ]
    paths = [spoiled(good, tmp_path, str(k), json.dumps(known(good) | facts)) for k, facts in enumerate(odd)]
    found, skipped = find(paths)
    assert not skipped
    assert len(choose(found, best=100, since=moment("1d"))) >= len(odd) - 3
    for replay in found:
        assert all(text.isprintable() for text in described(replay))
    done = a3c64(tmp_path, "replay", *paths)
    assert done.returncode == 0, done.stdout + done.stderr
    done = a3c64(tmp_path, "replay", "--ghosts", "--mp4", "film.mp4", *paths)
    assert done.returncode in (1, 2), done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_name_with_terminal_escapes_is_printed_escaped(good, tmp_path):
    names = ["\x1b]0;owned\x07", "line\nbreak", "\u202egpj.exe", os.fsdecode(b"\xff\xfe")]
    for name in names:
        shutil.copy(good, tmp_path / f"{name}.m64")
    (tmp_path / f"{names[0]}.json").write_text("{")
    done = a3c64(tmp_path, "replay", tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert all(c.isprintable() or c == "\n" for c in done.stdout + done.stderr)
    for shown in (r"\x1b]0;owned\x07", r"line\nbreak", r"\u202egpj.exe", r"\udcff\udcfe"):
        assert f"{shown}.m64: " in done.stdout
    missing = a3c64(tmp_path, "replay", "\x1b[2J")
    assert missing.stderr.startswith(r"a3c64 replay: \x1b[2J does not exist")


def test_a_long_replay_ends_at_the_second_signal(good, tmp_path):
    """A day of an episode, all of it in the file's numbers: the user can stop it."""
    steps = 1439
    checks = base64.b64encode(bytes(2 * steps)).decode()
    facts = known(good) | {"frameskip": 3600, "steps": steps, "checks": checks}
    facts["ends"] = {"sample": 0, "vi": facts["begins"]["vi"] + steps * 3600}
    path = spoiled(good, tmp_path, "day", json.dumps(facts))
    process = start(tmp_path, "replay", "--ghosts", path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        assert "nothing is shown" in process.stdout.readline()  # printed just before it handles signals
        end = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < end:
            process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
        assert process.poll() is not None
    finally:
        process.kill()
        process.communicate()


def test_a_folder_with_only_bad_replays_gives_exit_code_2(good, tmp_path):
    spoiled(good, tmp_path, "bad", json.dumps(known(good) | {"frameskip": 0}))
    for command in ("replay", "film"):
        done = a3c64(tmp_path, command, tmp_path)
        assert done.returncode == 2
        assert "frameskip must be an integer from 1 to 3600, found 0" in done.stdout
    with pytest.raises(BadInputError):
        find([tmp_path / "missing"])

"""a3c64 polish: changes of inputs, the search with real emulators, and a polished movie that `verify` accepts."""

import json
import signal
import subprocess
import sys
import threading

import gymnasium
import numpy as np
import pytest
from braking import SLOW_STEPS, drive
from kart64_driver import to_point

from n64gym import RecordMovie, open_rom, read_facts, verify
from n64gym.actions import BUTTONS
from n64gym.games.mariokart64 import MarioKart64Env
from n64gym.games.openkart import OpenKartEnv
from n64gym.machine.controller import STICK, A, word
from n64gym.machine.rom import OPEN_KART
from n64gym.movies import m64
from n64gym.polish.mutations import KINDS, SHARES, changed, stick_x, with_x
from n64gym.polish.racer import Racer
from n64gym.polish.search import Search, SearchStoppedError

WORDS = np.array([word(A, x) for x in range(-80, 80)], np.uint32)


def test_a_change_keeps_the_words_valid_and_the_original_as_it_was():
    generator, before, lengths = np.random.default_rng(1), WORDS.copy(), set()
    for _ in range(500):
        new = changed(WORDS, 30, BUTTONS, generator)
        assert new.dtype == np.uint32
        assert np.abs(stick_x(new)).max() <= STICK
        assert not np.bitwise_or.reduce(new & 0xFFFF) & ~np.uint32(sum(BUTTONS))
        lengths.add(len(new) - len(WORDS))
    assert (before == WORDS).all()
    assert min(lengths) < 0 < max(lengths)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_change_leaves_the_words_before_it(kind):
    new = kind(WORDS.copy(), 50, 90, BUTTONS, np.random.default_rng(2))
    assert (new[:50] == WORDS[:50]).all()
    assert len(new) != len(WORDS) or (new[90:] == WORDS[90:]).all()


def test_the_shares_of_the_changes_add_up():
    assert len(SHARES) == len(KINDS)
    assert sum(SHARES) == pytest.approx(1)


def test_the_stick_is_read_and_written():
    assert stick_x(WORDS).tolist() == list(range(-80, 80))
    assert stick_x(with_x(WORDS, stick_x(WORDS) + 100)).max() == STICK
    assert (with_x(WORDS, stick_x(WORDS)) == WORDS).all()


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    """The path of a movie of one lap, in which the driver brakes for almost seven seconds."""
    return drive(tmp_path_factory.mktemp("slow"), SLOW_STEPS)


def searching(path, env, rom, count, **settings):
    """Return a search with `count` emulators, its start, and a function that ends it."""
    words = m64.read(path).samples
    racers = [Racer(env(), open_rom(rom), read_facts(path), words) for _ in range(count)]
    start, *_ = [racer.to_start() for racer in racers]
    settings = {"goal": "lap", "seed": 5, "effort": 24, "stop": threading.Event(), "buttons": BUTTONS, **settings}
    search = Search(racers, start, words, **settings)

    def close():
        search.close()
        for racer in racers:
            racer.close()

    return search, start, close


def test_the_result_does_not_depend_on_the_number_of_emulators(slow):
    search, start, close = searching(slow, OpenKartEnv, OPEN_KART, 3)
    try:
        assert search.best.status.race_time == verify(slow).race_time
        words = search.best.words[len(start.state.samples) :]
        found = []
        for racers in (search._racers, search._racers[:1]):
            search._racers, search._generator = racers, np.random.default_rng(7)
            found.append(search._improved(start, words, 90, 60, 330))
        assert (search.done.tried, search.done.kept > 1) == (48, True)
        before, after = (search._racers[0].run(start, some, 330)[0].progress for some in (words, found[0]))
        assert after > before
    finally:
        close()
    assert (found[0] == found[1]).all()
    assert (found[0][:90] == words[:90]).all()


def test_a_search_stops_after_the_number_of_changes_and_keeps_its_race(slow):
    search, _, close = searching(slow, OpenKartEnv, OPEN_KART, 1, most=16)
    try:
        best = search.best
        with pytest.raises(SearchStoppedError):
            search.one_pass()
        assert (search.done.tried, search.best) == (16, best)
    finally:
        close()


def test_ctrl_c_keeps_a_faster_race_that_verify_accepts(slow, tmp_path):
    out = tmp_path / "fast.m64"
    command = [sys.executable, "-m", "a3c64", "polish", slow, "--minutes", "0", "--effort", "8", "--emulators", "1"]
    with subprocess.Popen([*command, "--seed", "1", "--out", out], stdout=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stdout:
                if line.startswith("pass ") and "not faster" not in line:
                    break
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read()
            assert process.wait(60) == 0
        finally:
            process.kill()
    assert f"{out}: laps " in rest
    before, after = verify(slow), verify(out)
    assert min(after.lap_times) < min(before.lap_times)
    assert (after.setup, after.compared) == (before.setup, True)
    assert json.loads(out.with_suffix(".json").read_text())["polished"]["movie_sha256"] == before.movie_sha256


def test_a_race_of_mario_kart_64_is_searched_in_the_same_way(tmp_path, rom):
    settings = {"rom": rom("kart64"), "check_rom": False, "video": None}
    env = gymnasium.make("n64gym/MarioKart64-v0", cache=tmp_path / "cache", size=(15, 20), **settings)
    with RecordMovie(env, tmp_path) as env:
        env.reset(seed=0)
        over = False
        while not over:
            *_, over, truncated, info = env.step(to_point(env.unwrapped, 12))
            assert not truncated
    search, start, close = searching(env.last_movie, lambda: MarioKart64Env(**settings), rom("kart64"), 1, goal="race")
    try:
        assert search.best.status.lap_times == info["lap_times"]
        assert len(search.best.lines) == 4
        words = search.best.words[len(start.state.samples) :]
        found = search._improved(start, words, 0, 60, 200)
        before, after = (search._racers[0].run(start, some, 200)[0].progress for some in (words, found))
        assert after >= before
        assert search.done.tried == 24
    finally:
        close()

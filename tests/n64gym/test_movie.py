"""A movie recorded in one process plays back bit for bit in another, or the point of divergence is reported."""

import dataclasses
import json
import os
import signal
import subprocess
import sys

import gymnasium
import numpy as np
import pytest

import n64gym
from n64gym.movies import m64
from n64gym.movies.playback import Playback, demonstrations
from n64gym.movies.record import CHECK_BYTES

RECORD = """
import sys, gymnasium, n64gym, numpy as np
actions = np.random.default_rng(3)
starts = dict(noop_max=20, random_max=60, laps=1, course="meadow")
env = gymnasium.make("n64gym/OpenKart-v0", obs_type="grayscale", size=(84, 84), **starts)
env = n64gym.RecordMovie(env, sys.argv[1])
for seed in (0, 1, None):
    env.reset(seed=seed)
    for _ in range(150):
        *_, info = env.step(int(actions.integers(12)))
    print(env.unwrapped.emulator.controller_reads)
env.close()
"""


@pytest.fixture(scope="module")
def movies(tmp_path_factory):
    """Three episodes of one environment, recorded in another process."""
    folder = tmp_path_factory.mktemp("movies")
    subprocess.run([sys.executable, "-c", RECORD, folder], check=True, timeout=120, stdout=subprocess.PIPE)
    found = sorted(folder.glob("*.m64"))
    assert len(found) == 3
    assert sorted(folder.iterdir()) == sorted([*found, *(path.with_suffix(".json") for path in found)])
    return found


def play(path, **settings):
    """Play to the end; return where the playback diverged, and the samples that were read in each step."""
    playback = Playback(path, **settings)
    samples = []
    try:
        while not playback.over:
            samples.append(playback.step())
        return playback.diverged, samples
    finally:
        playback.close()


def copy(path, folder, samples=None, **facts):
    """Return the path of a copy with other samples or other facts."""
    movie = m64.read(path)
    target = folder / path.name
    m64.write(target, dataclasses.replace(movie, samples=movie.samples if samples is None else samples))
    known = json.loads(path.with_suffix(".json").read_text())
    target.with_suffix(".json").write_text(json.dumps(known | facts))
    return target


def test_a_playback_in_another_process_is_the_same_to_the_bit(movies):
    for path in movies:
        diverged, samples = play(path)
        assert diverged == ""
        assert len(samples) == 150
    done = subprocess.run(
        [sys.executable, "-m", "n64gym", *movies], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0
    assert done.stdout.count(": identical to the recording\n") == 3


def test_a_movie_is_small_and_its_json_describes_it(movies):
    facts = json.loads(movies[1].with_suffix(".json").read_text())
    movie = m64.read(movies[1])
    assert movies[1].stat().st_size == 1024 + 4 * len(movie.samples) < 5000
    assert movies[1].with_suffix(".json").stat().st_size < 2500
    assert (movie.rom_name, movie.start, movie.controllers, movie.vis_per_second) == ("OPEN KART", m64.POWER_ON, 1, 60)
    assert (movie.vis, len(movie.samples)) == (facts["ends"]["vi"], facts["ends"]["sample"])
    assert facts["game"] == "n64gym/OpenKart-v0"
    assert (facts["setup"]["course"], facts["setup"]["laps"]) == ("meadow", 1)
    assert (facts["seed"], facts["episode"], facts["steps"], facts["ended"]) == (1, 0, 150, "abandoned")
    last = json.loads(movies[2].with_suffix(".json").read_text())
    assert (last["seed"], last["episode"]) == (1, 1)
    assert 0 <= facts["start_noops"] <= 20
    assert 0 <= facts["start_random"] <= 60
    assert len(facts["start_state"]) == len(facts["rdram_sha256"]) == 64
    assert len(facts["rom"]["sha1"]) == 40


@pytest.mark.parametrize("from_end", [1, 77, 300, 599])
def test_a_changed_sample_is_reported_as_divergence(movies, tmp_path, from_end):
    samples = m64.read(movies[0]).samples.copy()
    at = len(samples) - from_end
    samples[at] ^= 0x80  # the A button
    diverged, _ = play(copy(movies[0], tmp_path, samples))
    assert diverged.startswith("diverged between samples ")
    first, last, _ = (int(word) for word in diverged.split() if word.isdigit())
    assert first <= at  # for a moment A may have no effect, if the kart is in the air or against a wall
    assert last - first <= 4


def test_different_rdram_at_the_end_is_reported(movies, tmp_path):
    diverged, _ = play(copy(movies[0], tmp_path, rdram_sha256="0" * 64))
    assert diverged == "ended with other contents of RDRAM, though all checked words were equal"


def test_a_movie_without_its_json_plays_without_checks(movies, tmp_path):
    alone = tmp_path / "alone.m64"
    alone.write_bytes(movies[0].read_bytes())
    diverged, samples = play(alone)
    assert diverged == ""
    assert np.concatenate(samples).tolist() == m64.read(alone).samples.tolist()


def test_a_movie_whose_game_never_reads_the_pad_ends(movies, tmp_path, rom):
    movie = m64.read(movies[0])
    path = tmp_path / "unread.m64"
    blank = n64gym.open_rom(rom("blank"))  # a ROM that never reads the pad
    m64.write(path, dataclasses.replace(movie, crc1=blank.crc1, vis=200))
    _, samples = play(path, rom=rom("blank"))
    assert sum(map(len, samples)) == 0
    assert len(samples) == 50


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ("not JSON", "is damaged"),
        ("[]", "is damaged"),
        ('{"format": 9}', "has format 9 and lacks"),
        ('{"format": 1, "rom": {}}', r"lacks \['begins', 'ends', 'watch'"),
    ],
)
def test_a_damaged_json_is_refused(movies, tmp_path, facts, message):
    target = copy(movies[0], tmp_path)
    target.with_suffix(".json").write_text(facts)
    with pytest.raises(n64gym.MovieError, match=message):
        Playback(target)


def test_another_rom_is_refused(movies, tmp_path, rom):
    with pytest.raises(
        n64gym.MovieError, match=r"recorded on another ROM: it names 'OPEN KART' with SHA-1 \w{40}; found"
    ):
        Playback(movies[0], rom=rom("pad"))
    alone = tmp_path / "alone.m64"
    m64.write(alone, dataclasses.replace(m64.read(movies[0]), crc1=0x12345678))
    with pytest.raises(n64gym.MovieError, match=r"with header CRC1 12345678; found 'OPEN KART'"):
        Playback(alone)


def test_the_command_reports_unplayable_files_and_exits_with_2(movies, tmp_path):
    samples = m64.read(movies[0]).samples.copy()
    samples[-100] ^= 0x80
    broken = tmp_path / "broken.m64"
    broken.write_bytes(movies[0].read_bytes()[:700])
    done = subprocess.run(
        [sys.executable, "-m", "n64gym", movies[0], copy(movies[1], tmp_path, samples), broken, movies[2]],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    verdicts = [line.split(": ", 1)[1] for line in done.stdout.splitlines()]
    assert done.returncode == 2
    assert verdicts[0] == verdicts[3] == "identical to the recording"
    assert verdicts[1].startswith("diverged between")
    assert "has 700 bytes; expected a header of 1024 bytes" in verdicts[2]
    assert done.stderr == ""


def test_a_finished_episode_is_written_at_once(tmp_path):
    with n64gym.RecordMovie(gymnasium.make("n64gym/OpenKart-v0", stuck_limit=1.0), tmp_path) as env:
        env.reset(seed=4)
        over, steps, total = False, 0, 0.0
        while not over:
            _, reward, _, over, _ = env.step(2)
            steps += 1
            total += reward
        facts = json.loads(env.last_movie.with_suffix(".json").read_text())
    assert (facts["ended"], facts["steps"], facts["return"]) == ("truncated", steps, pytest.approx(total))
    assert facts["metrics"]["finished"] == 0.0
    assert len(facts["checks"]) == -(-steps * CHECK_BYTES // 3) * 4
    assert len(list(tmp_path.iterdir())) == 2  # close and reset add nothing


def test_an_episode_whose_emulator_died_leaves_no_movie(tmp_path):
    with n64gym.RecordMovie(gymnasium.make("n64gym/OpenKart-v0"), tmp_path) as env:
        env.reset()
        env.step(1)
        os.kill(env.unwrapped.emulator.pid, signal.SIGKILL)
        assert env.step(1)[3]
        assert not list(tmp_path.iterdir())
        env.reset()
        env.step(1)
    assert len(list(tmp_path.iterdir())) == 2


def test_demonstrations_match_the_recorded_observations_and_actions(tmp_path):
    settings = {"obs_type": "grayscale", "size": (84, 84), "telemetry": True}
    seen, done = [], []
    actions = np.random.default_rng(5)
    with n64gym.RecordMovie(gymnasium.make("n64gym/OpenKart-v0", **settings), tmp_path) as env:
        observation, _ = env.reset()
        for _ in range(100):
            action = int(actions.integers(12))
            seen.append(observation)
            done.append(action)
            observation = env.step(action)[0]
    with gymnasium.make("n64gym/OpenKart-v0", **settings) as env:
        shown = list(demonstrations(next(tmp_path.glob("*.m64")), env.unwrapped))
    assert 100 <= len(shown) <= 101  # the race's first VIs pass before the first observation
    assert [int(one.action) for one in shown[-100:]] == done
    for one, observation in zip(shown[-100:], seen, strict=True):
        assert (one.observation["picture"] == observation["picture"]).all()
        assert one.observation["telemetry"] == pytest.approx(observation["telemetry"])

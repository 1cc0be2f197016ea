"""a3c64 replay and film: folders with good and broken movies, films, grids, ghosts, a window, choice of replays."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import gymnasium
import numpy as np
import pygame
import pytest

from a3c64.config import BadInputError
from a3c64.replays.files import Replay, choose, find, moment, stages
from a3c64.replays.pictures import BANDS, HEIGHT, WIDTH, fitted, pages
from a3c64.replays.window import ReplayWindow
from n64gym import Playback, RecordMovie
from n64gym.movies import m64

ROOT = Path(__file__).parents[2]
STEPS = 60  # of each episode: 240 VIs, 4 s


class Trained(RecordMovie):
    """Records movies with facts about the training, as a worker does."""

    step_of_run = 0

    def save(self, path, movie, facts):
        super().save(path, movie, {**facts, "training": {"step": self.step_of_run, "version": 1, "worker": 0}})


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    """A run's folder with four episodes, of 60 steps each, on two courses."""
    folder = tmp_path_factory.mktemp("run")
    with Trained(gymnasium.make("n64gym/OpenKart-v0", laps=1), folder / "replays" / "worker-0") as env:
        for number, course in enumerate(["meadow", "meadow", "meadow", "desert"]):
            env.reset(seed=number, options={"course": course})
            env.step_of_run = 1000 * number
            for step in range(STEPS):
                env.step(1 if step % (number + 2) else 3)
    return folder


def movies(folder):
    """Return the paths of all movies in a folder, ordered by the run's step."""
    return [replay.path for replay in find([folder])[0]]


def a3c64(*arguments, **environment):
    clean = {name: value for name, value in os.environ.items() if name != "DISPLAY" and not name.startswith("A3C64_")}
    return subprocess.run(
        [sys.executable, "-m", "a3c64", *map(str, arguments)],
        cwd=ROOT,
        env={**clean, "PYTHONPATH": str(ROOT / "env-image"), **environment},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def probe(path):
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", str(path)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)["streams"][0]


def decoded(path):
    """All frames of a film, uint8 [T, H, W, 3]."""
    about = probe(path)
    raw = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    data = subprocess.run(raw, capture_output=True, check=True, timeout=60).stdout
    return np.frombuffer(data, np.uint8).reshape(-1, about["height"], about["width"], 3)


def copy(path, target, samples=None):
    movie = m64.read(path)
    m64.write(target, dataclasses.replace(movie, samples=movie.samples if samples is None else samples))
    shutil.copy(path.with_suffix(".json"), target.with_suffix(".json"))


def test_replay_skips_broken_movies_and_plays_the_good_ones(run_dir, tmp_path):
    good = movies(run_dir)
    for path in good[:2]:
        copy(path, tmp_path / path.name)
    truncated = tmp_path / "truncated.m64"
    truncated.write_bytes(good[0].read_bytes()[:-200])
    shutil.copy(good[0].with_suffix(".json"), truncated.with_suffix(".json"))
    m64.write(tmp_path / "foreign.m64", dataclasses.replace(m64.read(good[0]), crc1=0x12345678))
    (tmp_path / "elsewhere.m64").write_bytes(good[1].read_bytes())  # no JSON, but the same ROM: it plays
    (tmp_path / "empty.m64").write_bytes(b"")
    (tmp_path / "damaged.m64").write_bytes(good[1].read_bytes())
    (tmp_path / "damaged.json").write_text("{")
    samples = m64.read(good[2]).samples.copy()
    samples[-100] ^= 0x80
    copy(good[2], tmp_path / "diverging.m64", samples)
    (tmp_path / ".writing-half").write_bytes(b"M64")

    done = a3c64("replay", tmp_path)
    outcomes = [line.split(": ", 1) for line in done.stdout.splitlines() if ".m64: " in line]
    lines = {Path(path).name: what for path, what in outcomes}
    assert done.returncode == 1, done.stderr
    assert sorted(lines) == sorted(path.name for path in tmp_path.glob("*.m64"))
    assert "ends" in lines["truncated.m64"] or "holds" in lines["truncated.m64"]
    assert "recorded on another ROM" in lines["foreign.m64"]
    assert "is empty" in lines["empty.m64"]
    assert "is damaged" in lines["damaged.m64"]
    assert "skipped: diverged between samples" in lines["diverging.m64"]
    for name in (good[0].name, good[1].name, "elsewhere.m64"):
        assert "skipped" not in lines[name]
    assert "3 played, 5 skipped" in done.stdout
    assert "Traceback" not in done.stderr


def test_without_a_movie_to_play_the_exit_code_is_2(run_dir, tmp_path):
    (tmp_path / "empty.m64").write_bytes(b"")
    assert a3c64("replay", tmp_path).returncode == 2
    missing = a3c64("replay", tmp_path / "missing")
    assert missing.returncode == 2
    assert "does not exist" in missing.stderr
    none = a3c64("replay", run_dir, "--course", "harbour")
    assert none.returncode == 2
    assert "(courses: desert, meadow)" in none.stderr
    grid = a3c64("replay", run_dir, "--grid", "3by3")
    assert grid.returncode == 2
    assert "--grid: found '3by3'" in grid.stderr


def test_a_film_shows_what_the_emulator_shows(run_dir, tmp_path):
    path = movies(run_dir)[0]
    done = a3c64("replay", path, "--mp4", tmp_path / "one.mp4")
    assert done.returncode == 0, done.stderr
    found = probe(tmp_path / "one.mp4")
    assert (found["codec_name"], found["pix_fmt"]) == ("h264", "yuv420p")
    assert (found["width"], found["height"]) == (WIDTH, HEIGHT + BANDS[WIDTH][0])
    assert (int(found["nb_read_frames"]), float(found["duration"])) == (STEPS * 2, STEPS * 4 / 60)
    frame = decoded(tmp_path / "one.mp4")[79]
    playback = Playback(path)
    playback.advance(160)
    shown = fitted(playback.emulator.frame(), WIDTH, HEIGHT)
    playback.close()
    assert np.abs(frame[:HEIGHT].astype(int) - shown).mean() < 6
    assert (frame[HEIGHT:] > 180).any(), "the caption"
    assert frame[HEIGHT:].mean() < 60


def test_a_grid_plays_every_movie_to_its_end(run_dir, tmp_path):
    done = a3c64("replay", run_dir, "--grid", "3x1", "--speed", "4", "--mp4", tmp_path / "grid.mp4")
    assert done.returncode == 0, done.stderr
    found = probe(tmp_path / "grid.mp4")
    assert (found["width"], found["height"]) == (3 * WIDTH // 2, HEIGHT // 2 + BANDS[WIDTH // 2][0])
    assert int(found["nb_read_frames"]) == 2 * STEPS * 4 / 8  # two pages, with three replays and with one
    frames = decoded(tmp_path / "grid.mp4")
    assert frames[10, :, : WIDTH // 2].mean() > 30
    assert frames[-1, :, WIDTH // 2 :].mean() < 5, "the second page has only one replay"


def test_ghosts_are_drawn_on_a_map_and_another_course_is_named(run_dir, tmp_path):
    done = a3c64("replay", run_dir, "--ghosts", "--mp4", tmp_path / "ghosts.mp4")
    assert done.returncode == 1
    assert "drives another course than" in done.stdout
    found = probe(tmp_path / "ghosts.mp4")
    assert (found["width"], found["height"]) == (WIDTH, HEIGHT)
    assert abs(int(found["nb_read_frames"]) - STEPS * 2) <= 2
    frames = decoded(tmp_path / "ghosts.mp4").astype(int)
    coloured = (frames.max(-1) - frames.min(-1) > 100)[:, :, : WIDTH - 208].sum((1, 2))
    assert coloured[-1] > 100, "karts and their paths are drawn"
    assert np.abs(frames[-1] - frames[5])[:, : WIDTH - 208].max() > 100, "karts move"
    assert a3c64("replay", run_dir, "--ghosts", "--course", "meadow").returncode == 0


def test_film_shows_stages_of_a_run(run_dir, tmp_path):
    arguments = ("--stages", "2", "--seconds", "1", "--mp4", tmp_path / "film.mp4")
    done = a3c64("film", run_dir, *arguments)
    assert done.returncode == 0, done.stderr
    assert int(probe(tmp_path / "film.mp4")["nb_read_frames"]) == 60
    assert done.stdout.count(", step ") == 2


def test_replay_opens_a_window_and_prints_its_keys(run_dir, display):
    done = a3c64("replay", movies(run_dir)[0], "--speed", "8", DISPLAY=display)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("space pauses, right arrow goes on by a frame, q ends")


def test_keys_pause_step_and_end():
    def press(key):
        pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key))

    os.environ["SDL_VIDEODRIVER"] = "dummy"
    pygame.display.init()
    window, frame = ReplayWindow(30), np.zeros((48, 64, 3), np.uint8)
    try:
        assert window.show(frame)
        press(pygame.K_SPACE)
        threading.Timer(1.0, press, [pygame.K_RIGHT]).start()
        began = time.monotonic()
        assert window.show(frame)
        assert time.monotonic() - began > 0.5, "paused until the step"
        press(pygame.K_q)
        assert not window.show(frame)
    finally:
        window.close()


def test_replays_are_chosen_by_course_return_and_time(run_dir):
    found, skipped = find([run_dir, run_dir])
    assert len(found) == 4
    assert not skipped
    assert [replay.step for replay in found] == [0, 1000, 2000, 3000]
    assert len(choose(found, course="meadow")) == 3
    best = choose(found, best=2)
    assert [replay.total for replay in best] == sorted((replay.total for replay in found), reverse=True)[:2]
    assert len(choose(found, since=datetime.now(UTC) - timedelta(hours=1))) == 4
    assert choose(found, since=datetime.now(UTC) + timedelta(hours=1)) == []
    assert choose([Replay(Path("x"), {})], course="meadow") == []


def test_since_is_a_duration_or_a_time():
    now = datetime.now().astimezone()
    assert abs(now - timedelta(hours=2) - moment("2h")) < timedelta(seconds=5)
    assert moment("2026-11-21T14:30+00:00") == datetime(2026, 11, 21, 14, 30, tzinfo=UTC)
    with pytest.raises(BadInputError, match="--since: found 'soon'"):
        moment("soon")


def test_stages_cover_the_whole_run_without_outliers():
    def replay(step, total):
        return Replay(Path(str(step)), {"training": {"step": step}, "return": total})

    found = [replay(step, step / 10 + (500 if step % 100 == 50 else 0)) for step in range(0, 1000, 10)]
    chosen = stages(found, 4)
    assert [one.step // 250 for one in chosen] == [0, 1, 2, 3]
    assert all(one.total < 500 for one in chosen)


@pytest.mark.parametrize("video", [None, "glide64mk2"])
def test_a_movie_of_a_game_that_draws_with_the_gpu_is_drawn(rom, display, tmp_path, video):
    with Trained(gymnasium.make("n64gym/Rom-v0", rom=rom("gpu"), video=video), tmp_path) as env:
        env.reset(seed=1)
        for _ in range(10):
            env.step([80, 80] + [0] * 14)
    problems, played = [], []
    frames = [frame[:HEIGHT].copy() for frame in pages(
        find([tmp_path])[0], str(rom("gpu")), lambda _, why: problems.append(why), played.append)]  # fmt: skip
    assert (problems, len(played)) == ([], 1)
    white = [int((frame == 255).all(2).sum()) for frame in frames]
    assert set(white[5:]) <= {*range(64 * 32, 64 * 64 + 1)}  # the white square, doubled; a red one may cover a part
    assert len({frame.tobytes() for frame in frames}) > 5, "it moves"

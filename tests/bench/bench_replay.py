"""Measures the cost of recording per step, and the speed of making films. Run it on an idle machine.

PYTHONPATH=.:env-image .venv/bin/python tests/bench/bench_replay.py
"""

import statistics
import tempfile
import time
from pathlib import Path

import gymnasium

from a3c64.play.video import Video
from a3c64.replays.files import find
from a3c64.replays.pictures import FPS, pages
from n64gym import RecordMovie

ROUNDS = 15
STEPS = 400  # per round
SETTINGS = {"size": (42, 42), "disable_env_checker": True}  # as in training
EPISODE = 1500  # steps, 100 s


def steps_cost(env: gymnasium.Env) -> float:
    """Return microseconds per step, from the start line with A held."""
    env.reset(seed=1)
    began = time.perf_counter()
    for _ in range(STEPS):
        env.step(1)
    return (time.perf_counter() - began) / STEPS * 1e6


def recording(folder: Path) -> None:
    plain = gymnasium.make("n64gym/OpenKart-v0", stuck_limit=1e6, **SETTINGS)
    recorded = RecordMovie(gymnasium.make("n64gym/OpenKart-v0", stuck_limit=1e6, **SETTINGS), folder)
    for env in (plain, recorded):
        steps_cost(env)
    times = [(steps_cost(plain), steps_cost(recorded)) for _ in range(ROUNDS)]
    without, with_it = (statistics.median(column) for column in zip(*times, strict=True))
    recorded.reset()
    for _ in range(STEPS):
        recorded.step(1)
    writes = []
    for _ in range(ROUNDS):
        for _ in range(50):
            recorded.step(1)
        began = time.perf_counter()
        recorded._write("abandoned", {})
        writes.append((time.perf_counter() - began) * 1e3)
    plain.close()
    recorded.close()
    print(f"a step: {without:.0f} us, recorded {with_it:.0f} us, + {100 * (with_it / without - 1):.1f} %")
    print(f"an episode written: {statistics.median(writes):.2f} ms")


def films(folder: Path) -> None:
    with RecordMovie(gymnasium.make("n64gym/OpenKart-v0", stuck_limit=1e6, **SETTINGS), folder) as env:
        for seed in range(9):
            env.reset(seed=seed)
            for step in range(EPISODE):
                env.step(1 if step % (seed + 3) else 3)
    replays, _ = find([folder])
    for count, rows in ((1, 1), (9, 3)):
        seconds = []
        for _ in range(3):
            began = time.perf_counter()
            with Video(folder / "film.mp4", FPS) as video:
                for frame in pages(replays[:count], "", print, lambda _: None, rows, rows):
                    video.write(frame)
            seconds.append(time.perf_counter() - began)
        length = video.frames / FPS
        spent = statistics.median(seconds)
        print(f"{rows}x{rows}: {length:.0f} s of film in {spent:.1f} s, {length / spent:.1f} x real time")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        recording(Path(name) / "steps")
        films(Path(name) / "films")

"""Movies of one lap of the scripted driver, which can be made slower."""

from pathlib import Path

import gymnasium

from n64gym import RecordMovie
from n64gym.games.openkart_driver import BRAKE, Driver

SLOW_STEPS = range(20, 120)  # steps of 4 VIs, almost seven seconds


def drive(folder: Path, slow: range) -> Path:
    """Record one lap of the scripted driver on harbour, which brakes in the `slow` steps; return the movie."""
    env = gymnasium.make("n64gym/OpenKart-v0", obs_type="grayscale", size=(12, 16), laps=1, course="harbour")
    with RecordMovie(env, folder) as env:
        env.reset(seed=0)
        driver, over, step = Driver(env), False, 0
        while not over:
            action = driver()
            *_, over, truncated, _ = env.step(BRAKE if step in slow else action)
            assert not truncated
            step += 1
        return env.last_movie

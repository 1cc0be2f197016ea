"""Teachers whose laps `a3c64 imitate` learns from: the scripted driver, and a simulated person at a keyboard.

python tests/bench/teachers.py keyboard FOLDER --course mountain --races 5 records their movies.
"""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

import n64gym
from n64gym.games.openkart_driver import Driver
from n64gym.machine.controller import DRIVING, stick_of

FRAMESKIP = 4  # VIs of the scripted driver's steps, as in training
NAMES = [action.name for action in DRIVING]
STRAIGHT, BRAKE, LEFT, RIGHT = map(NAMES.index, ("straight", "brake", "extreme left", "extreme right"))
PRESS_FROM = 30  # stick units: where the driver wants less than this, a person presses no arrow key
DECIDES_VIS = 4  # VIs between two decisions of a person
REACTION_VIS = (12, 15)  # 200 to 250 ms from what is seen to the key, drawn for each decision


class Keyboard:
    """A person at a keyboard: full left, full right or straight, and a brake, after a reaction time.

    It wants what the scripted driver wants at the moment of a decision. The key follows 200 to 250 ms later. The keys
    of two decisions never change places. The environment's frame skip must be 1.
    """

    def __init__(self, env: Any, generator: np.random.Generator) -> None:
        self._driver, self._generator = Driver(env), generator
        self._coming: deque[tuple[int, int]] = deque()  # VI, key
        self._vi, self._key = 0, STRAIGHT

    def __call__(self) -> int:
        """Return the action for the next VI."""
        if self._vi % DECIDES_VIS == 0:
            when = self._vi + int(self._generator.integers(REACTION_VIS[0], REACTION_VIS[1] + 1))
            self._coming.append((max(when, self._coming[-1][0] if self._coming else 0), self._wanted()))
        while self._coming and self._coming[0][0] <= self._vi:
            self._key = self._coming.popleft()[1]
        self._vi += 1
        return self._key

    def _wanted(self) -> int:
        action = self._driver()
        stick = stick_of(DRIVING[action].word)[0]
        if action == BRAKE:
            return BRAKE
        return STRAIGHT if abs(stick) < PRESS_FROM else LEFT if stick < 0 else RIGHT


TEACHERS: dict[str, tuple[int, Callable[[Any, np.random.Generator], Callable[[], int]]]] = {
    "driver": (FRAMESKIP, lambda env, generator: Driver(env)),
    "keyboard": (1, Keyboard),
}


def record(teacher: str, folder: Path, course: str, races: int, seed: int) -> list[dict[str, Any]]:
    """Record races of one lap; return the last info of each."""
    frameskip, make = TEACHERS[teacher]
    arguments = {"course": course, "laps": 1, "noop_max": 30, "frameskip": frameskip}
    env = gymnasium.make("n64gym/OpenKart-v0", obs_type="grayscale", size=(42, 42), **arguments)
    generator, ends = np.random.default_rng(seed), []
    with n64gym.RecordMovie(env, folder) as env:
        env.reset(seed=seed)
        for _ in range(races):
            env.reset()
            player, over = make(env, generator), False
            while not over:
                *_, terminated, truncated, info = env.step(player())
                over = terminated or truncated
            ends.append(info)
    return ends


def main() -> None:
    """Record movies and print the lap times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher", choices=TEACHERS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--course", default="meadow")
    parser.add_argument("--races", type=int, default=5, help="of one lap")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for info in record(options.teacher, options.folder, options.course, options.races, options.seed):
        off_road = info["metrics"]["off_road"]
        print(f"{options.course}: finished {info['finished']}, laps {info['lap_times']}, off road {off_road:.2f}")


if __name__ == "__main__":
    main()

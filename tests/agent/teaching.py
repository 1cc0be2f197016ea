"""A teacher for tests of imitation, and a movie of its driving."""

from pathlib import Path

import gymnasium

import n64gym
from n64gym.games.openkart import OpenKartEnv
from n64gym.machine.controller import DRIVING

ARGUMENTS = {"course": "meadow", "laps": 1, "telemetry": True}
NAMES = [action.name for action in DRIVING]
STRAIGHT, LEFT, RIGHT = map(NAMES.index, ("straight", "extreme left", "extreme right"))
STEPS = 400


def teacher(telemetry):
    """Steer to the middle of the road, with what the telemetry says about the kart."""
    at = dict(zip(OpenKartEnv.telemetry_names, telemetry, strict=True))
    away = at["lateral"] + 4 * (at["heading_error"] - at["bend_20m"])
    return LEFT if away > 0.2 else RIGHT if away < -0.2 else STRAIGHT


def drive_and_record(folder: Path) -> Path:
    """Record the teacher's first STEPS steps, and return the movie's path."""
    env = gymnasium.make("n64gym/OpenKart-v0", obs_type="grayscale", size=(42, 42), **ARGUMENTS)
    with n64gym.RecordMovie(env, folder) as env:
        observation, info = env.reset(seed=1)
        for _ in range(STEPS):
            observation, *_, info = env.step(teacher(observation["telemetry"]))
        assert info["progress"] > 0.3
        env.close()
        return env.last_movie


def speed(before, now):
    """A user's reward, which needs the console's memory."""
    return {"speed": now["speed"] if len(now["rdram"]) else 0.0}


class Half(gymnasium.RewardWrapper):
    """A user's wrapper."""

    def reward(self, reward):
        """Return half of the reward."""
        return reward / 2

"""A user's own code: wrappers, rewards, and an N64 game as a class."""

import gymnasium as gym

from n64gym.games.openkart import OpenKartEnv


class Doubled(gym.RewardWrapper):
    """Twice the reward."""

    def reward(self, reward):
        return 2 * float(reward)


class More(gym.RewardWrapper):
    """One more."""

    def reward(self, reward):
        return float(reward) + 1


class NeedsMore(gym.Wrapper):
    """Cannot be called with the environment alone."""

    def __init__(self, env, amount):
        super().__init__(env)


def nothing(env):
    """Return no environment."""


def faster(before, now):
    """Two terms, one of them from the console's memory."""
    return {"gained": now["speed"] - before["speed"], "words": len(now["rdram"]) / 1e6}


def a_number(before, now):
    """Return no terms."""
    return 1.0


class OwnKart(OpenKartEnv):
    """A game of the user."""


class SmallKart(OpenKartEnv):
    """A game of the user whose picture has one size."""

    def __init__(self, rom="", render_mode=None):
        super().__init__(**({"rom": rom} if rom else {}), size=(20, 30), render_mode=render_mode)


gym.register("OwnKart-v0", entry_point=OwnKart)
gym.register("NamedKart-v0", entry_point="own_code:OwnKart")
gym.register("SmallKart-v0", entry_point=SmallKart)

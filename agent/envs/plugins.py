"""Packages that register environments when they are imported, found by the environment's id."""

import importlib
import importlib.util
import sys
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import gymnasium as gym

from a3c64.config import nearest

RETRO = ("retro", "stable_retro")  # the module of stable-retro under its old and its new name


class Plugin(NamedTuple):
    """A package with environments."""

    module: str  # to import
    package: str  # its name for pip
    patterns: tuple[str, ...]  # of its ids, in lower case
    register: str = ""  # function of the module to call; "" if the import registers them


PLUGINS = (
    Plugin("n64gym", "n64gym", ("n64gym/*",)),
    Plugin("ale_py", "ale-py", ("ale/*", "*noframeskip-v*", "*deterministic-v*")),
    Plugin("minigrid", "minigrid", ("minigrid*", "babyai*")),
    Plugin("minatar.gym", "MinAtar", ("minatar*",), "register_envs"),
    Plugin(
        "highway_env",
        "highway-env",
        ("highway-*", "merge-*", "roundabout-*", "parking-*", "intersection-*", "racetrack-*", "exit-*", "u-turn-*"),
    ),
    Plugin("vizdoom.gymnasium_wrapper", "vizdoom", ("vizdoom*",)),
    Plugin("shimmy", "shimmy", ("gymv21environment-*", "gymv26environment-*", "dm_control/*", "bsuite/*")),
    Plugin("gymnasium_robotics", "gymnasium-robotics", ("fetch*", "pointmaze*", "antmaze*", "adroit*", "franka*")),
    Plugin("flappy_bird_gymnasium", "flappy-bird-gymnasium", ("flappybird*",)),
    Plugin("miniworld", "miniworld", ("miniworld*",)),
    Plugin("popgym", "popgym", ("popgym-*",)),
    Plugin("tetris_gymnasium.envs", "tetris-gymnasium", ("tetris_gymnasium/*",)),
    Plugin("gym_pusht", "gym-pusht", ("gym_pusht/*",)),
    Plugin("gymnasium_2048", "gymnasium-2048", ("gymnasium_2048/*",)),
    Plugin("panda_gym", "panda-gym", ("panda*",)),
    Plugin("pybullet_envs_gymnasium", "pybullet-envs-gymnasium", ("*bulletenv-*",)),
    Plugin("nle", "nle", ("nethack*",)),
)


def plugin_of(env_id: str) -> Plugin | None:
    """Return the package that has an environment, judged by its id without a module; None if none is known."""
    name = env_id.lower()
    return next((one for one in PLUGINS if any(fnmatchcase(name, pattern) for pattern in one.patterns)), None)


def is_installed(plugin: Plugin) -> bool:
    """Return whether a plugin's module can be found."""
    top = plugin.module.partition(".")[0]
    return top in sys.modules or importlib.util.find_spec(top) is not None


def load(plugin: Plugin) -> None:
    """Import a plugin, so that its environments are registered. Whatever it raises is the caller's to name."""
    module = importlib.import_module(plugin.module)
    if plugin.register:
        getattr(module, plugin.register)()


def offer_retro(module: str, game: str) -> str:
    """Register a game of stable-retro under its name; return a hint for the error if there is no such game."""
    retro = sys.modules[module]
    games = retro.data.list_games()
    found = next((name for name in (game, f"{game}-v0") if name in games), None)
    if found is None:
        prefix = f"{module}:"
        return (
            nearest(prefix + game, games, prefix)
            or "; `python -m stable_retro.import FOLDER` imports the ROMs that you own"
        )

    def make(**arguments: Any) -> gym.Env:
        return retro.make(found, **{"render_mode": "rgb_array"} | arguments)  # its default opens a window

    gym.register(game, entry_point=make)
    return ""

"""Ids of environments: packages are found by the id, and an error proposes what to do."""

import sys
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest

from a3c64.config import BadInputError
from a3c64.envs import plugins
from a3c64.envs.batch import EnvironmentBatch
from a3c64.envs.making import find
from a3c64.envs.plugins import Plugin, plugin_of
from a3c64.hyperparameters import Hyperparameters
from a3c64.policy import episodes
from a3c64.presets import chosen


@pytest.mark.parametrize(
    ("env_id", "package"),
    [
        ("MiniGrid-Empty-5x5-v0", "minigrid"),
        ("BabyAI-GoTo-v0", "minigrid"),
        ("MinAtar/Breakout-v1", "MinAtar"),
        ("highway-fast-v0", "highway-env"),
        ("VizdoomBasic-v1", "vizdoom"),
        ("GymV21Environment-v0", "shimmy"),
        ("dm_control/cartpole-swingup-v0", "shimmy"),
        ("BreakoutNoFrameskip-v4", "ale-py"),
        ("n64gym/OpenKart-v0", "n64gym"),
        ("FetchReach-v3", "gymnasium-robotics"),
        ("CartPole-v1", None),
        ("my/Env-v0", None),
    ],
)
def test_the_package_of_an_id_is_known(env_id, package):
    found = plugin_of(env_id)
    assert (found.package if found else None) == package


def test_a_package_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(plugins, "PLUGINS", (Plugin("no_such_module", "no-such-package", ("nosuch-*",)),))
    with pytest.raises(BadInputError, match=r"needs the package no-such-package, .*: pip install no-such-package$"):
        find("NoSuch-v0")


def test_a_package_that_cannot_be_imported_is_named(monkeypatch):
    monkeypatch.setattr(plugins, "PLUGINS", (Plugin("strange_import", "strange", ("strangest-*",)),))
    with pytest.raises(BadInputError, match=r"strange_import cannot be imported: RuntimeError: no licence"):
        find("Strangest-v0")


def test_the_nearest_name_of_a_package_is_proposed():
    pytest.importorskip("ale_py")
    with pytest.raises(BadInputError, match="did you mean PongNoFrameskip-v4"):
        find("PongNoFrameskip-v5")


@pytest.mark.parametrize("env_id", ["ALE/Pong-v5", "CartPole-v1", "Pendulum-v1", "Hopper-v5"])
def test_an_id_with_a_module_keeps_its_preset(env_id):
    assert chosen("auto", f"some_module:{env_id}") == chosen("auto", env_id) != {}


class Retro:
    """The parts of stable-retro that we call; one instance per process, as there."""

    made = 0
    data = SimpleNamespace(list_games=lambda: ["Airstriker-Genesis-v0", "Tetris-Nes-v0"])

    @classmethod
    def make(cls, game, render_mode):
        if cls.made:
            raise RuntimeError("Cannot create multiple emulator instances per process")
        cls.made += 1
        env = gym.make("strange_env:Strange-v0", render_mode=render_mode, disable_env_checker=True)
        env.game = game
        return env


@pytest.fixture
def retro(monkeypatch):
    monkeypatch.setitem(sys.modules, "stable_retro", Retro)
    monkeypatch.setattr(Retro, "made", 0)
    yield
    gym.registry.pop("Airstriker-Genesis", None)


def test_one_instance_per_process_means_one_environment_per_worker(retro, caplog):
    given = Hyperparameters(env_id="stable_retro:Airstriker-Genesis", envs_per_worker=4)
    batch = EnvironmentBatch.make(given, worker=0)
    assert len(batch.environments) == 1
    assert batch.environments[0].get_wrapper_attr("game") == "Airstriker-Genesis-v0"
    assert batch.step(np.ones(1, np.int32)).rewards.tolist() == [1.0]
    batch.close()
    assert "this worker has one environment instead of 4, because it cannot make a second" in caplog.text
    Retro.made = 0
    assert len(episodes.play(given, None, episodes=6)) == 6


def test_a_game_that_retro_does_not_have_is_refused_with_the_nearest(retro):
    with pytest.raises(BadInputError, match="did you mean stable_retro:Airstriker-Genesis-v0"):
        find("stable_retro:Airstrker-Genesis")

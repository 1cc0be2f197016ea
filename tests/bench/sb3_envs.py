"""Environments and policies for Stable-Baselines3 as RL Baselines3 Zoo makes them; settings are in zoo.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.wrappers import GrayscaleObservation, ResizeObservation
from stable_baselines3.common.atari_wrappers import AtariWrapper
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv, VecFrameStack, VecNormalize
from zoo import Entry

MOMENTS = "moments.pkl"  # VecNormalize's file beside the models


class LockstepVecEnv(DummyVecEnv):
    """A DummyVecEnv that starts a step in all emulators before it waits for any; see n64gym/vector.py."""

    def step_async(self, actions: np.ndarray) -> None:
        super().step_async(actions)
        for env, action in zip(self.envs, actions, strict=True):
            env.unwrapped.begin_step(action)


VECTORS: dict[str, type[VecEnv]] = {"lockstep": LockstepVecEnv, "subproc": SubprocVecEnv, "dummy": DummyVecEnv}


class FrameSkip(gym.Wrapper):
    """Repeats each action and adds the rewards up, as rl_zoo3.wrappers.FrameSkip."""

    def __init__(self, env: gym.Env, skip: int) -> None:
        super().__init__(env)
        self._skip = skip

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        total = 0.0
        for _ in range(self._skip):
            observation, reward, terminated, truncated, info = self.env.step(action)
            total += float(reward)
            if terminated or truncated:
                break
        return observation, total, terminated, truncated, info


class MinAtarNetwork(BaseFeaturesExtractor):
    """MinAtar's own network: 16 filters of 3x3 and a dense layer of 128 (Young & Tian 2019)."""

    def __init__(self, space: gym.spaces.Box) -> None:
        super().__init__(space, 128)
        height, width, channels = space.shape
        self._layers = torch.nn.Sequential(
            torch.nn.Conv2d(channels, 16, 3),
            torch.nn.ReLU(),
            torch.nn.Flatten(),
            torch.nn.Linear((height - 2) * (width - 2) * 16, 128),
            torch.nn.ReLU(),
        )

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        return self._layers(observations.permute(0, 3, 1, 2))


def racing(env: gym.Env) -> gym.Env:
    return GrayscaleObservation(ResizeObservation(FrameSkip(env, 2), (64, 64)), keep_dim=True)


def flat(env: gym.Env) -> gym.Env:
    from minigrid.wrappers import FlatObsWrapper  # it imports pygame

    return FlatObsWrapper(env)


WRAPPERS: dict[str, Callable[[gym.Env], gym.Env]] = {"atari": AtariWrapper, "racing": racing, "flat": flat}
POLICIES: dict[str, dict[str, Any]] = {
    "mountain": {"log_std_init": -3.29, "ortho_init": False},
    "racing": {
        "log_std_init": -2,
        "ortho_init": False,
        "activation_fn": torch.nn.GELU,
        "net_arch": {"pi": [256], "vf": [256]},
    },
    "minatar": {"features_extractor_class": MinAtarNetwork, "net_arch": []},
}


def linear(start: float) -> Callable[[float], float]:
    """Return a schedule that falls from `start` to 0, like the Zoo's lin_."""
    return lambda remaining: remaining * start


def settings_of(entry: Entry) -> dict[str, Any]:
    """Return the arguments of PPO."""
    known = {
        name: linear(float(value.removeprefix("lin_"))) if isinstance(value, str) else value
        for name, value in entry.settings.items()
    }
    return known | ({"policy_kwargs": POLICIES[entry.extras]} if entry.extras else {})


def register(env_id: str) -> None:
    """Import the package that has an environment, if Gymnasium does not know it."""
    if env_id.startswith("n64gym/"):
        import n64gym  # noqa: F401
    elif env_id.startswith("ALE/"):
        import ale_py  # noqa: F401
    elif env_id.startswith("MiniGrid-"):
        import minigrid  # noqa: F401
    elif env_id.startswith("MinAtar/"):
        import minatar.gym

        minatar.gym.register_envs()


def make_envs(
    env_id: str,
    env_args: Mapping[str, Any],
    entry: Entry,
    count: int,
    seed: int,
    vector: str,
    saved: Path | None = None,
) -> VecEnv:
    """Make the environments with the entry's wrappers.

    Args:
        env_id: the environment's Gymnasium id.
        env_args: its arguments, on top of the entry's.
        entry: of the Zoo.
        count: number of environments.
        seed: of the first one.
        vector: key of VECTORS.
        saved: folder of a model whose running moments are used and do not change; None = start new ones.
    """
    register(env_id)
    kind = VECTORS[vector]
    quick = {"start_method": "fork"} if kind is SubprocVecEnv else {}  # without fork, torch's imports take a minute
    envs: VecEnv = make_vec_env(
        env_id,
        count,
        seed=seed,
        env_kwargs={**entry.env_args, **env_args},
        wrapper_class=WRAPPERS.get(entry.wrapper),
        vec_env_cls=kind,
        vec_env_kwargs=quick,
    )
    if entry.normalise and saved is not None:
        envs = VecNormalize.load(str(saved / MOMENTS), envs)
        envs.training = envs.norm_reward = False
    elif entry.normalise:
        envs = VecNormalize(envs, gamma=entry.settings.get("gamma", 0.99), **entry.normalise)
    return VecFrameStack(envs, entry.frame_stack) if entry.frame_stack > 1 else envs

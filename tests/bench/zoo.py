"""Settings of RL Baselines3 Zoo for PPO (hyperparams/ppo.yml), by environment.

The Zoo has entries for older versions of some ids. Its entry for Atari games is used for Open Kart too. For the
environments that it does not know, `FOREIGN` says what is used instead. "lin_X" falls from X to 0 over `timesteps`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One entry of the Zoo's file, in its words."""

    section: str  # its name in ppo.yml; "" if there is none
    envs: int
    timesteps: int  # length of the training, and of linear schedules
    settings: Mapping[str, Any]  # arguments of PPO
    policy: str = "MlpPolicy"
    normalise: Mapping[str, bool] = field(default_factory=dict)  # arguments of VecNormalize; {} = without
    frame_stack: int = 1
    wrapper: str = ""  # key of sb3_envs.WRAPPERS
    env_args: Mapping[str, Any] = field(default_factory=dict)
    extras: str = ""  # key of sb3_envs.POLICIES: parts of the policy


BOTH = {"norm_obs": True, "norm_reward": True}
ATARI = {
    "n_steps": 128,
    "n_epochs": 4,
    "batch_size": 256,
    "learning_rate": "lin_2.5e-4",
    "clip_range": "lin_0.1",
    "vf_coef": 0.5,
    "ent_coef": 0.01,
}
LANDER = {"n_steps": 1024, "batch_size": 64, "gae_lambda": 0.98, "gamma": 0.999, "n_epochs": 4, "ent_coef": 0.01}

OPEN_KART = Entry("atari, without its wrapper", 8, 10_000_000, ATARI, "CnnPolicy", frame_stack=4)
ZOO = {
    "ALE/Breakout-v5": Entry(
        "atari",
        8,
        10_000_000,
        ATARI,
        "CnnPolicy",
        frame_stack=4,
        wrapper="atari",
        env_args={"frameskip": 1},  # the wrapper skips frames
    ),
    "MountainCar-v0": Entry(
        "MountainCar-v0",
        16,
        1_000_000,
        {"n_steps": 16, "gae_lambda": 0.98, "gamma": 0.99, "n_epochs": 4, "ent_coef": 0.0},
        normalise=BOTH,
    ),
    "MountainCarContinuous-v0": Entry(
        "MountainCarContinuous-v0",
        1,
        20_000,
        {
            "batch_size": 256,
            "n_steps": 8,
            "gamma": 0.9999,
            "learning_rate": 7.77e-05,
            "ent_coef": 0.00429,
            "clip_range": 0.1,
            "n_epochs": 10,
            "gae_lambda": 0.9,
            "max_grad_norm": 5,
            "vf_coef": 0.19,
            "use_sde": True,
        },
        normalise=BOTH,
        extras="mountain",
    ),
    "Acrobot-v1": Entry(
        "Acrobot-v1",
        16,
        1_000_000,
        {"n_steps": 256, "gae_lambda": 0.94, "gamma": 0.99, "n_epochs": 4, "ent_coef": 0.0},
        normalise=BOTH,
    ),
    "BipedalWalker-v3": Entry(
        "BipedalWalker-v3",
        32,
        5_000_000,
        {
            "n_steps": 2048,
            "batch_size": 64,
            "gae_lambda": 0.95,
            "gamma": 0.999,
            "n_epochs": 10,
            "ent_coef": 0.0,
            "learning_rate": 3e-4,
            "clip_range": 0.18,
        },
        normalise=BOTH,
    ),
    "LunarLander-v3": Entry("LunarLander-v2", 16, 1_000_000, LANDER),
    "CarRacing-v3": Entry(
        "CarRacing-v0",
        8,
        4_000_000,
        {
            "batch_size": 128,
            "n_steps": 512,
            "gamma": 0.99,
            "gae_lambda": 0.95,
            "n_epochs": 10,
            "ent_coef": 0.0,
            "sde_sample_freq": 4,
            "max_grad_norm": 0.5,
            "vf_coef": 0.5,
            "learning_rate": "lin_1e-4",
            "use_sde": True,
            "clip_range": 0.2,
        },
        "CnnPolicy",
        normalise={"norm_obs": False, "norm_reward": True},
        frame_stack=2,
        wrapper="racing",
        extras="racing",
    ),
    "MiniGrid-DoorKey-5x5-v0": Entry(
        "MiniGrid-DoorKey-5x5-v0",  # with its FlatObsWrapper, which is a comment there: SB3 refuses the mission
        8,
        100_000,
        {
            "n_steps": 128,
            "batch_size": 64,
            "gae_lambda": 0.95,
            "gamma": 0.99,
            "n_epochs": 10,
            "ent_coef": 0.0,
            "learning_rate": 2.5e-4,
            "clip_range": 0.2,
        },
        normalise=BOTH,
        wrapper="flat",
    ),
}
FOREIGN = {  # environments without an entry
    # The entry for Atari, with MinAtar's own network: its pictures of 10x10 pixels are too small for CnnPolicy.
    "MinAtar/Breakout-v1": Entry("", 8, 10_000_000, ATARI, extras="minatar"),
    # The entry of the nearest environment with few actions and a vector.
    "FrozenLake-v1": Entry("", 16, 1_000_000, LANDER),
    "Taxi-v4": Entry("", 16, 1_000_000, LANDER),
}


def entry_for(env_id: str) -> Entry:
    """Return the entry for an environment; all without one of their own get that of Open Kart."""
    return (ZOO | FOREIGN).get(env_id, OPEN_KART)

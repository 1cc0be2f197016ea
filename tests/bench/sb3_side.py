"""Stable-Baselines3's side of bench_training.py and bench_learn.py: PPO and A2C with the Zoo's settings for Atari.

python tests/bench/sb3_side.py speed|learn|play ... runs in the environment of requirements/sb3.txt, and prints the
result as its last line. The settings are from RL Baselines3 Zoo, hyperparams/ppo.yml and a2c.yml, section atari. The
Atari wrappers are not used.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.sb2_compat.rmsprop_tf_like import RMSpropTFLike
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv, VecFrameStack

import n64gym  # noqa: F401 - registers the ids

FRAME_STACK = 4
SCHEDULE_STEPS = 10_000_000  # the Zoo's n_timesteps, the length of the linear schedules
CURVE_S = 5.0  # between two points of the curve


def linear(start: float) -> Callable[[float], float]:
    """Return a schedule that falls from `start` to 0, like the Zoo's lin_."""
    return lambda remaining: remaining * start


class LockstepVecEnv(DummyVecEnv):
    """A DummyVecEnv that starts a step in all emulators before it waits for any; see n64gym/vector.py."""

    def step_async(self, actions: np.ndarray) -> None:
        super().step_async(actions)
        for env, action in zip(self.envs, actions, strict=True):
            env.unwrapped.begin_step(action)


VECTORS: dict[str, type[VecEnv]] = {"lockstep": LockstepVecEnv, "subproc": SubprocVecEnv}
ENVS = {"ppo": 8, "a2c": 16}


def make_envs(options: argparse.Namespace, count: int, seed: int) -> VecEnv:
    """Make the environments with stacked frames, uint8 [H, W, C * 4] each."""
    vector = VECTORS[options.vector]
    quick = {"start_method": "fork"} if vector is SubprocVecEnv else {}  # without fork, torch's imports take a minute
    settings = json.loads(options.env_args)
    envs = make_vec_env(options.env_id, count, seed=seed, env_kwargs=settings, vec_env_cls=vector, vec_env_kwargs=quick)
    return VecFrameStack(envs, FRAME_STACK)


def make_model(name: str, envs: VecEnv, seed: int) -> BaseAlgorithm:
    if name == "ppo":
        return PPO(
            "CnnPolicy",
            envs,
            n_steps=128,
            n_epochs=4,
            batch_size=256,
            learning_rate=linear(2.5e-4),
            clip_range=linear(0.1),
            vf_coef=0.5,
            ent_coef=0.01,
            seed=seed,
        )
    optimiser = {"optimizer_class": RMSpropTFLike, "optimizer_kwargs": {"eps": 1e-5}}
    return A2C("CnnPolicy", envs, ent_coef=0.01, vf_coef=0.25, policy_kwargs=optimiser, seed=seed)


class Speed(BaseCallback):
    """Counts whole rounds of rollout and update, after a warm-up, for about `seconds`."""

    def __init__(self, warm_up: float, seconds: float) -> None:
        super().__init__()
        self._begin, self._warm_up, self._seconds = time.perf_counter(), warm_up, seconds
        self._marks: list[tuple[float, int]] = []
        self._over = False

    def _on_rollout_start(self) -> None:
        now = time.perf_counter()
        if now - self._begin >= self._warm_up and self.num_timesteps:
            self._marks.append((now, self.num_timesteps))
            self._over = now - self._marks[0][0] >= self._seconds

    def _on_step(self) -> bool:
        return not self._over

    def result(self) -> dict[str, float]:
        (begin, first), (end, last) = self._marks[0], self._marks[-1]
        return {"steps": last - first, "seconds": end - begin}


class Course(BaseCallback):
    """Stops `limit` seconds after `begin`, saves a model every `every` seconds and records the returns.

    The time for saving does not count: `_lost` is subtracted from all times.
    """

    def __init__(self, begin: float, limit: float, every: float, folder: Path) -> None:
        super().__init__()
        self._begin, self._limit, self._every, self._folder = begin, limit, every, folder
        self._lost = 0.0
        self._saved_at = self._curve_at = 0.0
        self.curve: list[dict[str, float]] = []
        self.saved: list[dict[str, Any]] = []

    def _seconds(self) -> float:
        return time.time() - self._begin - self._lost

    def _on_step(self) -> bool:
        now = self._seconds()
        if now - self._curve_at >= CURVE_S and self.model.ep_info_buffer:
            self._curve_at = now
            mean = float(np.mean([episode["r"] for episode in self.model.ep_info_buffer]))
            self.curve.append({"seconds": now, "step": self.num_timesteps, "return": mean})
        if now - self._saved_at >= self._every:
            self._saved_at = now
            self.keep()
        return now < self._limit

    def keep(self) -> None:
        now, begin = self._seconds(), time.time()
        path = self._folder / f"step_{self.num_timesteps}.zip"
        self.model.save(path)
        self.saved.append({"seconds": now, "step": self.num_timesteps, "path": path.name})
        self._lost += time.time() - begin


def speed(options: argparse.Namespace) -> dict[str, Any]:
    """Measure the environment steps and seconds of the whole algorithm."""
    callback = Speed(options.warm_up, options.seconds)
    envs = make_envs(options, ENVS[options.algorithm], options.seed)
    try:
        make_model(options.algorithm, envs, options.seed).learn(SCHEDULE_STEPS, callback)
    finally:
        envs.close()
    return callback.result()


def learn(options: argparse.Namespace) -> dict[str, Any]:
    """Train for a limited time; models are saved in `folder`."""
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    envs = make_envs(options, ENVS[options.algorithm], options.seed)
    try:
        model = make_model(options.algorithm, envs, options.seed)
        callback = Course(options.begin or time.time(), options.seconds, options.every, folder)
        model.learn(SCHEDULE_STEPS, callback)
        if not callback.saved or callback.saved[-1]["step"] < model.num_timesteps:
            callback.keep()
    finally:
        envs.close()
    return {"curve": callback.curve, "saved": callback.saved, "steps": model.num_timesteps}


def play(options: argparse.Namespace) -> dict[str, Any]:
    """Play the same number of episodes in each environment; return figures as `a3c64 eval` prints them."""
    algorithm = {"ppo": PPO, "a2c": A2C}[options.algorithm]
    model = algorithm.load(options.model)
    batch = min(8, options.episodes)
    each = -(-options.episodes // batch)
    envs = make_envs(options, batch, options.seed)
    returns, metrics, played = [], [], np.zeros(batch, int)
    try:
        observations = envs.reset()
        while played.min() < each:
            actions, _ = model.predict(observations, deterministic=not options.stochastic)
            observations, _, over, infos = envs.step(actions)
            for k in np.flatnonzero(over):
                if played[k] < each:
                    returns.append(float(infos[k]["episode"]["r"]))
                    metrics.append(infos[k].get("metrics", {}))
                played[k] += 1
    finally:
        envs.close()
    names = sorted({name for episode in metrics for name in episode})
    means = {name: float(np.mean([m[name] for m in metrics if name in m])) for name in names}
    best = [m["best_lap_s"] for m in metrics if "best_lap_s" in m]
    return {
        "n": len(returns),
        "mean_return": float(np.mean(returns)),
        "std_return": float(np.std(returns)),
        "figures": means | ({"best_lap_s": min(best)} if best else {}),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=["speed", "learn", "play"])
    parser.add_argument("algorithm", choices=list(ENVS))
    parser.add_argument("--env-id", default="n64gym/OpenKart-v0")
    parser.add_argument("--env-args", default="{}")
    parser.add_argument("--vector", choices=list(VECTORS), default="lockstep")
    parser.add_argument("--threads", type=int, default=2, help="torch's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--warm-up", type=float, default=2.0)
    parser.add_argument("--begin", type=float, default=0.0, help="learn: since when time counts, as time.time() has it")
    parser.add_argument("--every", type=float, default=30.0, help="learn: seconds between two models")
    parser.add_argument("--folder", default="", help="learn: where models are kept")
    parser.add_argument("--model", default="", help="play: which")
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument("--stochastic", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    result = {"speed": speed, "learn": learn, "play": play}[options.task](options)
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()

"""Stable-Baselines3's side of the benches: PPO and A2C with RL Baselines3 Zoo's settings.

python tests/bench/sb3_side.py speed|learn|play ... runs in the environment of requirements/sb3.txt, and prints the
result as its last line. The settings of PPO are in zoo.py. A2C has those of hyperparams/a2c.yml, section atari, without
the Atari wrappers.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sb3_envs import MOMENTS, VECTORS, make_envs, settings_of
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.sb2_compat.rmsprop_tf_like import RMSpropTFLike
from stable_baselines3.common.vec_env import VecEnv, unwrap_vec_normalize
from zoo import Entry, entry_for

A2C_ENVS = 16
CURVE_S = 5.0  # between two points of the curve


def make_model(name: str, envs: VecEnv, entry: Entry, seed: int) -> BaseAlgorithm:
    if name == "ppo":
        return PPO(entry.policy, envs, seed=seed, device="cpu", **settings_of(entry))
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
        if moments := unwrap_vec_normalize(self.training_env):
            moments.save(str(self._folder / MOMENTS))  # of the newest model: only that one is judged
        self.saved.append({"seconds": now, "step": self.num_timesteps, "path": path.name})
        self._lost += time.time() - begin


def environments(options: argparse.Namespace, entry: Entry, count: int, saved: Path | None = None) -> VecEnv:
    return make_envs(options.env_id, json.loads(options.env_args), entry, count, options.seed, options.vector, saved)


def count_of(options: argparse.Namespace, entry: Entry) -> int:
    return entry.envs if options.algorithm == "ppo" else A2C_ENVS


def speed(options: argparse.Namespace) -> dict[str, Any]:
    """Measure the environment steps and seconds of the whole algorithm."""
    callback = Speed(options.warm_up, options.seconds)
    entry = entry_for(options.env_id)
    envs = environments(options, entry, count_of(options, entry))
    try:
        make_model(options.algorithm, envs, entry, options.seed).learn(entry.timesteps, callback)
    finally:
        envs.close()
    return callback.result()


def learn(options: argparse.Namespace) -> dict[str, Any]:
    """Train for a limited time; models are saved in `folder`."""
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    entry = entry_for(options.env_id)
    envs = environments(options, entry, count_of(options, entry))
    try:
        model = make_model(options.algorithm, envs, entry, options.seed)
        callback = Course(options.begin or time.time(), options.seconds, options.every, folder)
        model.learn(entry.timesteps, callback)
        if not callback.saved or callback.saved[-1]["step"] < model.num_timesteps:
            callback.keep()
    finally:
        envs.close()
    return {"curve": callback.curve, "saved": callback.saved, "steps": model.num_timesteps}


def play(options: argparse.Namespace) -> dict[str, Any]:
    """Play the same number of episodes in each environment; return figures as `a3c64 eval` prints them."""
    algorithm = {"ppo": PPO, "a2c": A2C}[options.algorithm]
    model = algorithm.load(options.model, device="cpu")
    batch = min(8, options.episodes)
    each = -(-options.episodes // batch)
    envs = environments(options, entry_for(options.env_id), batch, Path(options.model).parent)
    returns, metrics, played = [], [], np.zeros(batch, int)
    try:
        observations = envs.reset()
        while played.min() < each:
            actions, _ = model.predict(observations, deterministic=not options.stochastic)
            observations, _, over, infos = envs.step(actions)
            for k in np.flatnonzero(over):
                if "episode" not in infos[k]:  # a lost life, which Atari's wrapper makes an episode
                    continue
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
    parser.add_argument("algorithm", choices=["ppo", "a2c"])
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

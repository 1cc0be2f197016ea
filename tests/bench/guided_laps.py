"""Searches for fast races close to what a policy drives, and records them: `python tests/bench/guided_laps.py FOLDER`.

The policy drives greedily. From a snapshot every WINDOW steps, changes are tried: another action is held for some
steps, then the policy goes on. The best change is kept if the kart is further along AHEAD steps after the window. So
most actions of the race are the policy's, and the others are those that made it faster. It runs on the game compiled
for the host; the movies are recorded on the emulator.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from bench_learn_experiments import MEADOW_POLICY, OPEN_KART
from many_workers import hyperparameters_of
from programs import ROOT
from search_laps import Driven, record

from a3c64.envs.actions import family_of
from a3c64.envs.batch import view_of
from a3c64.envs.making import make_one
from a3c64.envs.spaces import Observations
from a3c64.learning.actor import Actor
from a3c64.learning.network import design
from a3c64.policy.policy_file import Policy, find
from a3c64.processes import limit_threads, pin_tensorflow

TRIED_AT_ONCE = 12  # changes; each has its own game
ROUNDS = 1  # of changes for a window; a later round changes the best plan of the earlier ones
WINDOW, AHEAD = 10, 30  # steps of 4 VIs: 0.7 s and 2 s
LONGEST = 6  # steps that a change holds its action
LEAST = 1e-4  # laps that a change must gain: 3 ms
PACE = 3 / 90  # laps a second after the finish
GREEDY = -1  # in a plan: the policy's action


class Guided:
    """A policy that drives the same race in several games.

    Args:
        policy: drives.
        seed: of the race, and of the changes.
    """

    def __init__(self, policy: Policy, seed: int) -> None:
        settings = policy.hyperparameters.model_dump(exclude={"env_id", "seed", "env_args"}, exclude_none=True)
        hyperparameters = hyperparameters_of(OPEN_KART, {**settings, "env_args": policy.hyperparameters.env_args})
        self.envs = [make_one(hyperparameters, "").unwrapped for _ in range(TRIED_AT_ONCE)]
        self._view = view_of(self.envs[0], hyperparameters)
        self._seen = self._view.shape.empty(TRIED_AT_ONCE)
        self._each = [Observations(self._seen.image[k], self._seen.vector[k]) for k in range(TRIED_AT_ONCE)]
        for env, seen in zip(self.envs, self._each, strict=True):
            self._view.begin(env.reset(seed=seed)[0], seen)
        actions = self.envs[0].get_action_meanings()
        self._tried = [n for n, name in enumerate(actions) if name.endswith(("straight", "left", "right"))]
        self._actor = Actor(
            design(self._view.shape, family_of(self.envs[0].action_space), hyperparameters), TRIED_AT_ONCE
        )
        self._actor.load(policy.weights)
        self._generator = np.random.default_rng(seed)
        self.kept = 0  # windows with a change

    def race(self) -> tuple[list[int], dict[str, Any]]:
        """Drive to the finish; return the actions, and the last info."""
        driven: list[int] = []
        while True:
            actions, info = self.window()
            driven += actions
            if info["finished"]:
                return driven, info

    def window(self) -> tuple[list[int], dict[str, Any]]:
        """Drive the next steps in all games, with the best changes that were found; return the actions and an info."""
        before, seen = [env.snapshot() for env in self.envs], self._seen.copy()
        plans = np.full((TRIED_AT_ONCE, WINDOW), GREEDY)
        for _ in range(ROUNDS):
            for plan in plans[1:]:
                begin, more = (int(self._generator.integers(n)) for n in (WINDOW, LONGEST))
                plan[begin : begin + 1 + more] = self._generator.choice(self._tried)
            scores, _, _ = self._drive(plans, WINDOW + AHEAD)
            best = int(scores.argmax())
            plans[:] = plans[best if scores[best] > scores[0] + LEAST else 0]
            for env, snapshot in zip(self.envs, before, strict=True):
                env.restore(snapshot)
            self._seen.image[...], self._seen.vector[...] = seen
        self.kept += bool((plans[0] != GREEDY).any())
        _, actions, info = self._drive(plans, WINDOW)
        return actions, info

    def _drive(self, plans: np.ndarray, steps: int) -> tuple[np.ndarray, list[int], dict[str, Any]]:
        """Drive in all games. Return the laps of each at the end, and the first game's actions and last info."""
        infos: list[dict[str, Any]] = [{}] * TRIED_AT_ONCE
        over, scores, first = np.zeros(TRIED_AT_ONCE, bool), np.zeros(TRIED_AT_ONCE), []
        memory = self._actor.forget()
        for n in range(steps):
            actions = self._actor.act(self._seen, np.zeros(TRIED_AT_ONCE, np.float32), memory).actions
            if n < plans.shape[1]:
                actions = np.where(plans[:, n] == GREEDY, actions, plans[:, n])
            if not over[0]:
                first.append(int(actions[0]))
            for k, env in enumerate(self.envs):
                if over[k]:
                    scores[k] += PACE * env.frameskip / 60
                    continue
                observation, _, terminated, truncated, infos[k] = env.step(int(actions[k]))
                self._view.follow(observation, self._each[k])
                over[k], scores[k] = terminated or truncated, infos[k]["progress"]
        return scores, first, infos[0]

    def close(self) -> None:
        """Close the games."""
        for env in self.envs:
            env.close()


def main() -> None:
    """Search, and print the lap times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--policy", type=Path, default=ROOT / MEADOW_POLICY)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="one race each")
    options = parser.parse_args()
    limit_threads()
    pin_tensorflow()
    policy = find(options.policy)
    for seed in options.seeds:
        guided = Guided(policy, seed)
        actions, info = guided.race()
        guided.close()
        laps = record(options.folder, Driven(seed, actions), actions)
        told = f"laps {info['lap_times']}, race {info['race_time']:.2f} s, {guided.kept} windows changed"
        print(f"seed {seed}: {told}; on the emulator {laps}", flush=True)


if __name__ == "__main__":
    main()

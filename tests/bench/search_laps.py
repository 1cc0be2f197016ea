"""Searches for fast races with the agent's own actions, and records them: `python tests/bench/search_laps.py FOLDER`.

It is the search of `a3c64 polish`, on the game compiled for the host. Every change is rounded to the agent's actions,
which are held for whole steps, so a policy can repeat what was found. Each search begins with a greedy race of the
bundled policy. The movies are recorded on the emulator, which shows the same lap times.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import sys
import threading
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from bench_learn_experiments import MEADOW_POLICY, OPEN_KART, RACES
from programs import ROOT

import n64gym
from a3c64.policy.episodes import play
from a3c64.policy.policy_file import find
from a3c64.processes import limit_threads, pin_tensorflow
from n64gym.games.openkart_telemetry import DRAW_FROM
from n64gym.polish.mutations import Words
from n64gym.polish.racer import Moment
from n64gym.polish.search import Race, Search, SearchStoppedError
from n64gym.race import RaceStatus

sys.path.insert(0, str(ROOT / "tests" / "openkart"))

import host_env

SMALL: dict[str, Any] = {"obs_type": "grayscale", "size": (42, 42)}  # nobody looks at the pictures
LAP_S = 28  # about
NEVER = 1 << 30  # a VI that no race reaches


class Driven(NamedTuple):
    """A race's actions."""

    seed: int  # of the environment's reset
    actions: list[int]


class Saved(NamedTuple):
    """A saved state, and the words since the start of the race."""

    game: host_env.HostState
    samples: Words


class Recorder(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Appends each finished race to a list, if its reset had a seed."""

    def __init__(self, env: Any, races: list[Driven]) -> None:
        super().__init__(env)
        self._races = races
        self._race: Driven | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        # A race without a seed of its reset, such as the second one of this environment, cannot be driven again.
        self._race = None if seed is None else Driven(seed, [])
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> Any:
        outcome = self.env.step(action)
        if self._race:
            self._race.actions.append(int(action))
            if outcome[4].get("finished"):
                self._races.append(self._race)
        return outcome


class HostRacer:
    """The Racer of `a3c64 polish`, on the game in this process.

    Args:
        env: it has been reset: the race begins now.
        cost: laps of progress that each change from one action to another must be worth.
    """

    def __init__(self, env: Any, cost: float = 0.0) -> None:
        self._env, self._emulator, self._cost = env, env.emulator, cost
        self.words = [env._word(action) for action in range(env.action_space.n)]
        self._nearest = functools.cache(lambda word: self.words[env.action_of(word)])
        self._samples = np.zeros(0, np.uint32)

    def to_start(self) -> Moment:
        return Moment(self._saved(), self._env.begin_race(self._emulator), {})

    def run(self, moment: Moment, words: Words, vis: int) -> tuple[RaceStatus, int]:
        plan = self._load(moment, words, vis)
        self._drive(plan)
        status = self._env.read_race(self._emulator)
        cost = self._cost * int(np.count_nonzero(np.diff(plan)))
        self._samples = np.concatenate([self._samples, plan])
        return status._replace(progress=status.progress - cost), vis

    def advance(self, moment: Moment, words: Words, vis: int) -> Moment:
        status, _ = self.run(moment, words, vis)
        return Moment(self._saved(), status, {})

    def to_finish(self, moment: Moment, words: Words, most_vis: int) -> tuple[list[RaceStatus], Words]:
        plan, found = self._load(moment, words, most_vis), list[RaceStatus]()
        while len(found) < most_vis and not (found and found[-1].finished):
            self._drive(plan[len(found) :][:1])
            found.append(self._env.read_race(self._emulator))
        self._samples = np.concatenate([self._samples, plan[: len(found)]])
        return found, self._samples

    def close(self) -> None:
        self._env.close()

    def _load(self, moment: Moment, words: Words, vis: int) -> Words:
        """Go to a moment, and return the words of the next `vis` VIs, rounded to actions that last whole steps."""
        saved: Saved = moment.state
        self._emulator.load_state(saved.game)
        self._samples = saved.samples
        words = np.concatenate([words[:vis], np.full(max(0, vis - len(words)), words[-1])])
        skip = self._env.frameskip
        held = -len(saved.samples) % skip  # VIs that are left of the step that the moment is in
        nearest = np.array([self._nearest(word) for word in words[held::skip].tolist()], np.uint32)
        return np.concatenate([saved.samples[-1:].repeat(held), nearest.repeat(skip)])[:vis].astype(np.uint32)

    def _drive(self, plan: Words) -> None:
        emulator = self._emulator
        for word in plan.tolist():
            emulator._words[DRAW_FROM] = NEVER
            emulator._step(word)
        emulator._block[:] = emulator._words
        emulator.vi_count += len(plan)

    def _saved(self) -> Saved:
        return Saved(self._emulator.save_state(), self._samples)


def driven(races: int) -> list[Driven]:
    """Let the bundled policy drive."""
    policy, found = find(ROOT / MEADOW_POLICY), list[Driven]()
    hyperparameters = policy.hyperparameters
    size, colours = [hyperparameters.frame_size] * 2, {"rgb": "rgb", "grey": "grayscale"}[hyperparameters.frame_colours]
    arguments = json.dumps({"obs_type": colours, "size": size, **RACES})
    hyperparameters = hyperparameters.model_copy(update={"env_id": host_env.ENV_ID, "env_args": arguments})
    play(hyperparameters, policy.weights, races, wrap=lambda env: Recorder(env, found))
    return found


def search(
    race: Driven, goal: str, changes: int, seed: int, arguments: Mapping[str, Any] = RACES, cost: float = 0.0
) -> tuple[Race, list[int]]:
    """Search from a race; return the best one and its actions."""
    env: Any = gymnasium.make(host_env.ENV_ID, **SMALL, **arguments).unwrapped
    env.reset(seed=race.seed)
    racer = HostRacer(env, cost)
    try:
        skip, words = env.frameskip, racer.words
        plan = np.array([words[action] for action in race.actions], np.uint32).repeat(skip)
        found = Search(
            [racer],
            racer.to_start(),
            plan,
            goal=goal,
            seed=seed,
            effort=48,
            stop=threading.Event(),
            buttons=(),
            most=changes,
        )
        print(found.best.told(), flush=True)
        with contextlib.suppress(SearchStoppedError):
            while True:
                if found.one_pass():
                    print(f"{found.done.tried} changes: {found.best.told()}", flush=True)
        found.close()
        return found.best, [words.index(int(word)) for word in found.best.words[::skip]]
    finally:
        racer.close()


def record(folder: Path, race: Driven, actions: list[int], arguments: Mapping[str, Any] = RACES) -> tuple[float, ...]:
    """Drive the actions on the emulator, record the movie, and return the lap times."""
    made = gymnasium.make(OPEN_KART, **SMALL, **arguments)
    with n64gym.RecordMovie(made, folder) as env:
        env.reset(seed=race.seed)
        for action in actions:
            *_, over, cut, info = env.step(action)
            if over or cut:
                break
        return tuple(info["lap_times"])


def main() -> None:
    """Search, and print the lap times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--goal", choices=["lap", "race"], default="race")
    parser.add_argument("--races", type=int, default=1)
    parser.add_argument("--cost", type=float, default=0.0, help="seconds that a change of the action must be worth")
    parser.add_argument("--changes", type=int, default=20_000, help="tried for each race; 0 = only record it")
    options = parser.parse_args()
    limit_threads()
    pin_tensorflow()
    for seed, race in enumerate(driven(options.races), 1):
        told, actions = "not searched", race.actions
        if options.changes:
            best, actions = search(race, options.goal, options.changes, seed, cost=options.cost / LAP_S)
            told = best.told()
        changed = sum(one != other for one, other in pairwise(actions))
        laps = record(options.folder, race, actions)
        print(f"race {seed}: {told}, {changed} changes of the action; on the emulator {laps}", flush=True)


if __name__ == "__main__":
    main()

"""DAgger (Ross, Gordon & Bagnell 2011): a policy drives, and a teacher says at each step what it would have done.

The teacher is the scripted driver, on the lines of fast_lines.py where there are any. It knows the road from the game's
memory; the policy sees pictures only. Laps that the driver drove itself teach little, because it never leaves its line.
Here it is asked wherever the policy gets to.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import fast_lines
import gymnasium
import numpy as np

from a3c64.envs.batch import EnvironmentBatch
from a3c64.envs.spaces import Observations
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.actor import Actor, Memory
from a3c64.learning.adam import Adam
from a3c64.learning.imitation import Batch, Imitation, Targets
from a3c64.learning.network import Network, design
from a3c64.learning.parameters import learned_size
from a3c64.learning.returns import generalised_advantages, next_values
from a3c64.learning.rollout import Rollout
from a3c64.learning.scaling import RewardScale, clipped
from n64gym.games.openkart import OpenKartEnv
from n64gym.games.openkart_driver import Driver, Style
from n64gym.games.openkart_line import Line, fastest_line
from n64gym.games.openkart_road import Road, read_road

KEPT = 400_000  # steps from which batches are drawn; the oldest are dropped
BATCH = (8, 64)
BATCHES = 12  # updates for each rollout
LEARNING_RATE, AGAIN = 1e-3, 5e-4  # of Adam, for a new policy and for a taught one; it falls linearly to a twentieth
MAX_NORM = 10.0  # longer gradients are scaled down to it
VALUE_COST = 0.25
DRIVEN_BY_TEACHER = 60_000  # steps until which the teacher of a new policy drives, too, less and less often

Course = tuple[str, int, bool]  # name, seed, mirrored


class Roads:
    """Roads and racing lines, which the game compiled for the host cannot give. They are read on the emulator."""

    def __init__(self) -> None:
        self._env = gymnasium.make("n64gym/OpenKart-v0", obs_type="grayscale", size=(42, 42), laps=1)
        self._changes = fast_lines.found()

    @functools.cache  # noqa: B019 - one object lives as long as the program
    def __getitem__(self, course: Course) -> tuple[Road, Line, Style]:
        name, seed, mirror = course
        self._env.reset(options={"course": name, "course_seed": seed, "mirror": mirror})
        emulator: Any = self._env.unwrapped
        road = read_road(emulator.emulator.rdram)
        change = self._changes.get(name, fast_lines.NONE)
        return road, fast_lines.changed(road, fastest_line(road), change, mirror), fast_lines.style_of(change)


class Teacher(Driver):
    """The scripted driver of one environment, with roads that are read on the emulator."""

    def __init__(self, env: Any, roads: Roads) -> None:
        super().__init__(env)
        self._roads = roads

    def plan(self) -> tuple[Road, Line]:
        """See Driver."""
        race = OpenKartEnv.race_in(self._env.emulator)
        road, line, self.style = self._roads[race["course"], race.get("course_seed", 0), race["mirror"]]
        return road, line


class Shown(NamedTuple):
    """The newest KEPT steps."""

    image: np.ndarray  # uint8 [KEPT, height, width, channels]
    action: np.ndarray  # the teacher's, [KEPT]
    returns: np.ndarray  # float32 [KEPT]


def network_of(hyperparameters: Hyperparameters) -> Network:
    """Return the network of a run, for which one environment is opened."""
    environments = EnvironmentBatch.make(hyperparameters.model_copy(update={"envs_per_worker": 1}), 0)
    try:
        return design(environments.view.shape, environments.family, hyperparameters)
    finally:
        environments.close()


def teach(
    hyperparameters: Hyperparameters,
    weights: np.ndarray,
    steps: int,
    tell: Callable[[int, dict[str, float]], None],
    taught: bool = False,
) -> None:
    """Teach the policy for `steps` steps; `weights`, float32 [parameters], are changed in place.

    Args:
        hyperparameters: give the environment, B (`envs_per_worker`) and T (`t_max`).
        weights: to begin with.
        steps: to drive.
        tell: called every 30 rollouts and at the end, with the steps so far and figures.
        taught: whether the policy was taught before, and so drives alone from the start.
    """
    environments = EnvironmentBatch.make(hyperparameters, 0)
    batch, length = hyperparameters.envs_per_worker, hyperparameters.t_max
    network = design(environments.view.shape, environments.family, hyperparameters)
    actor, generator = Actor(network, batch), np.random.default_rng(hyperparameters.seed)
    imitation, adam = Imitation(network, *BATCH, VALUE_COST), Adam(learned_size(network.specs), LEARNING_RATE)
    roads = Roads()
    teachers = [Teacher(env.unwrapped, roads) for env in environments.environments]
    scale = RewardScale(hyperparameters.rewards, batch, hyperparameters.discount)
    shown = Shown(
        np.zeros((KEPT, *network.shape.image), np.uint8),
        np.zeros(KEPT, network.family.dtype),
        np.zeros(KEPT, np.float32),
    )
    rollout = Rollout(length, batch, network.shape, network.family)
    observations, starts, memory = environments.observations, np.ones(batch, np.float32), actor.forget()
    done, begin = 0, time.perf_counter()
    ends: list[float] = []
    losses: list[float] = []
    try:
        while done < steps:
            actor.load(weights)
            rollout.restart()
            by_teacher = 0.0 if taught else 1.0 - done / DRIVEN_BY_TEACHER
            while not rollout.full:
                rollout.saw(observations)
                wanted = np.array([teacher.choose() for teacher in teachers])
                action = actor.act(observations, starts, memory, generator)
                taken = np.where(generator.random(batch) < by_teacher, wanted, action.actions)
                for teacher, one in zip(teachers, taken, strict=True):
                    teacher.turn(int(one))
                step = environments.step(taken.astype(action.actions.dtype))
                ended = step.terminated | step.truncated
                final_values = np.zeros(batch, np.float32)
                if step.final_observations:
                    cut_off = actor.act(step.final_observations, np.zeros(batch, np.float32), memory).values
                    final_values = np.where(step.truncated, cut_off, 0.0)
                rollout.append(
                    starts,
                    wanted,
                    action.parameters,
                    action.values,
                    scale(step.rewards, ended),
                    step.terminated,
                    step.truncated,
                    final_values,
                )
                ends += [episode.metrics["finished"] for episode in step.episodes]
                observations, starts = step.observations, ended.astype(np.float32)
            last = actor.act(observations, starts, memory).values
            targets = generalised_advantages(
                rollout.rewards,
                rollout.values,
                next_values(rollout.values, last, rollout.truncated, rollout.final_values),
                rollout.terminated,
                rollout.truncated,
                hyperparameters.discount,
                hyperparameters.gae_lambda,
            )
            at = (done + np.arange(length * batch)) % KEPT
            shown.image[at] = rollout.observations.image.reshape(-1, *network.shape.image)
            shown.action[at], shown.returns[at] = rollout.actions.reshape(-1), targets.returns.reshape(-1)
            done += length * batch
            adam.learning_rate = (AGAIN if taught else LEARNING_RATE) * max(0.05, 1.0 - done / steps)
            for _ in range(BATCHES):
                losses.append(_learn(imitation, adam, weights, shown, min(done, KEPT), generator))
            if done // (length * batch) % 30 == 0 or done >= steps:
                figures = {"minutes": (time.perf_counter() - begin) / 60, "loss": float(np.mean(losses[-100:]))}
                tell(done, figures | {"finished": float(np.mean(ends[-200:])) if ends else 0.0})
    finally:
        environments.close()


def _learn(
    imitation: Imitation, adam: Adam, weights: np.ndarray, shown: Shown, filled: int, generator: np.random.Generator
) -> float:
    """Take one step of Adam with a batch that is drawn from all steps. Return the loss, nats."""
    at = generator.integers(0, filled, BATCH)
    none = np.zeros((BATCH[1], 0), np.float32)
    vector = np.zeros((*BATCH, 0), np.float32)
    zeros, ones = np.zeros(BATCH, np.float32), np.ones(BATCH, np.float32)
    observations, memory = Observations(shown.image[at], vector), Memory(none, none)
    chosen = Batch(observations, zeros, shown.action[at], Targets(shown.returns[at], ones), memory)
    found = imitation.gradient(weights, chosen)
    adam.apply(weights[: len(found.vector)], clipped(found.vector, MAX_NORM))
    return found.loss

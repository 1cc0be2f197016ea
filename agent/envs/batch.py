"""From a Gymnasium id to a ready batch of environments.

An episode that ends is followed at once by the next one's first observation.
"""

import importlib
import importlib.util
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from a3c64.config import BadInputError, Hyperparameters, nearest
from a3c64.envs.actions import Family, family_of
from a3c64.envs.episode import Episode
from a3c64.envs.spaces import Observations, View

PLUGINS = {"n64gym": "n64gym", "ALE": "ale_py"}  # namespace of an id -> the module that registers it
OBS_TYPES = {"rgb": "rgb", "grey": "grayscale"}  # our name -> ALE's
SEED_STRIDE = 1000  # environments of one worker get consecutive seeds, workers this far apart


class Step(NamedTuple):
    """What came back from one step of B environments."""

    observations: Observations  # [B, ...], of the new episode where one ended
    rewards: np.ndarray  # float32 [B]
    terminated: np.ndarray  # bool [B]
    truncated: np.ndarray  # bool [B]
    final_observations: Observations | None  # [B, ...], with the last ones of episodes that were truncated, if any were
    episodes: list[Episode]


class Progress(NamedTuple):
    """Where one environment stands in its episode."""

    total_reward: float  # so far
    length: int  # steps so far
    info: dict[str, Any]  # of the last step or reset
    last: Episode | None  # the episode before, if there was one


def _plug_in(env_id: str) -> None:
    """Import the package that registers this id, if it is installed."""
    module = PLUGINS.get(env_id.split("/")[0])
    if module and importlib.util.find_spec(module):
        importlib.import_module(module)


def make_one(hyperparameters: Hyperparameters, rom: str = "", render: bool = False) -> gym.Env:
    """Make one environment; `render` gives it render_mode "rgb_array".

    Raises:
        BadInputError: the id is unknown, or the environment refuses its arguments.
    """
    env_id = hyperparameters.env_id
    arguments: dict[str, Any] = {"render_mode": "rgb_array"} if render else {}
    _plug_in(env_id)
    if env_id.startswith("n64gym/"):
        size = hyperparameters.frame_size
        arguments |= {
            "obs_type": OBS_TYPES[hyperparameters.frame_colours],
            "size": (size, size),
            "frameskip": hyperparameters.frameskip,
        }
        if rom:
            arguments["rom"] = rom
    elif env_id.startswith("ALE/"):
        arguments["obs_type"] = OBS_TYPES[hyperparameters.frame_colours]  # its own grey costs less than ours
    arguments |= json.loads(hyperparameters.env_args)
    try:
        return gym.make(env_id, disable_env_checker=True, **arguments)
    except (gym.error.UnregisteredEnv, gym.error.NamespaceNotFound) as error:
        near = nearest(env_id, list(gym.registry)) or f" ({error})"
        raise BadInputError(f"A3C64_ENV_ID: no environment is called {env_id!r}{near}") from None
    except (ImportError, OSError, TypeError, ValueError, gym.error.Error) as error:
        raise unusable(hyperparameters, rom, error) from error


def unusable(hyperparameters: Hyperparameters, rom: str, error: Exception) -> BadInputError:
    """Return what to tell the user when an environment refuses what it was given."""
    setting = "A3C64_ROM" if rom else "A3C64_ENV_ID" if hyperparameters.env_args == "{}" else "A3C64_ENV_ARGS"
    return BadInputError(f"{setting}: {hyperparameters.env_id}: {' '.join(str(error).split())}")


class EnvironmentBatch:
    """B environments stepped together.

    An environment may step while the others do: if its `unwrapped.starter(env)` returns a function, that is given every
    action before any environment is waited for, and `step(action)` then only collects the outcome. It returns None
    where a wrapper in `env` may change actions: then all of the step runs in its turn.
    """

    def __init__(self, environments: list[gym.Env], view: View, seed: int) -> None:
        self.environments = environments
        self.family: Family = family_of(environments[0].action_space)
        self.view = view
        self._starters = [_starter(env) for env in environments]
        batch = len(environments)
        self.observations = view.shape.empty(batch)
        self._each = [Observations(self.observations.image[k], self.observations.vector[k]) for k in range(batch)]
        self._returns = [0.0] * batch
        self._lengths = [0] * batch
        self._infos: list[dict[str, Any]] = [{} for _ in range(batch)]
        self._last: list[Episode | None] = [None] * batch
        for k, env in enumerate(environments):
            observation, self._infos[k] = env.reset(seed=seed + k)
            view.begin(observation, self._each[k])

    @classmethod
    def make(
        cls,
        hyperparameters: Hyperparameters,
        worker: int,
        rom: str = "",
        render_first: bool = False,
        wrap: Callable[[gym.Env], gym.Env] = lambda env: env,
    ) -> "EnvironmentBatch":
        """Make a worker's environments; `render_first` lets the first one be watched, `wrap` goes around each."""
        count = hyperparameters.envs_per_worker
        environments: list[gym.Env] = []
        try:
            for k in range(count):
                environments.append(wrap(make_one(hyperparameters, rom, render=render_first and k == 0)))
            seed = hyperparameters.seed + SEED_STRIDE * worker
            h = hyperparameters
            view = View(environments[0].observation_space, h.frame_size, h.frame_colours, h.frame_stack)
            return cls(environments, view, seed)
        except ValueError as error:  # n64gym finds out at the first reset that a ROM is another game
            for env in environments:
                env.close()
            raise unusable(hyperparameters, rom, error) from error
        except BaseException:
            for env in environments:
                env.close()
            raise

    def step(self, actions: np.ndarray) -> Step:
        """Step every environment; actions are [B, *family.shape]. The next call overwrites what is observed."""
        given = list(self.family.for_environment(actions))
        for k, start in enumerate(self._starters):
            if start is not None:
                start(given[k])
        batch = len(self.environments)
        rewards = np.zeros(batch, np.float32)
        terminated, truncated = np.zeros(batch, bool), np.zeros(batch, bool)
        final_observations: Observations | None = None
        episodes: list[Episode] = []
        for k, env in enumerate(self.environments):
            observation, reward, terminates, truncates, info = env.step(given[k])
            rewards[k], terminated[k], truncated[k] = reward, terminates, truncates
            self._infos[k] = info
            self._returns[k] += float(reward)
            self._lengths[k] += 1
            self.view.follow(observation, self._each[k])
            if terminates or truncates:
                if not terminates:
                    final_observations = final_observations or self.observations.copy()
                    final_observations.image[k], final_observations.vector[k] = self._each[k]
                episodes.append(self._finished(k, info))
                observation, self._infos[k] = env.reset()
                self.view.begin(observation, self._each[k])
        truncated &= ~terminated  # an episode that both ended and was cut off has ended
        return Step(self.observations, rewards, terminated, truncated, final_observations, episodes)

    def progress(self, k: int) -> Progress:
        """Return where environment `k` stands."""
        return Progress(self._returns[k], self._lengths[k], self._infos[k], self._last[k])

    def close(self) -> None:
        """Close every environment."""
        for env in self.environments:
            env.close()

    def _finished(self, k: int, info: dict[str, Any]) -> Episode:
        metrics = {str(name): float(value) for name, value in info.get("metrics", {}).items()}
        episode = self._last[k] = Episode(self._returns[k], self._lengths[k], metrics)
        self._returns[k], self._lengths[k] = 0.0, 0
        return episode


def _starter(env: gym.Env) -> Callable[[Any], None] | None:
    """Return the function that begins a step of this environment, if it has one."""
    find = getattr(env.unwrapped, "starter", None)
    return find(env) if find else None

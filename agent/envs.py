"""From a Gymnasium id to a ready batch of environments.

Image observations come out as uint8 [H, W, C] with C = 3 or 1, vectors as float32 [N]. An episode that ends is
followed at once by the next one's first observation.
"""

import importlib
import importlib.util
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import gymnasium as gym
import numpy as np

from agent.config import BadInputError, Hyperparameters, nearest
from agent.episode import Episode

PLUGINS = {"n64gym": "n64gym", "ALE": "ale_py"}  # namespace of an id -> the module that registers it
OBS_TYPES = {"rgb": "rgb", "grey": "grayscale"}  # our name -> ALE's
SEED_STRIDE = 1000  # environments of one worker get consecutive seeds, workers this far apart

cv2.setNumThreads(0)  # one core per worker


class Step(NamedTuple):
    """What came back from one step of B environments."""

    observations: np.ndarray  # [B, ...], of the new episode where one ended
    rewards: np.ndarray  # float32 [B]
    terminated: np.ndarray  # bool [B]
    truncated: np.ndarray  # bool [B]
    final_observations: dict[int, np.ndarray]  # environment -> the last observation of an episode that was truncated
    episodes: list[Episode]


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


def converter(space: gym.Space, size: int, colours: str) -> tuple[gym.spaces.Box, Callable[[np.ndarray], np.ndarray]]:
    """Return the space the policy sees, and the function that takes an observation of `space` into it.

    Args:
        space: what the environment puts out.
        size: height and width of images, pixels.
        colours: "rgb" or "grey"; an environment that is grey itself stays so.

    Raises:
        BadInputError: neither image nor vector.
    """
    if isinstance(space, gym.spaces.Box) and space.dtype == np.uint8 and len(space.shape) in (2, 3):
        coloured = len(space.shape) == 3 and space.shape[2] == 3
        channels = 3 if coloured and colours == "rgb" else 1

        def convert(frame: np.ndarray) -> np.ndarray:
            if coloured and channels == 1:
                frame = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
            if frame.shape[:2] != (size, size):
                frame = cv2.resize(frame, (size, size), interpolation=cv2.INTER_AREA)
            return frame if frame.ndim == 3 else frame[:, :, None]

        return gym.spaces.Box(0, 255, (size, size, channels), np.uint8), convert
    if isinstance(space, gym.spaces.Box) and len(space.shape) == 1:
        vector = gym.spaces.Box(-np.inf, np.inf, space.shape, np.float32)
        return vector, lambda values: np.asarray(values, np.float32)
    raise BadInputError(f"observations {space} are not supported: expected a uint8 image or a vector (Box)")


class EnvironmentBatch:
    """B environments stepped together.

    An environment whose `unwrapped` offers `begin_step(action)` gets every action before anybody is waited for; its
    `step(action)` then only collects the outcome, so all wrappers keep working.
    """

    def __init__(self, environments: list[gym.Env], size: int, colours: str, seed: int) -> None:
        self.environments = environments
        self._starters = [getattr(env.unwrapped, "begin_step", None) for env in environments]
        self.action_space = environments[0].action_space
        self.observation_space, self._convert = converter(environments[0].observation_space, size, colours)
        batch = len(environments)
        self.observations = np.zeros((batch, *self.observation_space.shape), self.observation_space.dtype)
        self._returns = np.zeros(batch)
        self._lengths = np.zeros(batch, int)
        for k, env in enumerate(environments):
            self.observations[k] = self._convert(env.reset(seed=seed + k)[0])

    @classmethod
    def make(
        cls, hyperparameters: Hyperparameters, worker: int, rom: str = "", render_first: bool = False
    ) -> "EnvironmentBatch":
        """Make a worker's environments; `render_first` lets the first one be watched."""
        count = hyperparameters.envs_per_worker
        environments: list[gym.Env] = []
        try:
            for k in range(count):
                environments.append(make_one(hyperparameters, rom, render=render_first and k == 0))
            seed = hyperparameters.seed + SEED_STRIDE * worker
            return cls(environments, hyperparameters.frame_size, hyperparameters.frame_colours, seed)
        except ValueError as error:  # n64gym finds out at the first reset that a ROM is another game
            for env in environments:
                env.close()
            raise unusable(hyperparameters, rom, error) from error
        except BaseException:
            for env in environments:
                env.close()
            raise

    def step(self, actions: np.ndarray) -> Step:
        """Step every environment; actions are [B] or [B, K]. The next call overwrites the returned observations."""
        for start, action in zip(self._starters, actions, strict=True):
            if start is not None:
                start(action)
        batch = len(self.environments)
        rewards = np.zeros(batch, np.float32)
        terminated, truncated = np.zeros(batch, bool), np.zeros(batch, bool)
        final_observations: dict[int, np.ndarray] = {}
        episodes: list[Episode] = []
        for k, env in enumerate(self.environments):
            observation, reward, terminated[k], truncated[k], info = env.step(actions[k])
            rewards[k] = reward
            self._returns[k] += float(reward)
            self._lengths[k] += 1
            if terminated[k] or truncated[k]:
                if not terminated[k]:
                    final_observations[k] = self._convert(observation).copy()
                episodes.append(self._finished(k, info))
                observation, _ = env.reset()
            self.observations[k] = self._convert(observation)
        truncated &= ~terminated  # an episode that both ended and was cut off has ended
        return Step(self.observations, rewards, terminated, truncated, final_observations, episodes)

    def close(self) -> None:
        """Close every environment."""
        for env in self.environments:
            env.close()

    def _finished(self, k: int, info: dict[str, Any]) -> Episode:
        metrics = {str(name): float(value) for name, value in info.get("metrics", {}).items()}
        episode = Episode(float(self._returns[k]), int(self._lengths[k]), metrics)
        self._returns[k], self._lengths[k] = 0.0, 0
        return episode

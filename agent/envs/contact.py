"""The first contact with an environment: its first resets and steps are checked; later ones are not, for speed."""

import logging
import warnings
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils.passive_env_checker import env_reset_passive_checker, env_step_passive_checker

from a3c64.config import BadInputError, named
from a3c64.envs.failures import OLD, failed
from a3c64.logs import COLOUR

STEPS = 10  # number of steps of each environment that are checked
OURS = "WARN: "  # Gymnasium's warnings begin with it; others come from the environment

log = logging.getLogger(__name__)


class FirstContact:
    """Stands in for an environment until its first steps are checked.

    A wrong structure is refused. Smaller faults, such as another dtype than declared, are logged once.

    Args:
        env: the environment.
        name: its id.
        said: the faults that have been logged.
        over: called when the check is over.
    """

    def __init__(self, env: gym.Env, name: str, said: set[str], over: Callable[[], None]) -> None:
        self._env, self._name, self._said, self._over = env, name, said, over
        self._steps = 0

    def reset(self, seed: int | None) -> tuple[Any, dict[str, Any]]:
        """Reset the environment and check what it returns.

        Raises:
            BadInputError: it does not return an observation and a dict.
        """
        result: Any = self._env.reset(seed=seed)
        if not isinstance(result, tuple) or len(result) != 2 or not isinstance(result[1], dict):
            raise self._refused(f"reset must return (observation, info), found {_kind(result)}; {OLD}")
        self._fits("reset", result[0])
        space = self._env.observation_space
        stand_in = SimpleNamespace(reset=lambda seed=None, options=None: result, observation_space=space)
        self._passive(lambda: env_reset_passive_checker(stand_in, seed=seed))  # type: ignore[arg-type]
        return result

    def step(self, action: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Step the environment and check what it returns.

        Raises:
            BadInputError: it raises an exception in its first step, or does not return five values.
        """
        self._steps += 1
        if self._steps == STEPS:
            self._over()
        try:
            result: Any = self._env.step(action)
        except (Exception, SystemExit) as error:
            if self._steps > 1:
                raise  # later exceptions end an episode
            raise failed(self._name, "the first step", error) from error
        if not isinstance(result, tuple) or len(result) != 5 or not isinstance(result[4], dict):
            old = f"; {OLD}" if isinstance(result, tuple) and len(result) == 4 else ""
            five = "(observation, reward, terminated, truncated, info)"
            raise self._refused(f"step must return {five}, found {_kind(result)}{old}")
        if np.size(result[1]) != 1:
            raise self._refused(f"step must return one number as reward, found {result[1]!r:.60}")
        self._fits("step", result[0])
        stand_in = SimpleNamespace(step=lambda action: result, observation_space=self._env.observation_space)
        self._passive(lambda: env_step_passive_checker(stand_in, action))  # type: ignore[arg-type]
        return result

    def _fits(self, method: str, observation: Any) -> None:
        if wrong := misfit(self._env.observation_space, observation):
            raise self._refused(f"{method} returned an observation that is not of its observation_space: {wrong}")

    def _passive(self, check: Callable[[], object]) -> None:
        """Run one of Gymnasium's checks and log its complaints, each once."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.simplefilter("ignore", ResourceWarning)  # of whatever Python collects meanwhile
            try:
                check()
                complaints = []
            except Exception as error:  # an assertion; what cannot be learned from is refused elsewhere
                complaints = [str(error)]
        complaints += [COLOUR.sub("", str(one.message)).removeprefix(OURS) for one in caught]
        for complaint in complaints:
            if complaint not in self._said:
                self._said.add(complaint)
                log.warning("%s: %s", self._name, complaint)

    def _refused(self, reason: str) -> BadInputError:
        return BadInputError(f"{named('env_id')}: {self._name}: {reason}")


def misfit(space: gym.Space, observation: Any, part: str = "") -> str:
    """Return how an observation's structure differs from its space's; "" if it fits.

    Args:
        space: the declared space.
        observation: what the environment returned.
        part: name of the part of the observation, for the message.
    """
    of = f" of {part}" if part else ""
    if isinstance(space, gym.spaces.Dict):
        if not isinstance(observation, Mapping):
            return f"expected a dict{of}, found {_kind(observation)}"
        if missing := [name for name in space if name not in observation]:
            return f"there is no {missing[0]!r}{of}, found {list(observation)!r:.100}"
        parts = (misfit(one, observation[name], f"{part}/{name}".lstrip("/")) for name, one in space.items())
        return next(filter(None, parts), "")
    if isinstance(space, gym.spaces.Tuple):
        if not isinstance(observation, tuple | list) or len(observation) != len(space):
            return f"expected a tuple of {len(space)}{of}, found {_kind(observation)}"
        parts = (misfit(one, observation[k], f"{part}/{k}".lstrip("/")) for k, one in enumerate(space))
        return next(filter(None, parts), "")
    if isinstance(space, gym.spaces.Box | gym.spaces.MultiDiscrete | gym.spaces.MultiBinary):
        try:
            shape = np.shape(observation)
        except ValueError:  # lists of unequal length
            return f"expected shape {space.shape}{of}, found {_kind(observation)}"
        same = np.prod(shape) == np.prod(space.shape)
        if not same or (len(shape) == len(space.shape) and shape != space.shape):
            return f"expected shape {space.shape}{of}, found {_kind(observation)}"
    return ""


def _kind(value: Any) -> str:
    """Return what a value is, for a message."""
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, Mapping):
        return "a dict"
    return f"{value!r:.60}"

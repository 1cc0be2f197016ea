"""The user's own code around an environment: the settings `reward` and `wrapper`."""

from collections.abc import Callable
from typing import Any

import gymnasium as gym

from a3c64.config import BadInputError, named
from a3c64.envs.failures import place_of
from a3c64.envs.own_code import load
from a3c64.envs.own_reward import OwnReward, RewardFunction
from a3c64.hyperparameters import Hyperparameters, listed


class OwnParts:
    """Imports the user's reward and wrappers of a run.

    Raises:
        BadInputError: one cannot be imported.
    """

    def __init__(self, hyperparameters: Hyperparameters) -> None:
        self._reward: dict[str, RewardFunction] = {
            name: load("reward", name) for name in listed(hyperparameters.reward)
        }
        self._wrappers: dict[str, Callable[[gym.Env], Any]] = {
            name: load("wrapper", name) for name in listed(hyperparameters.wrapper)
        }

    def around(self, env: gym.Env) -> gym.Env:
        """Return an environment with the user's reward, in the user's wrappers, of which the first is the innermost.

        Raises:
            BadInputError: a wrapper raises an exception, or does not return an environment.
        """
        for name, function in self._reward.items():
            env = OwnReward(env, name, function)
        for name, wrapper in self._wrappers.items():
            try:
                env = wrapper(env)
            except (Exception, SystemExit) as error:  # the user's code may raise anything
                raise BadInputError(
                    f"{named('wrapper')}: {name} raised {place_of(error)}; it is called with the environment alone"
                ) from None
            if not isinstance(env, gym.Env):
                raise BadInputError(f"{named('wrapper')}: {name} must return an environment, found {env!r:.60}")
        return env

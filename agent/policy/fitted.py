"""A policy together with its environment's spaces, which a policy file does not hold."""

from typing import NamedTuple

import gymnasium as gym

from a3c64.config import BadInputError
from a3c64.envs.actions import action_names, family_of
from a3c64.envs.batch import EnvironmentBatch, view_of
from a3c64.envs.spaces import View
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.network import Network, design
from a3c64.learning.parameters import signature
from a3c64.policy.policy_file import Policy


class Fitted(NamedTuple):
    """A policy that can act: it knows how observations become its inputs, and how its outputs become actions."""

    policy: Policy
    hyperparameters: Hyperparameters  # to play with; they may have other arguments of the environment
    view: View
    network: Network
    action_space: gym.Space
    action_names: list[str]  # of the environment's actions or of an action's parts; empty if it has no names
    masked: bool = False  # the environment gives action masks; `seen` finds out


def fit(policy: Policy, hyperparameters: Hyperparameters, env: gym.Env) -> Fitted:
    """Return the policy with an environment's spaces.

    Raises:
        BadInputError: the weights do not fit the environment, or its observations or actions are not supported.
    """
    view = view_of(env, hyperparameters)
    network = design(view.shape, family_of(env.action_space), hyperparameters)
    if signature(network.specs) != signature(policy.specs):
        raise BadInputError(
            f"these weights do not fit {hyperparameters.env_id}: the environment has {view.description} and actions "
            f"{env.action_space}, and the network's layers have other sizes"
        )
    return Fitted(policy, hyperparameters, view, network, env.action_space, action_names(env))


def seen(fitted: Fitted, env: gym.Env) -> Fitted:
    """Reset the environment to see whether it gives action masks; return the policy with the answer.

    Raises:
        BadInputError: the environment cannot be reset, or its mask is invalid.
    """
    return fitted._replace(masked=EnvironmentBatch([env], fitted.view, seed=0).allowed is not None)

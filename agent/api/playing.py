"""A trained policy in a program of your own: load it, let it act, evaluate it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from a3c64.config import BadInputError, Settings
from a3c64.envs.batch import EnvironmentBatch
from a3c64.envs.figures import declared_by
from a3c64.envs.making import check, make_one
from a3c64.envs.masks import ActionMasks
from a3c64.envs.spaces import Observations
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.actor import Actor, Memory
from a3c64.play.evaluate import evaluate as play_episodes
from a3c64.play.evaluate import result
from a3c64.policy import foreign, onnx_file, policy_file
from a3c64.policy.episodes import play_in
from a3c64.policy.fitted import Fitted, fit, seen


class State(NamedTuple):
    """What a policy remembers of an episode."""

    observations: Observations  # [1, ...], the newest ones, as many as the policy's frame stack
    memory: Memory  # [1, units], of the LSTM; units = 0 without one


class Policy:
    """A trained policy that acts in one environment. `load` makes it.

    Attributes:
        hyperparameters: the settings that it was trained with.
        step: the environment steps of its training.
        score: its greedy evaluation, such as {"mean_reward": 31.5, "episodes": 20}; None without one.
    """

    def __init__(self, fitted: Fitted, rom: str = "", trusted: bool = True) -> None:
        self._fitted = fitted
        self._rom = rom
        self._trusted = trusted  # its environment's module may be imported
        self._actor = Actor(fitted.network, 1)
        self._actor.load(fitted.policy.weights)
        self._family = fitted.network.family
        self.hyperparameters: Hyperparameters = fitted.hyperparameters
        self.step: int = fitted.policy.step
        self.score: dict[str, Any] | None = fitted.policy.score

    def act(
        self,
        observation: Any,
        state: State | None = None,
        generator: np.random.Generator | None = None,
        info: Mapping[str, Any] | None = None,
    ) -> tuple[Any, State]:
        """Return the action for an observation, as the environment's `step` takes it, and the state for the next call.

        Args:
            observation: as the environment returned it.
            state: returned by the call before; None when an episode begins. It is not changed.
            generator: draws the action from the policy's distribution; None = take the most probable action.
            info: as the environment returned it with the observation. Needed only if it has an `action_mask`: then the
                action is one that the mask allows.

        Raises:
            ValueError: the observation has numbers that are not finite, or another shape.
            BadInputError: the mask does not fit the actions.
        """
        view = self._fitted.view
        if state is None:
            state = State(view.shape.empty(1), self._actor.forget())
            fill = view.begin
        else:
            state = State(state.observations.copy(), state.memory)
            fill = view.follow
        fill(observation, Observations(state.observations.image[0], state.observations.vector[0]))
        masks = ActionMasks(self._fitted.action_space, 1, self.hyperparameters.env_id)
        masks.see(0, info)
        if masks.allowed is not None:
            self._fitted = self._fitted._replace(masked=True)
        starts = np.zeros(1, np.float32)
        action = self._actor.act(state.observations, starts, state.memory, generator, masks.allowed)
        return self._family.for_environment(action.actions)[0], state._replace(memory=action.memory)

    def make(self, render_mode: str | None = None) -> gym.Env:
        """Make the policy's environment, with the arguments and the picture's size of its training.

        Raises:
            BadInputError: it cannot be made.
        """
        self._check_trust()
        settings = self.hyperparameters
        if render_mode:
            arguments = json.loads(settings.env_args) | {"render_mode": render_mode}
            settings = settings.model_copy(update={"env_args": json.dumps(arguments)})
        return _make(settings, self._rom)

    def save(self, path: str | Path) -> None:
        """Write the policy to a file, as `a3c64 export` does: NAME.safetensors for a3c64, NAME.onnx for other programs.

        Raises:
            BadInputError: the name has another ending, or the file cannot be written.
        """
        path = Path(path)
        if path.suffix == policy_file.SUFFIX:
            policy_file.save(path, self._fitted.policy)
        elif path.suffix == onnx_file.SUFFIX:
            onnx_file.save(path, self._with_masks())
        else:
            endings = f"{policy_file.SUFFIX} or {onnx_file.SUFFIX}"
            raise BadInputError(f"found {path}, expected a name that ends in {endings}")

    def _with_masks(self) -> Fitted:
        """Return the fitted policy, with the answer whether its environment gives masks."""
        if self._fitted.masked or not self._trusted:
            return self._fitted
        env = self.make()
        try:
            return seen(self._fitted, env)
        finally:
            env.close()

    def _check_trust(self) -> None:
        """Refuse to import a module that only a policy file names."""
        if not self._trusted:
            code = foreign.code_of(self.hyperparameters)
            raise BadInputError(
                f"the policy's environment is {', '.join(code.values())}, so this would import a module that a file "
                f"names; if you trust it, give load the same {' and '.join(code)}"
            )


def load(
    path: str | Path | None = None,
    env: gym.Env | None = None,
    *,
    best: bool = False,
    env_id: str = "",
    reward: str | None = None,
    wrapper: str | None = None,
    network: str | None = None,
    rom: str = "",
) -> Policy:
    """Load a trained policy. TensorFlow is not needed, unless the policy has a network of yours.

    The policy's environment is made once, to find out what observations and actions it has, unless you give one.

    Args:
        path: a file that `a3c64 export` wrote, or a run's folder; None = the policy that comes with the project.
        env: an environment of the kind that the policy was trained in; it is not changed.
        best: of a run's folder, take the policy with the best evaluation instead of the newest.
        env_id: without a path, the environment whose policy to load. With a file, needed if the policy's environment
            is in a module of yours, such as my_env:My-v0: a file may be a stranger's, so it imports only what you name.
        reward: needed with a file in the same way, if the policy was trained with a reward of yours.
        wrapper: needed with a file in the same way, if the policy was trained in wrappers of yours.
        network: needed with a file in the same way, if the policy has a network of yours; also with an `env`.
        rom: path of an N64 ROM; empty = Open Kart.

    Raises:
        BadInputError: there is no such policy, or it does not fit the environment.
    """
    path = None if path is None else Path(path)
    if path is None:
        policy = policy_file.bundled(env_id or Settings.model_fields["env_id"].default)
    elif path.is_dir():
        policy = policy_file.of_run(path, best)
    else:
        policy = policy_file.load(path)
    settings, trusted = policy.hyperparameters, True
    if path is not None and not path.is_dir():
        given = {"env_id": env_id, "reward": reward, "wrapper": wrapper, "network": network}
        foreign.check_code(settings, path, given, given if env is None else ("network",))
        trusted = all(given[name] == value for name, value in foreign.code_of(settings).items())
        settings = foreign.without_paths(settings, path)
    made = env or _make(settings, rom)
    try:
        return Policy(fit(policy, settings, made), rom, trusted)
    finally:
        if made is not env:
            made.close()


def evaluate(
    policy: Policy, env: gym.Env | None = None, *, episodes: int = 20, greedy: bool = True, seed: int = 0
) -> dict[str, Any]:
    """Let a policy play episodes and return their means, as `a3c64 eval` prints them.

    Args:
        policy: plays.
        env: where it plays, one episode after another, each to its end; it stays open. None = environments like those
            of the training, as in `a3c64 eval`.
        episodes: the least number to play.
        greedy: take the most probable action instead of a drawn one.
        seed: decides which episodes are played.

    Raises:
        BadInputError: the environment cannot be made or used.
        ValueError: the number of episodes is not positive.
    """
    if episodes < 1:
        raise ValueError(f"episodes must be 1 or more, found {episodes}")
    settings = policy.hyperparameters.model_copy(update={"seed": seed})
    trained = policy._fitted.policy
    if env is None:
        policy._check_trust()
        found = play_episodes(settings, trained, episodes, greedy, policy._rom)
        assert found is not None, "only a stop event ends it early"
        return found
    batch = EnvironmentBatch([env], policy._fitted.view, seed)
    played = play_in(batch, settings, trained.weights, episodes, greedy)
    return result(settings, trained, greedy, played, declared_by(env))


def _make(settings: Hyperparameters, rom: str) -> gym.Env:
    """Make an environment with a run's settings.

    Raises:
        BadInputError: it cannot be made.
    """
    check(settings, rom)
    return make_one(settings, rom)

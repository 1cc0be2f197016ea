"""A batch of Gymnasium environments that are stepped together.

When an episode ends, its environment is reset in the same step, which returns the new episode's first observation.
"""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from a3c64.config import BadInputError, named
from a3c64.envs.actions import Family, family_of
from a3c64.envs.contact import FirstContact
from a3c64.envs.episode import Episode
from a3c64.envs.failures import GivenUpError, failed, is_about_the_rom, place_of
from a3c64.envs.figures import declared_by
from a3c64.envs.finite import MetricsFilter, NotFiniteError, reward_of
from a3c64.envs.making import find, is_ale, make_one, unusable
from a3c64.envs.masks import ActionMasks
from a3c64.envs.spaces import Observations, View
from a3c64.envs.sticky import StickyActions
from a3c64.hyperparameters import Hyperparameters

SEED_STRIDE = 1000  # between two workers' first seeds; the environments of a worker have consecutive seeds
SHORT = 10  # steps; a cut episode of at most this length is short
MAX_SHORT_CUTS = 100  # short cut episodes in a row after which the environment is given up
MAX_FAILURES = 20  # exceptions in a row after which the environment is given up; an episode or FAR steps end a row
FAR = 1000  # steps
MAX_SAID = 100  # the most different faults that are logged

log = logging.getLogger(__name__)


class Step(NamedTuple):
    """The outcome of one step of B environments."""

    observations: Observations  # [B, ...], of the new episode where one ended
    rewards: np.ndarray  # float32 [B]
    terminated: np.ndarray  # bool [B]
    truncated: np.ndarray  # bool [B]
    final_observations: Observations | None  # [B, ...], at the end of truncated episodes; None without any
    episodes: list[Episode]  # those that ended, without cut ones
    cut: np.ndarray  # bool [B], truncated because the environment returned a number that is not finite


class EpisodeState(NamedTuple):
    """The state of one environment's episode."""

    total_reward: float  # so far
    length: int  # steps so far
    info: dict[str, Any]  # of the last step or reset
    last: Episode | None  # the episode before, if there was one


class EnvironmentBatch:
    """B environments stepped together.

    Environments can step in parallel. If an environment's `unwrapped.starter(env)` returns a function, the batch calls
    it with the action first, for all environments. `step(action)` then only collects the outcome. `starter` returns
    None if a wrapper in `env` may change actions; that environment then steps in its turn.
    """

    def __init__(
        self,
        environments: list[gym.Env],
        view: View,
        seed: int,
        begun: Callable[[int], None] = lambda count: None,
        sticky: float = 0.0,
    ) -> None:
        self.environments = environments
        self.family: Family = family_of(environments[0].action_space)
        self.figures = declared_by(environments[0])
        self.view = view
        self._starters = [_starter(env) for env in environments]
        batch = len(environments)
        self.observations = view.shape.empty(batch)
        self._each = [Observations(self.observations.image[k], self.observations.vector[k]) for k in range(batch)]
        self._returns = [0.0] * batch
        self._lengths = [0] * batch
        self._infos: list[dict[str, Any]] = [{} for _ in range(batch)]
        self._last: list[Episode | None] = [None] * batch
        self._name = environments[0].spec.id if environments[0].spec else type(environments[0].unwrapped).__name__
        self._sticky = StickyActions(sticky, seed)
        self._masks = ActionMasks(environments[0].action_space, batch, self._name)
        self._metrics = MetricsFilter(self._name)
        self._short_cuts = [0] * batch  # cuts in a row within SHORT steps
        self._failures = [0] * batch  # exceptions in a row within FAR steps
        self._said: set[str] = set()
        # An environment's calls go to its first contact, and after a few steps to the environment itself.
        self._called: list[Any] = list(environments)
        for k, env in enumerate(environments):
            over = partial(self._called.__setitem__, k, env)
            self._called[k] = FirstContact(env, self._name, self._said, over)
        for k in range(batch):
            self._begin(k, seed + k)
            begun(k + 1)

    @classmethod
    def make(
        cls,
        hyperparameters: Hyperparameters,
        worker: int,
        rom: str = "",
        render_first: bool = False,
        wrap: Callable[[gym.Env], gym.Env] = lambda env: env,
        begun: Callable[[int], None] = lambda count: None,
    ) -> "EnvironmentBatch":
        """Make a worker's environments. `render_first` lets the first one render; `wrap` is applied to each.

        `begun` is called after each first reset, with the number of environments that have been reset.

        Raises:
            BadInputError: an environment cannot be made or reset, or its observations or actions are not supported.
        """
        count = hyperparameters.environments_of(worker)
        environments: list[gym.Env] = []
        try:
            for k in range(count):
                try:
                    environments.append(wrap(make_one(hyperparameters, rom, render=render_first and k == 0)))
                except BadInputError as error:
                    if k != 1:
                        raise
                    # stable-retro and some simulators allow one instance in a process.
                    text = "%s: this worker has one environment instead of %d, because it cannot make a second: %s"
                    log.warning(text, hyperparameters.env_id, count, error)
                    break
            seed = hyperparameters.seed + SEED_STRIDE * worker
            sticky = 0.0 if is_ale(find(hyperparameters.env_id)) else hyperparameters.sticky_actions
            batch = cls(environments, view_of(environments[0], hyperparameters), seed, begun, sticky)
            if batch.allowed is not None and hyperparameters.frameskip > 1:
                raise BadInputError(
                    f"{named('frameskip')}: {hyperparameters.env_id} gives action masks, which may change "
                    "after each of its steps; leave this setting out"
                )
            return batch
        except ValueError as error:  # at its first reset, n64gym refuses the ROM of another game
            for env in environments:
                env.close()
            raise unusable(hyperparameters, error) from error
        except BaseException:
            for env in environments:
                env.close()
            raise

    def step(self, actions: np.ndarray) -> Step:
        """Step every environment; actions are [B, *family.shape]. The next call overwrites the observations."""
        given = list(self.family.for_environment(self._sticky(actions, self._lengths, self._masks.allow)))
        for k, start in enumerate(self._starters):
            if start is not None:
                start(given[k])
        batch = len(self.environments)
        rewards = np.zeros(batch, np.float32)
        terminated, truncated, cut = np.zeros(batch, bool), np.zeros(batch, bool), np.zeros(batch, bool)
        final_observations: Observations | None = None
        episodes: list[Episode] = []
        for k, env in enumerate(self._called):
            self._lengths[k] += 1
            info: dict[str, Any] = {}
            try:
                observation, reward, terminates, truncates, info = env.step(given[k])
                number = reward_of(reward)
                self.view.follow(observation, self._each[k])
            except NotFiniteError as error:
                self._cut(k, error)
                cut[k] = truncated[k] = True
            except BadInputError:
                raise
            except (Exception, SystemExit) as error:  # an environment may raise anything
                self._fail(k, error)
                cut[k] = truncated[k] = True
            else:
                self._infos[k] = info
                rewards[k], terminated[k], truncated[k] = number, terminates, truncates
                self._returns[k] += number
            if terminated[k] or truncated[k]:
                if not terminated[k]:  # for a cut episode, this is the last valid observation
                    final_observations = final_observations or self.observations.copy()
                    final_observations.image[k], final_observations.vector[k] = self._each[k]
                if not cut[k]:
                    episodes.append(self._finished(k, info))
                self._begin(k)
            else:
                self._masks.see(k, info)
        truncated &= ~terminated  # an episode that is both counts as terminated
        return Step(self.observations, rewards, terminated, truncated, final_observations, episodes, cut)

    @property
    def allowed(self) -> np.ndarray | None:
        """Return which actions the masks allow now, bool [B, outputs]; None if the environments give no masks."""
        return self._masks.allowed

    def episode_state(self, k: int) -> EpisodeState:
        """Return the state of environment `k`'s episode."""
        return EpisodeState(self._returns[k], self._lengths[k], self._infos[k], self._last[k])

    def close(self) -> None:
        """Close every environment. An exception in doing so is logged, because all work is done."""
        for env in self.environments:
            try:
                env.close()
            except Exception as error:  # an environment may raise anything
                self._say("close", error)

    def _begin(self, k: int, seed: int | None = None) -> None:
        """Reset an environment, repeatedly if its first observation is not finite.

        Raises:
            FailedError: its reset raises an exception.
            BadInputError: it does not return an observation and a dict, or never a finite observation.
        """
        self._returns[k], self._lengths[k] = 0.0, 0
        while True:
            try:
                observation, self._infos[k] = self._called[k].reset(seed=seed)
            except BadInputError:
                raise
            except (Exception, SystemExit) as error:  # an environment may raise anything
                if is_about_the_rom(error):
                    raise
                raise failed(self._name, "reset", error) from error
            try:
                self.view.begin(observation, self._each[k])
                break
            except NotFiniteError as error:
                self._cut(k, error)
                seed = None  # the same seed would give the same observation
        self._masks.see(k, self._infos[k])

    def _cut(self, k: int, error: NotFiniteError) -> None:
        """Log why an episode is cut; give up on an environment after MAX_SHORT_CUTS short episodes in a row.

        Raises:
            BadInputError: give up, and no episode of this process has ended normally: a restart cannot help.
            GivenUpError: give up, but some episodes have ended normally: a restart may help.
        """
        log.warning(
            "%s, found %.60r at step %d of environment %d: its episode is cut and does not count",
            f"{self._name}: {error.quantity} must be finite numbers",
            error.found,
            self._lengths[k],
            k,
        )
        self._short_cuts[k] = self._short_cuts[k] + 1 if self._lengths[k] <= SHORT else 1
        if self._short_cuts[k] >= MAX_SHORT_CUTS:
            kind = GivenUpError if any(self._last) else BadInputError
            raise kind(f"{self._name}: {error}, in {MAX_SHORT_CUTS} episodes in a row within {SHORT} steps")

    def _fail(self, k: int, error: BaseException) -> None:
        """Log an exception of a step, each kind once; give up after MAX_FAILURES without progress.

        Raises:
            BadInputError: give up, and no episode of this process has ended normally: a restart cannot help.
            GivenUpError: give up, but some episodes have ended normally: a restart may help.
        """
        self._say(f"step {self._lengths[k]} of environment {k}", error, ": the episode ends and does not count")
        self._failures[k] = self._failures[k] + 1 if self._lengths[k] <= FAR else 1
        if self._failures[k] >= MAX_FAILURES:
            kind = GivenUpError if any(self._last) else BadInputError
            raise kind(
                f"{named('env_id')}: {self._name}: step raised {place_of(error)}, "
                f"in {MAX_FAILURES} episodes in a row, and none of them ended"
            ) from error

    def _say(self, where: str, error: BaseException, then: str = "") -> None:
        """Log an exception, unless the same one from the same line has been logged."""
        said = place_of(error)
        if said not in self._said and len(self._said) < MAX_SAID:
            self._said.add(said)
            log.warning("%s: %s raised %s%s", self._name, where, said, then)

    def _finished(self, k: int, info: Any) -> Episode:
        self._short_cuts[k] = self._failures[k] = 0
        metrics = self._metrics(info.get("metrics", {}) if isinstance(info, Mapping) else {})
        episode = self._last[k] = Episode(self._returns[k], self._lengths[k], metrics)
        return episode


def view_of(env: gym.Env, hyperparameters: Hyperparameters) -> View:
    """Return the view of an environment's observations.

    Raises:
        BadInputError: its observations or actions are not supported; the message names the environment.
    """
    try:
        family_of(env.action_space)
        return View(
            env.observation_space,
            hyperparameters.frame_size,
            hyperparameters.frame_colours,
            hyperparameters.frame_stack,
            hyperparameters.crop,
        )
    except BadInputError as error:
        raise BadInputError(f"{named('env_id')}: {hyperparameters.env_id}: {error}") from None


def _starter(env: gym.Env) -> Callable[[Any], None] | None:
    """Return the function that begins a step of this environment, if it has one."""
    find = getattr(env.unwrapped, "starter", None)
    return find(env) if find else None

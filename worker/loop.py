"""One A3C worker: act, step, differentiate, push, pull; to be read from top to bottom."""

import threading
from collections.abc import Callable, Iterator

import numpy as np

from a3c64.config import Hyperparameters
from a3c64.envs.batch import EnvironmentBatch
from a3c64.envs.episode import Episode
from a3c64.learning.actor import Action, Actor
from a3c64.learning.learner import Learner
from a3c64.learning.network import design
from a3c64.learning.returns import generalised_advantages, next_values, normalised
from a3c64.learning.rollout import Rollout
from a3c64.learning.scaling import RewardScale, moments_of, packed
from a3c64.timings import Timings
from a3c64.wire.client import Client, Update
from a3c64.worker.display.describe import Moment
from a3c64.worker.observation_pictures import ObservationPictures
from a3c64.worker.watchdog import Signs

REFRESH_FROM = 3  # updates by others during a rollout; its gradient is then computed with newer weights
SECTIONS = ("act", "step", "differentiate", "exchange", "load", "show")


def train(
    environments: EnvironmentBatch,
    client: Client,
    hyperparameters: Hyperparameters,
    stop: threading.Event,
    show: Callable[[Moment], None],
    signs: Signs | None = None,
) -> None:
    """Train until `stop` is set or the server says that the run is finished; the arguments are those of `turns`.

    What is done is counted in `signs`, for a watchdog.
    """
    signs = signs or Signs()

    def step(moment: Moment) -> None:
        signs.steps += 1
        show(moment)

    for turn, _ in enumerate(turns(environments, client, hyperparameters, stop, step)):
        signs.gradients = turn // 2  # it pauses twice for each


def turns(
    environments: EnvironmentBatch,
    client: Client,
    hyperparameters: Hyperparameters,
    stop: threading.Event,
    show: Callable[[Moment], None],
) -> Iterator[None]:
    """Train as `train` does, and pause after each rollout and before each push, so that workers can share a thread.

    Args:
        environments: B of them, freshly reset.
        client: has said hello; `join` is done here.
        hyperparameters: of the run.
        stop: checked after every step.
        show: called before every step; shows the first environment if there is a display and it is time to.
    """
    h = hyperparameters
    batch = len(environments.environments)
    network = design(environments.view.shape, environments.family, h)
    actor, learner = Actor(network, batch), Learner(network, h, batch)
    generator = np.random.default_rng([h.seed, client.index])
    rollout = Rollout(h.t_max, batch, network.shape, network.family)
    scale = RewardScale(h.rewards, batch, h.discount)
    update, staleness = client.join(network.specs, environments.figures), 0
    observations = environments.observations
    starts = np.ones(batch, np.float32)  # every environment begins an episode
    memory = actor.forget()
    episodes: list[Episode] = []
    statistics: dict[str, float] = {}
    last: Action | None = None  # of the weights before, for what is observed now
    timings = Timings(SECTIONS)
    sampler = ObservationPictures(client, h.frame_stack)

    while not stop.is_set() and not update.finished:
        actor.load(update.weights)
        acted_with = update.version
        timings.add("load")

        # A rollout of T steps.
        first_memory = memory
        rollout.restart()
        while not rollout.full:
            if stop.is_set():
                return
            rollout.saw(observations)
            action = actor.act(observations, starts, memory, generator)
            if last is not None:
                statistics["kl"] = float(network.family.divergence(last.parameters, action.parameters).mean())
                last = None
            timings.add("act")
            show(Moment(observations, action, update.step, staleness))
            timings.add("show")
            step = environments.step(action.actions)
            timings.add("step")
            ended = step.terminated | step.truncated
            final_values = np.zeros(batch, np.float32)
            if step.final_observations:  # V of where the truncated episodes were cut off, with the memory they had
                none_starts = np.zeros(batch, np.float32)
                cut_off = actor.act(step.final_observations, none_starts, action.memory).values
                final_values = np.where(step.truncated, cut_off, 0.0)
            rewards = scale(step.rewards, ended)
            rollout.append(
                starts,
                action.actions,
                action.parameters,
                action.values,
                rewards,
                step.terminated,
                step.truncated,
                final_values,
            )
            episodes += step.episodes
            observations, memory, starts = step.observations, action.memory, ended.astype(np.float32)
            timings.add("act")

        # Its gradient: with newer weights if others have changed them, else with those it was acted with.
        last = actor.act(observations, starts, memory)
        yield
        if h.surrogate_clip and staleness >= REFRESH_FROM:
            update = client.refresh()
        learner.load(update.weights)
        targets = generalised_advantages(
            rollout.rewards,
            rollout.values,
            next_values(rollout.values, last.values, rollout.truncated, rollout.final_values),
            rollout.terminated,
            rollout.truncated,
            h.discount,
            h.gae_lambda,
        )
        advantages = normalised(targets.advantages) if h.normalise_advantages else targets.advantages
        gradient = learner.gradient(
            rollout.observations,
            rollout.starts,
            rollout.actions,
            rollout.parameters,
            advantages,
            targets.returns,
            first_memory,
        )
        vector = gradient.vector
        if network.scaled:  # the parameters that are counted, not learned, take the rollout's moments
            vector = np.concatenate((vector, packed(moments_of(rollout.observations.vector))))
        timings.add("differentiate")
        yield

        # Give it away, take the newest weights.
        statistics |= {
            "policy_loss": gradient.policy_loss,
            "value_loss": gradient.value_loss,
            "entropy": gradient.entropy,
            "grad_norm": gradient.norm,
        }
        update = exchange(client, vector, learner.signature, update, h.t_max * batch, statistics, episodes, timings)
        staleness = max(0, update.version - acted_with - update.accepted)  # updates by others meanwhile
        episodes, statistics = [], {}
        sampler.offer(observations.image[0])


def exchange(
    client: Client,
    gradient: np.ndarray,
    signature: str,
    update: Update,
    steps: int,
    statistics: dict[str, float],
    episodes: list[Episode],
    timings: Timings,
) -> Update:
    """Push a gradient with the figures of its rollout, and return the newest weights."""
    shares = {f"time_{section}": share for section, share in timings.drain().items()}
    finite = {name: value for name, value in {**statistics, **shares}.items() if np.isfinite(value)}
    result = client.push(gradient, signature, update.version, steps, finite, episodes)
    timings.add("exchange")
    return result

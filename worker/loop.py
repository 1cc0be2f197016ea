"""The loop of one A3C worker: act, step, differentiate, push, pull. Read it from top to bottom."""

import threading
from collections.abc import Callable, Iterator

import numpy as np

from a3c64.envs.batch import EnvironmentBatch
from a3c64.envs.demonstrations import Demonstrations
from a3c64.envs.episode import Episode
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.actor import Action, Actor
from a3c64.learning.learner import Learner
from a3c64.learning.network import design
from a3c64.learning.returns import generalised_advantages, next_values, normalised
from a3c64.learning.rollout import Rollout
from a3c64.learning.scaling import RewardScale, moments_of, packed
from a3c64.timings import Timings
from a3c64.wire.client import Client, Update
from a3c64.wire.messages import SECTIONS
from a3c64.worker.display.describe import Moment
from a3c64.worker.fading import Fading
from a3c64.worker.observation_pictures import ObservationPictures
from a3c64.worker.watchdog import Signs

MEASURED = 300  # steps of each environment by which a worker that joins a run that has learned scales its first rewards
REFRESH_FROM = 3  # updates by others during the last rollout; from this many on, fetch newer weights for the gradient
ROLLOUT, GRADIENT = "rollout", "gradient"  # what a worker has completed when `turns` yields


def train(
    environments: EnvironmentBatch,
    client: Client,
    hyperparameters: Hyperparameters,
    stop: threading.Event,
    show: Callable[[Moment], None],
    signs: Signs | None = None,
    shown: Demonstrations | None = None,
) -> None:
    """Train until `stop` is set or the server says that the run is finished.

    The arguments are those of `turns`, and `signs`: counts steps and gradients, for the watchdog.
    """
    signs = signs or Signs()

    def step(moment: Moment) -> None:
        signs.steps += 1
        show(moment)

    completed = turns(environments, client, hyperparameters, stop, step, shown)
    for earlier, _ in enumerate(part for part in completed if part == ROLLOUT):
        signs.gradients = earlier  # the gradients of all earlier rollouts have been pushed


def turns(
    environments: EnvironmentBatch,
    client: Client,
    hyperparameters: Hyperparameters,
    stop: threading.Event,
    show: Callable[[Moment], None],
    shown: Demonstrations | None = None,
) -> Iterator[str]:
    """Train as `train` does, but yield after each rollout and each gradient, so that workers can share a thread.

    Args:
        environments: B environments, freshly reset.
        client: after its hello; this function calls `join`.
        hyperparameters: of the run.
        stop: checked before every step.
        show: called before every step, for a display of the first environment.
        shown: demonstrations to imitate; None = none.
    """
    hyperparameters = hyperparameters.model_copy(update={"t_max": hyperparameters.t_max_of(client.index)})
    batch = len(environments.environments)
    network = design(environments.view.shape, environments.family, hyperparameters)
    actor = Actor(network, batch)
    learner = Learner(network, hyperparameters, batch, masked=environments.allowed is not None)
    generator = np.random.default_rng([hyperparameters.seed, client.index])
    lessons = [hyperparameters.seed, client.index, 1]
    fading = Fading(shown, network, hyperparameters, batch, lessons) if shown else None
    rollout = Rollout(hyperparameters.t_max, batch, network.shape, network.family)
    scale = RewardScale(hyperparameters.rewards, batch, hyperparameters.discount)
    update, staleness = client.join(network.specs, environments.figures), 0
    measured = 0 if update.version and hyperparameters.rewards == "scaled" else MEASURED  # steps of each environment
    observations = environments.observations
    starts = np.ones(batch, np.float32)  # every environment begins an episode
    memory = actor.forget()
    episodes: list[Episode] = []
    statistics: dict[str, float] = {}
    last: Action | None = None  # action of the previous weights for the current observations
    timings = Timings(SECTIONS)
    pictures = ObservationPictures(client, hyperparameters.frame_stack)

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
            action = actor.act(observations, starts, memory, generator, environments.allowed)
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
            if step.final_observations:  # V of the last observations of truncated episodes, with their memory
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
        measured += hyperparameters.t_max
        if measured <= MEASURED:  # nothing is learned: until the returns are known, rewards are scaled too large
            episodes = []
            continue

        # Its advantages and value targets.
        last = actor.act(observations, starts, memory, allowed=environments.allowed)
        yield ROLLOUT
        targets = generalised_advantages(
            rollout.rewards,
            rollout.values,
            next_values(rollout.values, last.values, rollout.truncated, rollout.final_values),
            rollout.terminated,
            rollout.truncated,
            hyperparameters.discount,
            hyperparameters.gae_lambda,
        )
        advantages = normalised(targets.advantages) if hyperparameters.normalise_advantages else targets.advantages

        # Its gradients. The first has newer weights if others have changed them often, else those that acted.
        if hyperparameters.surrogate_clip and staleness >= REFRESH_FROM:
            update = client.refresh()
        steps, own = hyperparameters.t_max * batch, 0
        for _ in range(hyperparameters.epochs_of(client.index)):
            learner.load(update.weights)
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
            if fading:
                vector = fading.add(vector, update.weights, update.step, statistics)
            if network.scaled:  # the running moments are not learned; in their place, send the rollout's moments
                vector = np.concatenate((vector, packed(moments_of(rollout.observations.vector))))
            timings.add("differentiate")
            yield GRADIENT

            # Push the gradient, and get the newest weights. Only the first push has the rollout's steps, so the server
            # counts them, and their moments, once.
            statistics |= {
                "policy_loss": gradient.policy_loss,
                "value_loss": gradient.value_loss,
                "entropy": gradient.entropy,
                "grad_norm": gradient.norm,
            }
            update = exchange(client, vector, learner.signature, update, steps, statistics, episodes, timings)
            own += update.accepted
            episodes, statistics, steps = [], {}, 0
            if update.finished or not update.accepted:  # refused: the newest weights may be far from those that acted
                break
        staleness = max(0, update.version - acted_with - own)  # updates by others meanwhile
        pictures.offer(observations.image[0])


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
    """Push a gradient with its rollout's statistics, and return the newest weights."""
    # Shares of the time from one rollout to the next: a further gradient takes no time for acting.
    shares = {f"time_{section}": share for section, share in timings.drain().items()} if steps else {}
    finite = {name: value for name, value in {**statistics, **shares}.items() if np.isfinite(value)}
    result = client.push(gradient, signature, update.version, steps, finite, episodes)
    timings.add("exchange")
    return result

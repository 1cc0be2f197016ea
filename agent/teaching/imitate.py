"""Teach a policy from demonstrations, until held-out steps say that it is enough."""

import threading
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from a3c64.envs.actions import Family
from a3c64.envs.demonstrations import Demonstrations
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.adam import Adam
from a3c64.learning.distributions import of_family
from a3c64.learning.imitation import Imitation, Lessons, judged
from a3c64.learning.network import Network
from a3c64.learning.parameters import learned_size, named_views
from a3c64.learning.scaling import clipped, moments_of, packed
from a3c64.policy.checkpoint import MEAN_SQUARE, Snapshot

BATCH_STEPS = 160  # of one update, as a worker's rollout with the default settings
UPDATES = 20  # least number between two looks at the held-out steps; else one pass over all steps
WINDOW = 40  # most consecutive steps of a lesson; they fit between held-out blocks
PATIENCE = 20  # looks without an improvement after which teaching ends
VALUE_COST = 0.5  # weight of the value loss
LEAST_VARIANCE = 0.01  # of returns
LEARNING_RATE = 1e-3  # of Adam, its paper's
MAX_NORM = 10.0  # longer gradients are scaled down to it
BLOCK, EVERY = 5, 10  # one block of 5 steps in ten is held out
FIRST_PACE = 0.1  # of learning by reward: its gradients differ from those of imitation that RMSProp has averaged
SAME = 0.25  # continuous actions agree within this distance, in units in which their range is -1..1


class Agreement(NamedTuple):
    """How a policy agrees with its teacher."""

    loss: float  # mean -log pi of the teacher's actions, nats
    share: float  # of steps at which the greedy action is the teacher's


class Taught(NamedTuple):
    """The result of teaching."""

    weights: np.ndarray  # float32 [parameters]
    mean_square: np.ndarray  # float32 [parameters], of the gradients; the statistics with which RMSProp goes on
    held_out: Agreement
    commonest: float  # share of held-out steps at which the teacher took its most frequent action
    updates: int

    def begin(self, run: Snapshot) -> Snapshot:
        """Return a new run's first state with this policy."""
        pace = FIRST_PACE if run.hyperparameters["target_kl"] else None
        optimiser = {MEAN_SQUARE: self.mean_square}
        return run._replace(weights=self.weights, optimiser=optimiser, version=self.updates, pace=pace)


def teach(
    network: Network,
    hyperparameters: Hyperparameters,
    weights: np.ndarray,
    shown: Demonstrations,
    most_updates: int,
    stop: threading.Event,
    progress: Callable[[int], None] = lambda updates: None,
) -> Taught | None:
    """Teach a policy, and return the weights that agree best with held-out steps; None if `stop` was set first.

    Args:
        network: of the run.
        hyperparameters: of the run.
        weights: to begin with, float32 [parameters]; they are not changed.
        shown: the demonstrations.
        most_updates: teaching ends after this many, or before if the held-out steps get no better.
        stop: set to end early.
        progress: called with the number of updates so far.
    """
    length = min(WINDOW, hyperparameters.t_max)
    hyperparameters = hyperparameters.model_copy(update={"t_max": length})
    learned, batch = learned_size(network.specs), max(1, BATCH_STEPS // length)
    weights = weights.copy()
    if network.scaled:
        weights[learned:] = packed(moments_of(shown.observations.vector))
    held = np.arange(shown.steps) // BLOCK % EVERY == EVERY - 1
    if not held.any():
        held[-max(1, shown.steps // EVERY) :] = True
    lessons = Lessons(shown, network, hyperparameters, batch, beginnings(~held, network, length))
    # The value begins at the mean return, and its errors are in standard deviations of returns: otherwise they would
    # be much larger than those of the policy.
    known = lessons.targets.returns[lessons.targets.known > 0]
    if len(known):
        dict(named_views(weights, network.specs))["value/bias"][...] = known.mean()
    imitation = Imitation(
        network, length, batch, VALUE_COST / max(LEAST_VARIANCE, float(known.var())) if len(known) else 0.0
    )
    generator = np.random.default_rng(hyperparameters.seed)
    between = max(UPDATES, shown.steps // BATCH_STEPS)
    adam = Adam(learned, LEARNING_RATE)
    best: Taught | None = None
    looks, updates = 0, 0
    while True:
        seen = judged(network, weights, shown)
        lessons.remember(seen.memory)
        now = agreement(network.family, seen.parameters[held], shown.actions[held])
        looks += 1
        if best is None or now.loss < best.held_out.loss:
            mean_square = np.zeros_like(weights)
            mean_square[:learned] = adam.mean_square
            best, looks = Taught(weights.copy(), mean_square, now, commonest(shown.actions[held]), updates), 0
        if updates >= most_updates or looks >= PATIENCE:
            return best
        for _ in range(min(between, most_updates - updates)):
            if stop.is_set():
                return None
            vector = imitation.gradient(weights, lessons.draw(generator)).vector
            adam.apply(weights[:learned], clipped(vector, MAX_NORM))
            updates += 1
        progress(updates)


def beginnings(allowed: np.ndarray, network: Network, length: int) -> np.ndarray:
    """Return the steps at which a lesson may begin, so that it holds allowed steps only; all allowed ones if none may.

    Args:
        allowed: bool [N].
        network: with an LSTM, a lesson is a window of `length` steps, else one step.
        length: of a window.
    """
    if not network.units:
        return np.flatnonzero(allowed)
    windows = np.stack([np.roll(allowed, -t) for t in range(length)])
    found = np.flatnonzero(windows.all(axis=0))
    return found if len(found) else np.flatnonzero(allowed)


def agreement(family: Family, parameters: np.ndarray, actions: np.ndarray) -> Agreement:
    """Compare a policy's outputs, [N, outputs + free], with the teacher's actions, [N, *shape]."""
    probability = of_family(family).log_probability(tf.constant(parameters), tf.constant(actions)).numpy()
    away = np.abs(family.greedy(parameters) - actions).reshape(len(actions), -1).max(axis=1)
    return Agreement(-float(probability.mean()), float((away <= SAME).mean()))


def commonest(actions: np.ndarray) -> float:
    """Return the share of the most frequent action."""
    return float(np.unique(actions.reshape(len(actions), -1), axis=0, return_counts=True)[1].max() / len(actions))

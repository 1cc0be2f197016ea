"""Imitation: the gradient of behaviour cloning, and the batches of demonstrations to compute it from.

Behaviour cloning maximises the probability of the teacher's actions (Pomerleau 1989). The value is fitted to the
teacher's discounted returns, so that learning by reward can go on from it.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from a3c64.envs.demonstrations import Demonstrations
from a3c64.envs.spaces import Observations
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.actor import Actor, Memory
from a3c64.learning.distributions import of_family
from a3c64.learning.forward import forward
from a3c64.learning.network import Network
from a3c64.learning.parameters import learned_size, total_size
from a3c64.learning.scaling import RewardScale

KNOWN_SHARE = 0.1  # a return is known if at most this share of it would come after a cut
CHUNK = 64  # observations at once, for networks without memory


class Targets(NamedTuple):
    """What the value is fitted to."""

    returns: np.ndarray  # float32 [N], discounted, of rewards as training transforms them
    known: np.ndarray  # float32 [N], 0 where the episode was cut so soon afterwards that its return is not known


class Batch(NamedTuple):
    """A batch of demonstrations, [T, B, ...]."""

    observations: Observations
    starts: np.ndarray
    actions: np.ndarray
    targets: Targets
    memory: Memory  # [B, units], before the first step


class Imitated(NamedTuple):
    """A gradient of imitation."""

    vector: np.ndarray  # float32 [learned_size], not clipped
    loss: float  # -log pi of the teacher's actions, nats
    value_loss: float


class Judged(NamedTuple):
    """The policy's outputs for N steps of demonstrations."""

    parameters: np.ndarray  # float32 [N, outputs + free]
    memory: Memory  # [N, units], before each step


def targets_of(shown: Demonstrations, hyperparameters: Hyperparameters) -> Targets:
    """Return the discounted returns of demonstrations, with the reward scale of the run."""
    discount = hyperparameters.discount
    scale = RewardScale(hyperparameters.rewards, 1, discount)
    for _ in range(2):  # the first pass measures the standard deviation of returns
        pairs = zip(shown.rewards, shown.ended, strict=True)
        rewards = [float(scale(np.array([reward]), np.array([ended]))[0]) for reward, ended in pairs]
    returns, known = np.zeros(shown.steps, np.float32), np.zeros(shown.steps, np.float32)
    following, rest = 0.0, 0.0  # the return after this step, and the share of it that is not known
    for n in reversed(range(shown.steps)):
        if shown.ended[n]:
            following, rest = 0.0, 0.0 if shown.terminated[n] else 1.0
        following, rest = rewards[n] + discount * following, discount * rest
        returns[n], known[n] = following, rest <= KNOWN_SHARE
    return Targets(returns, known)


class Lessons:
    """Draws batches of T x B steps from demonstrations.

    Without memory, a batch holds steps drawn from all. With an LSTM, it holds B windows of T consecutive steps, and
    `remember` gives the LSTM's state before each of them; the demonstrations then count as a ring, in which the first
    step follows the last one.

    Args:
        shown: the demonstrations.
        network: of the run.
        hyperparameters: of the run; they give T (`t_max`).
        batch: B.
        chosen: the steps that may be drawn; None = all. With an LSTM, a window begins at such a step.

    Attributes:
        targets: of all N steps.
    """

    def __init__(
        self,
        shown: Demonstrations,
        network: Network,
        hyperparameters: Hyperparameters,
        batch: int,
        chosen: np.ndarray | None = None,
    ) -> None:
        self._shown = shown
        self._network = network
        self._length, self._batch = hyperparameters.t_max, batch
        self.targets = targets_of(shown, hyperparameters)
        self._chosen = np.arange(shown.steps) if chosen is None else chosen
        zeros = np.zeros((shown.steps, network.units), np.float32)
        self._memory = Memory(zeros, zeros)

    def remember(self, memory: Memory) -> None:
        """Set the LSTM's states before all steps, [N, units], from `judged` with recent weights."""
        self._memory = memory

    def draw(self, generator: np.random.Generator) -> Batch:
        """Draw a batch."""
        at = self._draw(generator)  # [T, B]
        observations = Observations(self._shown.observations.image[at], self._shown.observations.vector[at])
        first = at[0]
        memory = Memory(self._memory.cell[first], self._memory.hidden[first])
        targets = Targets(self.targets.returns[at], self.targets.known[at])
        return Batch(observations, self._shown.starts[at], self._shown.actions[at], targets, memory)

    def _draw(self, generator: np.random.Generator) -> np.ndarray:
        if self._network.units:
            first = generator.choice(self._chosen, self._batch)
            return (first + np.arange(self._length)[:, None]) % self._shown.steps
        return generator.choice(self._chosen, (self._length, self._batch))


class Imitation:
    """The gradient of imitation, as one compiled call with fixed shapes.

    Args:
        network: its layout.
        length: T.
        batch: B.
        value_cost: weight of the value loss.
    """

    def __init__(self, network: Network, length: int, batch: int, value_cost: float) -> None:
        distribution, learned = of_family(network.family), learned_size(network.specs)
        per_step, memory = tf.TensorSpec((length, batch)), tf.TensorSpec((batch, network.units))
        signature = [
            tf.TensorSpec((total_size(network.specs),)),
            tf.TensorSpec((length, batch, *network.shape.image), tf.uint8),
            tf.TensorSpec((length, batch, network.shape.vector)),
            per_step,
            tf.TensorSpec((length, batch, *network.family.shape), tf.as_dtype(network.family.dtype)),
            per_step,
            per_step,
            memory,
            memory,
        ]

        @tf.function(input_signature=signature)
        def gradient(
            flat: tf.Tensor,
            image: tf.Tensor,
            vector: tf.Tensor,
            starts: tf.Tensor,
            actions: tf.Tensor,
            returns: tf.Tensor,
            known: tf.Tensor,
            cell: tf.Tensor,
            hidden: tf.Tensor,
        ) -> tuple:
            with tf.GradientTape() as tape:
                tape.watch(flat)
                parameters, values = forward(network, flat, image, vector, starts, cell, hidden)
                loss = -tf.reduce_mean(distribution.log_probability(parameters, actions))
                value_loss = 0.5 * tf.reduce_mean(known * tf.square(returns - values))
                total = loss + value_cost * value_loss
            return tape.gradient(total, flat)[:learned], tf.stack([loss, value_loss])

        self._gradient = gradient

    def gradient(self, weights: np.ndarray, batch: Batch) -> Imitated:
        """Differentiate the losses of a batch at these weights, float32 [total_size]."""
        vector, figures = self._gradient(
            weights, *batch.observations, batch.starts, batch.actions, *batch.targets, *batch.memory
        )
        return Imitated(vector.numpy(), *(float(x) for x in figures.numpy()))


def judged(network: Network, weights: np.ndarray, shown: Demonstrations) -> Judged:
    """Let the policy see demonstrations in their order; return its outputs, and its memory before each step."""
    actor = Actor(network, 1 if network.units else CHUNK)
    actor.load(weights)
    parameters, cells, hiddens = [], [], []
    memory = actor.forget()
    for first in range(0, shown.steps, actor.batch):
        at = np.minimum(np.arange(first, first + actor.batch), shown.steps - 1)
        cells.append(memory.cell)
        hiddens.append(memory.hidden)
        seen = Observations(shown.observations.image[at], shown.observations.vector[at])
        action = actor.act(seen, shown.starts[at], memory)
        memory = action.memory
        parameters.append(action.parameters)
    return Judged(
        np.concatenate(parameters)[: shown.steps],
        Memory(np.concatenate(cells)[: shown.steps], np.concatenate(hiddens)[: shown.steps]),
    )

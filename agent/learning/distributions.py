"""Densities of the action families of agent/envs/actions.py, as pure TensorFlow functions of their parameters."""

import math
from typing import Protocol

import tensorflow as tf

from a3c64.envs import actions
from a3c64.envs.actions import Family


class Distribution(Protocol):
    """What the losses need from a family; parameters are [..., outputs + free], actions [..., *shape]."""

    def log_probability(self, parameters: tf.Tensor, actions: tf.Tensor) -> tf.Tensor:
        """Return log pi(a|s), [...]."""

    def entropy(self, parameters: tf.Tensor) -> tf.Tensor:
        """Return the entropy in nats, [...]."""


class Categorical:
    """One choice among n."""

    def __init__(self, n: int) -> None:
        self.n = n

    def log_probability(self, parameters: tf.Tensor, actions: tf.Tensor) -> tf.Tensor:
        """Return log softmax at the action."""
        return tf.reduce_sum(tf.nn.log_softmax(parameters) * tf.one_hot(actions, self.n), axis=-1)

    def entropy(self, parameters: tf.Tensor) -> tf.Tensor:
        """Return -sum p log p."""
        log_p = tf.nn.log_softmax(parameters)
        return -tf.reduce_sum(tf.exp(log_p) * log_p, axis=-1)


class MultiCategorical:
    """Several independent choices; their logits are concatenated."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        self.parts = [Categorical(n) for n in sizes]
        self.sizes = list(sizes)

    def log_probability(self, parameters: tf.Tensor, actions: tf.Tensor) -> tf.Tensor:
        """Return the sum of the choices' log probabilities."""
        split = tf.split(parameters, self.sizes, axis=-1)
        each = zip(self.parts, split, tf.unstack(actions, axis=-1), strict=True)
        return tf.add_n([part.log_probability(x, action) for part, x, action in each])

    def entropy(self, parameters: tf.Tensor) -> tf.Tensor:
        """Return the sum of the choices' entropies."""
        split = tf.split(parameters, self.sizes, axis=-1)
        return tf.add_n([part.entropy(x) for part, x in zip(self.parts, split, strict=True)])


class DiagonalGaussian:
    """Independent normal distributions; parameters are the means, then the log standard deviations."""

    def log_probability(self, parameters: tf.Tensor, actions: tf.Tensor) -> tf.Tensor:
        """Return the sum of the components' log densities."""
        mean, log_std = tf.split(parameters, 2, axis=-1)
        z = (actions - mean) * tf.exp(-log_std)
        return -tf.reduce_sum(0.5 * tf.square(z) + log_std + 0.5 * math.log(2.0 * math.pi), axis=-1)

    def entropy(self, parameters: tf.Tensor) -> tf.Tensor:
        """Return the sum of the components' differential entropies."""
        log_std = tf.split(parameters, 2, axis=-1)[1]
        return tf.reduce_sum(log_std + 0.5 * math.log(2.0 * math.pi * math.e), axis=-1)


def of_family(family: Family) -> Distribution:
    """Return the densities of a family."""
    if isinstance(family, actions.Categorical):
        return Categorical(family.outputs)
    if isinstance(family, actions.MultiCategorical):
        return MultiCategorical(family.sizes)
    return DiagonalGaussian()

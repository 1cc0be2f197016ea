"""What the policy head's numbers mean: distributions over actions, as pure TensorFlow functions of logits."""

from typing import Protocol

import gymnasium as gym
import numpy as np
import tensorflow as tf

from agent.config import BadInputError


class Distribution(Protocol):
    """A family of distributions over an action space, with its parameters given as `logits` [..., parameters]."""

    parameters: int  # how many numbers the policy head puts out
    action_shape: tuple[int, ...]  # of one action

    def sample(self, logits: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Draw actions, int32 [..., *action_shape]; seed is int32 [2]."""

    def mode(self, logits: tf.Tensor) -> tf.Tensor:
        """Return the likeliest actions, int32 [..., *action_shape]."""

    def log_probability(self, logits: tf.Tensor, actions: tf.Tensor) -> tf.Tensor:
        """Return log pi(a|s), [...]."""

    def entropy(self, logits: tf.Tensor) -> tf.Tensor:
        """Return the entropy in nats, [...]."""


class Categorical:
    """One choice among n."""

    def __init__(self, n: int) -> None:
        self.parameters = n
        self.action_shape: tuple[int, ...] = ()

    def sample(self, logits: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Draw by the Gumbel-max trick."""
        uniform = tf.random.stateless_uniform(tf.shape(logits), seed, minval=1e-20)  # log(0) would be -inf
        return self.mode(logits - tf.math.log(-tf.math.log(uniform)))

    def mode(self, logits: tf.Tensor) -> tf.Tensor:
        """Return the index of the largest logit."""
        return tf.argmax(logits, axis=-1, output_type=tf.int32)

    def log_probability(self, logits: tf.Tensor, actions: tf.Tensor) -> tf.Tensor:
        """Return log softmax at the action."""
        return tf.reduce_sum(tf.nn.log_softmax(logits) * tf.one_hot(actions, self.parameters), axis=-1)

    def entropy(self, logits: tf.Tensor) -> tf.Tensor:
        """Return -sum p log p."""
        log_p = tf.nn.log_softmax(logits)
        return -tf.reduce_sum(tf.exp(log_p) * log_p, axis=-1)


class MultiCategorical:
    """Several independent choices; the logits of all stand side by side."""

    def __init__(self, sizes: list[int]) -> None:
        self.parts = [Categorical(n) for n in sizes]
        self.sizes = sizes
        self.parameters = sum(sizes)
        self.action_shape: tuple[int, ...] = (len(sizes),)

    def sample(self, logits: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Draw each choice by itself, from one lot of random numbers."""
        uniform = tf.random.stateless_uniform(tf.shape(logits), seed, minval=1e-20)
        return self.mode(logits - tf.math.log(-tf.math.log(uniform)))

    def mode(self, logits: tf.Tensor) -> tf.Tensor:
        """Return the index of each choice's largest logit."""
        split = tf.split(logits, self.sizes, axis=-1)
        return tf.stack([part.mode(x) for part, x in zip(self.parts, split, strict=True)], axis=-1)

    def log_probability(self, logits: tf.Tensor, actions: tf.Tensor) -> tf.Tensor:
        """Add the choices' log probabilities."""
        split = tf.split(logits, self.sizes, axis=-1)
        each = zip(self.parts, split, tf.unstack(actions, axis=-1), strict=True)
        return tf.add_n([part.log_probability(x, action) for part, x, action in each])

    def entropy(self, logits: tf.Tensor) -> tf.Tensor:
        """Add the choices' entropies."""
        split = tf.split(logits, self.sizes, axis=-1)
        return tf.add_n([part.entropy(x) for part, x in zip(self.parts, split, strict=True)])


def for_space(space: gym.Space) -> Distribution:
    """Return the distribution that fits an action space.

    Raises:
        BadInputError: there is none yet.
    """
    if isinstance(space, gym.spaces.Discrete) and space.start == 0:
        return Categorical(int(space.n))
    if isinstance(space, gym.spaces.MultiDiscrete) and space.nvec.ndim == 1 and not np.any(space.start):
        return MultiCategorical([int(n) for n in space.nvec])
    raise BadInputError(f"actions of {space} are not supported: expected Discrete or MultiDiscrete counting from 0")

"""Learning: the gradient of the A3C losses through the network, as one compiled TensorFlow call with fixed shapes."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from a3c64.envs.masks import FORBIDDEN
from a3c64.envs.spaces import Observations
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.actor import Memory
from a3c64.learning.distributions import of_family
from a3c64.learning.forward import forward
from a3c64.learning.losses import a3c_losses
from a3c64.learning.network import Network
from a3c64.learning.parameters import learned_size, signature, total_size


class Gradient(NamedTuple):
    """A rollout's gradient and figures about it."""

    vector: np.ndarray  # float32 [learned_size], already clipped
    policy_loss: float
    value_loss: float
    entropy: float
    norm: float  # before clipping


class Learner:
    """The network for rollouts of T steps of B environments.

    Args:
        network: its layout.
        hyperparameters: the costs, and T (`t_max`).
        batch: B.
        masked: whether actions that the behaviour's parameters mark as FORBIDDEN are masked in the losses, too.
    """

    def __init__(self, network: Network, hyperparameters: Hyperparameters, batch: int, masked: bool = False) -> None:
        self.network = network
        self.hyperparameters = hyperparameters
        self.batch = batch
        self._masked = masked
        self.specs = network.specs
        self.signature = signature(network.specs)
        self._distribution = of_family(network.family)
        self._weights = np.zeros(total_size(self.specs), np.float32)
        self._compile()

    def gradient(
        self,
        observations: Observations,
        starts: np.ndarray,
        actions: np.ndarray,
        behaviour: np.ndarray,
        advantages: np.ndarray,
        returns: np.ndarray,
        memory: Memory,
    ) -> Gradient:
        """Differentiate the A3C losses of a rollout.

        Arrays are [T, B, ...]. `behaviour` holds the parameters of the distributions that the actions were drawn from.
        `memory` is the LSTM's state before the first step.
        """
        vector, figures = self._gradient(
            self._weights, *observations, starts, actions, behaviour, advantages, returns, *memory
        )
        return Gradient(vector.numpy(), *(float(x) for x in figures.numpy()))

    def forward(self, observations: Observations, starts: np.ndarray, memory: Memory) -> tuple[np.ndarray, np.ndarray]:
        """Return the policy head's parameters, [T, B, outputs + free], and the values, [T, B], of a rollout."""
        parameters, values = self._forward(self._weights, *observations, starts, *memory)
        return parameters.numpy(), values.numpy()

    def load(self, flat: np.ndarray) -> None:
        """Use these weights, float32 [total_size], without a copy: the caller must not write into them afterwards.

        Raises:
            ValueError: the vector has another length.
        """
        if flat.shape != self._weights.shape:
            raise ValueError(f"weights must have shape {self._weights.shape}, found {flat.shape}")
        self._weights = flat

    def flat(self) -> np.ndarray:
        """Return the weights as one vector, float32 [total_size]."""
        return self._weights.copy()

    def _compile(self) -> None:
        """Build the compiled calls."""
        batch, length = self.batch, self.hyperparameters.t_max
        hyperparameters, network = self.hyperparameters, self.network
        weights = tf.TensorSpec(self._weights.shape)
        image = tf.TensorSpec((length, batch, *network.shape.image), tf.uint8)
        vector = tf.TensorSpec((length, batch, network.shape.vector))
        per_step = tf.TensorSpec((length, batch))
        actions_spec = tf.TensorSpec((length, batch, *network.family.shape), tf.as_dtype(network.family.dtype))
        behaviour_spec = tf.TensorSpec((length, batch, network.family.outputs + network.family.free))
        memory = tf.TensorSpec((batch, network.units))
        given = [weights, image, vector, per_step]
        learned = learned_size(self.specs)  # the running moments follow; they have no gradient

        @tf.function(input_signature=[*given, actions_spec, behaviour_spec, per_step, per_step, memory, memory])
        def gradient(
            flat: tf.Tensor,
            image: tf.Tensor,
            vector: tf.Tensor,
            starts: tf.Tensor,
            actions: tf.Tensor,
            behaviour: tf.Tensor,
            advantages: tf.Tensor,
            returns: tf.Tensor,
            cell: tf.Tensor,
            hidden: tf.Tensor,
        ) -> tuple:
            with tf.GradientTape() as tape:
                tape.watch(flat)
                parameters, values = forward(network, flat, image, vector, starts, cell, hidden)
                if self._masked:
                    parameters = tf.where(behaviour > FORBIDDEN / 2, parameters, FORBIDDEN)
                losses = a3c_losses(
                    self._distribution,
                    parameters,
                    values,
                    actions,
                    behaviour,
                    advantages,
                    returns,
                    hyperparameters.entropy_cost,
                    hyperparameters.value_cost,
                    hyperparameters.surrogate_clip,
                )
            slope = tape.gradient(losses.total, flat)[:learned]
            norm = tf.norm(slope)
            # Pascanu et al. 2013. If the norm is not finite, neither is the result, and the server refuses it.
            slope *= tf.minimum(1.0, hyperparameters.max_gradient_norm / tf.maximum(norm, 1e-12))
            return slope, tf.stack([losses.policy, losses.value, losses.entropy, norm])

        self._forward: Callable = tf.function(partial(forward, network), input_signature=[*given, memory, memory])
        # The concrete function, because gradient() would check its arguments twice. That takes half a millisecond.
        self._gradient: Callable = gradient.get_concrete_function()

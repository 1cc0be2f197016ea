"""Learning: the gradient of the A3C losses through the network, as one compiled TensorFlow call with fixed shapes."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from a3c64.config import Hyperparameters
from a3c64.envs.spaces import Observations
from a3c64.learning import lstm
from a3c64.learning.actor import Memory
from a3c64.learning.distributions import of_family
from a3c64.learning.losses import a3c_losses
from a3c64.learning.network import DENSE_LAYERS, LEAK, LEAST_DEVIATION, WHITE, Network
from a3c64.learning.parameters import MOMENTS, learned_size, signature, total_size
from a3c64.learning.scaling import SCALED_LIMIT

ACTIVATIONS = {"relu": tf.nn.relu, "leaky_relu": lambda x: LEAK * x + (1.0 - LEAK) * tf.nn.relu(x), "elu": tf.nn.elu}


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
    """

    def __init__(self, network: Network, hyperparameters: Hyperparameters, batch: int) -> None:
        self.network = network
        self.hyperparameters = hyperparameters
        self.batch = batch
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
            raise ValueError(f"weights of shape {flat.shape}, expected {self._weights.shape}")
        self._weights = flat

    def flat(self) -> np.ndarray:
        """Return the weights as one vector, float32 [total_size]."""
        return self._weights.copy()

    # The computation. N = T x B, p = the parameters by name.

    def _parameters(self, flat: tf.Tensor) -> dict[str, tf.Tensor]:
        """Split the flat vector into named parameters."""
        parts = tf.split(flat, [spec.size for spec in self.specs])
        return {spec.name: tf.reshape(part, spec.shape) for spec, part in zip(self.specs, parts, strict=True)}

    def _features(self, p: dict[str, tf.Tensor], image: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        """Turn observations [N, ...] into features [N, F]."""
        features = []
        if self.network.shape.image[2]:
            x = tf.cast(image, tf.float32)
            if self.network.standardised:
                x -= tf.reduce_mean(x, [1, 2, 3], keepdims=True)
                deviation = tf.sqrt(tf.reduce_mean(x * x, [1, 2, 3], keepdims=True))
                x /= tf.maximum(deviation, LEAST_DEVIATION)
            else:
                p = {**p, "conv0/kernel": p["conv0/kernel"] / WHITE}  # cheaper than dividing every pixel
            for n, layer in enumerate(self.network.convolutions):
                x = tf.nn.conv2d(x, p[f"conv{n}/kernel"], layer.stride, "SAME")
                x = ACTIVATIONS[layer.activation](tf.nn.bias_add(x, p[f"conv{n}/bias"]))
            features.append(tf.reshape(x, [x.shape[0], int(np.prod(x.shape[1:]))]))
        if self.network.shape.vector:
            x = vector
            if self.network.scaled:
                x = (x - p[f"{MOMENTS}mean"]) * tf.exp(-0.5 * p[f"{MOMENTS}log_variance"])
                x = tf.clip_by_value(x, -SCALED_LIMIT, SCALED_LIMIT)
            for n in range(DENSE_LAYERS):
                x = tf.nn.tanh(tf.matmul(x, p[f"dense{n}/kernel"]) + p[f"dense{n}/bias"])
            features.append(x)
        return tf.concat(features, axis=1)

    def _unrolled(
        self,
        flat: tf.Tensor,
        image: tf.Tensor,
        vector: tf.Tensor,
        starts: tf.Tensor,
        cell: tf.Tensor,
        hidden: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Turn a rollout [T, B, ...] into parameters [T, B, outputs + free] and values [T, B]."""
        p, network = self._parameters(flat), self.network
        length, batch = starts.shape
        shape = network.shape
        images = tf.reshape(image, [length * batch, *shape.image])
        features = self._features(p, images, tf.reshape(vector, [length * batch, shape.vector]))
        if network.units:
            projected = tf.matmul(features, p["lstm/kernel"]) + p["lstm/bias"]
            projected = tf.reshape(projected, [length, batch, 4 * network.units])
            memory = lstm.unroll(projected, 1.0 - starts, cell, hidden, p["lstm/recurrent"])
            memory = tf.reshape(memory, [length * batch, network.units])
        else:
            memory = tf.nn.relu(tf.matmul(features, p["hidden/kernel"]) + p["hidden/bias"])
        parameters = tf.matmul(memory, p["policy/kernel"]) + p["policy/bias"]
        if network.family.free:
            free = tf.broadcast_to(p["policy/free"], [length * batch, network.family.free])
            parameters = tf.concat([parameters, free], axis=1)
        values = tf.matmul(memory, p["value/kernel"]) + p["value/bias"]
        return tf.reshape(parameters, [length, batch, -1]), tf.reshape(values, [length, batch])

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
                parameters, values = self._unrolled(flat, image, vector, starts, cell, hidden)
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

        self._forward: Callable = tf.function(self._unrolled, input_signature=[*given, memory, memory])
        self._gradient: Callable = gradient

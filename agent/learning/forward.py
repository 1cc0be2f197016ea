"""The network for rollouts, as TensorFlow operations. In the shapes, N = T * B."""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from a3c64.learning import lstm
from a3c64.learning.layers import LEAK, LEAST_STD, Convolution, Dense, Flatten, Layer, Lstm, Scale, Standardise
from a3c64.learning.network import Network
from a3c64.learning.parameters import MOMENTS
from a3c64.learning.scaling import SCALED_LIMIT

ACTIVATIONS: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "linear": tf.identity,
    "relu": tf.nn.relu,
    "leaky_relu": lambda x: LEAK * x + (1.0 - LEAK) * tf.nn.relu(x),
    "elu": tf.nn.elu,
    "tanh": tf.nn.tanh,
}


class Given(NamedTuple):
    """What layers read besides their input."""

    parameters: dict[str, tf.Tensor]  # by name
    starts: tf.Tensor  # [T, B]
    cell: tf.Tensor  # [B, units]
    hidden: tf.Tensor  # [B, units]


def convolution(layer: Convolution, x: tf.Tensor, given: Given) -> tf.Tensor:
    """Convolve images [N, H, W, C]."""
    p = given.parameters
    x = tf.nn.conv2d(x, p[f"{layer.name}/kernel"] / layer.divisor, layer.stride, "SAME")
    return ACTIVATIONS[layer.activation](tf.nn.bias_add(x, p[f"{layer.name}/bias"]))


def dense(layer: Dense, x: tf.Tensor, given: Given) -> tf.Tensor:
    """Multiply vectors [N, inputs] with a matrix."""
    p = given.parameters
    return ACTIVATIONS[layer.activation](tf.matmul(x, p[f"{layer.name}/kernel"]) + p[f"{layer.name}/bias"])


def unrolled_lstm(layer: Lstm, x: tf.Tensor, given: Given) -> tf.Tensor:
    """Run T steps of B environments, [N, inputs], from the memory before the first step."""
    p = given.parameters
    projected = tf.matmul(x, p[f"{layer.name}/kernel"]) + p[f"{layer.name}/bias"]
    projected = tf.reshape(projected, [*given.starts.shape, 4 * layer.units])
    hidden = lstm.unroll(projected, 1.0 - given.starts, given.cell, given.hidden, p[f"{layer.name}/recurrent"])
    return tf.reshape(hidden, [-1, layer.units])


def flatten(layer: Flatten, x: tf.Tensor, given: Given) -> tf.Tensor:
    """Turn images [N, H, W, C] into vectors [N, H * W * C]."""
    return tf.reshape(x, [x.shape[0], -1])


def standardise(layer: Standardise, x: tf.Tensor, given: Given) -> tf.Tensor:
    """Standardise each of the images [N, H, W, C]."""
    x -= tf.reduce_mean(x, [1, 2, 3], keepdims=True)
    std = tf.sqrt(tf.reduce_mean(x * x, [1, 2, 3], keepdims=True))
    return x / tf.maximum(std, LEAST_STD)


def scale(layer: Scale, x: tf.Tensor, given: Given) -> tf.Tensor:
    """Scale vectors [N, inputs] with the running moments."""
    p = given.parameters
    x = (x - p[f"{MOMENTS}mean"]) * tf.exp(-0.5 * p[f"{MOMENTS}log_variance"])
    return tf.clip_by_value(x, -SCALED_LIMIT, SCALED_LIMIT)


LAYERS: dict[type, Callable[[Any, tf.Tensor, Given], tf.Tensor]] = {
    Convolution: convolution,
    Dense: dense,
    Lstm: unrolled_lstm,
    Flatten: flatten,
    Standardise: standardise,
    Scale: scale,
}


def forward(
    network: Network,
    flat: tf.Tensor,
    image: tf.Tensor,
    vector: tf.Tensor,
    starts: tf.Tensor,
    cell: tf.Tensor,
    hidden: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Turn a rollout [T, B, ...] into parameters [T, B, outputs + free] and values [T, B]."""
    parts = tf.split(flat, [spec.size for spec in network.specs])
    p = {spec.name: tf.reshape(part, spec.shape) for spec, part in zip(network.specs, parts, strict=True)}
    given = Given(p, starts, cell, hidden)
    length, batch = starts.shape
    n = length * batch

    def walk(layers: tuple[Layer, ...], x: tf.Tensor) -> tf.Tensor:
        for layer in layers:
            x = LAYERS[type(layer)](layer, x, given)
        return x

    features = {}
    if network.shape.image[2]:
        pixels = tf.cast(tf.reshape(image, [n, *network.shape.image]), tf.float32)
        features["image"] = walk(network.image, pixels)
    if network.shape.vector:
        features["vector"] = walk(network.vector, tf.reshape(vector, [n, network.shape.vector]))
    joined = network.own.compute(features, p) if network.own else tf.concat(list(features.values()), axis=1)
    memory = walk((network.memory,) if network.memory else (), joined)
    parameters, values = walk((network.policy,), memory), walk((network.value,), memory)
    if network.family.free:
        parameters = tf.concat([parameters, tf.broadcast_to(p["policy/free"], [n, network.family.free])], axis=1)
    return tf.reshape(parameters, [length, batch, -1]), tf.reshape(values, [length, batch])

"""The network's layout: trunk (convolutions, dense) -> memory (LSTM or dense) -> policy and value heads.

agent/learning/learner.py differentiates the network with TensorFlow. agent/learning/actor.py acts with it on ONNX
Runtime. Both take the layers' sizes and the order of the parameters from here.
"""

from typing import Literal, NamedTuple

import numpy as np

from a3c64.config import Hyperparameters
from a3c64.envs.actions import Family
from a3c64.envs.spaces import Shape
from a3c64.learning.parameters import MOMENTS, ParameterSpec


class Convolution(NamedTuple):
    """One layer with SAME padding."""

    filters: int
    kernel: int  # pixels, square
    stride: int
    activation: Literal["relu", "leaky_relu", "elu"]


TRUNKS = {
    # For speed: the first layer reads each pixel once, and ONNX Runtime fuses a leaky ReLU into its convolution.
    "patches": (
        Convolution(16, 4, 4, "leaky_relu"),
        Convolution(32, 3, 2, "leaky_relu"),
        Convolution(32, 3, 2, "leaky_relu"),
    ),
    "fine": (Convolution(16, 6, 3, "elu"), Convolution(32, 3, 2, "elu"), Convolution(32, 3, 2, "elu")),
    "universe": (Convolution(32, 3, 2, "elu"),) * 4,  # universe-starter-agent, model.py
    "a3c": (Convolution(16, 8, 4, "relu"), Convolution(32, 4, 2, "relu")),  # Mnih et al. 2016, section 5.1, for 84x84
}
LEAK = 0.2  # slope of the leaky ReLU below 0
DENSE_LAYERS = 2  # for vectors, as SB3's MlpPolicy
DENSE_UNITS = 64  # per layer, as SB3's MlpPolicy
HIDDEN_UNITS = 256  # of the dense layer without an LSTM, as in the A3C paper
FORGET_BIAS = 1.0  # of the LSTM: remember by default (Jozefowicz et al. 2015)
WHITE = 255.0  # the largest pixel value
LEAST_DEVIATION = 0.01 * WHITE  # smallest divisor of a standardised image; noise in a uniform one stays small
POLICY_GAIN = 0.01  # nearly uniform first policy (Andrychowicz et al. 2020, section 3.2)


class Network(NamedTuple):
    """Sizes of all layers, and the parameters in the order of the flat vector."""

    shape: Shape
    family: Family
    convolutions: tuple[Convolution, ...]
    units: int  # of the LSTM; 0 = a dense layer of HIDDEN_UNITS instead
    scaled: bool  # whether running moments bring the vector to mean 0 and standard deviation 1
    standardised: bool  # whether each image is brought to mean 0 and standard deviation 1
    specs: tuple[ParameterSpec, ...]

    @property
    def memory(self) -> int:
        """Return the size of the heads' input."""
        return self.units or HIDDEN_UNITS


def design(shape: Shape, family: Family, hyperparameters: Hyperparameters) -> Network:
    """Return the network for an observation's shape and a family of actions."""
    specs: list[ParameterSpec] = []

    def add(name: str, *sizes: int, gain: float = 0.0) -> None:
        specs.append(ParameterSpec(name, sizes, float(gain)))

    relu_gain, features = float(np.sqrt(2.0)), 0
    convolutions: tuple[Convolution, ...] = ()
    height, width, channels = shape.image
    if channels:
        convolutions = TRUNKS[hyperparameters.trunk]
        for n, layer in enumerate(convolutions):
            add(f"conv{n}/kernel", layer.kernel, layer.kernel, channels, layer.filters, gain=relu_gain)
            add(f"conv{n}/bias", layer.filters)
            height, width, channels = -(-height // layer.stride), -(-width // layer.stride), layer.filters
        features += height * width * channels
    if shape.vector:
        inputs = shape.vector
        for n in range(DENSE_LAYERS):
            add(f"dense{n}/kernel", inputs, DENSE_UNITS, gain=relu_gain)
            add(f"dense{n}/bias", DENSE_UNITS)
            inputs = DENSE_UNITS
        features += inputs
    units = hyperparameters.lstm_size
    if units:
        add("lstm/kernel", features, 4 * units, gain=1.0)
        add("lstm/recurrent", units, 4 * units, gain=1.0)
        add("lstm/bias", 4 * units)
    else:
        add("hidden/kernel", features, HIDDEN_UNITS, gain=relu_gain)
        add("hidden/bias", HIDDEN_UNITS)
    memory = units or HIDDEN_UNITS
    add("policy/kernel", memory, family.outputs, gain=POLICY_GAIN)
    add("policy/bias", family.outputs)
    if family.free:
        add("policy/free", family.free)
    add("value/kernel", memory, 1, gain=1.0)
    add("value/bias", 1)
    scaled = hyperparameters.normalise_observations and shape.vector > 0
    standardised = hyperparameters.normalise_observations and shape.image[2] > 0
    if scaled:  # last, so that the learned parameters are contiguous
        add(f"{MOMENTS}count", 1)
        add(f"{MOMENTS}mean", shape.vector)
        add(f"{MOMENTS}log_variance", shape.vector)
    return Network(shape, family, convolutions, units, scaled, standardised, tuple(specs))

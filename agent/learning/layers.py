"""The kinds of layers, described once for both backends.

To add a kind, write one class here, one function in agent/learning/forward.py (TensorFlow, for learning) and one in
agent/learning/graph.py (ONNX, for acting), and enter each function in its file's LAYERS.
"""

from dataclasses import dataclass
from typing import Literal

from a3c64.learning.parameters import MOMENTS, ParameterSpec

Size = tuple[int, ...]  # of one sample: (height, width, channels) or (numbers,)
Activation = Literal["linear", "relu", "leaky_relu", "elu", "tanh"]

LEAK = 0.2  # slope of the leaky ReLU below 0
FORGET_BIAS = 1.0  # of the LSTM: remember by default (Jozefowicz et al. 2015)
RELU_GAIN = 2.0**0.5
WHITE = 255.0  # the largest pixel value
LEAST_STD = 0.01 * WHITE  # smallest divisor of a standardised image; noise in a uniform one stays small


@dataclass(frozen=True)
class Layer:
    """A layer without parameters, whose output has the size of its input."""

    def specs(self, inputs: Size) -> tuple[ParameterSpec, ...]:
        """Return the layer's parameters in the order of the flat vector."""
        return ()

    def outputs(self, inputs: Size) -> Size:
        """Return the size of the layer's output."""
        return inputs


@dataclass(frozen=True)
class Convolution(Layer):
    """One convolution with SAME padding."""

    filters: int
    kernel: int  # pixels, square
    stride: int
    activation: Activation
    divisor: float = 1.0  # of the input; both backends divide the kernel instead, which is cheaper
    name: str = ""

    def specs(self, inputs: Size) -> tuple[ParameterSpec, ...]:
        """See Layer."""
        shape = (self.kernel, self.kernel, inputs[2], self.filters)
        return ParameterSpec(f"{self.name}/kernel", shape, RELU_GAIN), _bias(self.name, self.filters)

    def outputs(self, inputs: Size) -> Size:
        """See Layer."""
        return -(-inputs[0] // self.stride), -(-inputs[1] // self.stride), self.filters


@dataclass(frozen=True)
class Dense(Layer):
    """One fully connected layer."""

    units: int
    activation: Activation
    name: str
    gain: float = RELU_GAIN  # of the first kernel

    def specs(self, inputs: Size) -> tuple[ParameterSpec, ...]:
        """See Layer."""
        return ParameterSpec(f"{self.name}/kernel", (*inputs, self.units), self.gain), _bias(self.name, self.units)

    def outputs(self, inputs: Size) -> Size:
        """See Layer."""
        return (self.units,)


@dataclass(frozen=True)
class Lstm(Layer):
    """One LSTM. Its gates are in the order input, candidate, forget, output."""

    units: int
    name: str = "lstm"

    def specs(self, inputs: Size) -> tuple[ParameterSpec, ...]:
        """See Layer."""
        return (
            ParameterSpec(f"{self.name}/kernel", (*inputs, 4 * self.units), 1.0),
            ParameterSpec(f"{self.name}/recurrent", (self.units, 4 * self.units), 1.0),
            _bias(self.name, 4 * self.units),
        )

    def outputs(self, inputs: Size) -> Size:
        """See Layer."""
        return (self.units,)


@dataclass(frozen=True)
class Flatten(Layer):
    """Turn an image into a vector, in the order height, width, channels."""

    def outputs(self, inputs: Size) -> Size:
        """See Layer."""
        return (inputs[0] * inputs[1] * inputs[2],)


@dataclass(frozen=True)
class Standardise(Layer):
    """Bring each image to mean 0 and standard deviation 1."""


@dataclass(frozen=True)
class Scale(Layer):
    """Bring a vector to mean 0 and standard deviation 1 with running moments."""

    def specs(self, inputs: Size) -> tuple[ParameterSpec, ...]:
        """See Layer."""
        sizes = {"count": (1,), "mean": inputs, "log_variance": inputs}
        return tuple(ParameterSpec(f"{MOMENTS}{part}", size, 0.0) for part, size in sizes.items())


def _bias(name: str, units: int) -> ParameterSpec:
    return ParameterSpec(f"{name}/bias", (units,), 0.0)

"""The network's layout: trunk (convolutions, dense) -> memory (LSTM or dense) -> policy and value heads.

agent/learning/forward.py computes the network with TensorFlow, for learning. agent/learning/graph.py writes it as ONNX,
for acting. Both walk the layers listed here. agent/learning/layers.py describes the kinds of layers.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from a3c64.envs.actions import Family
from a3c64.envs.spaces import Shape
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.layers import WHITE, Convolution, Dense, Flatten, Layer, Lstm, Scale, Size, Standardise
from a3c64.learning.parameters import MOMENTS, ParameterSpec

if TYPE_CHECKING:
    from a3c64.learning.own_network import OwnNetwork

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
DENSE_LAYERS = 2  # for vectors, as SB3's MlpPolicy
DENSE_UNITS = 64  # per layer, as SB3's MlpPolicy
HIDDEN_UNITS = 256  # of the dense layer without an LSTM, as in the A3C paper
POLICY_GAIN = 0.01  # nearly uniform first policy (Andrychowicz et al. 2020, section 3.2)


class Network(NamedTuple):
    """All layers, and their parameters in the order of the flat vector."""

    shape: Shape
    family: Family
    image: tuple[Layer, ...]  # from the image's pixels to features
    vector: tuple[Layer, ...]  # from the vector to features
    own: "OwnNetwork | None"  # the user's, from the outputs of `image` and `vector` to features
    memory: Lstm | Dense | None  # reads all features; None with an own network without an LSTM
    policy: Dense  # reads the memory, or else the features, as the value head does
    value: Dense
    specs: tuple[ParameterSpec, ...]

    @property
    def units(self) -> int:
        """Return the size of the LSTM's state; 0 without an LSTM."""
        return self.memory.units if isinstance(self.memory, Lstm) else 0

    @property
    def scaled(self) -> bool:
        """Return whether running moments scale the vector."""
        return any(isinstance(layer, Scale) for layer in self.vector)


def design(shape: Shape, family: Family, hyperparameters: Hyperparameters) -> Network:
    """Return the network for an observation's shape and a family of actions."""
    specs: list[ParameterSpec] = []

    def add(layers: tuple[Layer, ...], size: Size) -> Size:
        for layer in layers:
            specs.extend(layer.specs(size))
            size = layer.outputs(size)
        return size

    image: tuple[Layer, ...] = ()
    vector: tuple[Layer, ...] = ()
    features, own = 0, None
    if shape.image[2]:
        image = _image_layers(hyperparameters)
        features += add(image, shape.image)[0]
    if shape.vector:
        vector = _vector_layers(hyperparameters)
        features += add(vector, (shape.vector,))[0]
    if hyperparameters.network:
        from a3c64.learning.own_network import own_network  # it needs TensorFlow, which acting does not otherwise

        own = own_network(hyperparameters.network, shape.image, shape.vector, hyperparameters.normalise_observations)
        specs.extend(own.specs)
        features = own.features
    memory: Lstm | Dense | None = Dense(HIDDEN_UNITS, "relu", "hidden")
    if units := hyperparameters.lstm_size:
        memory = Lstm(units)
    elif own:
        memory = None
    policy = Dense(family.outputs, "linear", "policy", POLICY_GAIN)
    value = Dense(1, "linear", "value", gain=1.0)
    remembered = add((memory,) if memory else (), (features,))
    add((policy,), remembered)
    if family.free:
        specs.append(ParameterSpec("policy/free", (family.free,), 0.0))
    add((value,), remembered)
    specs.sort(key=lambda spec: spec.name.startswith(MOMENTS))  # moments last: the learned parameters are contiguous
    return Network(shape, family, image, vector, own, memory, policy, value, tuple(specs))


def _image_layers(hyperparameters: Hyperparameters) -> tuple[Layer, ...]:
    """Return the layers from pixels to features, or to the user's own network."""
    normalised = (Standardise(),) if hyperparameters.normalise_observations else ()
    if hyperparameters.network:
        return normalised
    first, *rest = (replace(layer, name=f"conv{n}") for n, layer in enumerate(TRUNKS[hyperparameters.trunk]))
    return *normalised, first if normalised else replace(first, divisor=WHITE), *rest, Flatten()


def _vector_layers(hyperparameters: Hyperparameters) -> tuple[Layer, ...]:
    """Return the layers from the vector to features, or to the user's own network."""
    normalised = (Scale(),) if hyperparameters.normalise_observations else ()
    if hyperparameters.network:
        return normalised
    return *normalised, *(Dense(DENSE_UNITS, "tanh", f"dense{n}") for n in range(DENSE_LAYERS))

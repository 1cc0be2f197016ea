"""The network as an ONNX graph, written node by node, without a converter."""

from collections.abc import Callable
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, compose, helper

from a3c64.learning.layers import (
    FORGET_BIAS,
    LEAK,
    LEAST_STD,
    Convolution,
    Dense,
    Flatten,
    Layer,
    Lstm,
    Scale,
    Standardise,
)
from a3c64.learning.network import Network
from a3c64.learning.parameters import MOMENTS
from a3c64.learning.scaling import SCALED_LIMIT

if TYPE_CHECKING:
    from a3c64.learning.own_network import OwnNetwork

ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "relu": ("Relu", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": LEAK}),
    "elu": ("Elu", {}),
    "tanh": ("Tanh", {}),
}
OPSET, IR_VERSION = 15, 8  # of ONNX; old enough for Unity's Inference Engine, which takes opsets 7 to 15 everywhere

Parameters = dict[str, np.ndarray]  # of the network, by name
Weight = Callable[[Parameters], np.ndarray]  # a function that computes a constant of the graph


class Graph(NamedTuple):
    """A serialised ONNX model, and how to compute the weights that it reads."""

    model: bytes
    weights: dict[str, Weight]  # by the names that the model has for them


class Builder:
    """An unfinished graph for B environments. Its nodes' results are referred to by name."""

    def __init__(self, batch: int | str) -> None:
        self.batch = batch
        self.weights: dict[str, Weight] = {}
        self.nodes: list[NodeProto] = []
        self.inputs: list[ValueInfoProto] = []
        self.outputs: list[ValueInfoProto] = []
        self.constants: list[TensorProto] = []

    def node(self, operator: str, *sources: str, out: str = "", **attributes: Any) -> str:
        """Add a node and return the name of its result."""
        out = out or f"{operator}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(sources), [out], **attributes))
        return out

    def input(self, name: str, *shape: int, kind: int = TensorProto.FLOAT) -> str:
        """Declare an input [B, *shape] and return its name."""
        self.inputs.append(helper.make_tensor_value_info(name, kind, [self.batch, *shape]))
        return name

    def output(self, name: str, *shape: int, kind: int = TensorProto.FLOAT) -> str:
        """Declare an output [B, *shape] and return its name."""
        self.outputs.append(helper.make_tensor_value_info(name, kind, [self.batch, *shape]))
        return name

    def constant(self, kind: int, shape: list[int], values: list) -> str:
        """Add a constant that does not depend on the parameters, and return its name."""
        name = f"constant{len(self.constants)}"
        self.constants.append(helper.make_tensor(name, kind, shape, values))
        return name

    def number(self, value: float) -> str:
        """Add one float32 number and return its name."""
        return self.constant(TensorProto.FLOAT, [], [value])

    def weight(self, name: str, compute: Weight | None = None) -> str:
        """Add a constant that is computed from the parameters (by default the one of this name); return its name."""
        self.weights[name] = compute or (lambda p: p[name])
        return name

    def model(self) -> ModelProto:
        """Return the finished model."""
        body = helper.make_graph(self.nodes, "a3c64", self.inputs, self.outputs, self.constants)
        return helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def convolution(layer: Convolution, x: str, b: Builder) -> str:
    """Convolve images [B, C, H, W]."""
    name = f"{layer.name}/kernel"
    # ONNX wants kernels as [out, in, H, W].
    kernel = b.weight(name, lambda p: p[name].transpose(3, 2, 0, 1) / np.float32(layer.divisor))
    bias = b.weight(f"{layer.name}/bias")
    x = b.node("Conv", x, kernel, bias, strides=[layer.stride] * 2, auto_pad="SAME_UPPER")
    return activate(layer.activation, x, b)


def dense(layer: Dense, x: str, b: Builder) -> str:
    """Multiply vectors [B, inputs] with a matrix."""
    x = b.node("Gemm", x, b.weight(f"{layer.name}/kernel"), b.weight(f"{layer.name}/bias"))
    return activate(layer.activation, x, b)


def activate(activation: str, x: str, b: Builder) -> str:
    """Add the nodes of an activation."""
    if activation == "linear":
        return x
    operator, attributes = ACTIVATIONS[activation]
    return b.node(operator, x, **attributes)


def lstm(layer: Lstm, x: str, b: Builder) -> str:
    """Run one step of B environments, as agent/learning/lstm.py defines it."""
    units, name = layer.units, f"{layer.name}/bias"

    def bias(p: Parameters) -> np.ndarray:
        raised = p[name].copy()
        raised[2 * units : 3 * units] += FORGET_BIAS
        return raised

    cell, hidden = b.input("cell", units), b.input("hidden", units)
    x = b.node("Gemm", x, b.weight(f"{layer.name}/kernel"), b.weight(name, bias))
    x = b.node("Gemm", hidden, b.weight(f"{layer.name}/recurrent"), x)
    b.nodes.append(helper.make_node("Split", [x], ["i", "j", "f", "o"], axis=1))
    remembered = b.node("Mul", b.node("Sigmoid", "f"), cell)
    new = b.node("Mul", b.node("Sigmoid", "i"), b.node("Tanh", "j"))
    cell = b.node("Add", remembered, new, out=b.output("next_cell", units))
    return b.node("Mul", b.node("Sigmoid", "o"), b.node("Tanh", cell), out=b.output("next_hidden", units))


def flatten(layer: Flatten, x: str, b: Builder) -> str:
    """Turn images [B, C, H, W] into vectors [B, H * W * C]."""
    return b.node("Flatten", b.node("Transpose", x, perm=[0, 2, 3, 1]))


def standardise(layer: Standardise, x: str, b: Builder) -> str:
    """Standardise each of the images [B, C, H, W]."""
    axes = [1, 2, 3]
    x = b.node("Sub", x, b.node("ReduceMean", x, axes=axes))
    std = b.node("Sqrt", b.node("ReduceMean", b.node("Mul", x, x), axes=axes))
    return b.node("Div", x, b.node("Max", std, b.number(LEAST_STD)))


def scale(layer: Scale, x: str, b: Builder) -> str:
    """Scale vectors [B, inputs] with the running moments."""
    factor = b.weight(f"{MOMENTS}scale", lambda p: np.exp(-0.5 * p[f"{MOMENTS}log_variance"]))
    x = b.node("Mul", b.node("Sub", x, b.weight(f"{MOMENTS}mean")), factor)
    return b.node("Clip", x, b.number(-SCALED_LIMIT), b.number(SCALED_LIMIT))


LAYERS: dict[type, Callable[[Any, str, Builder], str]] = {
    Convolution: convolution,
    Dense: dense,
    Lstm: lstm,
    Flatten: flatten,
    Standardise: standardise,
    Scale: scale,
}


def own(network: "OwnNetwork", features: dict[str, str], b: Builder) -> str:
    """Add the user's own network, which reads image [B, C, H, W] and vector [B, inputs]."""
    prefix = "own/"
    model = compose.add_prefix(network.onnx(b.batch if isinstance(b.batch, int) else None), prefix)
    if "image" in features:
        b.node("Transpose", features["image"], perm=[0, 2, 3, 1], out=f"{prefix}image")
    if "vector" in features:
        b.node("Identity", features["vector"], out=f"{prefix}vector")
    for k, spec in enumerate(network.specs):
        b.weight(f"{prefix}weight_{k}", itemgetter(spec.name))
    b.nodes += model.graph.node
    b.constants += model.graph.initializer
    return model.graph.output[0].name


def graph(network: Network, batch: int, weights_are_inputs: bool = False) -> Graph:
    """Return the network as ONNX, without its weights. They are further inputs, or external data of the session.

    Inputs: image uint8 [B, H, W, C], vector float32 [B, N], cell and hidden float32 [B, units]. Inputs that the network
    does not have are left out. Outputs: heads float32 [B, outputs + 1], with the value last; then the new cell and
    hidden state if there is an LSTM.
    """
    b = Builder(batch)
    add_network(network, b, b.output("heads", network.family.outputs + 1))
    zeros = {spec.name: np.zeros(spec.shape, np.float32) for spec in network.specs}
    for name, compute in b.weights.items():
        shape = compute(zeros).shape
        if weights_are_inputs:
            b.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
            continue
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape)
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="weights")
        b.constants.append(tensor)
    return Graph(b.model().SerializeToString(), b.weights)


def add_network(network: Network, b: Builder, heads: str, pixels: int = TensorProto.UINT8) -> None:
    """Add a network's inputs and nodes.

    Args:
        network: the network.
        b: where to add it.
        heads: the name of the result, float32 [B, outputs + 1], with the value last.
        pixels: the type of the image.
    """

    def walk(layers: tuple[Layer, ...], x: str) -> str:
        for layer in layers:
            x = LAYERS[type(layer)](layer, x, b)
        return x

    features = {}
    if network.shape.image[2]:
        x = b.node("Cast", b.input("image", *network.shape.image, kind=pixels), to=TensorProto.FLOAT)
        features["image"] = walk(network.image, b.node("Transpose", x, perm=[0, 3, 1, 2]))
    if network.shape.vector:
        features["vector"] = walk(network.vector, b.input("vector", network.shape.vector))
    if network.own:
        x = own(network.own, features, b)
    else:
        x = b.node("Concat", *features.values(), axis=1) if len(features) > 1 else next(iter(features.values()))
    if network.memory:
        x = walk((network.memory,), x)

    def joined(part: str) -> str:
        names = f"{network.policy.name}/{part}", f"{network.value.name}/{part}"
        return b.weight(f"heads/{part}", lambda p: np.concatenate([p[name] for name in names], axis=-1))

    b.node("Gemm", x, joined("kernel"), joined("bias"), out=heads)  # one matrix product computes both heads

"""Acting: the network on ONNX Runtime, with the same weights. It takes a sixth of the time that TensorFlow takes.

The graph is built here node by node, without a converter. A test compares it with agent/learning/learner.py.
"""

import os
from typing import Any, NamedTuple

import numpy as np

os.environ.update({"ORT_DISABLE_TELEMETRY": "1"})  # before the import; else it looks up a host every 10 s

import onnxruntime
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from a3c64.envs.spaces import Observations
from a3c64.learning.network import DENSE_LAYERS, FORGET_BIAS, LEAK, LEAST_DEVIATION, WHITE, Network
from a3c64.learning.parameters import MOMENTS, named_views, total_size
from a3c64.learning.scaling import SCALED_LIMIT

ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "relu": ("Relu", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": LEAK}),
    "elu": ("Elu", {}),
}
OPSET, IR_VERSION = 18, 10  # of ONNX; runtimes of several years support both


class Memory(NamedTuple):
    """The LSTM's state for B environments; units = 0 without an LSTM."""

    cell: np.ndarray  # float32 [B, units]
    hidden: np.ndarray  # float32 [B, units]


class Action(NamedTuple):
    """The actions for B environments, and what the network computed for them."""

    actions: np.ndarray  # [B, *family.shape], in the form that training stores
    values: np.ndarray  # float32 [B], V of the observations
    memory: Memory  # after the step
    parameters: np.ndarray  # float32 [B, outputs + free], of the distributions


class Actor:
    """The network for batches of B environments, on one thread.

    ONNX Runtime packs the weights for its kernels when a session is created, so new weights need a new session. That
    takes 2 ms. Each step is then three times as fast as a step that gets the weights as inputs.
    """

    def __init__(self, network: Network, batch: int) -> None:
        self.network = network
        self.batch = batch
        self._graph = graph(network, batch).SerializeToString()
        self._session: onnxruntime.InferenceSession | None = None
        self._free = np.zeros((batch, network.family.free), np.float32)

    def forget(self) -> Memory:
        """Return zeroed memory for B environments."""
        zeros = np.zeros((self.batch, self.network.units), np.float32)
        return Memory(zeros, zeros)

    def load(self, flat: np.ndarray) -> None:
        """Use these weights, float32 [total_size], from now on.

        Raises:
            ValueError: the vector has another length.
        """
        expected = (total_size(self.network.specs),)
        if flat.shape != expected:
            raise ValueError(f"weights of shape {flat.shape}, expected {expected}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # a session lives for about a second only
        options.log_severity_level = 3
        named = dict(named_views(flat, self.network.specs))
        self._free[...] = named.get("policy/free", 0.0)
        self._held = {  # ONNX Runtime reads these arrays in place, so they must stay alive
            name: onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array, np.float32))
            for name, array in _initialisers(self.network, named).items()
        }
        options.add_external_initializers(list(self._held), list(self._held.values()))
        self._session = onnxruntime.InferenceSession(self._graph, options, providers=["CPUExecutionProvider"])

    def act(
        self,
        observations: Observations,
        starts: np.ndarray,
        memory: Memory,
        generator: np.random.Generator | None = None,
    ) -> Action:
        """Draw an action for each environment, or take the greedy one if there is no generator.

        Args:
            observations: [B, ...].
            starts: float32 [B], 1 where an episode begins; memory is reset there first.
            memory: before the step.
            generator: the source of random numbers; None = greedy.
        """
        assert self._session is not None, "call load before act"
        feeds = {}
        if self.network.shape.image[2]:
            feeds["image"] = observations.image
        if self.network.shape.vector:
            feeds["vector"] = observations.vector
        if self.network.units:
            keep = 1.0 - starts[:, None]
            feeds["cell"], feeds["hidden"] = memory.cell * keep, memory.hidden * keep
            heads, *remembered = self._session.run(None, feeds)
            memory = Memory(*remembered)
        else:
            (heads,) = self._session.run(None, feeds)
        family = self.network.family
        parameters = np.concatenate((heads[:, :-1], self._free), axis=1)
        actions = family.greedy(parameters) if generator is None else family.draw(parameters, generator)
        return Action(actions, heads[:, -1], memory, parameters)


def _initialisers(network: Network, named: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the graph's constants, computed from the named parameters."""
    constants = {}
    for n in range(len(network.convolutions)):
        constants[f"conv{n}/kernel"] = named[f"conv{n}/kernel"].transpose(3, 2, 0, 1)  # ONNX wants [out, in, H, W]
        constants[f"conv{n}/bias"] = named[f"conv{n}/bias"]
    if network.convolutions and not network.standardised:
        constants["conv0/kernel"] = constants["conv0/kernel"] / np.float32(WHITE)  # cheaper than dividing every pixel
    if network.shape.vector:
        for n in range(DENSE_LAYERS):
            for part in ("kernel", "bias"):
                constants[f"dense{n}/{part}"] = named[f"dense{n}/{part}"]
    if network.units:
        bias = named["lstm/bias"].copy()
        bias[2 * network.units : 3 * network.units] += FORGET_BIAS
        constants |= {name: named[name] for name in ("lstm/kernel", "lstm/recurrent")} | {"lstm/bias": bias}
    else:
        constants |= {name: named[name] for name in ("hidden/kernel", "hidden/bias")}
    for part in ("kernel", "bias"):  # one matrix product computes both heads
        constants[f"heads/{part}"] = np.concatenate((named[f"policy/{part}"], named[f"value/{part}"]), axis=-1)
    if network.scaled:
        constants[f"{MOMENTS}mean"] = named[f"{MOMENTS}mean"]
        constants[f"{MOMENTS}scale"] = np.exp(-0.5 * named[f"{MOMENTS}log_variance"])
    return constants


def graph(network: Network, batch: int) -> ModelProto:
    """Return the network as ONNX, without its constants.

    Inputs: image uint8 [B, H, W, C], vector float32 [B, N], cell and hidden float32 [B, units]. Inputs that the network
    does not have are left out. Outputs: heads float32 [B, outputs + 1], with the value last; then the new cell and
    hidden state if there is an LSTM.
    """
    nodes: list[NodeProto] = []
    inputs: list[ValueInfoProto] = []
    outputs: list[ValueInfoProto] = []

    def node(operator: str, *sources: str, out: str = "", **attributes: Any) -> str:
        out = out or f"{operator}{len(nodes)}"
        nodes.append(helper.make_node(operator, list(sources), [out], **attributes))
        return out

    def declare(listed: list, name: str, kind: int, *shape: int) -> str:
        listed.append(helper.make_tensor_value_info(name, kind, [batch, *shape]))
        return name

    features = []
    if network.shape.image[2]:
        x = node("Cast", declare(inputs, "image", TensorProto.UINT8, *network.shape.image), to=TensorProto.FLOAT)
        x = node("Transpose", x, perm=[0, 3, 1, 2])
        if network.standardised:
            x = node("Sub", x, node("ReduceMean", x, "pixels"))
            deviation = node("Sqrt", node("ReduceMean", node("Mul", x, x), "pixels"))
            x = node("Div", x, node("Max", deviation, "least"))
        for n, layer in enumerate(network.convolutions):
            stride = [layer.stride] * 2
            x = node("Conv", x, f"conv{n}/kernel", f"conv{n}/bias", strides=stride, auto_pad="SAME_UPPER")
            operator, attributes = ACTIVATIONS[layer.activation]
            x = node(operator, x, **attributes)
        features.append(node("Flatten", node("Transpose", x, perm=[0, 2, 3, 1])))
    if network.shape.vector:
        x = declare(inputs, "vector", TensorProto.FLOAT, network.shape.vector)
        if network.scaled:
            x = node("Mul", node("Sub", x, f"{MOMENTS}mean"), f"{MOMENTS}scale")
            x = node("Clip", x, "-limit", "limit")
        for n in range(DENSE_LAYERS):
            x = node("Tanh", node("Gemm", x, f"dense{n}/kernel", f"dense{n}/bias"))
        features.append(x)
    x = features[0] if len(features) == 1 else node("Concat", *features, axis=1)
    if network.units:
        cell = declare(inputs, "cell", TensorProto.FLOAT, network.units)
        hidden = declare(inputs, "hidden", TensorProto.FLOAT, network.units)
        x = node("Gemm", hidden, "lstm/recurrent", node("Gemm", x, "lstm/kernel", "lstm/bias"))
        nodes.append(helper.make_node("Split", [x], ["i", "j", "f", "o"], axis=1, num_outputs=4))
        kept = node("Mul", node("Sigmoid", "f"), cell)
        new = node("Mul", node("Sigmoid", "i"), node("Tanh", "j"))
        cell = node("Add", kept, new, out="next_cell")
        x = node("Mul", node("Sigmoid", "o"), node("Tanh", cell), out="next_hidden")
    else:
        x = node("Relu", node("Gemm", x, "hidden/kernel", "hidden/bias"))
    node("Gemm", x, "heads/kernel", "heads/bias", out="heads")
    declare(outputs, "heads", TensorProto.FLOAT, network.family.outputs + 1)
    if network.units:
        declare(outputs, "next_cell", TensorProto.FLOAT, network.units)
        declare(outputs, "next_hidden", TensorProto.FLOAT, network.units)

    numbers = {"limit": SCALED_LIMIT, "-limit": -SCALED_LIMIT, "least": LEAST_DEVIATION}
    constants = [helper.make_tensor(name, TensorProto.FLOAT, [], [value]) for name, value in numbers.items()]
    constants.append(helper.make_tensor("pixels", TensorProto.INT64, [3], [1, 2, 3]))  # the axes of an image
    shapes = _initialisers(network, {s.name: np.zeros(s.shape, np.float32) for s in network.specs})
    for name, array in shapes.items():  # declared as external data, which `load` provides
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=array.shape)
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="weights")
        constants.append(tensor)
    body = helper.make_graph(nodes, "a3c64", inputs, outputs, constants)
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)

"""Acting: the network on ONNX Runtime, with the same weights. It takes a sixth of the time that TensorFlow takes.

agent/learning/graph.py builds the graph. A test compares it with agent/learning/forward.py.
"""

import os
from typing import NamedTuple

import numpy as np

os.environ.update({"ORT_DISABLE_TELEMETRY": "1"})  # before the import; otherwise it looks up a host every 10 s

import onnxruntime

from a3c64.envs.masks import masked
from a3c64.envs.spaces import Observations
from a3c64.learning.graph import graph
from a3c64.learning.network import Network
from a3c64.learning.parameters import named_views, total_size


class Memory(NamedTuple):
    """The LSTM's state for B environments; units = 0 without an LSTM."""

    cell: np.ndarray  # float32 [B, units]
    hidden: np.ndarray  # float32 [B, units]


class Action(NamedTuple):
    """The actions for B environments, and what the network computed for them."""

    actions: np.ndarray  # [B, *family.shape], in the form that training stores
    values: np.ndarray  # float32 [B], V of the observations
    memory: Memory  # after the step
    parameters: np.ndarray  # float32 [B, outputs + free], of the distributions; FORBIDDEN for masked actions


def _session(model: bytes, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class Packing:
    """Sessions that hold the weights.

    ONNX Runtime packs them for its kernels when a session is created, so new weights need a new session. That takes 1
    to 3 ms. Convolutions of several images are then twice as fast as with Binding.
    """

    def __init__(self, network: Network, batch: int) -> None:
        self.graph = graph(network, batch)
        self._session: onnxruntime.InferenceSession | None = None

    def load(self, weights: dict[str, onnxruntime.OrtValue]) -> None:
        """Use these weights, by the graph's names; they must stay alive."""
        options = onnxruntime.SessionOptions()
        options.enable_cpu_mem_arena = False  # a session lives for about a second only
        options.add_external_initializers(list(weights), list(weights.values()))
        self._session = _session(self.graph.model, options)

    def run(self, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Return the graph's outputs."""
        assert self._session is not None
        return self._session.run(None, feeds)


class Binding:
    """A session that reads the weights as inputs, where they are. New weights take 0.1 ms."""

    def __init__(self, network: Network, batch: int) -> None:
        self.graph = graph(network, batch, weights_are_inputs=True)
        self._session = _session(self.graph.model, onnxruntime.SessionOptions())
        self._bound = self._session.io_binding()
        for output in self._session.get_outputs():
            self._bound.bind_output(output.name)

    def load(self, weights: dict[str, onnxruntime.OrtValue]) -> None:
        """Use these weights, by the graph's names; they must stay alive."""
        for name, value in weights.items():
            self._bound.bind_ortvalue_input(name, value)

    def run(self, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Return the graph's outputs."""
        for name, array in feeds.items():
            self._bound.bind_cpu_input(name, array)
        self._session.run_with_iobinding(self._bound)
        return self._bound.copy_outputs_to_cpu()


class Actor:
    """The network for batches of B environments, on one thread."""

    def __init__(self, network: Network, batch: int) -> None:
        self.network = network
        self.batch = batch
        self._runtime = (Packing if batch > 1 and network.image else Binding)(network, batch)
        self._held: dict[str, onnxruntime.OrtValue] = {}
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
            raise ValueError(f"weights must have shape {expected}, found {flat.shape}")
        named = dict(named_views(flat, self.network.specs))
        self._free[...] = named.get("policy/free", 0.0)
        self._held = {  # ONNX Runtime reads these arrays in place, so they must stay alive
            name: onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(compute(named), np.float32))
            for name, compute in self._runtime.graph.weights.items()
        }
        self._runtime.load(self._held)

    def act(
        self,
        observations: Observations,
        starts: np.ndarray,
        memory: Memory,
        generator: np.random.Generator | None = None,
        allowed: np.ndarray | None = None,
    ) -> Action:
        """Draw an action for each environment, or take the greedy one if there is no generator.

        Args:
            observations: [B, ...].
            starts: float32 [B], 1 where an episode begins; memory is reset there first.
            memory: before the step.
            generator: the source of random numbers; None = greedy.
            allowed: bool [B, outputs], the actions that may be chosen; None = all.
        """
        assert self._held, "call load before act"
        feeds = {}
        if self.network.shape.image[2]:
            feeds["image"] = observations.image
        if self.network.shape.vector:
            feeds["vector"] = observations.vector
        if self.network.units:
            keep = 1.0 - starts[:, None]
            feeds["cell"], feeds["hidden"] = memory.cell * keep, memory.hidden * keep
        heads, *remembered = self._runtime.run(feeds)
        if remembered:
            memory = Memory(*remembered)
        family = self.network.family
        parameters = masked(np.concatenate((heads[:, :-1], self._free), axis=1), allowed)
        actions = family.greedy(parameters) if generator is None else family.draw(parameters, generator)
        return Action(actions, heads[:, -1], memory, parameters)

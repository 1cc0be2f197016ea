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


class Actor:
    """The network for batches of B environments, on one thread.

    ONNX Runtime packs the weights for its kernels when a session is created, so new weights need a new session. That
    takes 2 ms. Each step is then three times as fast as a step that gets the weights as inputs.
    """

    def __init__(self, network: Network, batch: int) -> None:
        self.network = network
        self.batch = batch
        self._graph = graph(network, batch)
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
            raise ValueError(f"weights must have shape {expected}, found {flat.shape}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # a session lives for about a second only
        options.log_severity_level = 3
        named = dict(named_views(flat, self.network.specs))
        self._free[...] = named.get("policy/free", 0.0)
        self._held = {  # ONNX Runtime reads these arrays in place, so they must stay alive
            name: onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(compute(named), np.float32))
            for name, compute in self._graph.weights.items()
        }
        options.add_external_initializers(list(self._held), list(self._held.values()))
        self._session = onnxruntime.InferenceSession(self._graph.model, options, providers=["CPUExecutionProvider"])

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
        parameters = masked(np.concatenate((heads[:, :-1], self._free), axis=1), allowed)
        actions = family.greedy(parameters) if generator is None else family.draw(parameters, generator)
        return Action(actions, heads[:, -1], memory, parameters)

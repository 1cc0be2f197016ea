"""A policy as an ONNX file, for programs without a3c64: browsers, Unity, C++, Python with onnxruntime alone.

The graph scales the observation and turns the network's outputs into the greedy action. What it leaves to the program
stands in the file's metadata under the key "a3c64", as JSON: docs/take-it-with-you.md explains it.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from a3c64.envs.actions import Categorical, DiagonalGaussian, MultiCategorical
from a3c64.envs.masks import FORBIDDEN, MASK
from a3c64.learning.graph import Builder, add_network
from a3c64.learning.network import Network
from a3c64.learning.parameters import named_views
from a3c64.policy.fitted import Fitted
from a3c64.policy.policy_file import to_share, write
from a3c64.policy.shareable import shareable

FORMAT = "1"
SUFFIX = ".onnx"
BATCH = "batch"  # the name of the first axis, whose length the program chooses


def save(path: Path, fitted: Fitted) -> Path:
    """Write a policy as ONNX, float32, and return the path.

    Raises:
        BadInputError: the file cannot be written.
    """
    return write(path, model_of(fitted))


def model_of(fitted: Fitted) -> bytes:
    """Return a policy as a serialised ONNX model.

    Inputs, without those that the network does not have: image float32 [B, H, W, C], pixels of 0 to 255; vector float32
    [B, N]; cell and hidden float32 [B, units], zeros when an episode begins; action_mask float32 [B, outputs], 1 for
    each allowed action and 0 for the others. Outputs: action, as the environment takes it; logits, or mean in -1..1,
    float32 [B, outputs]; value float32 [B, 1]; next_cell and next_hidden.
    """
    network = fitted.network
    b = Builder(BATCH)
    add_network(network, b, "heads", pixels=TensorProto.FLOAT)  # Unity has no tensors of bytes
    remembered, b.outputs = b.outputs, []  # next_cell and next_hidden come last
    _add_action(network, b, fitted.masked)
    b.outputs += remembered
    weights = dict(named_views(fitted.policy.weights, network.specs))
    b.constants += [
        numpy_helper.from_array(np.ascontiguousarray(compute(weights), np.float32), name)
        for name, compute in b.weights.items()
    ]
    model = b.model()
    model.producer_name = "a3c64"
    helper.set_model_props(model, {"a3c64": json.dumps(facts_of(fitted))})
    return model.SerializeToString()


def _add_action(network: Network, b: Builder, mask: bool) -> None:
    """Add the outputs action, logits or mean, and value. With `mask`, add the input action_mask."""
    family = network.family
    raw = "mean" if isinstance(family, DiagonalGaussian) else "logits"
    sizes = b.constant(TensorProto.INT64, [2], [family.outputs, 1])
    b.nodes.append(helper.make_node("Split", ["heads", sizes], ["unmasked" if mask else raw, "value"], axis=1))
    if mask:
        # Unity has no tensors of truth values as inputs.
        allowed = b.node("Cast", b.input(MASK, family.outputs), to=TensorProto.BOOL)
        b.node("Where", allowed, "unmasked", b.number(float(FORBIDDEN)), out=raw)
    if isinstance(family, DiagonalGaussian):
        low, half = family.low.reshape(-1), 0.5 * (family.high - family.low).reshape(-1)
        shape = b.constant(TensorProto.INT64, [1 + family.low.ndim], [-1, *family.low.shape])
        unit = b.node("Clip", raw, b.number(-1.0), b.number(1.0))
        scaled = b.node("Mul", b.node("Add", unit, b.number(1.0)), _numbers(b, half))
        b.node("Reshape", b.node("Add", scaled, _numbers(b, low)), shape, out=b.output("action", *family.low.shape))
    elif isinstance(family, Categorical):
        best = b.node("ArgMax", raw, axis=1, keepdims=0)
        start = b.constant(TensorProto.INT64, [], [family.start])
        b.node("Add", best, start, out=b.output("action", kind=TensorProto.INT64))
    else:
        assert isinstance(family, MultiCategorical)
        parts = [f"logits{k}" for k in range(len(family.sizes))]
        each = b.constant(TensorProto.INT64, [len(parts)], list(family.sizes))
        b.nodes.append(helper.make_node("Split", [raw, each], parts, axis=1))
        best = b.node("Concat", *(b.node("ArgMax", part, axis=1, keepdims=1) for part in parts), axis=1)
        starts = b.constant(TensorProto.INT64, [len(parts)], list(family.starts))
        b.node("Add", best, starts, out=b.output("action", len(parts), kind=TensorProto.INT64))
    b.output(raw, family.outputs)
    b.output("value", 1)


def _numbers(b: Builder, values: np.ndarray) -> str:
    return b.constant(TensorProto.FLOAT, [len(values)], values.astype(np.float32).tolist())


def facts_of(fitted: Fitted) -> dict[str, Any]:
    """Return what a program needs to know besides the graph's inputs and outputs."""
    policy, view, settings = to_share(fitted.policy), fitted.view, fitted.hyperparameters
    height, width, channels = view.shape.image
    image: dict[str, Any] = {"height": height, "width": width, "channels": channels, "colours": settings.frame_colours}
    image["crop"] = list(settings.crop)
    return {
        "format": FORMAT,
        "env_id": settings.env_id,
        "env_args": json.loads(shareable(settings.model_dump())["env_args"]),
        "frameskip": settings.frameskip,
        "step": policy.step,
        "score": policy.score,
        "command": policy.command,
        "observation": {
            "description": view.description,
            "frame_stack": settings.frame_stack,
            "image": image if channels else None,
            "vector": {"length": view.shape.vector} if view.shape.vector else None,
        },
        "memory": {"units": fitted.network.units} if fitted.network.units else None,
        "action": _action_facts(fitted),
    }


def _action_facts(fitted: Fitted) -> dict[str, Any]:
    """Return the family of actions, and what its numbers mean."""
    family = fitted.network.family
    if isinstance(family, Categorical):
        facts: dict[str, Any] = {"family": "categorical", "count": family.outputs, "start": family.start}
    elif isinstance(family, MultiCategorical):
        facts = {"family": "multi_categorical", "sizes": family.sizes, "starts": family.starts}
    else:
        assert isinstance(family, DiagonalGaussian)
        free = dict(named_views(fitted.policy.weights, fitted.network.specs))["policy/free"]
        facts = {
            "family": "gaussian",
            "low": family.low.tolist(),
            "high": family.high.tolist(),
            "log_std": free.tolist(),
        }
    return facts | {"names": fitted.action_names, "mask": MASK if fitted.masked else None}

"""A convolutional net made ready for 8 bits: the same function, with values that bear being rounded.

Channels of one layer can differ a thousandfold in size, but share one scale in 8 bits. Between a convolution and the next
one stands only a ReLU, so a factor can be moved from one channel's inputs to its outputs and nothing changes
(Nagel et al., Data-free quantization through weight equalization and bias correction, 2019,
https://arxiv.org/abs/1906.04721; Xiao et al., SmoothQuant, 2022, https://arxiv.org/abs/2211.10438).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# How much of a channel's size goes over: all of it before a depthwise convolution, whose weights have a scale of each
# channel's own; half where the channel shares the weights' scale with others. Searched on YAMNet.
DEPTHWISE, FULL = 1.0, 0.5
QUIET = 0.1  # channels that calibration hardly woke count as that loud: other sounds may wake them


def attributes(node: Any) -> dict[str, Any]:
    """A node's attributes by name."""
    import onnx

    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def weights_of(model: Any) -> dict[str, Array]:
    """A model's constants by name."""
    import onnx

    return {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}


def put(model: Any, name: str, values: Array) -> None:
    """Set a constant."""
    import onnx

    (held,) = (t for t in model.graph.initializer if t.name == name)
    held.CopyFrom(onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))


def pairs(model: Any) -> list[tuple[Any, Any]]:
    """Convolutions with nothing but a ReLU (and max-pooling) between them: (first, second)."""
    made = {o: n for n in model.graph.node for o in n.output}
    users: dict[str, int] = {}
    for node in model.graph.node:
        for name in node.input:
            users[name] = users.get(name, 0) + 1
    out = {o.name for o in model.graph.output}
    found = []
    for node in model.graph.node:
        if node.op_type != "Conv":
            continue
        at = node.input[0]
        while at in made and made[at].op_type in ("Relu", "MaxPool") and users[at] == 1 and at not in out:
            at = made[at].input[0]
        if (
            at != node.input[0]
            and at in made
            and made[at].op_type == "Conv"
            and users[at] == 1
            and len(made[at].input) == 3
        ):
            found.append((made[at], node))
    return found


def even(model: Any, largest: Mapping[str, Array]) -> None:
    """Move factors between convolutions, in place. ``largest``: of each tensor that goes into one, each channel's maximum."""
    weights = weights_of(model)
    scaled: dict[str, Array] = {}
    for first, second in pairs(model):
        depthwise = attributes(second).get("group", 1) > 1
        top = np.maximum(largest[second.input[0]], QUIET * largest[second.input[0]].max() + 1e-12)
        factor = (top / top.max()) ** (DEPTHWISE if depthwise else FULL)
        for name in first.input[1:]:
            w = scaled.get(name, weights[name])
            scaled[name] = w / factor.reshape(-1, *[1] * (w.ndim - 1))
        w = scaled.get(second.input[1], weights[second.input[1]])
        scaled[second.input[1]] = w * (factor[:, None, None, None] if depthwise else factor[None, :, None, None])
    for name, values in scaled.items():
        put(model, name, values.astype(np.float32))


def shapes_of(model: Any) -> dict[str, list[int]]:
    """Shapes of tensors as far as they are known; 0 where not."""
    values = [*model.graph.value_info, *model.graph.output, *model.graph.input]
    return {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in values}


def work(model: Any) -> dict[str, float]:
    """Products that each convolution or product of matrices takes for one embedding, by the node's name."""
    weights, shapes = weights_of(model), shapes_of(model)
    found = {}
    for node in model.graph.node:
        if node.op_type == "Conv":
            found[node.name] = float(math.prod(shapes[node.output[0]][2:]) * weights[node.input[1]].size)
        elif node.op_type == "Gemm" and node.input[1] in weights:
            found[node.name] = float(weights[node.input[1]].size)
    return found

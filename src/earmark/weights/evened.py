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
LEAST = 256  # channels from which on a 1x1 convolution is faster as a product of matrices (which AMX takes)


def attributes(node: Any) -> dict[str, Any]:
    """A node's attributes by name."""
    import onnx

    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def weights_of(model: Any) -> dict[str, Array]:
    """A model's constants by name."""
    import onnx

    return {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}


def put(model: Any, name: str, values: Array) -> None:
    """Set a constant, or add it."""
    import onnx

    made = onnx.numpy_helper.from_array(np.ascontiguousarray(values), name)
    for held in model.graph.initializer:
        if held.name == name:
            held.CopyFrom(made)
            return
    model.graph.initializer.append(made)


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


def as_products(model: Any) -> Any:
    """1x1 convolutions of many channels, with their ReLU, as products of matrices: the same numbers."""
    import onnx

    model = onnx.shape_inference.infer_shapes(model)
    weights = weights_of(model)
    shapes = shapes_of(model)
    nodes: list[Any] = []
    taken: set[str] = set()
    relus = {n.input[0]: n for n in model.graph.node if n.op_type == "Relu"}
    node = onnx.helper.make_node
    for old in model.graph.node:
        w = weights.get(old.input[1]) if old.op_type == "Conv" else None
        relu = relus.get(old.output[0])
        facts = attributes(old)
        plain = (
            facts.get("strides", [1, 1]) == [1, 1] and facts.get("group", 1) == 1 and not any(facts.get("pads", [0]))
        )
        if w is None or relu is None or w.shape[1] < LEAST or w.shape[2:] != (1, 1) or len(old.input) < 3 or not plain:
            if old.name not in taken:
                nodes.append(old)
            continue
        name, (_, _, height, width) = old.name, shapes[old.output[0]]
        put(model, f"{name}.matrix", w[:, :, 0, 0].T)
        put(model, f"{name}.rows", np.array([-1, w.shape[1]]))
        put(model, f"{name}.image", np.array([-1, height, width, w.shape[0]]))
        taken.add(relu.name)
        nodes += [
            node("Transpose", [old.input[0]], [f"{name}.last"], f"{name}.last", perm=[0, 2, 3, 1]),
            node("Reshape", [f"{name}.last", f"{name}.rows"], [f"{name}.flat"], f"{name}.flat"),
            node("Gemm", [f"{name}.flat", f"{name}.matrix", old.input[2]], [f"{name}.product"], name),
            node("Relu", [f"{name}.product"], [f"{name}.positive"], f"{name}.positive"),
            node("Reshape", [f"{name}.positive", f"{name}.image"], [f"{name}.back"], f"{name}.back"),
            node("Transpose", [f"{name}.back"], [relu.output[0]], f"{name}.first", perm=[0, 3, 1, 2]),
        ]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    del model.graph.value_info[:]
    used = {name for n in model.graph.node for name in n.input}
    for unused in [t for t in model.graph.initializer if t.name not in used]:
        model.graph.initializer.remove(unused)
    return onnx.shape_inference.infer_shapes(model)


def shapes_of(model: Any) -> dict[str, list[int]]:
    """Shapes of tensors as far as they are known; 0 where not."""
    values = [*model.graph.value_info, *model.graph.output, *model.graph.input]
    return {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in values}


def work(model: Any) -> dict[str, float]:
    """Products that each convolution or product of matrices takes for one row, by the node's name."""
    weights, shapes = weights_of(model), shapes_of(model)
    found = {}
    for node in model.graph.node:
        if node.op_type == "Conv":
            found[node.name] = float(math.prod(shapes[node.output[0]][2:]) * weights[node.input[1]].size)
        elif node.op_type == "Gemm" and node.input[1] in weights:
            image = next((n for n in model.graph.initializer if n.name == f"{node.name}.image"), None)
            places = 1 if image is None else math.prod(weights[image.name][1:3].tolist())
            found[node.name] = float(places * weights[node.input[1]].size)
    return found

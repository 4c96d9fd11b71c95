"""A model with bytes between its layers, by onnxruntime's quantiser, and what has to be set right before and after it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from ...core.telemetry import import_onnxruntime


def rounded(
    model: Any,
    ranges: Mapping[str, tuple[np.float32, np.float32]],
    *,
    without: Iterable[str] = (),
    only: Iterable[str] = (),
) -> Any:
    """The model with bytes between its layers: all ``without`` some, or ``only`` some.

    ``ranges``: least and largest value of every tensor.
    """
    import onnx

    import_onnxruntime()
    from onnxruntime.quantization import CalibrationMethod, QuantType
    from onnxruntime.quantization.calibrate import TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
    from onnxruntime.quantization.registry import QDQRegistry

    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    floats = _with_neighbours(model, set(without))
    chosen = _with_relus(model, set(only))
    with _quiet():
        made = QDQQuantizer(
            copied,
            per_channel=True,
            reduce_range=False,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QUInt8,
            tensors_range=TensorsData(CalibrationMethod.MinMax, ranges),
            nodes_to_quantize=sorted(chosen),
            nodes_to_exclude=sorted(floats),
            op_types_to_quantize=list(QDQRegistry),
            extra_options={},
        )
        result = made.quantize_model()
    _bypass(result, floats)
    return result


def _with_relus(model: Any, layers: set[str]) -> set[str]:
    """The layers and the ReLUs behind them: what stands before a ReLU spreads too far for bytes."""
    outputs = {o for n in model.graph.node if n.name in layers for o in n.output}
    return layers | {n.name for n in model.graph.node if n.op_type == "Relu" and n.input[0] in outputs}


def _with_neighbours(model: Any, layers: set[str]) -> set[str]:
    """The layers, their ReLUs, and what stands between them and the layer before: else that is rounded all the same."""
    made = {o: n for n in model.graph.node for o in n.output}
    found = _with_relus(model, layers)
    for node in model.graph.node:
        before = made.get(node.input[0])
        while (
            node.name in layers and before is not None and before.op_type in ("Transpose", "Reshape", "Relu", "MaxPool")
        ):
            found.add(before.name)
            before = made.get(before.input[0])
    return found


def _bypass(model: Any, floats: set[str]) -> None:
    """Take the rounding to bytes away from tensors that only float layers look at."""
    made = {o: n for n in model.graph.node for o in n.output}
    users: dict[str, list[Any]] = {}
    for node in model.graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    gone = []
    for node in model.graph.node:
        if node.op_type != "DequantizeLinear" or node.input[0] not in made:
            continue
        if not all(user.name in floats for user in users.get(node.output[0], [])) or not users.get(node.output[0]):
            continue
        before = made[node.input[0]]
        for user in users[node.output[0]]:
            user.input[0] = before.input[0]
        gone.append(node)
        if len(users[before.output[0]]) == 1:
            gone.append(before)
    for node in gone:
        model.graph.node.remove(node)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the quantiser's advice out of the user's terminal."""
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(before)

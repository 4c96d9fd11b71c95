"""Nets in 8 bits: weights and activations as bytes, products in the processor's 8-bit instructions.

A net is offered in 8 bits only where, on rows that were not learnt from, its output points the same way as the float
net's (mean cosine of ``GOOD`` or more), and only on processors with instructions for it: without them it is slower, and
on some of them sums saturate.

Static quantisation by onnxruntime.quantization (Jacob et al., Quantization and training of neural networks for efficient
integer-arithmetic-only inference, 2018, https://arxiv.org/abs/1712.05877): weights by channel, activations by tensor
between the extremes seen in calibration. Before, channels are evened out (see ``evened``). After, layers that lose most
for what they cost stay in float.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import platform
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earmark.errors import MissingExtraError, WeightsError

from . import evened

if TYPE_CHECKING:
    from .store import Installed

Floats = NDArray[np.float32]

MADE_UP = "made-up music and noise"  # what calibration.py makes
VERSION = 1  # raise it when nets come out otherwise: they are then made anew
GOOD = 0.99  # mean cosine to the float net from which on 8 bits are offered
WANTED = 0.997  # layers go back to float until it is reached: sounds unlike those calibrated on agree less
SPARED = 0.06  # … and as long as they hold no more than that share of the work
FLAGS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp"})  # as /proc/cpuinfo has them
_BATCH = 8


@dataclass(frozen=True)
class Quantised:
    """A net in 8 bits, and how far it agrees with the float net on rows it was not calibrated on."""

    net: bytes
    cosine: float  # mean over rows
    lowest: float  # the 1 % quantile
    floats: tuple[str, ...]  # layers left in float


@dataclass(frozen=True)
class Kept:
    """A net in 8 bits beside the weights it was made of."""

    name: str  # of the weights
    path: Path
    cosine: float
    lowest: float


@cache
def unsupported() -> str | None:
    """Why this processor should not run nets in 8 bits; None if it should."""
    if platform.machine() == "arm64" and platform.system() == "Darwin":
        return None  # all of Apple's have the dot product
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return "whether this processor has instructions for 8-bit products cannot be told on this system"
    lines = [line.split(":", 1)[1] for line in text.splitlines() if line.startswith(("flags", "Features"))]
    if lines and FLAGS & set(lines[0].split()):
        return None
    return "this processor has no instructions for 8-bit products (AVX-VNNI, AVX512-VNNI, AMX or the like)"


def check() -> None:
    """Raise WeightsError where 8 bits are not offered."""
    if reason := unsupported():
        raise WeightsError(f"precision='int8': {reason}. Use precision='fp32'")


def installed(weights: Installed, output: str, rows: Callable[[], Floats], heard: str, *, again: bool = False) -> Kept:
    """Installed ``weights`` up to ``output`` in 8 bits; made once, of ``rows()``, and kept.

    ``heard`` names the sounds of the rows; it is written beside the net with how far the net agrees with the float one.
    ``again``: make it anew. Raises WeightsError where 8 bits are not offered or not good enough.
    """
    check()
    path = weights.folder / f"{output}.int8.onnx"
    record = path.with_suffix(".json")
    try:
        known = json.loads(record.read_text("utf-8"))
        if not again and known["version"] == VERSION and known["sha256"] == weights.sha256(path.name):
            return Kept(weights.name, path, known["cosine"], known["cosine_of_the_worst_hundredth"])
    except (OSError, ValueError, KeyError):
        pass  # not made yet, or damaged
    source = weights.onnx("net" if output in weights.facts["outputs"] else output)
    found = quantise(source.read_bytes(), output, rows())
    told = {
        "version": VERSION, "sha256": hashlib.sha256(found.net).hexdigest(), "calibrated_on": heard,
        "cosine": found.cosine, "cosine_of_the_worst_hundredth": found.lowest, "in_float": found.floats,
    }  # fmt: skip
    for file, content in ((path, found.net), (record, (json.dumps(told, indent=1) + "\n").encode())):
        with tempfile.NamedTemporaryFile(dir=weights.folder, prefix=".", delete=False) as out:
            out.write(content)
        Path(out.name).replace(file)
    return Kept(weights.name, path, found.cosine, found.lowest)


def quantise(net: bytes, output: str, rows: Floats, *, seed: int = 0) -> Quantised:
    """The part of ``net`` up to ``output`` in 8 bits. ``rows`` (n, *input) are inputs as it will meet them.

    Half of the rows calibrate, a quarter chooses what stays in float, a quarter judges. Raises WeightsError if the
    result is not good enough, MissingExtraError without onnx.
    """
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise MissingExtraError("making a net in 8 bits", "train") from error
    if len(rows) < 32:
        raise WeightsError(
            f"found {len(rows)} rows to calibrate a net in 8 bits; wanted 32 or more, best some hundreds"
        )
    parts = np.random.default_rng(seed).permutation(len(rows)) % 4
    learn, choose, judge = rows[parts < 2], rows[parts == 2][:128], rows[parts == 3]
    model = onnx.load_from_string(net)
    name = model.graph.input[0].name
    model = onnx.utils.Extractor(model).extract_model([name], [output])
    near, wanted = _run(model, name, choose), _run(model, name, judge)
    evened.even(model, _extremes(model, name, learn, by_channel=True)[1])
    model = evened.as_products(model)
    low, high = _extremes(model, name, learn)
    ranges = {t: (np.float32(low[t]), np.float32(high[t])) for t in low}
    work = evened.work(model)
    # One channel in, as an image's: there is hardly any work in it, and it is slow in 8 bits.
    floats = [n for n in work if n in _of_one_channel(model)]

    def agreement(**layers: Iterable[str]) -> float:
        return float(_cosines(near, _run(_quantised(model, ranges, **layers), name, choose)).mean())

    lost = {layer: 1 - agreement(only=[layer]) for layer in work if layer not in floats}
    spare = sorted(lost, key=lambda one: lost[one] / (work[one] + 0.002 * sum(work.values())), reverse=True)
    for layer in spare:
        if lost[layer] < 0.0005 or agreement(without=floats) >= WANTED:
            break
        if sum(work[f] for f in [*floats, layer]) <= SPARED * sum(work.values()):
            floats.append(layer)
    made = _quantised(model, ranges, without=floats)
    cosines = _cosines(wanted, _run(made, name, judge))
    found = Quantised(made.SerializeToString(), float(cosines.mean()), float(np.quantile(cosines, 0.01)), tuple(floats))
    if not found.cosine >= GOOD:
        raise WeightsError(
            f"in 8 bits this net's {output} has a mean cosine of {found.cosine:.4f} to the float net's on {len(judge)} rows; "
            f"wanted {GOOD}. Use precision='fp32', or calibrate on sounds of the kind that are to be judged: "
            "earmark weights int8 BACKBONE DATA"
        )
    return found


def _of_one_channel(model: Any) -> set[str]:
    """Convolutions that look at one channel."""
    weights = evened.weights_of(model)
    plain = (n for n in model.graph.node if n.op_type == "Conv" and evened.attributes(n).get("group", 1) == 1)
    return {n.name for n in plain if weights[n.input[1]].shape[1] == 1}


def _session(model: Any) -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _run(model: Any, name: str, rows: Floats) -> Floats:
    session = _session(model)
    parts = [session.run(None, {name: rows[i : i + _BATCH]})[0] for i in range(0, len(rows), _BATCH)]
    return np.concatenate(parts).reshape(len(rows), -1)


def _cosines(a: Floats, b: Floats) -> NDArray[np.float64]:
    """Cosine of each row of ``a`` and ``b`` (n, d); rows of zeros agree with each other only."""
    sizes = np.linalg.norm(a, axis=1).astype(np.float64) * np.linalg.norm(b, axis=1)
    products = np.einsum("nd,nd->n", a, b, dtype=np.float64)
    both = (np.abs(a).max(axis=1) == 0) & (np.abs(b).max(axis=1) == 0)
    return np.asarray(np.where(both, 1.0, products / np.maximum(sizes, 1e-30)))


def _extremes(
    model: Any, name: str, rows: Floats, *, by_channel: bool = False
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Least and largest values of every tensor between the nodes, over all rows; ``by_channel``: of its second axis."""
    import onnx

    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    tensors = [o for n in model.graph.node for o in n.output]
    del shown.graph.output[:]
    shown.graph.output.extend(onnx.helper.make_empty_tensor_value_info(t) for t in tensors)
    session = _session(shown)
    low: dict[str, Any] = {}
    high: dict[str, Any] = {}
    for i in range(0, len(rows), _BATCH):
        batch = rows[i : i + _BATCH]
        for tensor, value in zip([name, *tensors], [batch, *session.run(tensors, {name: batch})], strict=True):
            axes = tuple(a for a in range(value.ndim) if a != 1) if by_channel and value.ndim > 1 else None
            least, most = value.min(axis=axes), value.max(axis=axes)
            low[tensor] = np.minimum(low.get(tensor, least), least)
            high[tensor] = np.maximum(high.get(tensor, most), most)
    return low, high


def _quantised(model: Any, ranges: Any, *, without: Iterable[str] = (), only: Iterable[str] = ()) -> Any:
    """The model with bytes between its layers: all ``without`` some, or ``only`` some."""
    import onnx
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
            copied, per_channel=True, reduce_range=False, weight_qType=QuantType.QInt8, activation_qType=QuantType.QUInt8,
            tensors_range=TensorsData(CalibrationMethod.MinMax, ranges), nodes_to_quantize=sorted(chosen),
            nodes_to_exclude=sorted(floats), op_types_to_quantize=list(QDQRegistry), extra_options={},
        )  # fmt: skip
        result = made.quantize_model()
    _bypass(result, floats)
    _relu_last(result)
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


def _relu_last(model: Any) -> None:
    """A product's ReLU after its reshaping, where both are in float.

    Beside the product onnxruntime would join the two, and then multiply floats.
    """
    made = {o: n for n in model.graph.node for o in n.output}
    for shape in model.graph.node:
        relu = made.get(shape.input[0]) if shape.op_type == "Reshape" else None
        product = made.get(relu.input[0]) if relu is not None and relu.op_type == "Relu" else None
        if relu is None or product is None or product.op_type != "Gemm":
            continue
        between, out = f"{shape.name}.unclipped", shape.output[0]
        shape.input[0], shape.output[0] = product.output[0], between
        relu.input[0], relu.output[0] = between, out
        first, second = type(shape)(), type(shape)()
        first.CopyFrom(shape)
        second.CopyFrom(relu)
        relu.CopyFrom(first)  # so that nodes stand in the order in which they are worked out
        shape.CopyFrom(second)


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

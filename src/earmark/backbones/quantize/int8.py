"""Nets in 8 bits: weights and activations as bytes, products in the processor's 8-bit instructions.

A net is offered in 8 bits only where, on embeddings that were not learnt from, its output points the same way as the float
net's (mean cosine of ``GOOD`` or more) and it is faster here (``GAIN``), and only on processors with instructions for it:
on some of the others sums saturate.

Static quantisation by onnxruntime.quantization (Jacob et al., Quantization and training of neural networks for efficient
integer-arithmetic-only inference, 2018, https://arxiv.org/abs/1712.05877): weights by channel, activations by tensor
between the extremes seen in calibration. Before, channels are equalized out (see ``equalized``). After, layers that lose most
for what they cost stay in float.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earmark.core.errors import MissingExtraError, WeightsError

from ...core.atomic import whole
from .. import runtimes
from ..runtimes import Engine
from . import equalize
from .rounded import rounded

if TYPE_CHECKING:
    from ..weights.store import Installed

Floats = NDArray[np.float32]

MADE_UP = "made-up music and noise"  # what calibration.py makes
VERSION = 2  # raise it when nets come out otherwise: they are then made anew
GOOD = 0.99  # mean cosine to the float net from which on 8 bits are offered
GAIN = 1.2  # times as fast as the float net
WANTED = 0.997  # layers go back to float until it is reached: sounds unlike those calibrated on agree less
SPARED = 0.15  # … and as long as they hold no more than that share of the work
_BATCH = 32


@dataclass(frozen=True)
class Quantised:
    """A net in 8 bits, how far it agrees with the float net on embeddings it was not calibrated on, and what it gains."""

    net: bytes
    cosine: float  # mean over embeddings
    lowest: float  # the 1 % quantile
    faster: float  # times as fast as the float net, on one thread of this processor
    floats: tuple[str, ...]  # layers left in float


@dataclass(frozen=True)
class Kept:
    """A net in 8 bits beside the weights it was made of."""

    name: str  # of the weights
    path: Path
    cosine: float
    lowest: float


def installed(
    weights: Installed, output: str, embeddings: Callable[[], Floats], heard: str, *, again: bool = False
) -> Kept:
    """Installed ``weights`` up to ``output`` in 8 bits; made once, of ``embeddings()``, and kept.

    ``heard`` names the sounds of the embeddings; it is written beside the net with how far the net agrees with the float one.
    ``again``: make it anew. Raises WeightsError where 8 bits are not offered or not good enough.
    """
    runtimes.check("int8")
    path = weights.folder / f"{output}.int8.onnx"
    record = path.with_suffix(".json")
    try:
        known = json.loads(record.read_text("utf-8"))
        if not again and known["version"] == VERSION and known["sha256"] == weights.sha256(path.name):
            return Kept(weights.name, path, known["cosine"], known["cosine_of_the_worst_hundredth"])
    except (OSError, ValueError, KeyError):
        pass  # not made yet, or damaged
    source = weights.onnx("net" if output in weights.facts.outputs else output)
    found = quantise(source.read_bytes(), output, embeddings())
    told = {
        "version": VERSION,
        "sha256": hashlib.sha256(found.net).hexdigest(),
        "calibrated_on": heard,
        "cosine": found.cosine,
        "cosine_of_the_worst_hundredth": found.lowest,
        "times_faster": found.faster,
        "in_float": found.floats,
    }
    for file, content in ((path, found.net), (record, (json.dumps(told, indent=1) + "\n").encode())):
        with whole(file) as out:
            out.write(content)
    return Kept(weights.name, path, found.cosine, found.lowest)


def quantise(net: bytes, output: str, embeddings: Floats, *, seed: int = 0) -> Quantised:
    """The part of ``net`` up to ``output`` in 8 bits. ``windows`` (n, *input) are inputs as it will meet them.

    Half of the embeddings calibrate, a quarter chooses what stays in float, a quarter checks. Raises WeightsError if the
    result is not good enough, MissingExtraError without onnx.
    """
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise MissingExtraError("making a net in 8 bits", "train") from error
    if len(embeddings) < 32:
        raise WeightsError(
            f"found {len(embeddings)} embeddings to calibrate a net in 8 bits; wanted 32 or more, best some hundreds"
        )
    parts = np.random.default_rng(seed).permutation(len(embeddings)) % 4
    learn, choose, check = embeddings[parts < 2], embeddings[parts == 2][:128], embeddings[parts == 3]
    model = onnx.load_from_string(net)
    name = model.graph.input[0].name
    model = onnx.utils.Extractor(model).extract_model([name], [output])
    plain = runtimes.load(model.SerializeToString())
    near, wanted = _run(plain, choose, output), _run(plain, check, output)
    equalize.even(model, _extremes(model, name, learn, by_channel=True)[1])
    model = onnx.shape_inference.infer_shapes(model)
    low, high = _extremes(model, name, learn)
    ranges = {t: (np.float32(low[t]), np.float32(high[t])) for t in low}
    work = equalize.work(model)
    # One channel in, as an image's: there is hardly any work in it, and it is slow in 8 bits.
    floats = [n for n in work if n in _of_one_channel(model)]

    def agreement(**layers: Iterable[str]) -> float:
        # Bytes between floats: what bfloat16 loses beside them is not to be laid on a layer.
        tried = runtimes.load(rounded(model, ranges, **layers).SerializeToString())
        return float(_cosines(near, _run(tried, choose, output)).mean())

    lost = {layer: 1 - agreement(only=[layer]) for layer in work if layer not in floats}
    spare = sorted(lost, key=lambda one: lost[one] / (work[one] + 0.002 * sum(work.values())), reverse=True)
    for layer in spare:
        if lost[layer] < 0.0005 or agreement(without=floats) >= WANTED:
            break
        if sum(work[f] for f in [*floats, layer]) <= SPARED * sum(work.values()):
            floats.append(layer)
    net = rounded(model, ranges, without=floats).SerializeToString()
    made = runtimes.load(net, "int8", threads=1)
    cosines = _cosines(wanted, _run(made, check, output))
    found = Quantised(
        net,
        float(cosines.mean()),
        float(np.quantile(cosines, 0.01)),
        _times_faster((plain, made), check[:_BATCH], output),
        tuple(floats),
    )
    _check(found, output, len(check))
    return found


def _check(found: Quantised, output: str, checked: int) -> None:
    if not found.cosine >= GOOD:
        raise WeightsError(
            f"in 8 bits this net's {output} has a mean cosine of {found.cosine:.4f} to the float net's on {checked} embeddings; "
            f"wanted {GOOD}. Use precision='bf16', or calibrate on sounds of the kind that are to be evaluated: "
            "earmark weights int8 BACKBONE DATA"
        )
    if found.faster < GAIN:
        raise WeightsError(
            f"in 8 bits this net is {found.faster:.2f} times as fast as the float net on this processor; wanted {GAIN} or more. "
            "Use precision='bf16' or 'fp32'"
        )


def _of_one_channel(model: Any) -> set[str]:
    """Convolutions that look at one channel."""
    weights = equalize.weights_of(model)
    plain = (n for n in model.graph.node if n.op_type == "Conv" and equalize.attributes(n).get("group", 1) == 1)
    return {n.name for n in plain if weights[n.input[1]].shape[1] == 1}


def _run(engine: Engine, embeddings: Floats, output: str) -> Floats:
    parts = [engine(embeddings[i : i + _BATCH], output) for i in range(0, len(embeddings), _BATCH)]
    return np.concatenate(parts).reshape(len(embeddings), -1)


def _times_faster(pair: Sequence[Engine], embeddings: Floats, output: str) -> float:
    """Least time of the float net over that of the other, each in its turn; both compute on this thread."""
    took: list[list[float]] = [[], []]
    for _ in range(5):
        for engine, times in zip(pair, took, strict=True):
            began = time.thread_time()
            _run(engine, embeddings, output)
            times.append(time.thread_time() - began)
    return min(took[0]) / max(min(took[1]), 1e-9)


def _cosines(a: Floats, b: Floats) -> NDArray[np.float64]:
    """Cosine of each window of ``a`` and ``b`` (n, d); embeddings of zeros agree with each other only."""
    sizes = np.linalg.norm(a, axis=1).astype(np.float64) * np.linalg.norm(b, axis=1)
    products = np.einsum("nd,nd->n", a, b, dtype=np.float64)
    both = (np.abs(a).max(axis=1) == 0) & (np.abs(b).max(axis=1) == 0)
    return np.asarray(np.where(both, 1.0, products / np.maximum(sizes, 1e-30)))


def _extremes(
    model: Any, name: str, embeddings: Floats, *, by_channel: bool = False
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Least and largest values of every tensor between the nodes, over all embeddings; ``by_channel``: of its second axis."""
    import onnx

    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    tensors = [o for n in model.graph.node for o in n.output]
    del shown.graph.output[:]
    shown.graph.output.extend(onnx.helper.make_empty_tensor_value_info(t) for t in tensors)
    session = runtimes.OnnxRuntime(shown.SerializeToString()).session
    low: dict[str, Any] = {}
    high: dict[str, Any] = {}
    for i in range(0, len(embeddings), _BATCH):
        batch = embeddings[i : i + _BATCH]
        for tensor, value in zip([name, *tensors], [batch, *session.run(tensors, {name: batch})], strict=True):
            axes = tuple(a for a in range(value.ndim) if a != 1) if by_channel and value.ndim > 1 else None
            least, most = value.min(axis=axes), value.max(axis=axes)
            low[tensor] = np.minimum(low.get(tensor, least), least)
            high[tensor] = np.maximum(high.get(tensor, most), most)
    return low, high

"""What a model folder from elsewhere may hold: everything here is looked at before anything in it is used.

ONNX is a list of operators, not code, but a file can name other files, operators of other libraries, loops without end.
``refusal`` reads the file's own structure (protobuf: https://protobuf.dev/programming-guides/encoding, field numbers:
onnx.proto3 of ONNX 1.17), which needs no package beyond the core. Allowed are single-assignment graphs of standard
operators that compute and do nothing else. How much they compute is not bounded by that: serve strangers' models
under a limit of memory and time.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.errors import BundleError
from ..core.protobuf import fields

LARGEST = {".json": 16 << 20, ".onnx": 1 << 30, ".npz": 64 << 20, ".md": 1 << 20, ".txt": 64 << 20}  # bytes
MOST = 100  # files
_NAME = re.compile(r"(backbone-\d{1,3}|head-\d{1,3}|combiner)\.onnx|novelty\.npz|[\w-]{1,100}\.(md|txt)")
_STANDARD = """
Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization BitShift Cast
CastLike Ceil Celu CenterCropPad Clip Compress Concat Constant ConstantOfShape Conv ConvInteger ConvTranspose
Cos Cosh CumSum DFT DepthToSpace DequantizeLinear Det Div Dropout DynamicQuantizeLinear Einsum Elu Equal Erf
Exp Expand EyeLike Flatten Floor GRU Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalLpPool
GlobalMaxPool Greater GreaterOrEqual GroupNormalization HammingWindow HannWindow HardSigmoid HardSwish Hardmax
Identity InstanceNormalization IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual Log
LogSoftmax LpNormalization LpPool MatMul MatMulInteger Max MaxPool Mean MeanVarianceNormalization
MelWeightMatrix Min Mish Mod Mul Neg Not OneHot Or PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear RNN
RMSNormalization Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean
ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize Round STFT ScatterElements ScatterND Selu
Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub
Sum Swish Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze Upsample Where Xor
"""
_CLASSIC = """
ArrayFeatureExtractor Binarizer LinearClassifier LinearRegressor Normalizer SVMClassifier SVMRegressor Scaler
TreeEnsembleClassifier TreeEnsembleRegressor TreeEnsemble
"""
# No control flow, no chance, no text, no sequences.
OPERATORS = frozenset([*_STANDARD.split(), *(f"ai.onnx.ml.{name}" for name in _CLASSIC.split())])
_DOMAINS = {"": "", "ai.onnx": "", "ai.onnx.ml": "ai.onnx.ml."}


def refusal(content: bytes) -> str | None:
    """Why an ONNX file is not taken; None if it may be run."""
    graphs = 0
    try:
        for number, value in fields(memoryview(content)):
            if number == 7:
                graphs += 1
                _graph(value)
            elif number == 8:
                domains = [_text(v) for n, v in fields(value) if n == 1]
                if not set(domains) <= _DOMAINS.keys():
                    return f"it needs operators of {domains[0]!r}, which are not standard ONNX"
            elif number in (20, 25):
                return "it holds functions or training steps of its own"
    except _RefusedError as error:
        return str(error)
    except (ValueError, IndexError, TypeError) as error:
        return f"it is no ONNX file ({error})"
    return None if graphs else "it is no ONNX file (no graph)"


class _RefusedError(Exception):
    pass


def _graph(graph: Any) -> None:
    for number, value in fields(graph):
        if number == 1:
            _node(value)
        elif number == 5:
            _tensor(value)
        elif number == 15:
            raise _RefusedError("it holds sparse constants")


def _node(node: Any) -> None:
    found = list(fields(node))
    domains, kinds = {_text(v) for n, v in found if n == 7} or {""}, {_text(v) for n, v in found if n == 4}
    for name in (_DOMAINS.get(d, f"{d}.") + k for d in domains for k in kinds):
        if name not in OPERATORS:
            raise _RefusedError(f"it uses the operator {name[:80]!r}, which is not among those that models may use")
    for attribute in (v for n, v in found if n == 5):
        for number, value in fields(attribute):
            if number in (5, 10):
                _tensor(value)
            elif number in (6, 11, 22, 23):
                raise _RefusedError("it holds graphs inside its graph, or sparse constants")


def _tensor(tensor: Any) -> None:
    for number, value in fields(tensor):
        if number == 13 or (number == 14 and value):
            raise _RefusedError("it keeps numbers in another file")


def _text(value: Any) -> str:
    return bytes(value).decode("utf-8")


def card(folder: Path) -> dict[str, Any]:
    """``earmark.json`` as an object. Raises BundleError."""
    try:
        found = json.loads(_read(folder / "earmark.json").decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(
            f"{folder} is not a model: no readable earmark.json in it ({error}). Make one with: earmark train"
        ) from error
    if not isinstance(found, dict):
        raise BundleError(f"{folder} is not a model: its earmark.json holds a {type(found).__name__}, wanted an object")
    return found


def files(folder: Path, sums: object) -> dict[str, str]:
    """Names and sha256 of a bundle's files, every file looked at. Raises BundleError for what is not as it was saved."""
    if not isinstance(sums, dict) or len(sums) > MOST:
        raise BundleError(f"{folder}: earmark.json lists no files, or more than {MOST}; get a fresh copy")
    for name, wanted in sums.items():
        if not (isinstance(name, str) and _NAME.fullmatch(name)):
            raise BundleError(f"{folder}: found a file called {str(name)[:80]!r}, which no model has; get a fresh copy")
        try:
            content = _read(folder / name)
        except OSError as error:
            raise BundleError(
                f"{folder}: {name!r} is missing or not a plain file of the bundle; get a fresh copy"
            ) from error
        if hashlib.sha256(content).hexdigest() != wanted:
            raise BundleError(f"{folder}: {name} is not the file that was saved (sha256 differs); get a fresh copy")
        if name.endswith(".onnx") and (reason := refusal(content)):
            raise BundleError(f"{folder}: {name} is refused: {reason}")
        if name.endswith(".npz"):
            _unpacked(folder / name)
    return sums


def _read(path: Path) -> bytes:
    """A plain file of no absurd size. Raises OSError, BundleError."""
    facts, most = path.lstat(), LARGEST[path.suffix]
    if not stat.S_ISREG(facts.st_mode):
        raise OSError("not a plain file")
    if facts.st_size > most:
        raise BundleError(f"{path}: found {facts.st_size} bytes; a model's {path.suffix} has {most} at most")
    with path.open("rb") as file:
        return file.read(most)


def _unpacked(path: Path) -> None:
    """Raise BundleError if a packed file would become absurdly large."""
    try:
        with zipfile.ZipFile(path) as file:
            size = sum(one.file_size for one in file.infolist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise BundleError(f"{path}: not a readable .npz ({error}); get a fresh copy") from error
    if size > 4 * LARGEST[".npz"]:
        raise BundleError(f"{path}: would unpack to {size} bytes; a model's has {4 * LARGEST['.npz']} at most")


def params(folder: Path, given: object) -> dict[str, Any]:
    """A backbone's parameters, which may name no file and ask for no absurd sizes. Raises BundleError."""
    if not isinstance(given, dict) or not all(isinstance(k, str) for k in given):
        raise BundleError(f"{folder}: the parameters of a backbone are damaged; get a fresh copy")
    for name, value in given.items():
        if name in ("file", "weights") or (isinstance(value, str) and re.search(r"[/\\\x00]", value)):
            raise BundleError(
                f"{folder}: a backbone's parameter {name}={str(value)[:80]!r} names a file outside the bundle"
            )
        if name == "facts" and not isinstance(value, dict):
            raise BundleError(f"{folder}: a backbone's facts are no table; get a fresh copy")
    _modest(folder, given)
    return given


def _modest(folder: Path, value: Mapping[str, Any]) -> None:
    """No number that would make tables of gigabytes."""
    sizes = []
    for name, one in value.items():
        if isinstance(one, Mapping):
            _modest(folder, one)
        elif isinstance(one, (int, float)) and not (math.isfinite(one) and abs(one) <= 10**6):
            raise BundleError(f"{folder}: a backbone's parameter {name}={one!r} is absurd; wanted 1000000 at most")
        elif isinstance(one, int) and name != "sample_rate":
            sizes.append(abs(one))
    if len(sizes) > 1 and math.prod(sorted(sizes)[-2:]) > 2**26:
        raise BundleError(f"{folder}: a backbone's parameters {sorted(sizes)[-2:]} are absurd together")

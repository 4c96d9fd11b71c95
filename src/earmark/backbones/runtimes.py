"""What runs a net: onnxruntime in float32, OpenVINO in bfloat16 and in 8 bits.

onnxruntime belongs to the core. Processors made for it multiply bfloat16 and bytes many times faster than float32 (AMX:
sixteen times); onnxruntime has no bfloat16 for them and OpenVINO is the library that has both (docs/adr/0005). Engines
compute on as many threads as call them, one each: files are what runs in parallel.
"""

from __future__ import annotations

import os
import platform
import threading
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..core.errors import MissingExtraError, WeightsError
from ..core.telemetry import import_onnxruntime, import_openvino

Floats = NDArray[np.float32]

FLOATS = "float32"
LARGE = 2**26  # bytes of a net that is not copied for each thread
MANY = 2**19  # numbers to take at once in bf16 and int8: products are so fast that what is around them counts

PRECISIONS = ("fp32", "bf16", "int8")
UNCALIBRATED = ("fp32", "bf16")  # those that a net needs nothing for
BYTES = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp"})  # as /proc/cpuinfo has them
HALVES = frozenset({"avx512_bf16", "amx_bf16", "bf16"})


class Port(NamedTuple):
    """Where numbers go in or come out. A side of ``shape`` that is no number is free."""

    shape: tuple[int | str | None, ...]
    kind: str  # FLOATS, or what the engine calls it


class Engine(Protocol):
    """A net that is loaded. It may be called from many threads."""

    inputs: dict[str, Port]
    outputs: dict[str, Port]

    def __call__(self, embeddings: Floats, output: str) -> Floats:
        """Embeddings (n, …) in, the output of that name (n, …) out."""


def load(source: Path | bytes, precision: str = "fp32", *, threads: int | None = None) -> Engine:
    """The ONNX file ``source`` in the engine for that precision. For "int8" the net itself must have been rounded before.

    ``threads``: how many may call it at once (default: all processors). Raises what the engine raises.
    """
    return OnnxRuntime(source) if precision == "fp32" else OpenVino(source, threads or os.cpu_count() or 1)


class OnnxRuntime:
    """onnxruntime, on the thread that calls."""

    def __init__(self, source: Path | bytes) -> None:
        ort = import_onnxruntime()

        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Without enable_fallback=0 it would say on stdout that it tries again with the same provider.
        self.session = ort.InferenceSession(
            source if isinstance(source, bytes) else str(source),
            options,
            providers=["CPUExecutionProvider"],
            enable_fallback=0,
        )
        self.inputs, self.outputs = (
            {one.name: Port(tuple(one.shape), {"tensor(float)": FLOATS}.get(one.type, one.type)) for one in ports}
            for ports in (self.session.get_inputs(), self.session.get_outputs())
        )

    def __call__(self, embeddings: Floats, output: str) -> Floats:
        found: Floats = self.session.run([output], {next(iter(self.inputs)): embeddings})[0]
        return found


class OpenVino:
    """OpenVINO, what is left in float as bfloat16 where the processor multiplies that.

    Each thread that calls at the same time gets a copy of the net that computes on that thread. Handing work over to
    threads of OpenVINO's own leaves a sixth of two processors idle; nets of ``LARGE`` bytes do that, whose copies would fill memory.
    """

    def __init__(self, source: Path | bytes, threads: int) -> None:
        self._model = _openvino().read_model(source if isinstance(source, bytes) else str(source))
        large = (len(source) if isinstance(source, bytes) else source.stat().st_size) >= LARGE
        self._growing = threading.Lock()
        compiled = self._compiled(threads if large else 1)
        self.inputs, self.outputs = (
            {port.any_name: _port(port) for port in ports} for ports in (compiled.inputs, compiled.outputs)
        )
        self._shared = compiled if large else None
        self._idle: list[Any] = [compiled.create_infer_request()]  # they hold the values between layers

    def _compiled(self, threads: int) -> Any:
        core = _openvino()
        halves = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        settings = {
            "NUM_STREAMS": threads,
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,
            "INFERENCE_PRECISION_HINT": "bf16" if halves else "f32",
        }
        return core.compile_model(self._model, "CPU", settings)

    def __call__(self, embeddings: Floats, output: str) -> Floats:
        wanted = next(iter(self.inputs.values())).shape
        if len(embeddings.shape) != len(wanted) or any(
            isinstance(want, int) and have != want for have, want in zip(embeddings.shape, wanted, strict=True)
        ):
            # OpenVINO would bend them into shape.
            raise ValueError(f"found embeddings of shape {embeddings.shape}, wanted {wanted}")
        try:
            request = self._idle.pop()
        except IndexError:
            with self._growing:
                request = (self._shared or self._compiled(1)).create_infer_request()
        try:
            request.infer({0: np.ascontiguousarray(embeddings)})
            found: Floats = request.get_tensor(output).data.copy()  # the next embeddings overwrite it
        finally:
            self._idle.append(request)
        return found


def check(precision: str) -> None:
    """Raise WeightsError where this processor should not run a net so, MissingExtraError where the engine is not there."""
    if precision == "fp32":
        return
    if reason := unsupported(precision):
        raise WeightsError(f"precision={precision!r}: {reason}. Use precision='fp32'")
    if find_spec("openvino") is None:  # it is imported when a net is run: embeddings that are kept need none
        raise MissingExtraError("a net in bf16 or int8", "fast")


@cache
def unsupported(precision: str) -> str | None:
    """Why this processor should not run nets in that precision (slow, or other sums); None if it should."""
    kind, flags = {"bf16": ("bfloat16", HALVES), "int8": ("8-bit", BYTES)}[precision]
    if platform.machine() == "arm64" and platform.system() == "Darwin" and precision == "int8":
        return None  # all of Apple's have the dot product
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return f"whether this processor has instructions for {kind} products cannot be told on this system"
    lines = [line.split(":", 1)[1] for line in text.splitlines() if line.startswith(("flags", "Features"))]
    if lines and flags & set(lines[0].split()):
        return None
    return f"this processor has no instructions for {kind} products ({', '.join(sorted(flags))})"


@cache
def _openvino() -> Any:
    """OpenVINO's core."""
    return import_openvino().Core()


def _port(port: Any) -> Port:
    sides = tuple(side.get_length() if side.is_static else "n" for side in port.partial_shape)
    kind = port.element_type.get_type_name()
    return Port(sides, {"f32": FLOATS}.get(kind, kind))

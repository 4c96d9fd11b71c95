"""What a backbone is: a frozen, deterministic map from samples to embeddings, with its facts beside it.

A backbone cuts sound into windows and makes one *embedding* of each. Embedding ``i`` is a function of the samples
``[i * hop_samples, i * hop_samples + window_samples)`` of the (left-padded) signal and of nothing else.
That is what makes a ten-hour file cost no more memory than a short one: a block of sound gives the same embeddings
as the whole.

    samples ──front (numpy)──▶ inputs (windows, *input) ──net (ONNX)──▶ embeddings (windows, *shape)
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..audio import silence
from ..core import interrupts, plugins
from ..core.errors import BundleError
from ..core.spec import Part
from ..core.telemetry import import_onnxruntime
from ..core.text import first_line
from . import runtimes

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class About:
    """What `earmark list backbones` tells about a backbone without building it: module constant ``ABOUT``."""

    summary: str
    trained_on: str  # "nothing" for hand-made features
    licence: str  # licence of the pretrained weights
    citation: str
    weights: str | None = None  # name under which `earmark weights` knows them; None: needs no weights
    # What build() makes when called without parameters, told before the weights are there.
    shape: tuple[int, ...] = ()  # of one embedding
    sample_rate: int = 0  # Hz
    window: float = 0.0  # seconds
    hop: float = 0.0  # seconds


class Net:
    """A frozen net as ONNX, run on the thread that calls (files are what runs in parallel); see ``engines``."""

    def __init__(
        self,
        source: Path | str | bytes,
        *,
        output: str | None = None,
        sha256: str | None = None,
        batch: int = 4,
        precision: str = "fp32",
    ) -> None:
        self.source = source
        self.output = output
        self.batch = batch  # embeddings at once in float32; more only helps where a net has far more weights than work
        self.precision = precision
        self.sha256 = sha256 or hashlib.sha256(self.content).hexdigest()

    @property
    def content(self) -> bytes:
        """The ONNX file's bytes."""
        return self.source if isinstance(self.source, bytes) else Path(self.source).read_bytes()

    @property
    def facts(self) -> list[str | None]:
        """What the numbers depend on."""
        return [self.sha256, self.output, *([] if self.precision == "fp32" else [self.precision])]

    def __getstate__(self) -> dict[str, Any]:
        """All but the loaded net, which stays in its process; the file's bytes travel."""
        return {k: v for k, v in vars(self).items() if k != "engine"} | {"source": self.content}

    @cached_property
    def engine(self) -> runtimes.Engine:
        """The net, loaded. Raises BundleError if it cannot be."""
        source = self.source if isinstance(self.source, bytes) else Path(self.source)
        try:
            return runtimes.load(source, self.precision)
        except _failures() as error:
            raise BundleError(f"{self}: cannot be loaded ({first_line(error)})") from error

    def __call__(self, inputs: Floats, batch: int | None = None) -> Floats:
        """Run ``inputs`` (windows, …) through the net in batches; returns (windows, *shape). Raises BundleError if it cannot."""
        engine = self.engine
        if batch is None:
            many = 0 if self.precision == "fp32" else runtimes.MANY // max(1, math.prod(inputs.shape[1:]))
            batch = max(self.batch, many)
        try:
            wanted = self.output or next(iter(engine.outputs))
            parts = []
            for i in range(0, len(inputs), batch):
                interrupts.check()
                parts.append(engine(inputs[i : i + batch], wanted))
            return parts[0] if len(parts) == 1 else np.concatenate(parts)
        except _failures() as error:
            raise BundleError(f"{self}: fails on inputs of shape {inputs.shape} ({first_line(error)})") from error

    def __str__(self) -> str:
        return "the given net" if isinstance(self.source, bytes) else str(self.source)


def _failures() -> tuple[type[Exception], ...]:
    """What engines raise; onnxruntime's errors have no base of their own, OpenVINO's are RuntimeErrors."""
    state = import_onnxruntime().capi.onnxruntime_pybind11_state

    found = (getattr(state, name) for name in dir(state))
    own = (one for one in found if isinstance(one, type) and issubclass(one, Exception))
    return (*own, ValueError, IndexError, RuntimeError)


@dataclass(frozen=True, eq=False)
class Backbone:
    """A frozen map from samples to embeddings. ``front`` and ``net`` must be pure functions."""

    name: str
    sample_rate: int  # Hz, of the samples it takes
    window_samples: int  # samples one embedding looks at
    hop_samples: int  # samples from one embedding to the next
    shape: tuple[int, ...]  # of one embedding
    front: Callable[[Floats], Floats]  # (window + (n-1)*hop,) samples -> (n, *input)
    net: Net | None = None  # None: the front end's output are the embeddings
    params: Mapping[str, Any] = field(default_factory=dict)  # what build() was called with; rebuilds it
    facts: Mapping[str, Any] = field(default_factory=dict)  # front end's numbers: part of the fingerprint
    pad_left: int = 0  # zeros before the first sample (half an FFT for centred frames)
    pad_short: str = "repeat"  # sounds shorter than a window: "repeat" them or add "zero"s
    trim_db: float | None = None  # leave out both ends where the sound is that much below its loudest moment
    revision: str = "1"  # raise it when the numbers change for a reason not in the facts
    about: About = field(default_factory=lambda: About("", "nothing", "none", ""))
    weights: str | None = None  # name of the installed weights that ``net`` is made from; what fine-tuning goes on from

    @property
    def window(self) -> float:
        """Seconds one embedding looks at."""
        return self.window_samples / self.sample_rate

    @property
    def hop(self) -> float:
        """Seconds from one embedding to the next."""
        return self.hop_samples / self.sample_rate

    @cached_property
    def fingerprint(self) -> str:
        """Hash of everything that the embeddings depend on: facts, revision, the net's sha256."""
        facts = {
            "name": self.name,
            "revision": self.revision,
            "sample_rate": self.sample_rate,
            "window": self.window_samples,
            "hop": self.hop_samples,
            "shape": self.shape,
            "pad_left": self.pad_left,
            "pad_short": self.pad_short,
            "facts": dict(self.facts),
            "net": self.net and self.net.facts,
            **({} if self.trim_db is None else {"trim_db": self.trim_db}),
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()

    def __reduce__(self) -> tuple[Callable[..., Backbone], tuple[str, dict[str, Any], bytes | None, str]]:
        """To another process a backbone goes as its name and its net, and is built again: functions do not travel."""
        net = None if self.net is None else self.net.content
        return _rebuilt, (self.name, dict(self.params), net, self.fingerprint)

    def embeddings_in(self, samples: int) -> int:
        """How many embeddings ``samples`` samples give: whole windows only, but at least one."""
        return 1 + max(0, samples + self.pad_left - self.window_samples) // self.hop_samples

    def inputs(self, samples: Floats) -> Floats:
        """Samples (n,) float32 of a whole sound -> inputs of the net (windows, *input)."""
        if self.trim_db is not None:
            samples = silence.trim(samples, self.trim_db)
        if self.pad_left:
            samples = np.concatenate([np.zeros(self.pad_left, np.float32), samples])
        missing = self.window_samples - len(samples)
        if missing > 0:
            sound = samples[self.pad_left :]
            tail = np.resize(sound, missing) if self.pad_short == "repeat" else np.zeros(missing, np.float32)
            samples = np.concatenate([samples, tail])
        embeddings = 1 + (len(samples) - self.window_samples) // self.hop_samples
        return self.front(samples[: self.window_samples + (embeddings - 1) * self.hop_samples])

    def embed(self, samples: Floats) -> Floats:
        """Samples (n,) float32 mono at ``sample_rate`` -> embeddings (windows, *shape) float32."""
        inputs = self.inputs(samples)
        return inputs if self.net is None else self.net(inputs)


def facts(backbone: Backbone) -> dict[str, Any]:
    """What a report says of a backbone."""
    return {
        "name": backbone.name,
        "params": dict(backbone.params),
        "fingerprint": backbone.fingerprint,
        "shape": list(backbone.shape),
        "sample_rate": backbone.sample_rate,
        "window": backbone.window,
        "hop": backbone.hop,
        "licence": backbone.about.licence,
        "trained_on": backbone.about.trained_on,
        "citation": backbone.about.citation,
        "weights": backbone.weights,
    }


def load_backbone(part: Part | str) -> Backbone:
    """The backbone of a part, or of its text: ``"yamnet"``, ``"logmel(seconds=4)"``. Raises RecipeError, WeightsError."""
    part = Part.parse(part) if isinstance(part, str) else part
    built: Backbone = plugins.build("backbones", part.name, **part.kwargs)
    return built


def _rebuilt(name: str, params: Mapping[str, Any], net: bytes | None, fingerprint: str) -> Backbone:
    """The backbone that was pickled. Raises BundleError if another one comes of it here."""
    given = {} if net is None else {"weights": net}
    built: Backbone = plugins.build("backbones", name, **{**params, **given})
    if built.fingerprint != fingerprint:
        raise BundleError(
            f"the backbone {name} that was pickled cannot be built here: its front end is another one. Use the same "
            "Earmark in both processes, or build it in the one that uses it"
        )
    return built

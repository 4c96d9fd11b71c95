"""A net that the user brings: an ONNX file and the facts of its front end.

The facts are a TOML or JSON file (by default ``NET.toml`` or ``NET.json`` beside ``NET.onnx``)::

    sample_rate = 16000        # Hz, of the sound that goes in
    hop = 0.48                 # seconds from window to window
    frames = 96                # log-mel frames per window; a net that takes samples has window = 0.96 (seconds) instead
    output = "embedding"       # output of the net that holds the embeddings; default: its first
    centred = false            # true: frames are centred, as librosa's
    transpose = false          # true: the net takes (bands, frames)
    trained_on = "…"           # and licence, citation: said in reports
    [front]                    # the log-mel (earmark.mel.MelSpec); without it the net takes samples
    n_fft = 512
    hop_length = 160
    n_mels = 64

The net takes embeddings (n, frames, bands) or (n, 1, frames, bands), or samples (n, samples) or (n, 1, samples), float32 with
a free first side.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from earmark.audio.mel import MelSpec
from earmark.backbones import runtimes
from earmark.backbones.base import About, Backbone, Floats
from earmark.backbones.runtimes import FLOATS, Port
from earmark.core.errors import RecipeError

from . import _patches

ABOUT = About(
    summary="your own ONNX file with the facts of its front end",
    trained_on="as its facts say",
    licence="as its facts say",
    citation="",
)
_KNOWN = {
    "sample_rate", "hop", "window", "frames", "output", "centred", "transpose", "front", "trained_on", "licence", "citation",
}  # fmt: skip


def build(
    *,
    file: str | None = None,
    facts: str | Mapping[str, Any] | None = None,
    hop: float | None = None,
    output: str | None = None,
    pad: str = "repeat",
    precision: str = "fp32",
    weights: Path | str | bytes | None = None,
) -> Backbone:
    """Embeddings of the net in ``file``.

    ``facts``: a TOML or JSON file, or its content; default: the file of the net's name beside it. ``hop`` (seconds)
    and ``output`` overrule the facts. ``pad``: short sounds are repeated ("repeat") or get zeros ("zero").
    ``precision``: "fp32", or "bf16" on processors made for it. ``weights``: a copy of the net (file or bytes) instead of
    ``file``. Raises RecipeError when facts are missing, wrong or do not fit the net.
    """
    path = Path("net.onnx" if isinstance(weights, bytes) else weights or file or "")
    if not isinstance(weights, bytes) and not path.is_file():
        raise RecipeError(f"onnx: found no net at {str(path)!r}; wanted onnx(file='net.onnx')")
    told = dict(_read(facts, path))
    told |= {k: v for k, v in {"hop": hop, "output": output}.items() if v is not None}
    if unknown := told.keys() - _KNOWN:
        raise RecipeError(f"{path}: its facts hold {sorted(unknown)}, unknown here. Known: {', '.join(sorted(_KNOWN))}")
    if missing := {"sample_rate", "hop", "frames" if "front" in told else "window"} - told.keys():
        raise RecipeError(f"{path}: its facts lack {', '.join(sorted(missing))}. See the docs of the backbone 'onnx'")
    _patches.check_precision("onnx", precision, runtimes.UNCALIBRATED)
    if pad not in ("repeat", "zero"):
        raise RecipeError(f"onnx: pad={pad!r} is unknown; wanted 'repeat' or 'zero'")
    net, shape = _patches.given_net(
        weights if isinstance(weights, bytes) else path, told.get("output"), precision=precision
    )
    rate = int(told["sample_rate"])
    patch: tuple[int, ...]
    if "front" in told:
        spec = _spec(told["front"], rate, path)
        patch = (int(told["frames"]), spec.n_mels)
        frames_to_hop = _patches.whole_frames(float(told["hop"]), spec)
        window, step = spec.samples_of(patch[0]), frames_to_hop * spec.hop_length
        cut = _patches.front(spec, patch[0], frames_to_hop)
        patch = patch[::-1] if told.get("transpose") else patch
    else:
        spec = None
        patch = (round(float(told["window"]) * rate),)
        window, step = patch[0], max(1, round(float(told["hop"]) * rate))

        def cut(samples: Floats) -> Floats:
            return sliding_window_view(samples, window)[::step]

    channel = _channel(next(iter(net.engine.inputs.values())), patch, path)

    def front(samples: Floats) -> Floats:
        embeddings = cut(samples)
        if told.get("transpose"):
            embeddings = embeddings.swapaxes(1, 2)
        return np.ascontiguousarray(embeddings[:, None] if channel else embeddings)

    return Backbone(
        name="onnx",
        sample_rate=rate,
        window_samples=window,
        hop_samples=step,
        shape=shape,
        front=front,
        net=net,
        params={"facts": told, "pad": pad, "precision": precision},
        facts={"front": asdict(spec) if spec else None, "row": patch},
        pad_left=spec.frame_length // 2 if spec and told.get("centred") else 0,
        pad_short=pad,
        about=About(
            ABOUT.summary,
            str(told.get("trained_on", "not said")),
            str(told.get("licence", "not said")),
            str(told.get("citation", "")),
        ),
    )


def _read(facts: str | Mapping[str, Any] | None, net: Path) -> Mapping[str, Any]:
    """The facts, from wherever they are."""
    if isinstance(facts, Mapping):
        return facts
    beside = [net.with_suffix(".toml"), net.with_suffix(".json")]
    path = Path(facts) if facts else next((p for p in beside if p.is_file()), beside[0])
    try:
        text = path.read_text(encoding="utf-8")
        read: Mapping[str, Any] = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"{net}: its facts could not be read from {path} ({error})") from error
    return read


def _spec(front: Mapping[str, Any], sample_rate: int, net: Path) -> MelSpec:
    try:
        return MelSpec(sample_rate=sample_rate, **front)
    except TypeError as error:
        known = ", ".join(MelSpec.__dataclass_fields__)
        raise RecipeError(f"{net}: its [front] is not a log-mel ({error}). It takes: {known}") from error


def _channel(wanted: Port, inside: tuple[int, ...], net: Path) -> bool:
    """True if the net wants an axis for one channel. Raises RecipeError when embeddings do not fit the net."""
    for shape in (inside, (1, *inside)):
        fits = len(wanted.shape) == len(shape) + 1 and all(
            not isinstance(have, int) or have == want for have, want in zip(wanted.shape[1:], shape, strict=True)
        )
        if fits and not isinstance(wanted.shape[0], int) and wanted.kind == FLOATS:
            return len(shape) > len(inside)
    raise RecipeError(
        f"{net}: takes {wanted.kind} {wanted.shape}, but its facts make float embeddings ('n', {', '.join(map(str, inside))}). "
        "The first side must be free; correct the facts, or export the net again"
    )

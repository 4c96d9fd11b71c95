"""Shared by backbones that run a pretrained net on log-mel patches: the front end, the net, where it is cut."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from earmark.audio import mel
from earmark.backbones import runtimes
from earmark.backbones.base import About, Backbone, Floats, Net
from earmark.backbones.check_onnx import refusal
from earmark.backbones.quantize import int8
from earmark.backbones.weights.store import require
from earmark.core.errors import BundleError, RecipeError

PATCHES = "patches"
"""The cut before the net: embeddings are its input. What fine-tunes a whole net starts there."""


def check_precision(name: str, precision: str, known: Sequence[str]) -> None:
    """Raise RecipeError for a precision that the backbone ``name`` does not have."""
    if precision not in known:
        raise RecipeError(f"{name}: precision={precision!r} is unknown; wanted {' or '.join(map(repr, known))}")


def net_of(
    weights_name: str,
    at: str,
    given: Path | str | bytes | None = None,
    *,
    batch: int = 4,
    precision: str = "fp32",
    calibrate: Callable[[], Floats] | None = None,
) -> tuple[Net, tuple[int, ...]]:
    """The installed net (or the ONNX net ``given``) up to the block ``at``, and the shape of a window there.

    ``calibrate`` gives inputs to calibrate a net in 8 bits on, if it has not been made yet. Raises WeightsError when the
    weights are missing, the net has no such block, or the processor is not made for that ``precision``.
    """
    if given is not None:
        return given_net(given, at, batch=batch, precision=precision)
    runtimes.check(precision)
    installed = require(weights_name)
    if precision == "int8" and calibrate is not None:
        kept = int8.installed(installed, at, calibrate, int8.MADE_UP)
        return Net(kept.path, output=at, batch=batch, precision=precision), installed.shapes[at]
    variant = "net" if at in installed.facts["outputs"] else at
    path = installed.onnx(variant)
    net = Net(path, output=at, sha256=installed.facts["sha256"].get(path.name), batch=batch, precision=precision)
    return net, installed.shapes[at]


def given_net(
    source: Path | str | bytes, output: str | None, *, batch: int = 4, precision: str = "fp32"
) -> tuple[Net, tuple[int, ...]]:
    """An ONNX file or its bytes as a net, and the shape of a window of ``output`` (None: the first).

    Raises RecipeError, and WeightsError where the processor is not made for ``precision``: its numbers may be others.
    """
    runtimes.check(precision)
    net = Net(source, output=output, batch=batch, precision=precision)
    path = str(net)
    if reason := refusal(net.content):  # here, so that no model is trained that could not be loaded again
        raise RecipeError(f"{path}: {reason}")
    try:
        outputs = net.engine.outputs
    except BundleError as error:
        raise RecipeError(str(error)) from error
    name = output or next(iter(outputs))
    if name not in outputs:
        raise RecipeError(f"{path}: has no output {name!r}. It has: {', '.join(outputs)}")
    shape = tuple(side for side in outputs[name].shape[1:] if isinstance(side, int))
    if len(shape) < len(outputs[name].shape) - 1:
        raise RecipeError(
            f"{path}: the output {name!r} has the shape {outputs[name].shape}, of which only the first side may be free. "
            "Export the net with a fixed embedding shape, or name another output."
        )
    return net, shape


def front(spec: mel.MelSpec, frames: int, hop_frames: int) -> Callable[[Floats], Floats]:
    """The pure function samples -> log-mel patches (windows, frames, mels)."""

    def patches(samples: Floats) -> Floats:
        return mel.patches(mel.log_mel(samples, spec), frames, hop_frames)

    return patches


def whole_frames(hop: float, spec: mel.MelSpec) -> int:
    """``hop`` seconds as a number of frames, at least 1. Raises RecipeError when it is not above zero."""
    if not hop > 0:
        raise RecipeError(f"hop={hop!r}: wanted a number of seconds above 0")
    return max(1, round(hop * spec.sample_rate / spec.hop_length))


def build(
    name: str,
    *,
    spec: mel.MelSpec,
    frames: int,
    hop: float,
    at: str,
    pad: str,
    weights_name: str,
    weights: Path | str | bytes | None,
    about: About,
    params: Mapping[str, Any],
    pad_left: int = 0,
    trim: float | None = None,
    batch: int = 4,
    precision: str = "fp32",
) -> Backbone:
    """A backbone of ``frames`` frames per window, every ``hop`` seconds (rounded to whole frames).

    ``at`` is the block whose output the embeddings are; "patches" leaves the net out. ``trim`` decibels: see Backbone.
    ``batch``: embeddings that the net takes at once in float32. ``precision``: see ``engines``.
    """
    if pad not in ("repeat", "zero"):
        raise RecipeError(f"{name}: pad={pad!r} is unknown; wanted 'repeat' or 'zero'")
    if trim is not None and not trim > 0:
        raise RecipeError(f"{name}: trim={trim!r}: wanted decibels above 0, e.g. 60, or None")
    check_precision(name, precision, runtimes.PRECISIONS)
    hop_frames = whole_frames(hop, spec)
    patches = front(spec, frames, hop_frames)

    def made_up() -> Floats:
        from earmark.backbones.quantize.calibration import sounds  # not needed once the net is there

        heard = (np.concatenate([np.zeros(pad_left, np.float32), s]) for s in sounds(spec.sample_rate))
        return np.concatenate([patches(s) for s in heard])

    net: Net | None = None
    shape: tuple[int, ...] = (frames, spec.n_mels)
    if at != PATCHES:
        net, shape = net_of(weights_name, at, weights, batch=batch, precision=precision, calibrate=made_up)

    def embeddings(samples: Floats) -> Floats:
        return patches(samples).copy()  # frames that overlap share memory until here

    return Backbone(
        name=name,
        sample_rate=spec.sample_rate,
        window_samples=spec.samples_of(frames),
        hop_samples=hop_frames * spec.hop_length,
        shape=shape,
        front=patches if net else embeddings,
        net=net,
        params=params,
        facts={"front": asdict(spec), "frames": frames, "at": at},
        pad_left=pad_left,
        pad_short=pad,
        trim_db=trim,
        about=about,
        weights=weights_name,
    )

"""Shared by backbones whose front end is their own: checks, the windows, the net and where it is cut."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from earmark.backbones import runtimes
from earmark.backbones.base import About, Backbone, Floats, Net
from earmark.core.errors import RecipeError

from . import _patches


def samples_in(hop: float, sample_rate: int, name: str) -> int:
    """``hop`` seconds as a number of samples, at least 1. Raises RecipeError when it is not above zero."""
    if not hop > 0:
        raise RecipeError(f"{name}: hop={hop!r}: wanted a number of seconds above 0")
    return max(1, round(hop * sample_rate))


def each(window: int, hop: int, shape: tuple[int, ...], one: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    """A front end that makes the input (shape) of a window out of each window of samples by itself."""

    def front(samples: Floats) -> Floats:
        embeddings = 1 + (len(samples) - window) // hop
        made = np.empty((embeddings, *shape), np.float32)
        for i in range(embeddings):
            made[i] = one(samples[i * hop : i * hop + window])
        return made

    return front


def build(
    name: str,
    *,
    sample_rate: int,
    window: int,
    hop: int,
    inputs: tuple[int, ...],
    front: Callable[[Floats], Floats],
    at: str,
    pad: str,
    weights_name: str,
    weights: Path | str | bytes | None,
    about: About,
    params: Mapping[str, Any],
    facts: Mapping[str, Any],
    pad_left: int = 0,
    precision: str = "fp32",
) -> Backbone:
    """A backbone of ``window`` samples per window, every ``hop`` samples. ``inputs`` is the shape of the net's input.

    ``at`` is the block whose output the embeddings are; "patches" leaves the net out. ``precision``: "fp32" or "bf16".
    """
    if pad not in ("repeat", "zero"):
        raise RecipeError(f"{name}: pad={pad!r} is unknown; wanted 'repeat' or 'zero'")
    _patches.check_precision(name, precision, runtimes.UNCALIBRATED)
    net: Net | None = None
    shape = inputs
    if at != _patches.PATCHES:
        net, shape = _patches.net_of(weights_name, at, weights, precision=precision)
    return Backbone(
        name=name,
        sample_rate=sample_rate,
        window_samples=window,
        hop_samples=hop,
        shape=shape,
        front=front,
        net=net,
        params=params,
        facts={**facts, "at": at},
        pad_left=pad_left,
        pad_short=pad,
        about=about,
        weights=weights_name,
    )

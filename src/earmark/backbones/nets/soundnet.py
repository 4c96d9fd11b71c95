"""SoundNet (Aytar, Vondrick, Torralba: "SoundNet: Learning Sound Representations from Unlabeled Video", NIPS 2016).

Strided convolutions on the waveform, up to conv5: 256 numbers each 2048 samples, averaged over the window. conv6-8
are left out: conv7 is 95 % zeros on music. As in the package whose weights these are, convolutions are not padded
and batch norm's eps is 1e-3 (the authors' Torch model pads, and has 1e-5).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from earmark.backbones.weights import readers
from earmark.core.errors import WeightsError

LAYERS = ((16, 64, 8), (32, 32, 8), (64, 16, 1), (128, 8, 1), (256, 4, 1))  # channels, kernel, pool; stride is 2


class Waveform(nn.Module):
    """(n, samples) in -1 … 1 -> (n, 1, samples) in -256 … 256."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, None] * 256.0


class Mean(nn.Module):
    """(n, channels, time) -> (n, channels)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(2)


def module() -> nn.Sequential:
    """(n, samples) at 22.05 kHz -> (n, 256)."""
    blocks: dict[str, nn.Module] = {"input": Waveform()}
    before = 1
    for i, (channels, kernel, pool) in enumerate(LAYERS, 1):
        parts: dict[str, nn.Module] = {
            "conv": nn.Conv1d(before, channels, kernel, stride=2),
            "norm": nn.BatchNorm1d(channels, eps=1e-3),
            "relu": nn.ReLU(),
        }
        if pool > 1:
            parts["pool"] = nn.MaxPool1d(pool)
        blocks[f"conv{i}"] = nn.Sequential(OrderedDict(parts))
        before = channels
    return nn.Sequential(OrderedDict(blocks, embedding=Mean()))


def convert(files: Mapping[str, Path]) -> dict[str, NDArray[np.float32]]:
    """From ``sound8.npy``: a pickled dictionary of layers, read without pickle's powers."""
    try:
        layers = readers.npy(files["sound8.npy"]).item()
        return _params(layers)
    except (AttributeError, KeyError, ValueError, OSError) as error:
        raise WeightsError(f"{files['sound8.npy']}: not SoundNet's layers ({error!r}); wanted sound8.npy") from error


def _params(layers: Mapping[str, Mapping[str, NDArray[np.float32]]]) -> dict[str, NDArray[np.float32]]:
    params: dict[str, NDArray[np.float32]] = {}
    before = 1
    for i, (channels, kernel, _) in enumerate(LAYERS, 1):
        layer, ours = layers[f"conv{i}"], f"conv{i}"
        # stored as (kernel, 1, in, out) or (1, kernel, in, out): the axis of length one has no meaning
        params[f"{ours}.conv.weight"] = layer["weights"].reshape(kernel, before, channels).transpose(2, 1, 0)
        params[f"{ours}.conv.bias"] = layer["biases"]
        for name, theirs in (("weight", "gamma"), ("bias", "beta"), ("running_mean", "mean"), ("running_var", "var")):
            params[f"{ours}.norm.{name}"] = layer[theirs]
        before = channels
    return params

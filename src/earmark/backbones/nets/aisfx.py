"""The embedding net of aisfx (Ma, Zhang, Kum, McFee: "Representation Learning for the Automatic Indexing of Sound
Effects Libraries", ISMIR 2022; checkpoint X-Sequential-CE).

Four blocks of two 3x3 convolutions with batch norm and ReLU, max-pooled 2x2 (the last one is not); then the mean
over frequency and the maximum over time: 512 numbers.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from . import _checkpoint

WIDTHS = (64, 128, 256, 512)


class Spectrogram(nn.Module):
    """(n, frames, bands) -> (n, 1, frames, bands)."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, None]


class MeanMax(nn.Module):
    """(n, 512, frames, bands) -> (n, 512): mean over bands, then maximum over frames."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(3).amax(2)


def block(inputs: int, outputs: int, *, pool: bool) -> nn.Sequential:
    """Two convolutions; children are called as in the published checkpoint."""
    parts: dict[str, nn.Module] = {
        "conv1": nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        "bn1": nn.BatchNorm2d(outputs),
        "relu1": nn.ReLU(),
        "conv2": nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        "bn2": nn.BatchNorm2d(outputs),
        "relu2": nn.ReLU(),
    }
    if pool:
        parts["pool"] = nn.MaxPool2d(2)
    return nn.Sequential(OrderedDict(parts))


def module() -> nn.Sequential:
    """(n, 100, 96) scaled log-mel -> (n, 512)."""
    blocks: dict[str, nn.Module] = {"input": Spectrogram()}
    for i, (before, width) in enumerate(zip((1, *WIDTHS), WIDTHS, strict=False), 1):
        blocks[f"block{i}"] = block(before, width, pool=i < len(WIDTHS))
    return nn.Sequential(OrderedDict(blocks, embedding=MeanMax()))


def convert(files: Mapping[str, Path]) -> dict[str, NDArray[np.float32]]:
    """From ``checkpoint.pth``: a pair (state dict, classes of the data sets); the classifiers are left out."""
    state, _ = _checkpoint.load(files["checkpoint.pth"])
    prefix = "embedding_net.conv_block"
    return {
        "block" + name.removeprefix(prefix): tensor.numpy()
        for name, tensor in state.items()
        if name.startswith(prefix) and not name.endswith("num_batches_tracked")
    }

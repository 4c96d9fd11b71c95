"""musicnn: a tagger of music whose first filters are shaped by timbre (tall) and rhythm (long).

Pons and Serra, musicnn: pre-trained convolutional neural networks for music audio tagging, 2019,
https://arxiv.org/abs/1909.06654. Held to the four published graphs by tests/test_nets_musicnn.py.

    (n, 187, 96) ──input──▶ (n, 1, 187, 96) ──front──▶ (n, 561, 187) ──middle──▶ (n, 753, 187)
    ──pooled──▶ (n, 1506) ──penultimate──▶ (n, 200) ──logits──▶ (n, 50)
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from earmark.backbones.weights import readers

MELS = 96
TIMBRAL = (38, 67)  # heights in mel bands; 7 frames long, 204 filters each
TEMPORAL = (128, 64, 32)  # lengths in frames; 1 band high, 51 filters each
EPSILON = 1e-3  # of batch norm, TensorFlow's default


class Branch(nn.Module):
    """Convolution, ReLU, batch norm, then the maximum over all bands: (n, 1, time, mels) -> (n, filters, time)."""

    def __init__(self, filters: int, frames: int, bands: int) -> None:
        super().__init__()
        # 'same' over time; an even kernel gets the odd zero after the last frame, as in TensorFlow.
        self.pad = nn.ZeroPad2d((0, 0, (frames - 1) // 2, frames // 2))
        self.conv = nn.Conv2d(1, filters, (frames, bands))
        self.norm = nn.BatchNorm2d(filters, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(torch.relu(self.conv(self.pad(x))))
        return x.amax(3)


class Front(nn.Module):
    """All branches side by side: (n, 1, time, mels) -> (n, 561, time)."""

    def __init__(self) -> None:
        super().__init__()
        timbral = [Branch(204, 7, bands) for bands in TIMBRAL]
        self.branches = nn.ModuleList([*timbral, *(Branch(51, frames, 1) for frames in TEMPORAL)])

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


class Step(nn.Module):
    """Convolution over time, ReLU, batch norm: (n, channels, time) -> (n, 64, time)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, 64, 7, padding=3)
        self.norm = nn.BatchNorm1d(64, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        step: Tensor = self.norm(torch.relu(self.conv(x)))
        return step


class Middle(nn.Module):
    """Three convolutions with residual connections, joined with their input: (n, 561, time) -> (n, 753, time)."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = Step(561), Step(64), Step(64)

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(x)
        second = self.second(first) + first
        third = self.third(second) + second
        return torch.cat([x, first, second, third], 1)


class Pooled(nn.Module):
    """Maximum and mean over time, side by side for each channel: (n, 753, time) -> (n, 1506).

    TensorFlow joined the two along the last axis and then flattened, so they alternate.
    """

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([x.amax(2), x.mean(2)], 2).flatten(1)


def module() -> nn.Sequential:
    """musicnn as one line of named blocks, untrained."""
    return nn.Sequential(
        OrderedDict[str, nn.Module](
            input=nn.Sequential(nn.Unflatten(1, (1, -1)), nn.BatchNorm2d(1, eps=EPSILON)),
            front=Front(),
            middle=Middle(),
            pooled=Pooled(),
            penultimate=nn.Sequential(
                nn.BatchNorm1d(1506, eps=EPSILON),
                nn.Dropout(0.5),
                nn.Linear(1506, 200),
                nn.ReLU(),
                nn.BatchNorm1d(200, eps=EPSILON),
            ),
            logits=nn.Sequential(nn.Dropout(0.5), nn.Linear(200, 50)),
        )
    )


def convert(files: Mapping[str, Path]) -> dict[str, NDArray[np.float32]]:
    """Arrays of ``module()`` from a published TensorFlow checkpoint."""
    tensors = readers.tensorflow(files[".index"], files[".data-00000-of-00001"])
    return fill(module(), tensors)


def fill(net: nn.Sequential, tensors: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    """Give each layer of ``net`` the next of its kind in the checkpoint, which numbers them in order of use.

    Names there: ``conv2d``, ``conv2d_1``, … (``1CNN``, ``2CNN``, … in the VGG), ``batch_normalization_3``, ``dense_1``.
    """
    arrays: dict[str, NDArray[np.float32]] = {}
    used = {"conv": 0, "norm": 0, "dense": 0}

    def following(kind: str, stem: str) -> str:
        number = used[kind]
        used[kind] += 1
        vgg = f"{number + 1}CNN"
        if kind == "conv" and f"{vgg}/kernel" in tensors:
            return vgg
        return stem + (f"_{number}" if number else "")

    for name, part in net.named_modules():
        if isinstance(part, nn.Conv1d | nn.Conv2d):
            at = following("conv", "conv2d")
            kernel = tensors[f"{at}/kernel"]
            if isinstance(part, nn.Conv1d):  # (time, channels, 1, outputs): channels lay on an image's axis there
                arrays[f"{name}.weight"] = kernel[:, :, 0].transpose(2, 1, 0)
            else:
                arrays[f"{name}.weight"] = kernel.transpose(3, 2, 0, 1)
            arrays[f"{name}.bias"] = tensors[f"{at}/bias"]
        elif isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            at = following("norm", "batch_normalization")
            arrays[f"{name}.weight"] = tensors[f"{at}/gamma"]
            arrays[f"{name}.bias"] = tensors[f"{at}/beta"]
            arrays[f"{name}.running_mean"] = tensors[f"{at}/moving_mean"]
            arrays[f"{name}.running_var"] = tensors[f"{at}/moving_variance"]
        elif isinstance(part, nn.Linear):
            at = following("dense", "dense")
            arrays[f"{name}.weight"] = tensors[f"{at}/kernel"].T
            arrays[f"{name}.bias"] = tensors[f"{at}/bias"]
    return arrays

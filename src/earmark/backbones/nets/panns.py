"""PANNs (Kong et al.: "PANNs: Large-Scale Pretrained Audio Neural Networks for Audio Pattern Recognition", 2020).

``cnn14``: six blocks of two 3x3 convolutions, average-pooled. ``mobilenetv1`` and ``mobilenetv2``: separable
convolutions whose strides are average pools, and 2 2 2 2 1 2 1 … where the original MobileNetV2 has 2 2 2 1 2. All:
batch norm over the mel bands first, mean over bands, maximum + mean over time, one dense layer (the embedding), and
527 AudioSet scores. Facts from audioset_tagging_cnn's ``pytorch/models.py`` (MIT).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from earmark.core.errors import WeightsError

from . import _checkpoint

Blocks = dict[str, nn.Module]


class BandNorm(nn.BatchNorm2d):
    """(n, frames, 64) decibels -> (n, 1, frames, 64): batch norm with the mel bands as channels."""

    def forward(self, x: Tensor) -> Tensor:
        normed: Tensor = super().forward(x.transpose(1, 2)[..., None])
        return normed.transpose(1, 3)


class MaxPlusMean(nn.Module):
    """(n, channels, frames, bands) -> (n, channels): mean over bands, then maximum plus mean over frames."""

    def forward(self, x: Tensor) -> Tensor:
        frames = x.mean(3)
        return frames.amax(2) + frames.mean(2)


class Residual(nn.Module):
    """MobileNetV2's inverted residual; the shortcut only where shapes allow it."""

    def __init__(self, inputs: int, outputs: int, stride: int, expand: int) -> None:
        super().__init__()
        wide = inputs * expand
        widen = [nn.Conv2d(inputs, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU6()] if expand > 1 else []
        self.conv = nn.Sequential(
            *widen,
            nn.Conv2d(wide, wide, 3, padding=1, groups=wide, bias=False),
            nn.AvgPool2d(stride),
            nn.BatchNorm2d(wide),
            nn.ReLU6(),
            nn.Conv2d(wide, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.conv(x)
        return x + made if self.shortcut else made


def _cnn14() -> Blocks:
    blocks: Blocks = {}
    widths = (1, 64, 128, 256, 512, 1024, 2048)
    for i, (before, width) in enumerate(zip(widths, widths[1:], strict=False), 1):
        parts: Blocks = {
            "conv1": nn.Conv2d(before, width, 3, padding=1, bias=False),
            "bn1": nn.BatchNorm2d(width),
            "relu1": nn.ReLU(),
            "conv2": nn.Conv2d(width, width, 3, padding=1, bias=False),
            "bn2": nn.BatchNorm2d(width),
            "relu2": nn.ReLU(),
        }
        if i < 6:
            parts["pool"] = nn.AvgPool2d(2)
        blocks[f"block{i}"] = nn.Sequential(OrderedDict(parts, dropout=nn.Dropout(0.2)))
    return blocks


def _mobilenetv1() -> Blocks:
    def separable(before: int, width: int, stride: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(before, before, 3, padding=1, groups=before, bias=False),
            nn.AvgPool2d(stride),
            nn.BatchNorm2d(before),
            nn.ReLU(),
            nn.Conv2d(before, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )

    widths = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
    parts = [_stem(nn.ReLU)]
    for before, width in zip(widths, widths[1:], strict=False):
        parts.append(separable(before, width, 2 if width > before and before > 32 else 1))
    return {f"features{i}": part for i, part in enumerate(parts)}


def _mobilenetv2() -> Blocks:
    parts: list[nn.Module] = [_stem(nn.ReLU6)]
    before = 32
    groups = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 2), (6, 160, 3, 1), (6, 320, 1, 1))
    for expand, width, repeats, stride in groups:
        for i in range(repeats):
            parts.append(Residual(before, width, 1 if i else stride, expand))
            before = width
    parts.append(nn.Sequential(nn.Conv2d(before, 1280, 1, bias=False), nn.BatchNorm2d(1280), nn.ReLU6()))
    return {f"features{i}": part for i, part in enumerate(parts)}


def _stem(relu: type[nn.Module]) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 32, 3, padding=1, bias=False), nn.AvgPool2d(2), nn.BatchNorm2d(32), relu())


NETS: Mapping[str, tuple[Callable[[], Blocks], int, int]] = {  # blocks, their channels, width of the embedding
    "cnn14": (_cnn14, 2048, 2048),
    "mobilenetv1": (_mobilenetv1, 1024, 1024),
    "mobilenetv2": (_mobilenetv2, 1280, 1024),
}


def module(*, net: str = "cnn14") -> nn.Sequential:
    """(n, frames, 64) log-mel in decibels -> "embedding" (n, 2048 or 1024) -> "scores" (n, 527)."""
    blocks, channels, width = NETS[net]
    return nn.Sequential(
        OrderedDict(
            {"bn0": BandNorm(64)},
            **blocks(),
            pool=MaxPlusMean(),
            embedding=nn.Sequential(nn.Linear(channels, width), nn.ReLU()),
            scores=nn.Sequential(nn.Linear(width, 527), nn.Sigmoid()),
        )
    )


def convert(files: Mapping[str, Path], *, net: str = "cnn14") -> dict[str, NDArray[np.float32]]:
    """From a ``.pth`` of the Zenodo record: {"iteration", "model", "sampler"}, of which only "model" is used."""
    (path,) = files.values()
    wanted = {name for name in module(net=net).state_dict() if not name.endswith("num_batches_tracked")}
    loaded = _checkpoint.load(path)
    stored: Mapping[str, Tensor] = loaded.get("model", loaded)
    found = {_name(name): tensor.numpy() for name, tensor in stored.items()}
    if missing := sorted(wanted - found.keys()):
        raise WeightsError(f"{path}: not the weights of {net}: {len(missing)} arrays are missing, e.g. {missing[0]!r}")
    return {name: found[name] for name in sorted(wanted)}


def _name(theirs: str) -> str:
    first, _, rest = theirs.partition(".")
    if first == "features":
        number, _, rest = rest.partition(".")
        return f"features{number}.{rest}"
    return {"fc1": "embedding.0", "fc_audioset": "scores.0"}.get(first, first.replace("conv_", "")) + "." + rest

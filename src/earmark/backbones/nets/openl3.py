"""OpenL3's audio net (Cramer, Wu, Salamon, Bello: "Look, Listen, and Learn More", ICASSP 2019).

Batch norm, four pairs of 3x3 convolutions with batch norm and ReLU, max-pooled between; the last convolution
is bare and its output is max-pooled to 4 x 3 places ("large", 6144 numbers) or to one ("small", 512; the maximum of
the other's places). Facts from marl/openl3 (MIT) and torchopenl3.
"""

from __future__ import annotations

import gzip
import io
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from earmark.backbones.weights import readers
from earmark.core.errors import MissingExtraError, WeightsError

Arrays = dict[str, NDArray[np.float32]]
WIDTHS = (64, 64, 128, 128, 256, 256, 512, 512)


class Spectrogram(nn.Module):
    """(n, mels, frames) -> (n, 1, mels, frames)."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, None]


class Places(nn.Module):
    """(n, 512, mels/8, 24) -> (n, 6144): maximum in 4 x 3 places; the 512 channels run fastest, as in Keras."""

    def __init__(self, mels: int) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d((mels // 32, 8))

    def forward(self, x: Tensor) -> Tensor:
        places: Tensor = self.pool(x)
        return places.permute(0, 2, 3, 1).flatten(1)


class Strongest(nn.Module):
    """(n, 6144) -> (n, 512): maximum over the 4 x 3 places."""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(-1, 12, 512).amax(1)


def module(*, mels: int = 256) -> nn.Sequential:
    """(n, mels, 199) decibels -> "large" (n, 6144) -> "small" (n, 512)."""
    blocks: dict[str, nn.Module] = {"input": Spectrogram(), "bn0": nn.BatchNorm2d(1, eps=1e-3)}
    before = 1
    for i, width in enumerate(WIDTHS, 1):
        parts: dict[str, nn.Module] = {"conv": nn.Conv2d(before, width, 3, padding=1)}
        if i < len(WIDTHS):
            parts |= {"norm": nn.BatchNorm2d(width, eps=1e-3), "relu": nn.ReLU()}
            if i % 2 == 0:
                parts["pool"] = nn.MaxPool2d(2)
        blocks[f"conv{i}"] = nn.Sequential(OrderedDict(parts))
        before = width
    return nn.Sequential(OrderedDict(blocks, large=Places(mels), small=Strongest()))


def convert(files: Mapping[str, Path], *, mels: int = 256) -> Arrays:  # noqa: ARG001 (alike for both)
    """From a Keras ``openl3_audio_mel…_….h5``, as the openl3 package downloads it.

    Layers are called differently from release to release, so they are told by order and shape.
    """
    (path,) = files.values()
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise MissingExtraError("reading .h5 weights", "train") from error
    packed = path.suffix == ".gz"
    raw = io.BytesIO(gzip.decompress(path.read_bytes()) if packed else path.read_bytes())
    convs: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    norms: list[list[NDArray[np.float32]]] = []
    try:
        file = h5py.File(raw, "r")
    except OSError as error:
        raise WeightsError(f"{path}: not a Keras weights file ({error})") from error
    with file:
        group = file.get("model_weights", file)
        for layer in group.attrs.get("layer_names", ()):
            names = group[layer].attrs["weight_names"]
            arrays = [np.asarray(group[layer][name]) for name in names]
            shapes = [a.shape for a in arrays]
            if len(arrays) == 2 and shapes[0][:2] == (3, 3):
                convs.append((arrays[0], arrays[1]))
            elif len(arrays) == 4 and len(set(shapes)) == 1 and len(shapes[0]) == 1:
                norms.append(arrays)
    if [kernel.shape[-1] for kernel, _ in convs] != list(WIDTHS) or len(norms) != len(WIDTHS):
        found = f"{len(convs)} 3x3 convolutions and {len(norms)} batch norms"
        raise WeightsError(f"{path}: not OpenL3's audio net: found {found}, wanted 8 and 8")
    params: Arrays = {}
    for i, (kernel, bias) in enumerate(convs, 1):
        params |= {f"conv{i}.conv.weight": kernel.transpose(3, 2, 0, 1), f"conv{i}.conv.bias": bias}
    for i, arrays in enumerate(norms):
        ours = f"conv{i}.norm" if i else "bn0"
        names = ("weight", "bias", "running_mean", "running_var")
        params |= {f"{ours}.{name}": array for name, array in zip(names, arrays, strict=True)}
    return params


def from_torchopenl3(files: Mapping[str, Path], *, mels: int = 256) -> Arrays:  # noqa: ARG001 (alike for both)
    """From torchopenl3's ``torchopenl3_mel…_….pth.tar``."""
    (path,) = files.values()
    params: Arrays = {}
    for name, array in readers.torch(path).items():
        layer, _, rest = name.rpartition(".")
        kind, _, number = layer.rpartition("_")
        if rest == "num_batches_tracked":
            continue
        if layer == "audio_embedding_layer":
            params[f"conv8.conv.{rest}"] = array
        elif kind == "conv2d":
            params[f"conv{number}.conv.{rest}"] = array
        elif kind == "batch_normalization":
            params[f"conv{int(number) - 1}.norm.{rest}" if number != "1" else f"bn0.{rest}"] = array
    if "conv8.conv.weight" not in params:
        raise WeightsError(f"{path}: not torchopenl3's weights: found no audio_embedding_layer")
    return params

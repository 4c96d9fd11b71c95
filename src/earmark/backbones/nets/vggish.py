"""VGGish (Hershey et al.: "CNN Architectures for Large-Scale Audio Classification", ICASSP 2017).

VGG-11 less its last group of convolutions, on a log-mel patch of 96 frames x 64 bands. The released AudioSet
features are the 128 numbers *before* any activation, whitened and quantised to 8 bits. The torchvggish port puts
a ReLU after the last layer (its issue 24): that is ``rectified`` here, and ``embedding`` is the layer itself.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from earmark.backbones.weights import readers
from earmark.core.errors import WeightsError
from earmark.core.hashing import sha256_of

Arrays = dict[str, NDArray[np.float32]]
GROUPS = ((64,), (128,), (256, 256), (512, 512))  # channels of the convolutions before each pool
LAYERS = (  # ours, in TensorFlow's checkpoints, in torchvggish's nn.Sequential
    ("pool1.0", "conv1", "features.0"),
    ("pool2.0", "conv2", "features.3"),
    ("pool3.0", "conv3/conv3_1", "features.6"),
    ("pool3.2", "conv3/conv3_2", "features.8"),
    ("pool4.0", "conv4/conv4_1", "features.11"),
    ("pool4.2", "conv4/conv4_2", "features.13"),
    ("fc1.0", "fc1/fc1_1", "embeddings.0"),
    ("fc2.0", "fc1/fc1_2", "embeddings.2"),
    ("embedding", "fc2", "embeddings.4"),
)


class Patch(nn.Module):
    """(n, frames, bands) -> (n, 1, frames, bands)."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, None]


class ChannelsLast(nn.Module):
    """(n, 512, 6, 4) -> (n, 12288) in TensorFlow's order: channels run fastest."""

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1).flatten(1)


class Whiten(nn.Module):
    """(n, 128) -> (n, 128) whole numbers 0 … 255: PCA, whitening, clipping to ±2, 8 bits, as AudioSet's features."""

    vectors: Tensor
    means: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("vectors", torch.zeros(128, 128))
        self.register_buffer("means", torch.zeros(128))

    def forward(self, x: Tensor) -> Tensor:
        clipped = ((x - self.means) @ self.vectors.T).clamp(-2.0, 2.0)
        # the cast to uint8 of the reference cuts off the fraction, after adding 2 and scaling
        return torch.floor((clipped + 2.0) * (255.0 / 4.0))


def module(*, pca: bool = False) -> nn.Sequential:
    """(n, 96, 64) log-mel -> (n, 128). Blocks pool1 … pool4, fc1, fc2, embedding, and rectified or pca."""
    blocks: dict[str, nn.Module] = {"input": Patch()}
    before = 1
    for i, widths in enumerate(GROUPS, 1):
        parts: list[nn.Module] = []
        for width in widths:
            parts += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
            before = width
        blocks[f"pool{i}"] = nn.Sequential(*parts, nn.MaxPool2d(2))
    blocks["flat"] = ChannelsLast()
    blocks["fc1"] = nn.Sequential(nn.Linear(512 * 6 * 4, 4096), nn.ReLU())
    blocks["fc2"] = nn.Sequential(nn.Linear(4096, 4096), nn.ReLU())
    blocks["embedding"] = nn.Linear(4096, 128)
    return nn.Sequential(OrderedDict(blocks, **({"pca": Whiten()} if pca else {"rectified": nn.ReLU()})))


def convert(files: Mapping[str, Path], *, pca: bool = False) -> Arrays:
    """From the AudioSet release's ``vggish_model.ckpt`` (one file, TensorFlow checkpoint version 1)."""
    return from_slim(readers.tensorflow_v1(files["vggish_model.ckpt"])) | whitening(files, pca=pca)


def from_tfhub(files: Mapping[str, Path], *, pca: bool = False) -> Arrays:
    """From the variables of the TF-Hub SavedModel google/vggish/1.

    It was exported with its variables in a list, so they are called ``_variables/0/…`` in order of the layers.
    """
    stored = readers.tensorflow(files["variables.index"], files["variables.data-00000-of-00001"])
    if any(name.startswith("_variables/") for name in stored):
        kinds = [f"vggish/{theirs}/{kind}" for _, theirs, _ in LAYERS for kind in ("weights", "biases")]
        numbered = {f"_variables/{i}/.ATTRIBUTES/VARIABLE_VALUE": name for i, name in enumerate(kinds)}
        stored = {numbered.get(name, name): array for name, array in stored.items()}
    return from_slim(stored) | whitening(files, pca=pca)


def from_torchvggish(files: Mapping[str, Path], *, pca: bool = False) -> Arrays:
    """From the port's ``vggish-10086976.pth``, whose name says how its sha256 begins."""
    path = files["vggish-10086976.pth"]
    if not (found := sha256_of(path)).startswith("10086976"):
        raise WeightsError(f"{path}: its sha256 is {found[:8]}…, wanted 10086976…: another file or a damaged one")
    return from_port(readers.torch(path)) | whitening(files, pca=pca)


def from_port(stored: Arrays) -> Arrays:
    """From torchvggish's names."""
    pairs = {f"{ours}.{kind}": f"{port}.{kind}" for ours, _, port in LAYERS for kind in ("weight", "bias")}
    _complete(stored, pairs.values())
    return {ours: stored[port] for ours, port in pairs.items()}


def from_slim(stored: Arrays) -> Arrays:
    """From TensorFlow's names and axes: (height, width, in, out) and (in, out)."""
    _complete(stored, [f"vggish/{theirs}/{kind}" for _, theirs, _ in LAYERS for kind in ("weights", "biases")])
    params: Arrays = {}
    for ours, theirs, _ in LAYERS:
        weights = stored[f"vggish/{theirs}/weights"]
        params[f"{ours}.weight"] = weights.transpose(3, 2, 0, 1) if weights.ndim == 4 else weights.T
        params[f"{ours}.bias"] = stored[f"vggish/{theirs}/biases"]
    return params


def whitening(files: Mapping[str, Path], *, pca: bool) -> Arrays:
    """The PCA of ``vggish_pca_params.npz``, if it is wanted."""
    if not pca:
        return {}
    path = files["vggish_pca_params.npz"]
    with np.load(path) as stored:
        _complete(stored, ("pca_eigen_vectors", "pca_means"))
        vectors, means = stored["pca_eigen_vectors"], stored["pca_means"].reshape(-1)
    return {"pca.vectors": vectors.astype(np.float32), "pca.means": means.astype(np.float32)}


def _complete(stored: Mapping[str, NDArray[np.float32]], wanted: Iterable[str]) -> None:
    if missing := [name for name in wanted if name not in stored]:
        found = ", ".join(sorted(stored)[:4])
        raise WeightsError(f"not VGGish's weights: found no {missing[0]!r} but {found}, …")

"""The convnet of Choi et al. 2017 ("Transfer learning for music classification and regression tasks", ISMIR).

Five blocks of convolution, batch norm and ELU. The row is the average over time and frequency of *every* block's
ELU, side by side (5 x 32 = 160 numbers): low blocks know timbre, high ones know style. Facts from the authors'
Keras 2 model (kernel 3x3, batch norm eps 1e-3, pools of 2x4, 3x4, 2x5, 2x4). Its last pool and the 50 tags after
it are not part of the features and are left out.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from earmark.backbones.weights import readers

POOLS = ((2, 4), (3, 4), (2, 5), (2, 4))


class Layers(nn.Module):
    """(n, 96, frames) standardised decibels -> (n, 160): average of each of five layers."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(
                OrderedDict(
                    conv=nn.Conv2d(32 if i else 1, 32, 3, padding=1), norm=nn.BatchNorm2d(32, eps=1e-3), elu=nn.ELU()
                )
            )
            for i in range(5)
        )
        self.pools = nn.ModuleList(nn.MaxPool2d(size) for size in POOLS)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layers[0](x[:, None])
        averages = [x.mean((2, 3))]
        for pool, layer in zip(self.pools, self.layers[1:], strict=True):
            x = layer(pool(x))
            averages.append(x.mean((2, 3)))
        return torch.cat(averages, 1)


def module() -> nn.Sequential:
    """One block, since its output needs every layer: there is nothing to cut."""
    return nn.Sequential(OrderedDict(embedding=Layers()))


def convert(files: Mapping[str, Path]) -> dict[str, NDArray[np.float32]]:
    """From the authors' ``keras2_model/model_best.hdf5``."""
    stored = readers.h5(files["model_best.hdf5"])
    params: dict[str, NDArray[np.float32]] = {}
    for i in range(5):
        ours = f"embedding.layers.{i}"
        conv = f"model_weights/conv2d_{i + 1}/conv2d_{i + 1}"
        norm = f"model_weights/batch_normalization_{i + 1}/batch_normalization_{i + 1}"
        params[f"{ours}.conv.weight"] = stored[f"{conv}/kernel:0"].transpose(3, 2, 0, 1)
        params[f"{ours}.conv.bias"] = stored[f"{conv}/bias:0"]
        params[f"{ours}.norm.weight"] = stored[f"{norm}/gamma:0"]
        params[f"{ours}.norm.bias"] = stored[f"{norm}/beta:0"]
        params[f"{ours}.norm.running_mean"] = stored[f"{norm}/moving_mean:0"]
        params[f"{ours}.norm.running_var"] = stored[f"{norm}/moving_variance:0"]
    return params

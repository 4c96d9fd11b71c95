"""A VGG trained to tag music, published with musicnn.

Pons and Serra, 2019, https://arxiv.org/abs/1909.06654; the architecture is Choi et al.'s, 2016,
https://arxiv.org/abs/1606.00298. Held to the published graphs by tests/test_nets_musicnn.py.

    (n, 187, 96) ──input──▶ (n, 1, 187, 96) ──pool1 … pool5──▶ (n, 128, 2, 1) ──embedding──▶ (n, 256)
    ──logits──▶ (n, 50)

The two checkpoints were trained with different pools. Upstream's code has one choice for both; with it all
shapes fit and the logits of the Million Song weights are wrong by up to 3.6. The pools here are those of the
graphs that lie beside the checkpoints.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from earmark.backbones.weights import readers

from .musicnn import EPSILON, fill

Pool = tuple[tuple[int, int], tuple[int, int]]
"""Size and stride of a max pool, each (time, frequency)."""


class Flat(nn.Module):
    """(n, channels, time, frequency) -> (n, time * frequency * channels): TensorFlow's order."""

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1).flatten(1)


def module(*, pools: Sequence[Pool]) -> nn.Sequential:
    """The VGG as one line of named blocks, untrained; ``pools`` are those of the five blocks."""
    blocks: OrderedDict[str, nn.Module] = OrderedDict(
        input=nn.Sequential(nn.Unflatten(1, (1, -1)), nn.BatchNorm2d(1, eps=EPSILON))
    )
    for number, (size, stride) in enumerate(pools, start=1):
        blocks[f"pool{number}"] = nn.Sequential(
            nn.Dropout(0.25 if number > 1 else 0.0),
            nn.Conv2d(1 if number == 1 else 128, 128, 3, padding=1),
            nn.ReLU(),
            nn.BatchNorm2d(128, eps=EPSILON),
            nn.MaxPool2d(size, stride),
        )
    blocks["embedding"] = Flat()
    blocks["logits"] = nn.Sequential(nn.Dropout(0.5), nn.Linear(256, 50))
    return nn.Sequential(blocks)


def convert(files: Mapping[str, Path], *, pools: Sequence[Pool]) -> dict[str, NDArray[np.float32]]:
    """Arrays of ``module()`` from a published TensorFlow checkpoint."""
    return fill(module(pools=pools), readers.tensorflow(files[".index"], files[".data-00000-of-00001"]))

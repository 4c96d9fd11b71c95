"""The paper's convolutional net, from scratch, on log-mel patches."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import nn

from ..core.errors import DataError
from ._augment import augmentation
from ._inner import Floats
from ._net import NetHead, Standardise

ABOUT = "three 3x3 convolutions with max-pooling, two dense layers, dropout; from scratch (as the paper's text says)"

SPACE = {  # what `earmark study tune` searches
    "lr": (1e-4, 3e-3, "log"),
    "dropout": (0.1, 0.6),
    "mixup": [0.0, 0.2],
    "specaugment": [False, True],
}


def build(
    *,
    filters: Sequence[int] = (32, 64, 128),
    hidden: Sequence[int] = (128, 64),
    dropout: float = 0.3,
    lr: float = 1e-4,
    epochs: int = 30,
    batch: int = 32,
    patience: int = 5,
    spare: float = 0.15,
    weight_decay: float = 0.0,
    smoothing: float = 0.0,
    mixup: float = 0.0,
    specaugment: bool = False,
    balanced: bool = True,
    bfloat16: bool = False,
    seed: int = 0,
) -> NetHead:
    """``filters`` of the convolutions, ``hidden`` widths of the dense layers. Embeddings are images (frames, bands).

    ``spare=0``: nothing is held out and all epochs are run. The rest as ``NetHead`` and ``_augment`` say.
    """
    return NetHead(
        partial(layers, filters=tuple(filters), hidden=tuple(hidden), dropout=dropout),
        augment=augmentation(mixup=mixup, specaugment=specaugment),
        lr=lr, epochs=epochs, batch=batch, patience=patience, spare=spare, weight_decay=weight_decay,
        smoothing=smoothing, balanced=balanced, bfloat16=bfloat16, seed=seed,
    )  # fmt: skip


def layers(
    embeddings: Floats, classes: int, *, filters: Sequence[int], hidden: Sequence[int], dropout: float
) -> nn.Module:
    """Standardised bands -> [convolution, max-pooling, ReLU] … -> [dense, ReLU] … -> dropout -> dense.

    Pooling before the ReLU gives the same numbers as after it, for a quarter of the work.
    """
    if embeddings.ndim != 3:
        raise DataError(
            f"found embeddings of shape {embeddings.shape[1:]}; this head learns from images (frames, bands)"
        )
    made: list[nn.Module] = [Standardise(embeddings, over=(0, 1)), nn.Unflatten(1, (1, embeddings.shape[1]))]
    channels, (height, width) = 1, embeddings.shape[1:]
    for more in filters:
        made += [nn.Conv2d(channels, more, 3, padding=1), nn.MaxPool2d(2, ceil_mode=True), nn.ReLU()]
        channels, height, width = more, -(-height // 2), -(-width // 2)
    made.append(nn.Flatten())
    size = channels * height * width
    for narrower in hidden:
        made += [nn.Linear(size, narrower), nn.ReLU()]
        size = narrower
    net = nn.Sequential(*made, nn.Dropout(dropout), nn.Linear(size, classes))
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

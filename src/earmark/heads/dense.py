"""Dense layers: the head of the paper's text on frozen embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import nn

from ._augment import augmentation
from ._inner import Floats
from ._net import NetHead, Standardise

ABOUT = "dense layers, ReLU, dropout, softmax; Adam, early stopping on whole groups held out (torch, skorch)"

SPACE = {  # what `earmark study tune` searches
    "hidden": [(), (64,), (256,), (1024,), (256, 64)],
    "lr": (1e-4, 1e-2, "log"),
    "dropout": (0.0, 0.7),
    "smoothing": [0.0, 0.1],
    "pool": ["windows", "mean"],
}


def build(
    *,
    hidden: int | Sequence[int] = (256,),
    dropout: float = 0.5,
    lr: float = 1e-3,
    epochs: int = 100,
    batch: int = 64,
    patience: int = 10,
    weight_decay: float = 0.0,
    smoothing: float = 0.0,
    mixup: float = 0.0,
    balanced: bool = True,
    most: int | None = 16_384,
    seed: int = 0,
) -> NetHead:
    """``hidden``: widths of the hidden layers; the rest as ``NetHead`` and ``_augment`` say."""
    widths = (hidden,) if isinstance(hidden, int) else tuple(hidden)
    return NetHead(
        partial(layers, hidden=widths, dropout=dropout), augment=augmentation(mixup=mixup),
        lr=lr, epochs=epochs, batch=batch, patience=patience, weight_decay=weight_decay, smoothing=smoothing,
        balanced=balanced, most=most, seed=seed,
    )  # fmt: skip


def layers(embeddings: Floats, classes: int, *, hidden: Sequence[int], dropout: float) -> nn.Module:
    """Standardised values -> [dense, ReLU, dropout] for each width -> dense."""
    made: list[nn.Module] = [nn.Flatten(), Standardise(embeddings.reshape(len(embeddings), -1))]
    width = embeddings[0].size
    for wider in hidden:
        made += [nn.Linear(width, wider), nn.ReLU(), nn.Dropout(dropout)]
        width = wider
    return nn.Sequential(*made, nn.Linear(width, classes))

"""A deep convolutional net on images: the embeddings of a clip, or patches of a spectrogram."""

from __future__ import annotations

from functools import partial

from torch import nn

from ..backbones.nets import ten_convolutions
from ..core.errors import DataError
from ._augment import augmentation
from ._inner import Floats
from ._net import NetHead, Standardise

ABOUT = (
    "ten 3x3 convolutions, dense 1200: on embeddings of a clip as an image, or on patches (what the paper really ran)"
)

SPACE = {"lr": (3e-5, 1e-3, "log"), "mixup": [0.0, 0.2], "specaugment": [False, True]}  # `earmark study tune`


def build(
    *,
    standardise: bool = True,
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
    """Embeddings are images (height, width): ``vggish:image(31)/cnn2d``, ``logmel(resize=(150, 150))/cnn2d``.

    ``standardise``: columns to mean 0 and variance 1 first; the paper's run took the values as they are.
    ``spare=0``: nothing is held out and all epochs are run. The rest as ``NetHead`` and ``_augment`` say.
    """
    return NetHead(
        partial(layers, standardise=standardise), augment=augmentation(mixup=mixup, specaugment=specaugment),
        lr=lr, epochs=epochs, batch=batch, patience=patience, spare=spare, weight_decay=weight_decay,
        smoothing=smoothing, balanced=balanced, bfloat16=bfloat16, seed=seed,
    )  # fmt: skip


def layers(embeddings: Floats, classes: int, *, standardise: bool) -> nn.Module:
    """The net for images such as ``windows`` (n, height, width)."""
    if embeddings.ndim != 3:
        raise DataError(
            f"found embeddings of shape {embeddings.shape[1:]}; cnn2d learns from images (height, width): patches, or the vectors of a "
            "clip one below the other, e.g. yamnet:image(31)/cnn2d"
        )
    net = ten_convolutions.module(embeddings.shape[1], embeddings.shape[2], classes)
    return nn.Sequential(Standardise(embeddings, over=(0, 1)), net) if standardise else net

"""A pretrained net trained on: the last block or all of it, with a new classifier.

The embeddings are what the frozen part gives (``musicnn-vgg@pool3``: the net up to there; ``musicnn-vgg@patches``: its input, so
that the whole net is trained). The rest starts from the pretrained weights, the classifier from a logistic regression
on what the rest gives by then: first probing, then tuning keeps what the net knows of sounds unlike those learnt from
(Kumar et al., 2022, https://arxiv.org/abs/2202.10054). Blocks learn slower the further they are from the classifier
(Howard and Ruder, 2018, https://arxiv.org/abs/1801.06146), and batch norms keep their statistics.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

import numpy as np
import torch
from torch import nn

from ..backbones.base import Backbone
from ..core.errors import RecipeError
from ._augment import augmentation
from ._inner import Codes, Floats
from ._net import KeepStatistics, NetHead, Standardise
from ._pretrained import linear_probe, outputs, rest, wanted_shape

ABOUT = "the rest of a pretrained net behind the cut, trained on with a new classifier: musicnn-vgg@pool3/finetune"

SPACE = {  # what `earmark study tune` searches
    "lr": (3e-5, 1e-3, "log"),
    "body": [0.03, 0.1, 0.3, 1.0],
    "smoothing": [0.0, 0.1],
    "mixup": [0.0, 0.2],
}


def build(
    *,
    backbone: Backbone,
    until: str | None = None,
    lr: float = 3e-4,
    body: float = 0.3,
    decay: float = 0.8,
    dropout: float = 0.2,
    probe: bool = True,
    epochs: int = 15,
    batch: int = 32,
    patience: int = 4,
    spare: float = 0.15,
    refit: bool = True,
    weight_decay: float = 0.0,
    smoothing: float = 0.0,
    mixup: float = 0.0,
    specaugment: bool = False,
    balanced: bool = True,
    bfloat16: bool = False,
    seed: int = 0,
) -> NetHead:
    """Embeddings are those of ``backbone``, whose net is cut before the part to be trained; recipes fill it in.

    ``until``: the last pretrained block to keep; default: the one that gives the backbone's embedding.
    ``lr``: of the classifier. The last pretrained block learns ``body`` times as fast, each one before it ``decay``
    times as fast as the next; ``body=0`` trains the classifier alone. ``dropout``: before the classifier.
    ``probe``: start the classifier from a logistic regression, which is kept if no epoch of training is better on the
    embeddings held out; else from nothing. The rest as ``NetHead`` and
    ``_augment`` say. Raises RecipeError, WeightsError.
    """
    if body < 0 or not 0 <= decay <= 1:
        raise RecipeError(f"finetune: body={body!r}, decay={decay!r}; wanted body of 0 or more, decay of 0 to 1")
    blocks = [(name, part) for name, part in rest(backbone, until, "finetune").named_children()]
    trained = [name for name, part in blocks if any(True for _ in part.parameters())]
    speeds = {f"body.{name}.": body * decay**i for i, name in enumerate(reversed(trained))}
    return NetHead(
        partial(layers, backbone=backbone, until=until, dropout=dropout),
        lr_factors=speeds, start=probed if probe else standardised,
        augment=augmentation(mixup=mixup, specaugment=specaugment), lr=lr, epochs=epochs, batch=batch,
        patience=patience, spare=spare, refit=refit, weight_decay=weight_decay, smoothing=smoothing, balanced=balanced,
        bfloat16=bfloat16, seed=seed,
    )  # fmt: skip


class Tuned(nn.Module):
    """Pretrained ``body`` -> standardised embedding -> dropout -> ``classifier``."""

    def __init__(self, body: nn.Module, width: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.body = body
        self.scale = Standardise(np.zeros((1, width), np.float32))
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(width, classes)

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.classifier(self.dropout(self.scale(self.body(embeddings).flatten(1))))
        return logits


def layers(embeddings: Floats, classes: int, *, backbone: Backbone, until: str | None, dropout: float) -> Tuned:
    """The rest of the backbone's net with its pretrained weights, and a classifier. Raises DataError."""
    wanted_shape(backbone, embeddings, "finetune")
    body = KeepStatistics(OrderedDict(rest(backbone, until, "finetune").named_children()))
    return Tuned(body, outputs(body, embeddings[:1]).size, classes, dropout)


def standardised(net: nn.Module, embeddings: Floats, codes: Codes, count: Floats) -> None:  # noqa: ARG001  a start
    """Scale by what the pretrained part makes of the embeddings."""
    if isinstance(net, Tuned):
        net.scale = Standardise(outputs(net.body, embeddings))


def probed(net: nn.Module, embeddings: Floats, codes: Codes, count: Floats) -> None:
    """Scale likewise, and give the classifier the weights of a logistic regression."""
    if not isinstance(net, Tuned):
        return
    made = outputs(net.body, embeddings)
    net.scale = Standardise(made)
    linear_probe(net.classifier, net.scale(torch.from_numpy(made)).numpy(), codes, count)

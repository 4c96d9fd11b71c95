"""A pretrained net left as it is: only what is added to its input is learnt, and its own classes are read as ours.

Hung et al., Low-resource music genre classification with cross-modal neural model reprogramming, ICASSP 2023,
https://arxiv.org/abs/2211.01317; Yang et al., Voice2Series, 2021, https://arxiv.org/abs/2106.09296. The embeddings are the net's
input (``yamnet@patches``). The addition is one pattern for all sounds or made from each (their "input-dependent").

Its classes are mapped many to one: every class of ours gets the ``sources`` of the net's that its sounds raise most
(each source serves one class), and scores their mean. The papers count winners or take plain means of
probabilities; here logits are standardised over the training embeddings first, as a net that says "Music" to every song
would otherwise say nothing. ``mapping="linear"`` learns a linear map from all of the net's classes instead.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from ..backbones.base import Backbone
from ..core.errors import RecipeError
from ._augment import augmentation
from ._inner import Codes, Floats
from ._net import NetHead, Standardise
from ._pretrained import cut_of, installed, linear_probe, outputs, rest, wanted_shape

ABOUT = "a learnt pattern added to the input of a frozen net, whose classes are read as ours: yamnet@patches/reprogram"
MAPPINGS = ("frequency", "linear")
ANSWERS = "logits"  # the block with the net's own classes

SPACE = {
    "lr": (1e-3, 3e-2, "log"),
    "mapping": ["frequency", "linear"],
    "dependent": [False, True],
}  # `earmark study tune`


def build(
    *,
    backbone: Backbone,
    mapping: str = "frequency",
    sources: int = 5,
    dependent: bool = False,
    lr: float = 1e-2,
    epochs: int = 20,
    batch: int = 32,
    patience: int = 4,
    spare: float = 0.15,
    weight_decay: float = 0.0,
    smoothing: float = 0.0,
    mixup: float = 0.0,
    specaugment: bool = False,
    balanced: bool = True,
    bfloat16: bool = False,
    seed: int = 0,
) -> NetHead:
    """Embeddings are the input of the net of ``backbone``; recipes fill it in.

    ``mapping``: "frequency" (``sources`` of the net's classes for each of ours) or "linear" (learnt).
    ``dependent``: what is added is made from each input by two small convolutions, instead of one pattern for all.
    ``weight_decay`` keeps it small. The rest as ``NetHead`` and ``_augment`` say. Raises RecipeError, WeightsError.
    """
    if mapping not in MAPPINGS:
        raise RecipeError(f"reprogram: mapping={mapping!r} is unknown; wanted {' or '.join(map(repr, MAPPINGS))}")
    if sources < 1:
        raise RecipeError(f"reprogram: sources={sources!r}; wanted 1 or more")
    blocks = installed(backbone, "reprogram").shapes
    if cut_of(backbone) != "patches":
        raise RecipeError(
            f"reprogram changes the input of a net; found {backbone.name}@{cut_of(backbone)}, wanted "
            f"{backbone.name}@patches/reprogram"
        )
    if ANSWERS not in blocks:
        raise RecipeError(
            f"the net of {backbone.name!r} has no classes of its own to be read as yours (blocks: {', '.join(blocks)}). "
            "Take yamnet, musicnn or musicnn-vgg"
        )
    return NetHead(
        partial(layers, backbone=backbone, mapping=mapping, dependent=dependent),
        start=partial(mapped, sources=sources), lr_factors={"net.": 0},
        augment=augmentation(mixup=mixup, specaugment=specaugment), lr=lr, epochs=epochs, batch=batch,
        patience=patience, spare=spare, weight_decay=weight_decay, smoothing=smoothing, balanced=balanced,
        bfloat16=bfloat16, seed=seed,
    )  # fmt: skip


class Pattern(nn.Module):
    """Adds the same to every input (n, frames, bands); nothing at first."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.added = nn.Parameter(torch.zeros(shape))

    def forward(self, embeddings: Tensor) -> Tensor:
        return embeddings + self.added


class FromInput(nn.Module):
    """Adds what two convolutions make of the input (n, frames, bands); nothing at first."""

    def __init__(self, embeddings: Floats, filters: int = 8) -> None:
        super().__init__()
        first, last = nn.Conv2d(1, filters, 5, padding=2), nn.Conv2d(filters, 1, 5, padding=2)
        for parameter in last.parameters():
            nn.init.zeros_(parameter)
        self.made = nn.Sequential(
            Standardise(embeddings, over=(0, 1)), nn.Unflatten(1, (1, -1)), first, nn.ReLU(), last, nn.Flatten(1, 2)
        )

    def forward(self, embeddings: Tensor) -> Tensor:
        added: Tensor = self.made(embeddings)
        return embeddings + added


class Frozen(nn.Sequential):
    """Layers that run as they do when predicting, also while what lies before them is trained."""

    def train(self, mode: bool = True) -> Frozen:  # noqa: ARG002  torch's signature
        return super().train(False)


class ManyToOne(nn.Module):
    """Standardised answers (n, sources) -> logits (n, classes): means over each class's sources, times one learnt number."""

    share: Tensor

    def __init__(self, sources: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("share", torch.zeros(sources, classes))
        self.sharpness = nn.Parameter(torch.ones(()))

    def forward(self, answers: Tensor) -> Tensor:
        return (answers @ self.share) * self.sharpness


class Reprogrammed(nn.Module):
    """``change`` of the input -> frozen ``net`` -> standardised answers -> ``mapping`` to our classes."""

    def __init__(self, change: nn.Module, net: nn.Module, mapping: nn.Module, answers: int) -> None:
        super().__init__()
        self.change = change
        self.net = net
        self.scale = Standardise(np.zeros((1, answers), np.float32))
        self.mapping = mapping

    def forward(self, embeddings: Tensor) -> Tensor:
        logits: Tensor = self.mapping(self.scale(self.net(self.change(embeddings))))
        return logits


def layers(embeddings: Floats, classes: int, *, backbone: Backbone, mapping: str, dependent: bool) -> Reprogrammed:
    """The net with nothing added to its input yet. Raises DataError for embeddings that are not its input."""
    wanted_shape(backbone, embeddings, "reprogram")
    net = Frozen(OrderedDict(rest(backbone, ANSWERS, "reprogram").named_children()))
    answers = outputs(net, embeddings[:1]).size
    change = FromInput(embeddings) if dependent else Pattern(embeddings.shape[1:])
    final = nn.Linear(answers, classes) if mapping == "linear" else ManyToOne(answers, classes)
    return Reprogrammed(change, net, final, answers)


def mapped(net: nn.Module, embeddings: Floats, codes: Codes, count: Floats, *, sources: int) -> None:
    """Set the scale and the mapping by what the frozen net answers to the embeddings as they are."""
    if not isinstance(net, Reprogrammed):
        return
    answers = outputs(net.net, embeddings)
    net.scale = Standardise(answers)
    scaled = net.scale(torch.from_numpy(answers)).numpy()
    if isinstance(net.mapping, nn.Linear):
        linear_probe(net.mapping, scaled, codes, count)
    elif isinstance(net.mapping, ManyToOne):
        net.mapping.share.copy_(torch.from_numpy(shares(scaled, codes, count, sources)))


def shares(answers: Floats, codes: Codes, count: Floats, sources: int) -> Floats:
    """Standardised answers (n, s) of labelled embeddings -> what each source gives to each class (s, classes).

    Pairs are taken in the order of how far a class raises a source, until a class has ``sources`` of them or none is left;
    every class gets one at least, as long as there are enough.
    """
    member = np.eye(int(codes.max()) + 1, dtype=np.float32)[codes] * count[:, None]
    raised = (answers.T @ member) / member.sum(axis=0)  # (s, classes)
    classes = raised.shape[1]
    most = max(1, min(sources, len(raised) // classes))
    free, taken = np.ones(len(raised), bool), np.zeros(classes, int)
    made = np.zeros_like(raised)
    for pair in np.argsort(-raised, axis=None, kind="stable"):
        source, ours = divmod(int(pair), classes)
        if free[source] and taken[ours] < most:
            free[source] = False
            taken[ours] += 1
            made[source, ours] = 1
    return np.asarray(made / np.maximum(made.sum(axis=0), 1), np.float32)

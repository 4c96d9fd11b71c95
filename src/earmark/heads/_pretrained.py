"""The pretrained net behind a backbone's cut, for heads that go on from there."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from ..backbones import weights
from ..backbones.base import Backbone
from ..core.errors import DataError, RecipeError
from ._inner import Codes, Floats
from ._net import batch_of


def installed(backbone: Backbone, head: str) -> weights.Installed:
    """The weights of a backbone. Raises RecipeError if it has none, WeightsError if they are not installed."""
    if backbone.weights is None:
        raise RecipeError(
            f"{head} goes on from a pretrained net, and {backbone.name!r} has none. Take a backbone with weights and cut it "
            f"before the part to be trained, e.g. musicnn-vgg@pool3/{head}"
        )
    return weights.require(backbone.weights)


def cut_of(backbone: Backbone) -> str:
    """The block after which a backbone is cut; "patches": before the net."""
    return str(backbone.facts["at"])


def rest(backbone: Backbone, until: str | None, head: str) -> nn.Sequential:
    """The pretrained blocks behind the backbone's cut, up to and including ``until``.

    ``until`` None: the first block that gives what the backbone gives by itself (its embedding). Raises RecipeError if
    nothing is left between the two.
    """
    found = installed(backbone, head)
    names, cut = list(found.shapes), cut_of(backbone)
    if until is None:
        until = next((n for n in names if found.shapes[n] == backbone.about.shape), names[-1])
    if until not in names:
        raise RecipeError(f"the net of {backbone.name!r} has no block {until!r}. Its blocks: {', '.join(names)}")
    first = 0 if cut == "patches" else names.index(cut) + 1
    kept = names[first : names.index(until) + 1]
    net = found.network()
    blocks = OrderedDict((n, b) for n, b in net.named_children() if n in kept)
    if not any(True for block in blocks.values() for _ in block.parameters()):
        raise RecipeError(
            f"nothing of {backbone.name!r} is left to be trained between {cut!r} and {until!r}. Cut it earlier: "
            f"{backbone.name}@patches/{head} (the whole net), or behind one of {', '.join(names[:-1])}"
        )
    return nn.Sequential(blocks)


def wanted_shape(backbone: Backbone, embeddings: Floats, head: str) -> None:
    """Raise DataError if embeddings are not the backbone's: pooled or joined ones cannot go on through its net."""
    if embeddings.shape[1:] != backbone.shape:
        raise DataError(
            f"{head} needs embeddings of shape {backbone.shape} as they come from {backbone.name}@{cut_of(backbone)}; found "
            f"{embeddings.shape[1:]}. Leave the pooling and other backbones out of this branch"
        )


def linear_probe(layer: nn.Linear, embeddings: Floats, codes: Codes, count: Floats) -> None:
    """Give a linear layer the weights of a logistic regression on standardised embeddings (n, d)."""
    probe = LogisticRegression(C=0.01, tol=5e-4, max_iter=1000).fit(embeddings, codes, sample_weight=count)
    coef, intercept = probe.coef_, probe.intercept_
    if len(coef) == 1:  # two classes: scikit-learn gives the lead of the second over the first
        coef, intercept = np.vstack([-coef, coef]) / 2, np.append(-intercept, intercept) / 2
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(coef))
        layer.bias.copy_(torch.from_numpy(intercept))


def outputs(net: nn.Module, embeddings: Floats) -> Floats:
    """What ``net`` in eval mode makes of embeddings (n, *shape), flat: (n, d) float32."""

    def parts() -> Iterator[Floats]:
        given = torch.from_numpy(embeddings if embeddings.flags.writeable else embeddings.copy())
        for batch in torch.split(given, batch_of(embeddings.shape[1:])):
            yield net(batch).flatten(1).numpy()

    was = net.training
    net.eval()
    with torch.inference_mode():
        made = np.concatenate(list(parts()))
    net.train(was)
    return np.asarray(made, np.float32)

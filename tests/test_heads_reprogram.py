"""Reprogramming: the net stays as it is, nothing is added at first, its classes are read as ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from earmark.backbones.base import Backbone, Net
from earmark.core import plugins
from earmark.core.errors import RecipeError
from earmark.heads._export import to_onnx
from earmark.heads._pretrained import outputs, rest
from earmark.heads.reprogram import shares

Build = Callable[..., Backbone]


@pytest.fixture(scope="module")
def learnt(backbone: Build) -> tuple[Backbone, Any, Any, Any]:
    """Input patches of YAMNet of two kinds of sound, six makers each."""
    net = backbone("yamnet", at="patches", hop=0.96)
    draw = np.random.default_rng(1)
    embeddings, y, groups = [], [], []
    for maker in range(12):
        label, smooth = ("bright", 1) if maker % 2 else ("dull", 8)
        sound = np.convolve(draw.standard_normal(16000 * 2), np.ones(smooth) / smooth, "same")
        made = net.embed((0.2 * sound).astype(np.float32))
        embeddings.append(made)
        y += [label] * len(made)
        groups += [f"maker {maker}"] * len(made)
    return net, np.concatenate(embeddings), np.array(y), np.array(groups)


def head(net: Backbone, **params: Any) -> Any:
    return plugins.build("heads", "reprogram", backbone=net, **{"epochs": 2, "batch": 8, "spare": 0.25} | params)


def test_shares_by_hand() -> None:
    # Class 0 raises sources 0, 2 and a little 3; class 1 raises source 1 and, less, the rest.
    answers = np.array([[3, -1, 2, 0.5, 0], [-3, 1, -2, -0.5, 0.1]], np.float32)
    codes, count = np.array([0, 1]), np.ones(2, np.float32)
    np.testing.assert_allclose(shares(answers, codes, count, 1).T, [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0]])
    np.testing.assert_allclose(shares(answers, codes, count, 2).T, [[0.5, 0, 0.5, 0, 0], [0, 0.5, 0, 0, 0.5]])
    many = shares(answers, codes, count, 9)  # five sources are two for each of two classes, not nine
    assert (many > 0).sum(axis=0).tolist() == [2, 2]


@pytest.mark.parametrize("options", [{}, {"dependent": True}, {"mapping": "linear"}])
def test_only_the_addition_and_the_mapping_are_learnt(learnt: Any, options: dict[str, Any]) -> None:
    net, X, y, groups = learnt
    found = head(net, **options).fit(X, y, groups=groups)
    frozen = rest(net, "logits", "reprogram").state_dict()
    assert all(torch.equal(value, found.net_.net.state_dict()[key]) for key, value in frozen.items())
    changed = found.net_.change(torch.from_numpy(X)).detach().numpy()
    assert np.abs(changed - X).max() > 1e-3
    assert (found.predict(X) == y).mean() > 0.9
    saved = Net(to_onnx(found, X.shape[1:]), output="proba")
    np.testing.assert_allclose(saved(X), found.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("dependent", [False, True])
def test_nothing_is_added_at_first(learnt: Any, dependent: bool) -> None:
    net, X, y, groups = learnt
    found = head(net, dependent=dependent, epochs=1, lr=1e-12, spare=0).fit(X, y, groups=groups)
    np.testing.assert_allclose(found.net_.change(torch.from_numpy(X)).detach().numpy(), X, atol=1e-6)
    answers = found.net_.scale(torch.from_numpy(outputs(rest(net, "logits", "reprogram"), X)))
    if not dependent:
        np.testing.assert_allclose(
            found.predict_proba(X), (answers @ found.net_.mapping.share).softmax(1).numpy(), atol=1e-5
        )
    assert found.net_.mapping.share.sum(0).tolist() == pytest.approx([1, 1])
    assert ((found.net_.mapping.share > 0).sum(0) == 5).all()


def test_says_what_it_cannot_change(backbone: Build, learnt: Any) -> None:
    with pytest.raises(RecipeError, match="wanted yamnet@patches/reprogram"):
        head(backbone("yamnet", at="layer12"))
    with pytest.raises(RecipeError, match="'mfcc' has none"):
        head(plugins.build("backbones", "mfcc"))
    with pytest.raises(RecipeError, match="mapping='nearest'"):
        head(learnt[0], mapping="nearest")


@pytest.mark.parametrize("clips", [1, 2, 3])
def test_a_few_clips_a_class_are_enough(learnt: Any, clips: int) -> None:
    net, X, y, groups = learnt
    few = np.isin(groups, [f"maker {i}" for i in range(2 * clips)])  # they take turns
    found = head(net).fit(X[few], y[few], groups=groups[few])
    assert found.classes_.tolist() == ["bright", "dull"]
    assert np.isfinite(found.predict_proba(X)).all()

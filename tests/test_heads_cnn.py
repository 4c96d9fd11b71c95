"""Mixup and SpecAugment as options of nets; training to the last epoch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from earmark.core import plugins
from earmark.core.errors import RecipeError
from earmark.heads._augment import PART, augmentation, masked, mixed


def test_mixup_mixes_rows_and_targets_alike() -> None:
    torch.manual_seed(0)
    embeddings = torch.arange(40.0).reshape(20, 2)
    targets = torch.eye(20)
    new, shares = mixed(embeddings, targets, 1.0)
    assert torch.allclose(
        shares @ embeddings, new, atol=1e-4
    )  # each new embedding is that mean of embeddings its target says
    assert torch.allclose(shares.sum(1), torch.ones(20))
    assert ((shares > 0).sum(1) <= 2).all()
    assert (shares.amax(1) < 0.99).any()


def test_masks_hide_stretches_and_nothing_else() -> None:
    torch.manual_seed(0)
    patches = torch.randn(64, 40, 30)
    changed = masked(patches)
    hidden = changed != patches
    times, bands = hidden.all(2), hidden.all(1)
    assert torch.equal(hidden, times[:, :, None] | bands[:, None, :])
    assert times.any()
    assert bands.any()
    assert times.sum(1).max() <= 2 * (PART * 40 + 1)
    assert bands.sum(1).max() <= 2 * (PART * 30 + 1)
    assert len({tuple(t.tolist()) for t in times}) > 30  # each patch has its own
    assert torch.equal(changed[hidden], patches.mean((1, 2), keepdim=True).expand_as(patches)[hidden])


def test_masks_want_images() -> None:
    with pytest.raises(RecipeError, match="wanted images"):
        masked(torch.zeros(3, 8))
    with pytest.raises(RecipeError, match="mixup=-1"):
        augmentation(mixup=-1)
    assert augmentation() is None


@pytest.mark.parametrize("options", [{"mixup": 0.4}, {"specaugment": True}, {"mixup": 0.2, "specaugment": True}])
def test_a_net_learns_from_changed_rows_the_same_each_time(options: dict[str, object]) -> None:
    draw = np.random.default_rng(0)
    y = np.repeat(["a", "b"], 30)
    X = draw.normal(size=(60, 16, 12)).astype(np.float32) + np.where(y == "a", 1, -1)[:, None, None]

    def head(**params: object) -> object:
        return plugins.build("heads", "cnn", filters=(8,), hidden=(8,), lr=0.01, epochs=8, **params).fit(X, y)

    first, second, plain = head(**options), head(**options), head()
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    assert not np.allclose(first.predict_proba(X), plain.predict_proba(X))
    assert (first.predict(X) == y).mean() > 0.9


def test_spare_0_runs_all_epochs_on_all_rows() -> None:
    draw = np.random.default_rng(0)
    X, y = draw.normal(size=(20, 8, 8)).astype(np.float32), np.repeat(["a", "b"], 10)
    head = plugins.build("heads", "cnn", filters=(4,), hidden=(4,), epochs=12, patience=1, spare=0).fit(X, y)
    assert len(head.history_["train_loss"]) == 12
    assert head.history_["valid_loss"] == []
    assert head.splits_ == []

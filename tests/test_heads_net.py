"""The torch head: what it keeps, when it stops, what it trains and how fast each part."""

from __future__ import annotations

import gc
from dataclasses import FrozenInstanceError
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from skorch import NeuralNet
from torch import Tensor, nn

from earmark.core import plugins
from earmark.core.errors import DataError, RecipeError
from earmark.heads._export import to_onnx
from earmark.heads._net import Batches, Examples, KeepStatistics, NetHead, Standardise
from earmark.heads._options import TrainingOptions
from earmark.heads.cnn import layers


def sounds(n: int = 120, d: int = 12, noise: float = 1.0) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Embeddings (n, d) of three classes, labels, groups of four."""
    rng = np.random.default_rng(0)
    y = np.arange(n) // 4 % 3
    X = rng.normal(size=(3, d))[y] + noise * rng.normal(size=(n, d))
    return X.astype(np.float32), np.array(["a", "b", "c"])[y], np.arange(n) // 4


def two_parts(embeddings: NDArray[Any], classes: int) -> nn.Module:
    """Something "pretrained" (with batch norm) and something new."""
    body = KeepStatistics(nn.Linear(embeddings.shape[1], 8), nn.BatchNorm1d(8), nn.ReLU())
    body[1].running_mean += 0.5
    net = nn.Sequential()
    net.add_module("body", body)
    net.add_module("top", nn.Linear(8, classes))
    return net


def test_curves_are_kept_and_the_best_epoch_wins() -> None:
    X, y, groups = sounds(noise=2.5)
    head = plugins.build("heads", "dense", lr=0.01, epochs=60, patience=4, dropout=0.0).fit(X, y, groups=groups)
    curves = head.history_
    assert set(curves) == {"train_loss", "valid_loss", "train_accuracy", "valid_accuracy"}
    epochs = len(curves["train_loss"])
    assert {len(c) for c in curves.values()} == {epochs}
    best = int(np.argmin(curves["valid_loss"]))
    assert epochs == best + 1 + 4 < 60
    look = head.splits_[0][1]
    right = (head.predict(X[look]) == y[look]).mean()
    assert right == pytest.approx(curves["valid_accuracy"][best], abs=1e-6)
    assert curves["train_loss"][-1] < curves["train_loss"][0]


def test_without_a_group_to_spare_all_epochs_are_run() -> None:
    X, y, _ = sounds()
    head = plugins.build("heads", "dense", epochs=7).fit(X, y, groups=y)
    assert head.splits_ == []
    assert len(head.history_["train_loss"]) == 7
    assert head.history_["valid_loss"] == head.history_["valid_accuracy"] == []


def test_parts_learn_at_their_own_pace() -> None:
    X, y, groups = sounds()
    start = NetHead(two_parts, TrainingOptions(epochs=1, lr=1e-12, seed=3)).fit(X, y, groups=groups).net_.state_dict()
    frozen = NetHead(two_parts, TrainingOptions(epochs=3, lr=0.01, seed=3), lr_factors={"body.": 0.0}).fit(
        X, y, groups=groups
    )
    slow = NetHead(two_parts, TrainingOptions(epochs=3, lr=0.01, seed=3), lr_factors={"body.": 0.01, "body.1.": 1.0})
    slow = slow.fit(X, y, groups=groups).net_.state_dict()
    moved = {k: float((v - start[k]).abs().max()) for k, v in frozen.net_.state_dict().items()}
    assert moved["top.weight"] > 1e-3
    assert max(m for k, m in moved.items() if k.startswith("body.")) < 1e-6  # statistics stay too
    assert 1e-6 < float((slow["body.0.weight"] - start["body.0.weight"]).abs().max()) < 2e-3
    assert float((slow["body.1.weight"] - start["body.1.weight"]).abs().max()) > 2e-3  # the longer name counts
    with pytest.raises(RecipeError, match=r"\['neck.'\]"):
        NetHead(two_parts, lr_factors={"neck.": 0.1}).fit(X, y)


def test_augmentation_sees_training_batches_only() -> None:
    X, y, groups = sounds()
    seen: list[int] = []

    def louder(embeddings: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        seen.append(len(embeddings))
        return embeddings * (1 + 0.1 * torch.rand(len(embeddings), 1)), targets.flip(0) * 0.5 + targets * 0.5

    head = NetHead(two_parts, TrainingOptions(epochs=2, batch=32), augment=louder).fit(X, y, groups=groups)
    assert sum(seen) == 2 * len(head.splits_[0][0])
    assert len(head.history_["train_accuracy"]) == 2


def test_batches_are_all_rows_once_and_shuffled_by_seed() -> None:
    data = Examples(torch.arange(50.0)[:, None], torch.eye(50), np.arange(5, 50))
    torch.manual_seed(0)
    found = [x[:, 0] for x, _ in Batches(data, batch_size=16, shuffle=True)]
    assert [len(x) for x in found] == [16, 16, 13]
    assert sorted(torch.cat(found).tolist()) == list(range(5, 50))
    assert torch.cat(found).tolist() != list(range(5, 50))
    assert torch.cat([x[:, 0] for x, _ in Batches(data, batch_size=16)]).tolist() == list(range(5, 50))


def test_an_epoch_of_many_rows_sees_a_share_of_them_drawn_anew() -> None:
    torch.manual_seed(0)
    batches = Batches(
        Examples(torch.arange(50.0)[:, None], torch.eye(50), np.arange(50)), batch_size=8, shuffle=True, most=20
    )
    first, second = (torch.cat([x[:, 0] for x, _ in batches]).tolist() for _ in range(2))
    assert len(set(first)) == len(set(second)) == 20
    assert set(first) != set(second)


def test_rows_that_are_told_apart_perfectly_are_not_learnt_for_ever() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat(["a", "b"], 100)
    X = (rng.normal(size=(200, 6)) + 20 * (y == "b")[:, None]).astype(np.float32)
    head = NetHead(two_parts, TrainingOptions(epochs=200, lr=0.05, patience=5)).fit(X, y, groups=np.arange(200))
    assert len(head.history_["valid_loss"]) < 100


def test_standardise_learns_from_the_rows_it_is_given() -> None:
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(300, 6, 4)) * [1, 2, 3, 0] + [0, 5, 50, 7]).astype(np.float32)
    bands = Standardise(X, over=(0, 1), limit=9.0)(torch.from_numpy(X)).numpy()
    assert bands.mean(axis=(0, 1)) == pytest.approx(np.zeros(4), abs=1e-4)
    assert bands.std(axis=(0, 1)) == pytest.approx([1, 1, 1, 0], abs=1e-3)
    assert float(Standardise(X)(torch.full((1, 6, 4), 1e6)).max()) == 3


def test_cnn_is_the_one_of_the_paper_for_any_size() -> None:
    for shape in [(126, 128), (31, 128), (3, 5)]:
        embeddings = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
        net = layers(embeddings, 10, filters=(32, 64, 128), hidden=(128, 64), dropout=0.3)
        assert net(torch.from_numpy(embeddings)).shape == (2, 10)
        kinds = [type(part).__name__ for part in net]
        assert kinds[2:11] == ["Conv2d", "MaxPool2d", "ReLU"] * 3
        assert kinds[11:] == ["Flatten", "Linear", "ReLU", "Linear", "ReLU", "Dropout", "Linear"]
        flat = 128 * -(-shape[0] // 8) * -(-shape[1] // 8)
        weights = 320 + 18496 + 73856 + flat * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10
        assert sum(p.numel() for p in net.parameters()) == weights


def test_half_the_bits_give_about_the_same_net() -> None:
    X, y, groups = sounds(d=48)
    X = X.reshape(-1, 8, 6)
    heads = [
        plugins.build("heads", "cnn", lr=1e-3, epochs=8, bfloat16=b).fit(X, y, groups=groups) for b in (False, True)
    ]
    probas = [h.predict_proba(X) for h in heads]
    assert probas[1].dtype == np.float32
    assert 0 < np.abs(probas[0] - probas[1]).max() < 0.1


def test_smoothing_keeps_a_net_from_being_sure() -> None:
    X, y, groups = sounds(noise=0.1)
    sure, smooth = (
        plugins.build("heads", "dense", lr=0.01, epochs=40, smoothing=s).fit(X, y, groups=groups) for s in (0.0, 0.3)
    )
    assert sure.predict_proba(X).max(axis=1).mean() > 0.95
    assert smooth.predict_proba(X).max(axis=1).mean() < 0.88


def test_a_diverging_training_is_told() -> None:
    X, y, groups = sounds()
    with pytest.raises(RecipeError, match="diverged with lr=1e"):
        plugins.build("heads", "dense", lr=1e30, epochs=30).fit(X, y, groups=groups)


def test_a_user_can_stop_a_training() -> None:
    """skorch takes an interrupt for "enough"; a comparison would go on with a half-trained net."""

    def stop(embeddings: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        raise KeyboardInterrupt

    X, y, groups = sounds()
    with pytest.raises(KeyboardInterrupt):
        NetHead(two_parts, augment=stop).fit(X, y, groups=groups)


def test_saving_leaves_the_head_as_it_is() -> None:
    X, y, groups = sounds()
    head = NetHead(partial(two_parts), TrainingOptions(epochs=2)).fit(X, y, groups=groups)
    before = head.predict_proba(X)
    assert len(to_onnx(head, (12,))) < 20_000
    np.testing.assert_array_equal(head.predict_proba(X), before)


def test_rows_to_watch_give_curves_and_decide_nothing() -> None:
    X, y, groups = sounds()
    build = partial(plugins.build, "heads", "cnn2d", epochs=3, spare=0)
    images = np.repeat(X[:, None], 12, axis=1)
    alone = build().fit(images[:80], y[:80], groups=groups[:80])
    watched = build().fit(images[:80], y[:80], groups=groups[:80], watch=(images[80:], y[80:]))
    assert alone.history_["valid_loss"] == []
    assert watched.history_["train_loss"] == alone.history_["train_loss"]
    assert np.array_equal(watched.predict_proba(images), alone.predict_proba(images))
    right = (watched.predict(images[80:]) == y[80:]).mean()
    assert watched.history_["valid_accuracy"][-1] == pytest.approx(right, abs=1e-6)
    with pytest.raises(DataError, match="spare=0"):
        build(spare=0.2).fit(images, y, groups=groups, watch=(images, y))
    with pytest.raises(DataError, match="not learnt: z"):
        build().fit(images, y, watch=(images[:1], ["z"]))


@pytest.mark.parametrize("name", ["cnn", "cnn2d", "dense", "finetune", "reprogram"])
def test_options_of_the_training_are_parameters_of_the_head(name: str) -> None:
    known = plugins.parameters("heads", name)
    assert {"lr", "epochs", "batch", "patience", "mixup", "seed"} <= known.keys()
    assert "training" not in known
    assert {k for k in known if k in ("refit", "most")} == {"finetune": {"refit"}, "dense": {"most"}}.get(name, set())
    with pytest.raises(RecipeError, match=r"has no parameter 'epoch'\. Did you mean 'epochs'"):
        plugins.check("heads", name, ["epoch"])


def test_options_go_down_in_one_object() -> None:
    head = plugins.build("heads", "dense", lr=0.5, hidden=8, seed=3)
    assert head.training == TrainingOptions(lr=0.5, batch=64, most=16_384, seed=3)
    assert clone(head).training == head.training
    with pytest.raises(FrozenInstanceError):
        head.training.lr = 1.0


def test_what_training_needed_is_freed_at_once() -> None:
    """Of a large net it is four times the net: the loops of some recipes and folds together filled gigabytes."""
    X = np.random.default_rng(0).normal(size=(24, 12)).astype(np.float32)
    gc.collect()
    gc.disable()
    try:
        head = plugins.build("heads", "dense", epochs=2).fit(X, np.arange(24) % 2)
        left = [type(o).__name__ for o in gc.get_objects() if issubclass(type(o), (torch.optim.Optimizer, NeuralNet))]
    finally:
        gc.enable()
    assert left == []
    assert all(p.grad is None for p in head.net_.parameters())

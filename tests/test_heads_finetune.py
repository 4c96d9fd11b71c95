"""Fine-tuning: it starts where the frozen net ends, moves what it may and nothing else, and is saved as it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from sklearn.linear_model import LogisticRegression

import earmark
from earmark.backbones.base import Backbone, Net
from earmark.backbones.nets import vggish
from earmark.core import plugins
from earmark.core.errors import DataError, RecipeError
from earmark.data.cache import Cache
from earmark.data.load import load_dataset
from earmark.embeddings.make import embed
from earmark.heads import _pretrained
from earmark.heads._export import to_onnx
from earmark.heads._net import Standardise
from earmark.heads._pretrained import outputs, rest
from earmark.models.fit import fit
from earmark.models.prepare import prepare
from earmark.recipes.recipe import Recipe

Build = Callable[..., Backbone]
CUTS = [("yamnet", "layer12"), ("musicnn", "front"), ("musicnn-vgg", "pool3"), ("musicnn-vgg", "patches")]
each_cut = pytest.mark.parametrize(("name", "at"), CUTS)


@cache
def noise(seconds: float = 4.0) -> Any:
    return (0.2 * np.random.default_rng(0).standard_normal(int(16000 * seconds))).astype(np.float32)


@pytest.fixture(scope="module")
def learnt(backbone: Build) -> tuple[Backbone, Any, Any, Any]:
    """YAMNet from its 13th layer on, and embeddings of two kinds of sound there, four makers each."""
    net = backbone("yamnet", at="layer12")
    draw = np.random.default_rng(1)
    embeddings, y, groups = [], [], []
    for maker in range(8):
        label, smooth = ("bright", 1) if maker % 2 else ("dull", 8)
        sound = np.convolve(draw.standard_normal(16000 * 3), np.ones(smooth) / smooth, "same")
        made = net.embed((0.2 * sound).astype(np.float32))
        embeddings.append(made)
        y += [label] * len(made)
        groups += [f"maker {maker}"] * len(made)
    return net, np.concatenate(embeddings), np.array(y), np.array(groups)


def head(net: Backbone, **params: Any) -> Any:
    return plugins.build(
        "heads", "finetune", backbone=net, **{"epochs": 2, "batch": 16, "spare": 0.25, "refit": False} | params
    )


@each_cut
def test_cached_rows_and_the_rest_are_the_whole_net(backbone: Build, name: str, at: str) -> None:
    cut, whole = backbone(name, at=at), backbone(name)
    made = outputs(rest(cut, None, "finetune"), cut.embed(noise()))
    wanted = whole.embed(noise())
    assert made.shape == wanted.shape
    np.testing.assert_allclose(made, wanted, atol=2e-4 * np.abs(wanted).max())


def test_starts_from_the_frozen_probe(learnt: Any) -> None:
    net, X, y, groups = learnt
    found = head(net, epochs=1, lr=1e-12, spare=0, balanced=False).fit(X, y, groups=groups)
    embedding = outputs(rest(net, None, "finetune"), X)
    scaled = Standardise(embedding)(torch.from_numpy(embedding)).numpy()
    probe = LogisticRegression(C=0.01, tol=5e-4, max_iter=1000).fit(scaled, y)
    np.testing.assert_allclose(found.predict_proba(X), probe.predict_proba(scaled), atol=1e-4)


def test_moves_the_blocks_and_leaves_batch_norm_statistics(learnt: Any) -> None:
    net, X, y, groups = learnt
    before = rest(net, None, "finetune").state_dict()
    after = head(net).fit(X, y, groups=groups).net_.body.state_dict()
    assert after.keys() == before.keys()
    for key, value in before.items():
        same = torch.equal(value, after[key])
        assert same == ("running" in key or "num_batches" in key), key
    still = head(net, body=0).fit(X, y, groups=groups).net_.body.state_dict()
    assert all(torch.equal(value, still[key]) for key, value in before.items())


def test_earlier_blocks_learn_slower_and_the_classifier_fastest(learnt: Any) -> None:
    speeds = head(learnt[0], body=0.2, decay=0.5).lr_factors
    assert speeds == {"body.layer14.": 0.2, "body.layer13.": 0.1}


def test_whole_groups_are_held_out_and_the_best_epoch_is_kept(learnt: Any) -> None:
    net, X, y, groups = learnt
    found = head(net, epochs=6, patience=2, lr=3e-3).fit(X, y, groups=groups)
    [(learn, look)] = found.splits_
    assert not set(groups[learn]) & set(groups[look])
    truth = torch.from_numpy(np.searchsorted(found.classes_, y[look]))
    loss = torch.nn.functional.nll_loss(torch.from_numpy(found.predict_proba(X[look])).log(), truth)
    assert float(loss) == pytest.approx(min(found.history_["valid_loss"]), rel=0.05, abs=1e-4)


def test_the_same_seed_gives_the_same_net(learnt: Any) -> None:
    net, X, y, groups = learnt
    a, b = (head(net, mixup=0.2).fit(X, y, groups=groups).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(a, b)


def test_saved_as_onnx_it_gives_the_same_numbers(learnt: Any) -> None:
    net, X, y, groups = learnt
    found = head(net).fit(X, y, groups=groups)
    saved = Net(to_onnx(found, X.shape[1:]), output="proba")
    np.testing.assert_allclose(saved(X), found.predict_proba(X), atol=1e-5)


def test_says_what_it_cannot_go_on_from(learnt: Any, backbone: Build) -> None:
    net, X, y, groups = learnt
    with pytest.raises(RecipeError, match="'logmel' has none"):
        head(plugins.build("backbones", "logmel"))
    with pytest.raises(RecipeError, match=r"nothing of 'yamnet' is left.*yamnet@patches/finetune"):
        head(backbone("yamnet"))
    with pytest.raises(RecipeError, match="no block 'layer99'"):
        head(net, until="layer99")
    with pytest.raises(DataError, match=r"Leave the pooling"):
        head(net).fit(X.reshape(len(X), -1), y, groups=groups)


def test_on_the_road_a_model_predicts_what_was_fitted(backbone: Build, tmp_path: Path) -> None:
    backbone("musicnn-vgg", at="pool4")  # skips where the weights cannot be had
    draw = np.random.default_rng(0)
    for label, smooth in (("bright", 1), ("dull", 9)):
        (tmp_path / "sounds" / label).mkdir(parents=True)
        for i in range(4):
            sound = np.convolve(draw.standard_normal(16000 * (2 + i)), np.ones(smooth) / smooth, "same")
            soundfile.write(tmp_path / "sounds" / label / f"{i}.wav", 0.2 * sound, 16000)
    text = "musicnn-vgg@pool4/finetune(epochs=1)"
    cache = Cache(tmp_path / "embeddings")
    earmark.train(tmp_path / "sounds", text, tmp_path / "model", folds=2, cache=cache)
    model = earmark.load_model(tmp_path / "model")
    data = prepare(load_dataset(tmp_path / "sounds"), [Recipe.parse(text)], cache=cache)
    every = np.arange(len(data.labels))
    units = np.array([c.path.as_posix() for c in data.dataset.clips])
    wanted, _ = fit(Recipe.parse(text), data, every, units).scores(data, every)
    for clip, scores in zip(data.dataset.clips, wanted, strict=True):
        embeddings = embed([clip], model.branches[0].backbones[0]).X
        found = model.clip_scores({model.branches[0].backbones[0].fingerprint: embeddings})
        np.testing.assert_allclose(found, scores, atol=1e-5)


def test_vggish_goes_on_to_its_embedding_without_the_real_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.device("meta"):  # shapes without 288 MB of numbers
        net = vggish.module()
    shapes = {"input": (1, 96, 64), "pool1": (64, 48, 32), "pool2": (128, 24, 16), "pool3": (256, 12, 8)}
    shapes |= {"pool4": (512, 6, 4), "flat": (12288,), "fc1": (4096,), "fc2": (4096,), "embedding": (128,)}
    shapes["rectified"] = (128,)
    found = SimpleNamespace(shapes=shapes, network=lambda: net)
    monkeypatch.setattr(_pretrained, "installed", lambda *_: found)
    cut = SimpleNamespace(name="vggish", facts={"at": "pool3"}, about=plugins.module("backbones", "vggish").ABOUT)
    left = rest(cut, None, "finetune")
    assert [name for name, _ in left.named_children()] == ["pool4", "flat", "fc1", "fc2", "embedding"]
    assert left(torch.empty(2, *shapes["pool3"], device="meta")).shape == (2, 128)


def test_the_frozen_probe_is_kept_where_training_makes_nothing_better(learnt: Any) -> None:
    net, X, y, groups = learnt
    wrong = np.where(np.arange(len(y)) % 2, y, np.random.default_rng(0).permutation(y))  # little to be learnt
    found = head(net, lr=0.3, body=1.0, patience=1).fit(X, wrong, groups=groups)
    before = rest(net, None, "finetune").state_dict()
    assert len(found.history_["valid_loss"]) == 1
    assert all(torch.equal(value, before[key]) for key, value in found.net_.body.state_dict().items())


@pytest.mark.parametrize("epochs", [0, 2])
def test_learns_again_from_all_rows_for_the_best_number_of_epochs(
    learnt: Any, monkeypatch: pytest.MonkeyPatch, epochs: int
) -> None:
    net, X, y, groups = learnt
    lr = 0.3 if epochs == 0 else 1e-5  # far too fast: the start is best; slow: each epoch is better than the last
    found = head(net, lr=lr, body=1.0, patience=2, refit=True).fit(X, y, groups=groups)
    assert found.best_epoch_ == epochs
    wanted = head(net, lr=lr, body=1.0, spare=0, epochs=epochs).fit(X, y, groups=groups)
    np.testing.assert_array_equal(found.predict_proba(X), wanted.predict_proba(X))
    assert len(found.history_["valid_loss"]) == 2


@pytest.mark.parametrize("clips", [1, 2, 3])
def test_a_few_clips_a_class_are_enough(learnt: Any, clips: int) -> None:
    net, X, y, groups = learnt
    few = np.isin(groups, [f"maker {i}" for i in range(2 * clips)])  # they take turns
    found = head(net).fit(X[few], y[few], groups=groups[few])
    assert found.classes_.tolist() == ["bright", "dull"]
    assert np.isfinite(found.predict_proba(X)).all()

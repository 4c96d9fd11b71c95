"""What every head has to keep, for every file in heads/: a new head is covered without a line here.

A head may refuse embeddings of a shape that it cannot learn from (DataError), but not all of them. Heads that cannot be
built without parameters (they go on training a given net) are held to this by their own tests.
"""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from numpy.typing import NDArray
from sklearn.base import clone

from earmark.core import plugins
from earmark.core.errors import DataError
from earmark.heads._export import OPSETS, to_onnx

HEADS = plugins.names("heads")
SHAPES = {"vectors": (24,), "images": (13, 10)}
QUICK = {"epochs": 15, "batch": 16, "trees": 30}  # for those heads that take them


def build(name: str, **params: Any) -> Any:
    takes = plugins.parameters("heads", name)
    needed = [p for p, default in takes.items() if default is inspect.Parameter.empty]
    if needed:
        pytest.skip(f"{name} cannot be built without {', '.join(needed)}")
    quick: dict[str, Any] = {k: v for k, v in QUICK.items() if k in takes}
    if "lr" in takes:  # few embeddings need longer steps, but deep nets do not bear just any
        quick["lr"] = min(3e-3, 5 * takes["lr"])
    return plugins.build("heads", name, **quick | params)


@cache
def sounds(shape: tuple[int, ...], classes: int, seed: int = 0) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Embeddings that can be told apart, in groups of three; labels look like numbers."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(10, *shape))[:classes]
    y = np.repeat(np.arange(classes), 24)
    groups = np.arange(len(y)) // 3
    moves = rng.normal(size=(len(y), *shape))[groups]
    X = (1.5 * centres[y] + 0.5 * moves + 0.6 * rng.normal(size=(len(y), *shape))).astype(np.float32) * 3 + 5
    X.setflags(write=False)
    order = rng.permutation(len(y))
    return X[order], np.array([f"{c:02d}" for c in y])[order], np.array([f"g{g}" for g in groups])[order]


def learnt(name: str, kind: str, classes: int = 2) -> Any:
    """A fitted head, made once; skips a test for embeddings that the head says it cannot take."""
    build(name)
    try:
        return _learnt(name, SHAPES[kind], classes)
    except DataError as error:
        pytest.skip(f"{name} takes no {kind}: {error}")


@cache
def _learnt(name: str, shape: tuple[int, ...], classes: int) -> Any:
    X, y, groups = sounds(shape, classes)
    return build(name).fit(X, y, groups=groups)


each_head = pytest.mark.parametrize("name", HEADS)
each_kind = pytest.mark.parametrize("kind", SHAPES)


@each_head
def test_says_in_one_line_what_it_is(name: str) -> None:
    about = plugins.module("heads", name).ABOUT
    assert isinstance(about, str)
    assert 10 < len(about) < 140
    assert "\n" not in about


@each_head
def test_takes_vectors_or_images(name: str) -> None:
    build(name)
    refused = []
    for shape in SHAPES.values():
        try:
            _learnt(name, shape, 2)
        except DataError as error:
            refused.append(str(error))
    assert len(refused) < len(SHAPES), refused


@each_head
@each_kind
@pytest.mark.parametrize("classes", [2, 10])
def test_gives_probabilities_of_the_sorted_classes(name: str, kind: str, classes: int) -> None:
    head = learnt(name, kind, classes)
    X, y, _ = sounds(SHAPES[kind], classes, seed=1)
    proba = head.predict_proba(X)
    assert head.classes_.tolist() == sorted(set(y.tolist()))
    assert proba.dtype == np.float32
    assert proba.shape == (len(X), classes)
    assert np.isfinite(proba).all()
    assert proba.min() >= 0
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)
    assert (head.classes_[proba.argmax(axis=1)] == y).mean() > 0.7
    assert (head.predict(X) == head.classes_[proba.argmax(axis=1)]).all()


@each_head
@each_kind
def test_same_seed_same_numbers_and_no_one_elses_change(name: str, kind: str) -> None:
    first = learnt(name, kind)
    X, y, groups = sounds(SHAPES[kind], 2)
    np.random.seed(5)  # noqa: NPY002  the state others may rely on
    torch.manual_seed(5)
    before = (np.random.get_state()[1].tolist(), torch.random.get_rng_state())  # noqa: NPY002
    again = clone(first).fit(X, y, groups=groups)
    assert before[0] == np.random.get_state()[1].tolist()  # noqa: NPY002
    assert torch.equal(before[1], torch.random.get_rng_state())
    np.testing.assert_array_equal(first.predict_proba(X), again.predict_proba(X))
    assert repr(first.get_params()) == repr(again.get_params())


@each_head
@each_kind
def test_the_order_of_rows_and_labels_does_not_matter(name: str, kind: str) -> None:
    learnt(name, kind)
    X, y, groups = sounds(SHAPES[kind], 2)
    order = np.argsort(y, kind="stable")[::-1]
    head = build(name).fit(X[order], y[order].tolist(), groups=groups[order].tolist())
    assert head.classes_.tolist() == ["00", "01"]
    assert (head.predict(X) == y).mean() > 0.9


@each_head
@each_kind
def test_inner_splits_cut_no_group_apart(name: str, kind: str) -> None:
    head = learnt(name, kind)
    _, y, groups = sounds(SHAPES[kind], 2)
    for learn, look in head.splits_:  # a head that holds embeddings out tells which
        assert len(look)
        assert not set(groups[learn]) & set(groups[look])
        assert set(y[learn]) == set(y)


@each_head
@pytest.mark.parametrize(("kind", "classes"), [("vectors", 2), ("images", 10)])
def test_saved_as_onnx_it_gives_the_same_numbers(name: str, kind: str, classes: int) -> None:
    head = learnt(name, kind, classes)
    model = to_onnx(head, SHAPES[kind])
    assert {node.domain for node in onnx.load_from_string(model).graph.node} <= set(OPSETS)
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    for seed in (0, 1):  # embeddings it has learnt from, and others
        X = sounds(SHAPES[kind], classes, seed=seed)[0]
        proba = session.run(["proba"], {"rows": X})[0]
        assert proba.dtype == np.float32
        np.testing.assert_allclose(proba, head.predict_proba(X), atol=1e-5)
        np.testing.assert_allclose(session.run(["proba"], {"rows": X[:1]})[0], proba[:1], atol=1e-5)


@each_head
@each_kind
def test_little_data_is_no_reason_to_fail(name: str, kind: str) -> None:
    learnt(name, kind)
    X, y, groups = (a.copy() for a in sounds(SHAPES[kind], 10))
    X[:, 0] = 1  # values that are the same in all embeddings
    first = np.flatnonzero(y == "00")[:1]
    some = np.concatenate([first, np.flatnonzero((y == "01") | (y == "02"))[:6]])
    pair = np.concatenate([first, np.flatnonzero(y == "01")[:1]])
    for take, units in [
        (some, groups[some]),
        (some, None),
        (some, y[some]),  # one group in each class: none can be spared
        (pair, groups[pair]),  # one embedding in each class
        (pair, np.array(["a", "a"])),  # one group
    ]:
        head = build(name).fit(X[take], y[take], groups=units)
        proba = head.predict_proba(X)
        assert np.isfinite(proba).all()
        assert head.classes_.tolist() == sorted(set(y[take]))


@each_head
@each_kind
@pytest.mark.parametrize("clips", [1, 2, 3])
@pytest.mark.parametrize("embeddings", [1, 4])
def test_a_few_clips_a_class_are_enough(name: str, kind: str, clips: int, embeddings: int) -> None:
    """One clip a class is what the training side holds where there are two of each."""
    learnt(name, kind)
    X, y, _ = sounds(SHAPES[kind], 2)
    take = np.concatenate([np.flatnonzero(y == label)[: clips * embeddings] for label in ("00", "01")])
    clip = np.arange(len(take)) // embeddings
    tuned = [{"C": "auto"}] if name == "logreg" else [{"k": 40}] if name == "knn" else []
    for params in ({}, *tuned):
        head = build(name, **params).fit(X[take], y[take], groups=np.char.mod("clip %d", clip))
        for learn, look in getattr(head, "splits_", ()):
            assert set(y[take][learn]) == {"00", "01"}
            assert not set(clip[learn]) & set(clip[look])
        proba = head.predict_proba(X)
        assert np.isfinite(proba).all()
        np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)


@each_head
@each_kind
def test_what_cannot_be_learnt_from_is_told(name: str, kind: str) -> None:
    head = learnt(name, kind)
    X, y, groups = sounds(SHAPES[kind], 2)
    same = np.full(len(y), "x")
    broken = X.copy()
    broken[3] = np.nan
    for embeddings, labels, units, said in [
        (X, same, groups, "at least two classes"),
        (broken, y, groups, "not finite"),
        (X, y[:-1], groups, "one label for each window"),
        (X, y, groups[:-1], "one group for each window"),
        (X[:0], y[:0], groups[:0], "n > 0"),
    ]:
        with pytest.raises(DataError, match=said):
            build(name).fit(embeddings, labels, groups=units)
    with pytest.raises(DataError, match="learnt from embeddings of shape"):
        head.predict_proba(np.zeros((2, *SHAPES[kind], 2), np.float32))
    assert head.predict_proba(X[:0]).shape == (0, 2)

"""Heads are estimators of scikit-learn: its own checks, for every head that can be built without parameters."""

from __future__ import annotations

import inspect
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from earmark.core import plugins
from earmark.core.errors import DataError
from earmark.testing import _heads as contract

QUICK = {"epochs": 8, "trees": 20, "batch": 16}


def built(name: str) -> Any:
    takes = plugins.parameters("heads", name)
    return plugins.build("heads", name, **{k: v for k, v in QUICK.items() if k in takes})


NAMES = [
    name
    for name in plugins.names("heads")
    if inspect.Parameter.empty not in plugins.parameters("heads", name).values()  # those go on from a given net
]
ON_VECTORS = [name for name in NAMES if "vectors" not in contract.Case(plugins.module("heads", name).build).refusals()]
ON_IMAGES = sorted(set(NAMES) - set(ON_VECTORS))


def expected(head: Any) -> dict[str, str]:
    """What is not kept, and why."""
    told = {
        "check_sample_weight_equivalence_on_dense_data": "columns are scaled, trees drawn, and inner folds and batches dealt "
        "by embeddings, each once: what it counts weighs in the loss alone",
    }
    if hasattr(head, "training"):
        told["check_parameters_default_constructible"] = "its options are one frozen object, not plain values"
    return told


HEADS = {name: built(name) for name in ON_VECTORS}
CHECKS = parametrize_with_checks(list(HEADS.values()), expected_failed_checks=expected)


def called(value: Any) -> str:
    """A name that is the same in every process."""
    return next((n for n, head in HEADS.items() if head is value), "") or str(getattr(value, "func", value).__name__)


@pytest.mark.parametrize(*CHECKS.args, ids=called)
def test_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def test_every_head_is_among_them() -> None:
    assert {"logreg", "svm", "lda", "knn", "forest", "dense"} <= set(ON_VECTORS)
    assert {"cnn", "cnn2d"} <= set(ON_IMAGES)
    assert {*NAMES, "finetune", "reprogram"} == set(plugins.names("heads"))


@pytest.fixture(scope="module")
def images() -> tuple[Any, Any, Any]:
    return contract.sounds(contract.SHAPES["images"], 2)


@pytest.mark.parametrize("name", ON_IMAGES)
def test_heads_on_images_keep_what_the_checks_cannot_ask_of_them(name: str, images: Any) -> None:
    X, text, groups = images
    head = built(name)
    for call in (head.predict, head.predict_proba):
        with pytest.raises(NotFittedError):
            call(X)
    y = np.where(text == "00", -1, 7).astype(np.int8)
    assert head.fit(X, y, groups=groups) is head
    assert (head.classes_.tolist(), head.classes_.dtype) == ([-1, 7], np.int8)
    assert head.predict(X).dtype == np.int8
    assert head.n_features_in_ == X.shape[1]
    assert not hasattr(clone(head), "classes_")
    assert np.array_equal(pickle.loads(pickle.dumps(head)).predict_proba(X), head.predict_proba(X))
    with pytest.raises(ValueError, match="learnt from embeddings of shape"):
        head.predict(X[:, :, 1:])
    with pytest.raises(ValueError, match="not finite"):
        head.predict(np.full_like(X, np.nan))


LABELS = {
    "text": np.array(["b", "a"]),
    "objects": np.array(["b", "a"], object),
    "negative": np.array([1, -1]),
    "uint8": np.array([200, 3], np.uint8),
    "truth": np.array([True, False]),
    "floats": np.array([2.0, 1.0]),
}


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("name", ["logreg", "svm", "knn", "dense"])
def test_labels_keep_their_kind(name: str, kind: str) -> None:
    X, text, groups = contract.sounds(contract.SHAPES["vectors"], 2)
    y = LABELS[kind][(text == "01").astype(int)]
    head = built(name).fit(X, y, groups=groups)
    assert head.classes_.dtype == head.predict(X).dtype == y.dtype
    assert head.classes_.tolist() == sorted(set(y.tolist()))
    assert head.score(X, y) > 0.9
    as_text = built(name).fit(X, np.where(text == "01", "a", "b"), groups=groups)
    assert np.array_equal(head.predict_proba(X), as_text.predict_proba(X))


def test_labels_that_cannot_be_sorted_are_told() -> None:
    X = contract.sounds(contract.SHAPES["vectors"], 2)[0]
    with pytest.raises(DataError, match="one kind"):
        built("logreg").fit(X, np.array([1, "a"] * (len(X) // 2), object))
    with pytest.raises(DataError, match="Unknown label type: continuous"):
        built("logreg").fit(X, np.linspace(0, 1, len(X)))


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("name", ["logreg", "knn", "forest", "dense"])
def test_what_an_embedding_counts(name: str, balanced: bool) -> None:
    """A weight of 0 is the same as not being there; equal weights are the same as none."""
    X, y, groups = contract.sounds(contract.SHAPES["vectors"], 2)
    new = (X + X[::-1]) / 2  # between the classes
    head = clone(built(name))
    if name == "dense":
        head.set_params(training=replace(head.training, balanced=balanced))
    else:
        head.set_params(balanced=balanced)
    some = np.arange(len(y)) % 5 > 0
    there = clone(head).fit(X[some], y[some], groups=groups[some], sample_weight=some[some]).predict_proba(new)
    assert np.array_equal(clone(head).fit(X, y, groups=groups, sample_weight=some).predict_proba(new), there)
    equal = clone(head).fit(X, y, groups=groups, sample_weight=np.ones(len(y))).predict_proba(new)
    if name != "forest" or balanced:  # a forest draws otherwise where it is told that all count the same
        assert np.array_equal(clone(head).fit(X, y, groups=groups).predict_proba(new), equal)
    much = np.where(y == "00", 1.0, 1e-3) if not balanced else np.where(X[:, 0] > np.median(X[:, 0]), 1.0, 1e-3)
    assert not np.allclose(clone(head).fit(X, y, groups=groups, sample_weight=much).predict_proba(new), equal)
    for wrong in (-np.ones(len(y)), np.ones(3), np.full(len(y), np.nan)):
        with pytest.raises(DataError, match="one weight for each window"):
            clone(head).fit(X, y, sample_weight=wrong)


def test_a_head_in_a_search() -> None:
    X, y, groups = contract.sounds(contract.SHAPES["vectors"], 2)
    search = GridSearchCV(make_pipeline(StandardScaler(), built("lda")), {"flat__balanced": [True, False]}, cv=2)
    assert search.fit(X, y, flat__groups=groups).score(X, y) > 0.9
    assert cross_val_score(built("knn"), X, y, cv=2, params={"groups": groups}).min() > 0.7

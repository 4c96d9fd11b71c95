"""The combiner of stacked recipes: a logarithmic opinion pool with one weight for each branch."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest

from earmark.core.errors import DataError
from earmark.heads._export import to_onnx
from earmark.heads._opinions import OpinionPool


def opinions(n: int = 300, classes: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities of two branches, one that knows (too sure of itself) and one that guesses; labels."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    knows = 4 * (np.eye(classes)[y] + 0.8 * rng.normal(size=(n, classes)))
    guesses = 2 * rng.normal(size=(n, classes))
    logs = [z - np.log(np.exp(z).sum(axis=1, keepdims=True)) for z in (knows, guesses)]
    return np.concatenate(logs, axis=1).astype(np.float32), np.array(list("abcd"))[y]


def loss(proba: np.ndarray, y: np.ndarray) -> float:
    return -float(np.log(proba[np.arange(len(y)), np.searchsorted(list("abcd"), y)]).mean())


def test_a_branch_that_guesses_is_left_out_and_one_that_is_too_sure_is_softened() -> None:
    X, y = opinions()
    pool = OpinionPool(2).fit(X, y)
    assert 0.1 < pool.weights_[0] < 0.9
    assert pool.weights_[1] < 0.1
    new, truth = opinions(seed=1)
    assert loss(pool.predict_proba(new), truth) < loss(np.exp(new[:, :4]), truth)


def test_no_other_weights_fit_better() -> None:
    X, y = opinions()
    pool = OpinionPool(2).fit(X, y)
    best = loss(pool.predict_proba(X), y)
    for moved in ([0.05, 0], [-0.05, 0], [0, 0.05]):
        other = OpinionPool(2).fit(X, y)
        other.weights_ = np.maximum(pool.weights_ + moved, 0)
        assert loss(other.predict_proba(X), y) > best - 1e-3  # classes count the same in the fit, clips here


def test_what_is_saved_is_what_was_fitted() -> None:
    X, y = opinions()
    pool = OpinionPool(2).fit(X, y)
    session = ort.InferenceSession(to_onnx(pool, (8,)))
    np.testing.assert_allclose(session.run(["proba"], {"rows": X})[0], pool.predict_proba(X), atol=1e-6)


def test_rows_of_another_width_are_refused() -> None:
    X, y = opinions()
    with pytest.raises(DataError):
        OpinionPool(2).fit(X, y).predict_proba(X[:, :5])

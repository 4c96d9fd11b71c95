"""Every metric in METRICS keeps the contract; scikit-learn gives the reference numbers."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.core.errors import DataError
from earmark.metrics.clips import METRICS, checked, per_class
from earmark.testing import _metrics as contract
from earmark.testing._metrics import made

sklearn = pytest.importorskip("sklearn.metrics", reason="the reference numbers are scikit-learn's")

ALL = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)


# ------------------------------------------------------------------------------- the contract, for each metric
@ALL
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 40), k=st.integers(2, 9))
def test_stays_in_its_range(metric, seed, n, k):
    contract.stays_in_its_range(metric, seed, n, k)


@ALL
@pytest.mark.parametrize("k", [2, 3, 8, 200])
def test_perfect_scores_get_the_best_value(metric, k):
    contract.perfect_is_best(metric, k)


@ALL
@pytest.mark.parametrize("k", [6, 8, 200])
def test_surely_wrong_scores_get_the_worst_value(metric, k):
    contract.surely_wrong_is_worst(metric, k)


@ALL
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_order_of_clips_and_classes_does_not_matter(metric, seed):
    contract.order_does_not_matter(metric, seed)


@ALL
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_weights_are_repetitions(metric, seed):
    contract.weights_are_repetitions(metric, seed)


@ALL
def test_many_weightings_at_once_are_one_by_one(metric):
    contract.many_weightings_at_once(metric)


@ALL
def test_tells_what_it_is(metric):
    contract.tells_what_it_is(metric)


# ------------------------------------------------------------------------------------------- reference numbers
def one_hot(y, proba):
    return np.eye(proba.shape[1])[y]


REFERENCE = {
    "accuracy": lambda y, p, w: sklearn.accuracy_score(y, p.argmax(1), sample_weight=w),
    "balanced_accuracy": lambda y, p, w: sklearn.balanced_accuracy_score(y, p.argmax(1), sample_weight=w),
    "log_loss": lambda y, p, w: sklearn.log_loss(y, p, sample_weight=w, labels=np.arange(p.shape[1])),
    "brier": lambda y, p, w: np.average(((p - one_hot(y, p)) ** 2).sum(1), weights=w),
    "top3": lambda y, p, w: sklearn.top_k_accuracy_score(y, p, k=3, sample_weight=w, labels=np.arange(p.shape[1])),
    "top5": lambda y, p, w: sklearn.top_k_accuracy_score(y, p, k=5, sample_weight=w, labels=np.arange(p.shape[1])),
} | {
    f"{average}_{name}": lambda y, p, w, average=average, function=function: function(
        y, p.argmax(1), sample_weight=w, average=average, zero_division=0
    )
    for average in ("macro", "weighted")
    for name, function in (
        ("precision", sklearn.precision_score),
        ("recall", sklearn.recall_score),
        ("f1", sklearn.f1_score),
    )
}


@pytest.mark.parametrize("name", REFERENCE)
@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_scikit_learn(name, seed):
    y, proba = made(seed, n=80, k=7, skill=0.8)
    weights = np.random.default_rng(seed).uniform(0.1, 3, len(y))
    assert METRICS[name](y, proba, weights) == pytest.approx(REFERENCE[name](y, proba, weights), abs=1e-12)


def test_per_class_agrees_with_scikit_learn():
    y, proba = made(5, n=80, k=7, skill=0.8)
    wanted = sklearn.precision_recall_fscore_support(y, proba.argmax(1), zero_division=0)
    for name, numbers in zip(("precision", "recall", "f1", "support"), wanted, strict=True):
        np.testing.assert_allclose(per_class(y, proba)[name], numbers)


def test_calibration_error_by_hand():
    # Two bins: four clips at .8 of which two are right (off by .3), one clip at .6 that is right (off by .4).
    y = np.array([0, 0, 1, 1, 0])
    proba = np.array([[0.8, 0.2]] * 4 + [[0.6, 0.4]])
    assert METRICS["calibration_error"](y, proba) == pytest.approx(0.8 * 0.3 + 0.2 * 0.4)


def test_classes_that_do_not_occur_are_left_out_of_means():
    y = np.array([0, 0, 1])
    proba = np.array([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0.1, 0.8, 0.1]])
    assert METRICS["macro_recall"](y, proba) == pytest.approx((0.5 + 1) / 2)
    assert METRICS["macro_f1"](y, proba) == pytest.approx(
        sklearn.f1_score(y, proba.argmax(1), labels=[0, 1], average="macro")
    )


def test_equal_scores_go_to_the_first_class():
    flat = np.full((4, 4), 0.25)
    assert METRICS["accuracy"](np.arange(4), flat) == 0.25
    assert METRICS["top3"](np.arange(4), flat) == 0.75


@pytest.mark.slow
def test_two_thousand_resamples_of_a_thousand_clips_take_under_two_seconds():
    y, proba = made(0, n=1000, k=10)
    weights = np.random.default_rng(0).integers(0, 3, (2000, 1000)).astype(float)
    began = time.process_time()
    for metric in METRICS.values():
        metric(y, proba, weights)
    assert time.process_time() - began < 2.0


# ---------------------------------------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("y", "proba", "says"),
    [
        ([], np.zeros((0, 2)), "at least one clip"),
        ([0, 1], np.full((3, 2), 0.5), r"shape \(3, 2\) for 2 clips"),
        ([0, 2], np.full((2, 2), 0.5), "from 0 to 1"),
        ([0.0, 1.0], np.full((2, 2), 0.5), "whole numbers"),
        ([0, 1], np.full((2, 2), 0.7), "add up to 1"),
        ([0, 1], np.full((2, 2), np.nan), "not probabilities"),
        ([0, 1], np.array([[1.5, -0.5]] * 2), "not probabilities"),
    ],
)
def test_says_what_does_not_fit(y, proba, says):
    with pytest.raises(DataError, match=says):
        checked(y, proba)

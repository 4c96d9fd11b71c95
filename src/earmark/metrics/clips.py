"""Scores of predictions: one function each, weighted, many weightings at once.

Every metric is ``(y, proba, weights) -> scores``:

    y        (n,) int        the true class of each clip, an index into the columns of ``proba``
    proba    (n, k) float    scores per class, each row sums to one
    weights  (..., n) float  how often each clip counts; ``(n,)`` gives one number, ``(r, n)`` gives ``(r,)``

Weight 2 is the same as the clip standing twice, weight 0 as the clip not being there: that is all that
resampling needs, and a table of 2000 resamples is scored in one call.

>>> y, proba = np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
>>> round(float(METRICS["accuracy"](y, proba)), 3)
0.667
>>> METRICS["accuracy"](y, proba, np.array([[1, 1, 1], [0, 2, 1], [1, 2, 0]])).round(3).tolist()
[0.667, 0.667, 1.0]

To add a metric is to add one decorated function here, or in another package (``core/outside.py``). The class that is predicted is the one with the highest
score, the first of them where scores are equal. Means over classes are over the classes that occur in ``y``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import DataError
from ._registry import METRICS, Array, Metric, broken, metric, package

__all__ = ["METRICS", "Metric", "broken", "checked", "metric", "package", "per_class"]

_TINY = float(np.finfo(np.float64).eps)  # the least probability that log_loss believes in, as scikit-learn's
_BINS = 15


def checked(y: ArrayLike, proba: ArrayLike, who: str = "") -> tuple[NDArray[np.int64], Array]:
    """y (n,) int, proba (n, k) or (seeds, n, k) -> (n,), (seeds, n, k), or DataError that begins with ``who``."""
    truth, stack = np.asarray(y), np.asarray(proba, np.float64)
    stack = stack[None] if stack.ndim == 2 else stack
    if truth.ndim != 1 or not len(truth):
        raise DataError(f"{who}found true classes of shape {truth.shape}; wanted (n,) with at least one clip")
    if stack.ndim != 3 or stack.shape[1] != len(truth) or not stack.shape[0]:
        found = np.asarray(proba).shape
        raise DataError(f"{who}found scores of shape {found} for {len(truth)} clips; wanted (n, k) or (seeds, n, k)")
    if truth.dtype.kind not in "iu" or truth.min() < 0 or truth.max() >= stack.shape[2]:
        raise DataError(f"{who}wanted true classes as whole numbers from 0 to {stack.shape[2] - 1}")
    if not np.isfinite(stack).all() or stack.min() < -1e-6 or np.abs(stack.sum(axis=2) - 1).max() > 1e-3:
        raise DataError(f"{who}scores are not probabilities; wanted numbers from 0 to 1 that add up to 1 for each clip")
    return truth.astype(np.int64), stack


# ------------------------------------------------------------------------------------------------ shared sums
def _sums(weights: Array, keys: NDArray[np.int64], size: int) -> Array:
    """Sum the weights (..., n) of the clips of each key (n,) in [0, size) -> (..., size)."""
    order = np.argsort(keys, kind="stable")
    present, starts = np.unique(keys[order], return_index=True)
    sums = np.zeros((*weights.shape[:-1], size))
    if len(present):
        sums[..., present] = np.add.reduceat(weights[..., order], starts, axis=-1)
    return sums


def _mean(weights: Array, values: Array) -> Array:
    """Weighted mean over clips."""
    return np.asarray((weights @ values) / weights.sum(axis=-1))


def _counts(y: NDArray[np.int64], proba: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Per class (..., k): clips of it that were found, clips of it, clips predicted as it."""
    predicted, k = proba.argmax(axis=1), proba.shape[1]
    support = _sums(weights, y, k)
    return _sums(weights * (predicted == y), y, k), support, _sums(weights, predicted, k)


def _ratio(part: Array, whole: Array) -> Array:
    """part / whole, and 0 where there is nothing to divide by."""
    return np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=whole > 0)


def _precision(found: Array, _: Array, taken: Array) -> Array:
    return _ratio(found, taken)


def _recall(found: Array, support: Array, _: Array) -> Array:
    return _ratio(found, support)


def _f1(found: Array, support: Array, taken: Array) -> Array:
    return _ratio(2 * found, support + taken)


def _macro(values: Array, support: Array) -> Array:
    """Mean over the classes that occur, each counting the same."""
    occurs = support > 0
    return np.asarray((values * occurs).sum(axis=-1) / occurs.sum(axis=-1))


def _weighted(values: Array, support: Array) -> Array:
    """Mean over the classes, each counting as often as it occurs."""
    return np.asarray((values * support).sum(axis=-1) / support.sum(axis=-1))


def per_class(y: ArrayLike, proba: ArrayLike, weights: ArrayLike | None = None) -> dict[str, Array]:
    """Precision, recall, F1 and support of each class, each (..., k). Same inputs as a metric."""
    classes, scores = np.asarray(y, np.int64), np.asarray(proba, np.float64)
    counts = _counts(classes, scores, np.ones(len(classes)) if weights is None else np.asarray(weights, np.float64))
    return {
        "precision": _precision(*counts),
        "recall": _recall(*counts),
        "f1": _f1(*counts),
        "support": counts[1],
    }


def _top(y: NDArray[np.int64], proba: Array, weights: Array, k: int) -> Array:
    own = np.take_along_axis(proba, y[:, None], axis=1)
    earlier = np.arange(proba.shape[1]) < y[:, None]
    ahead = ((proba > own) | ((proba == own) & earlier)).sum(axis=1)  # ties fall as argmax lets them fall
    return _mean(weights, (ahead < k).astype(np.float64))


# ----------------------------------------------------------------------------------------------- the metrics
@metric(best=1, worst=0)
def accuracy(y: NDArray[np.int64], proba: Array, weights: Array) -> Array:
    """Share of clips whose class was found."""
    return _mean(weights, (proba.argmax(axis=1) == y).astype(np.float64))


@metric(best=1, worst=0)
def balanced_accuracy(y: NDArray[np.int64], proba: Array, weights: Array) -> Array:
    """Mean over classes of the share of its clips that were found: what a rare class is worth the same by."""
    found, support, taken = _counts(y, proba, weights)
    return _macro(_recall(found, support, taken), support)


@metric(best=1, worst=0)
def macro_precision(y: NDArray[np.int64], proba: Array, weights: Array) -> Array:
    """Mean over classes of the share of right ones among those predicted as it (0 if there is none)."""
    found, support, taken = _counts(y, proba, weights)
    return _macro(_precision(found, support, taken), support)


@metric(best=1, worst=0)
def macro_recall(y: NDArray[np.int64], proba: Array, weights: Array) -> Array:
    """Mean over classes of recall: the same as balanced accuracy, under the name reports use."""
    return balanced_accuracy(y, proba, weights)


@metric(best=1, worst=0)
def macro_f1(y: NDArray[np.int64], proba: Array, weights: Array) -> Array:
    """Mean over classes of F1, the harmonic mean of precision and recall."""
    found, support, taken = _counts(y, proba, weights)
    return _macro(_f1(found, support, taken), support)


@metric(best=1, worst=0)
def weighted_precision(y: NDArray[np.int64], proba: Array, weights: Array) -> Array:
    """Precision averaged over classes by how often they occur."""
    found, support, taken = _counts(y, proba, weights)
    return _weighted(_precision(found, support, taken), support)


@metric(best=1, worst=0)
def weighted_recall(y: NDArray[np.int64], proba: Array, weights: Array) -> Array:
    """Recall averaged over classes by how often they occur: the same as accuracy, under the name reports use."""
    return accuracy(y, proba, weights)


@metric(best=1, worst=0)
def weighted_f1(y: NDArray[np.int64], proba: Array, weights: Array) -> Array:
    """F1 averaged over classes by how often they occur."""
    found, support, taken = _counts(y, proba, weights)
    return _weighted(_f1(found, support, taken), support)


@metric(best=1, worst=0)
def top3(y: NDArray[np.int64], proba: Array, weights: Array) -> Array:
    """Share of clips whose class is among the three with the highest scores."""
    return _top(y, proba, weights, 3)


@metric(best=1, worst=0)
def top5(y: NDArray[np.int64], proba: Array, weights: Array) -> Array:
    """Share of clips whose class is among the five with the highest scores."""
    return _top(y, proba, weights, 5)


@metric(best=0, worst=-float(np.log(_TINY)))
def log_loss(y: NDArray[np.int64], proba: Array, weights: Array) -> Array:
    """Mean of -ln(score of the true class), scores cut at 2.2e-16: punishes being surely wrong."""
    own = np.take_along_axis(proba, y[:, None], axis=1)[:, 0]
    return _mean(weights, -np.log(np.clip(own, _TINY, 1.0)))


@metric(best=0, worst=2)
def brier(y: NDArray[np.int64], proba: Array, weights: Array) -> Array:
    """Mean squared distance of the scores from the truth, summed over classes, 0 to 2 (Brier 1950)."""
    own = np.take_along_axis(proba, y[:, None], axis=1)[:, 0]
    return _mean(weights, (proba**2).sum(axis=1) - 2 * own + 1)


@metric(best=0, worst=1)
def calibration_error(y: NDArray[np.int64], proba: Array, weights: Array) -> Array:
    """Expected calibration error: |highest score - share right| over 15 equal-width bins, weighted by size.

    ECE as Guo et al. 2017 (On Calibration of Modern Neural Networks). It is never negative, so a perfectly
    calibrated model does not get 0 from a finite sample: ``calibration.error_floor`` says what it would get.
    """
    top = proba.max(axis=1)
    gap = top - (proba.argmax(axis=1) == y)
    bins = np.clip(np.ceil(top * _BINS).astype(np.int64) - 1, 0, _BINS - 1)  # (lower, upper], as in the paper
    return np.asarray(np.abs(_sums(weights * gap, bins, _BINS)).sum(axis=-1) / weights.sum(axis=-1))

"""How common classes are in unlabelled sound, from a model's scores.

Counting best labels counts a model's mistakes too: where a class is rare, most of what is taken for it is something
else. If the classes sound as they did in training and only their shares differ, the shares can be estimated from the
scores: each round weights the scores by the shares of the round before (expectation maximization: Saerens, Latinne &
Decaestecker 2002), which needs probabilities that are calibrated. Whether the classes sound as they did, no estimate
can know: a new site has new backgrounds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..core.errors import DataError
from .biased_temperature import BiasedTemperature
from .by_class import share
from .clips import checked
from .intervals import Array, Groups, Interval, Ints

_ROUNDS = 500
_STILL = 1e-7


def reweighted(proba: ArrayLike, trained: ArrayLike, prior: ArrayLike) -> Array:
    """Probabilities (n, k) for shares ``prior`` (k,) of the classes, of a model made for the shares ``trained`` (k,)."""
    old, new = _shares(trained), _shares(prior)
    scores = np.asarray(proba, np.float64)
    if scores.ndim != 2 or not scores.shape[1] == len(old) == len(new):
        raise DataError(
            f"found scores of shape {scores.shape} and shares of {len(old)} and {len(new)} classes; wanted as many"
        )
    raised = scores * (new / old)
    whole = raised.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(raised, whole, out=np.tile(new, (len(scores), 1)), where=whole > 0))


def estimated_prior(proba: ArrayLike, trained: ArrayLike, weights: ArrayLike | None = None) -> Array:
    """Shares (k,) of the classes under which the scores (n, k) are likeliest. Weights (n,) count clips."""
    old, scores = _shares(trained), np.asarray(proba, np.float64)
    if scores.ndim != 2 or scores.shape[1] != len(old) or not len(scores):
        raise DataError(f"found scores of shape {scores.shape}; wanted (n, {len(old)}) with at least one clip")
    counts = np.ones(len(scores)) if weights is None else np.asarray(weights, np.float64)
    return _likeliest(scores / old, old, counts)


def class_shares(
    proba: ArrayLike,
    groups: ArrayLike | None,
    labelled: tuple[ArrayLike, ArrayLike, ArrayLike | None],
    *,
    resamples: int = 200,
    level: float = 0.9,
    seed: int = 0,
) -> tuple[Interval, ...]:
    """The share of each class in unlabelled sound, with an interval.

    proba (n, k) of the unlabelled clips, groups (n,) of them or None; ``labelled``: proba (m, k) out of fold, y (m,) and
    groups (m,) or None of the clips that the model was made with, by which scores are calibrated. Both are drawn anew by
    group: what new clips and what another calibration would have said.
    """
    known, y, known_groups = labelled
    truth, stack = checked(y, known, "labelled clips: ")
    scores = np.asarray(proba, np.float64)
    if scores.ndim != 2 or not len(scores) or scores.shape[1] != stack.shape[2]:
        raise DataError(f"found scores of shape {scores.shape}; wanted (n, {stack.shape[2]}) with at least one clip")
    theirs, ours = Groups.of(known_groups, len(truth)), Groups.of(groups, len(scores))

    floor = BiasedTemperature.fit(stack[0], truth).floor

    def shares(of_known: Array, of_new: Array) -> tuple[Array, Array]:
        trained = _smoothed(truth, of_known, stack.shape[2])
        warm = BiasedTemperature.fit(stack[0], truth, weights=of_known, floor=floor).apply(scores)
        found = _likeliest(warm / trained, trained, of_new)
        return found, reweighted(warm, trained, found)

    value, belongs = shares(np.ones(len(truth)), np.ones(len(scores)))
    draws = zip(_draws(theirs, resamples, seed), _draws(ours, resamples, seed + 1), strict=True)
    drawn = np.array([shares(a, b)[0] for a, b in draws])
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    found = []
    for c, v in enumerate(value.tolist()):
        # What draws are off the estimate, the estimate may be off the truth, either way. And a class of which nothing
        # was heard may still be there: never surer than of a share of as many clips.
        own, _ = share(belongs[:, c], np.ones(len(scores)), ours, level)
        ends = min(low[c], 2 * v - high[c], own.low), max(high[c], 2 * v - low[c], own.high)
        found.append(Interval(v, min(v, max(0.0, float(ends[0]))), max(v, min(1.0, float(ends[1])))))
    return tuple(found)


def counted_shares(proba: ArrayLike) -> Array:
    """Shares (k,) of the best labels: what ``class_shares`` is better than where classes are rare."""
    scores = np.asarray(proba, np.float64)
    return np.bincount(scores.argmax(axis=1), minlength=scores.shape[1]) / len(scores)


def named_shares(table: Sequence[tuple[str, float]], classes: Sequence[str]) -> Array:
    """Shares (k,) in the order of ``classes`` from lines (label, share). Raises DataError for what does not fit."""
    told = dict(table)
    if len(told) != len(table) or set(told) != set(classes):
        missing, strange = sorted(set(classes) - set(told)), sorted(set(told) - set(classes))
        raise DataError(
            f"shares: found {len(table)} lines of {len(told)} labels"
            + (f", none of {', '.join(missing[:5])}" if missing else "")
            + (f", and {', '.join(strange[:5])}, which the model does not know" if strange else "")
            + "; wanted one line for each class of the model"
        )
    shares = np.array([told[label] for label in classes], np.float64)
    if not np.isfinite(shares).all() or shares.min() < 0 or abs(shares.sum() - 1) > 0.01:
        raise DataError(f"shares: found numbers that add up to {shares.sum():g}; wanted shares from 0 to 1, in all 1")
    return np.asarray(shares / shares.sum())


# ------------------------------------------------------------------------------------------------- inner parts
def _shares(given: ArrayLike) -> Array:
    shares = np.asarray(given, np.float64)
    if shares.ndim != 1 or not np.isfinite(shares).all() or shares.min() < 0 or shares.sum() <= 0:
        raise DataError(f"found the shares {shares.tolist()}; wanted a number of 0 or more for each class")
    return np.asarray(np.maximum(shares / shares.sum(), 1e-12))


def _smoothed(truth: Ints, weights: Array, classes: int) -> Array:
    """Shares of the classes among labelled clips; a class that a draw left out keeps half a clip."""
    counts = np.bincount(truth, weights, minlength=classes) + 0.5
    return np.asarray(counts / counts.sum())


def _likeliest(likelihoods: Array, start: Array, weights: Array) -> Array:
    """Shares (k,) of a mixture of given likelihoods (n, k) by expectation maximization."""
    shares, whole = start, weights.sum()
    for _ in range(_ROUNDS):
        mixed = likelihoods * shares
        mixed /= np.maximum(mixed.sum(axis=1, keepdims=True), 1e-300)
        new = weights @ mixed / whole
        if np.abs(new - shares).max() < _STILL:
            break
        shares = new
    return np.asarray(new)


def _draws(units: Groups, number: int, seed: int) -> list[Array]:
    return [row for block in units.resamples(number, seed) for row in block]

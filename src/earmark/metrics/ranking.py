"""How well scores sort clips, whatever the threshold: average precision and the area under the ROC curve, per class.

Both are means over the clips of a class, so each group's influence on them is known without resampling: of the area
from the shares of the other side that are ranked below (DeLong, DeLong & Clarke-Pearson 1988; by group: Obuchowski
1997), of average precision from the precision at each of its ranks. Clips of equal score share a rank.

>>> found = average_precision(np.array([True, True, False]), np.array([0.9, 0.2, 0.5]))
>>> round(found[0], 3)
0.833
"""

from __future__ import annotations

import math

import numpy as np

from .by_class import ByClass, Flags, wilson
from .intervals import Array, Groups, Interval, Ints, t_quantile


def auroc(own: Flags, score: Array) -> tuple[float, Array]:
    """Chance that a clip of the class has the higher score than one that is not, and each clip's influence on it."""
    inside, outside = np.sort(score[own]), np.sort(score[~own])
    if not len(inside) or not len(outside):
        return math.nan, np.zeros(len(score))
    share = np.empty(len(score))
    share[own] = _below(outside, score[own])
    share[~own] = 1 - _below(inside, score[~own])
    value = float(share[own].mean())
    return value, (share - value) / np.where(own, len(inside), len(outside))


def average_precision(own: Flags, score: Array) -> tuple[float, Array]:
    """Mean over the clips of the class of the precision at their score, and each clip's influence on it."""
    count = int(own.sum())
    if not count:
        return math.nan, np.zeros(len(score))
    at, hits, taken = _levels(own, score)
    precision = hits.cumsum() / taken
    value = float(hits @ precision / count)
    # A clip counts among those taken at its own level and at all below it.
    right = (hits * (1 - precision) / taken)[::-1].cumsum()[::-1][at]
    wrong = (hits * precision / taken)[::-1].cumsum()[::-1][at]
    return value, np.where(own, precision[at] - value + right, -wrong) / count


def optimism(own: Flags, score: Array) -> float:
    """About how much average precision shows too much, because each clip counts among those taken at its own score."""
    _, hits, taken = _levels(own, score)
    return float(hits @ ((1 - hits.cumsum() / taken) / taken) / max(1.0, hits.sum()))


def ranking(truth: Ints, stack: Array, units: Groups, level: float) -> dict[str, tuple[Interval, ByClass]]:
    """Both figures: the mean over the classes that can be ranked, and each class. stack (seeds, n, k)."""
    own = truth[:, None] == np.arange(stack.shape[2])
    return ranking_of(own, np.ones_like(own), stack, units, level)


def ranking_of(
    own: Flags, seen: Flags, stack: Array, units: Groups, level: float
) -> dict[str, tuple[Interval, ByClass]]:
    """As ``ranking``, of classes that each have members of their own (n, k), among the clips ``seen`` (n, k) for them."""
    found = {}
    for name, function in (("average_precision", average_precision), ("auroc", auroc)):
        intervals, moves, flattery = [], [], []
        for c in range(stack.shape[2]):
            here, among = own[seen[:, c], c], units.among(seen[:, c])
            scores = stack[:, seen[:, c], c]
            each = [function(here, score) for score in scores]
            moved = among.sums(np.mean([e for _, e in each], axis=0))
            shown = [optimism(here, score) if name == "average_precision" else 0.0 for score in scores]
            flattery.append(float(np.mean(shown)))
            one = _interval(float(np.mean([v for v, _ in each])), moved, here, among, level)
            intervals.append(_lowered(one, flattery[-1]))
            moves.append(moved)
        classes = ByClass(tuple(intervals), np.stack(moves))
        ranked = [f for f, i in zip(flattery, intervals, strict=True) if math.isfinite(i.value)]
        found[name] = (_lowered(_mean(classes, units, level), float(np.mean(ranked)) if ranked else 0.0), classes)
    return found


# ------------------------------------------------------------------------------------------------- inner parts
def _levels(own: Flags, score: Array) -> tuple[Ints, Array, Array]:
    """The level of each clip, best first, and of each level: clips of the class at it, and all clips down to it."""
    levels, at = np.unique(-score, return_inverse=True)
    taken = np.bincount(at, minlength=len(levels)).cumsum().astype(np.float64)
    return at, np.bincount(at, own, minlength=len(levels)).astype(np.float64), taken


def _lowered(found: Interval, by: float) -> Interval:
    return Interval(found.value, max(0.0, found.low - by) if math.isfinite(found.low) else math.nan, found.high)


def _below(others: Array, score: Array) -> Array:
    """Share of the sorted ``others`` below each score; of those that are equal, half."""
    return np.asarray((np.searchsorted(others, score) + np.searchsorted(others, score, side="right")) / 2 / len(others))


def _groups(of: Flags, units: Groups) -> float:
    """Groups of equal size that would tell as much of these clips."""
    sizes = units.sums(of)
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def _interval(value: float, moved: Array, own: Flags, units: Groups, level: float) -> Interval:
    """Wilson's interval on as many clips as the influence of the groups is worth."""
    if not math.isfinite(value):
        return Interval(math.nan, math.nan, math.nan)
    if own.all():
        return Interval(value, value, value)  # of nothing else: any order is the right one
    groups = min(_groups(own, units), _groups(~own, units))
    variance = float((moved**2).sum()) * len(units) / max(1, len(units) - 1)
    # Values near an end seem surer than they are: never surer than five times as many clips as there are groups.
    clips = min(value * (1 - value) / variance if variance > 0 else math.inf, 5 * groups)
    return wilson(value, max(clips, 0.5), max(2.0, groups - 1), level)


def _mean(classes: ByClass, units: Groups, level: float) -> Interval:
    """The mean over classes, as it varies between groups, and no surer than its classes."""
    ranked = [c for c, i in enumerate(classes.intervals) if math.isfinite(i.value)]
    if not ranked:
        return Interval(math.nan, math.nan, math.nan)
    value = float(np.mean([classes.intervals[c].value for c in ranked]))
    moved = classes.influence[ranked].mean(axis=0)
    error = math.sqrt(float((moved**2).sum()) * len(units) / max(1, len(units) - 1))
    reach = t_quantile((1 + level) / 2, max(2.0, (len(units) + units.effective) / 2 - 1)) * error
    return classes.widened(Interval(value, max(0.0, value - reach), min(1.0, value + reach)), ranked)

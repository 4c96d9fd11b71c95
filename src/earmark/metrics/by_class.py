"""Figures of single classes with intervals, and the macro means of them where classes are rare.

Recall is a share of the clips of a class, precision of those predicted as it, and F1 is ``2 j / (1 + j)`` where ``j`` is
the share of right ones among the clips that are of the class or predicted as it. So each has the interval of a share:
Wilson's (1927), on as many clips as would tell as much if none were in a group with others (``effective``).

Resampling says nothing of a class of which three clips were seen and all were right. The interval of a mean over
classes is therefore made from theirs, too: their distances to the ends are added as squares are (Zou & Donner 2008),
times how much more the mean varies between groups than classes of their own would.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .intervals import Array, Groups, Interval, Ints, t_quantile

Flags = NDArray[np.bool_]
FIGURES = ("precision", "recall", "f1")


@dataclass(frozen=True)
class ByClass:
    """A figure of each class (k,), and by how much each group moves it: ``influence`` (k, groups)."""

    intervals: tuple[Interval, ...]
    influence: Array

    def widened(self, macro: Interval, classes: Sequence[int], *, least: float = 0.0) -> Interval:
        """The interval of the mean over some classes, at least as wide as their own intervals make it."""
        if not len(classes) or not math.isfinite(macro.value):
            return macro
        own, moved = [self.intervals[c] for c in classes], self.influence[list(classes)]
        alone, together = float((moved**2).sum()), float((moved.sum(axis=0) ** 2).sum())
        more = math.sqrt(max(1.0, together / alone)) if alone > 0 else 1.0
        below, above = (
            more * math.sqrt(sum(d**2 for d in ends)) / len(own)
            for ends in ([i.value - i.low for i in own], [i.high - i.value for i in own])
        )
        low, high = max(least, macro.value - below), min(1.0, macro.value + above)
        return Interval(macro.value, min(macro.low, low), max(macro.high, high))


def by_class(truth: Ints, stack: Array, units: Groups, level: float) -> dict[str, ByClass]:
    """Precision, recall and F1 of each class; stack (seeds, n, k), of which seeds are averaged."""
    predicted, found = stack.argmax(axis=2), {}
    for name in FIGURES:
        made = [figure(name, truth == c, (predicted == c), units, level) for c in range(stack.shape[2])]
        found[name] = ByClass(tuple(i for i, _ in made), np.stack([e for _, e in made]))
    return found


def share(hits: Array, counts: Array, units: Groups, level: float) -> tuple[Interval, Array]:
    """``hits.sum() / counts.sum()`` of clips (n,), with Wilson's interval, and the influence (groups,) of each group."""
    right = units.sums(hits)
    of = units.sums(counts)
    total = float(of.sum())
    if total <= 0:
        return Interval(0.0, 0.0, 1.0), np.zeros(len(units))
    value = min(1.0, float(right.sum()) / total)
    rest = right - value * of
    clips, freedom = effective(float((rest**2).sum()), of, float(right.sum()))
    return wilson(value, clips, freedom, level), rest / total


def effective(squares: float, of: Array, right: float) -> tuple[float, float]:
    """Clips of their own that tell as much as ``of`` (groups,) clips in groups, and degrees of freedom.

    ``squares``: of what groups are off the mean. One clip more is reckoned with, whose whole group does as it does, so
    that few clips that happen to be alike claim nothing about how clustered they are.
    """
    total, groups = float(of.sum()), int((of > 0).sum())
    alike = float((of**2).sum()) / total  # clips in the group of a clip
    shrunk, value = (right + 1) / (total + 2), right / total
    one = shrunk * (1 - shrunk)
    seen = squares * groups / max(1, groups - 1)
    design = (seen + one * alike) / (total * value * (1 - value) + one)
    design = min(max(1.0, design), 2 * max(1.0, alike))
    return total / design, max(2.0, (groups + total / alike) / 2 - 1)


def wilson(value: float, clips: float, freedom: float, level: float) -> Interval:
    """Wilson's score interval with Student's t."""
    t = t_quantile((1 + level) / 2, freedom)
    room = 1 + t * t / clips
    centre = (value + t * t / (2 * clips)) / room
    reach = t / room * math.sqrt(max(0.0, value * (1 - value) / clips + t * t / (4 * clips**2)))
    low, high = min(value, max(0.0, centre - reach)), max(value, min(1.0, centre + reach))
    return Interval(value, 0.0 if value == 0 else low, 1.0 if value == 1 else high)


def figure(name: str, own: Flags, taken: Flags, units: Groups, level: float) -> tuple[Interval, Array]:
    """One figure of a class; own (n,): the clips of the class; taken (seeds, n): those predicted as it."""
    of = {"precision": taken, "recall": own[None], "f1": taken | own}[name]
    hits, counts = (taken & own).mean(axis=0), of.mean(axis=0)
    found, moved = share(hits, counts, units, level)
    if name != "f1":
        return found, moved
    f1 = Interval(*(2 * j / (1 + j) for j in (found.value, found.low, found.high)))
    return f1, moved * 2 / (1 + found.value) ** 2

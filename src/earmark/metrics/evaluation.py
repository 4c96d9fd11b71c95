"""Evaluate predictions: scores with intervals and a table per class.

What the intervals speak of: other *groups* (artists, sessions) of the same kind, evaluated by the same trained heads on
the same folds. What another training set would change is not in them; the spread over seeds shows a part of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..core.errors import DataError
from ..core.jsonable import plain
from ..core.renderers import Columns, Tabular, counted
from .by_class import FIGURES, by_class
from .by_group import BetweenGroups, between_groups
from .calibration import debiased_error, error_floor
from .clips import METRICS, checked, per_class
from .intervals import Array, Groups, Interval, Ints, interval
from .paired import Pair, compare
from .ranking import ranking

__all__ = ["Evaluation", "Interval", "Pair", "compare", "evaluate", "majority_baseline"]

# Means over classes, whose intervals are no narrower than those of the classes make them.
_MACRO = {"macro_precision": "precision", "macro_recall": "recall", "balanced_accuracy": "recall", "macro_f1": "f1"}
_FEW_GROUPS = 20  # below, the simulation's coverage is no longer promised


@dataclass(frozen=True, repr=False)
class Evaluation(Tabular):
    """How good predictions are. Scores are means over seeds; ``confusion`` and ``per_class`` count all seeds.

    ``confusion`` (k, k) int: row = true class, column = predicted class, summed over seeds, so a row sums to
    seeds × clips of that class. ``support`` in ``per_class`` is in clips. ``class_intervals``: by class, of precision,
    recall, F1, average precision and AUROC; ``ranking``: the means over classes of the last two. ``calibration``: the
    calibration error that a perfectly calibrated model would show on as many clips, and an estimate without bias.
    ``between``: how much groups differ; None where that cannot be known.
    """

    classes: tuple[str, ...]
    scores: Mapping[str, Interval]
    per_class: Mapping[str, Mapping[str, float]]
    confusion: Ints
    n_clips: int
    n_groups: int
    spread: Mapping[str, float] = field(default_factory=dict)  # standard deviation over seeds; empty: one seed
    class_intervals: Mapping[str, Mapping[str, Interval]] = field(default_factory=dict)
    ranking: Mapping[str, Interval] = field(default_factory=dict)
    calibration: Mapping[str, float] = field(default_factory=dict)
    between: BetweenGroups | None = None
    notes: tuple[str, ...] = ()  # what a reader should know before believing the numbers

    def _line(self) -> str:
        found = self.scores.get("accuracy")
        told = [] if found is None else [f"accuracy {found.value:.3f} ({found.low:.3f} to {found.high:.3f})"]
        return ", ".join(
            [
                *told,
                f"{counted(self.n_clips, 'clip')} of {counted(len(self.classes), 'class', 'classes')}",
                counted(self.n_groups, "group"),
            ]
        )

    def _columns(self) -> Columns:
        """A line a score."""
        return {
            "score": list(self.scores),
            "value": [i.value for i in self.scores.values()],
            "low": [i.low for i in self.scores.values()],
            "high": [i.high for i in self.scores.values()],
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: each metric by name, ``per_class``, ``labels``, ``confusion``, counts, notes."""
        return {
            **{name: score.to_dict() for name, score in self.scores.items()},
            "per_class": {label: dict(row) for label, row in self.per_class.items()},
            "per_class_intervals": {
                label: {name: found.to_dict() for name, found in of.items()}
                for label, of in self.class_intervals.items()
            },
            "ranking": {name: found.to_dict() for name, found in self.ranking.items()},
            "calibration": plain(self.calibration),
            "between_groups": self.between.to_dict() if self.between else None,
            "labels": list(self.classes),
            "confusion": self.confusion.tolist(),
            "clips": self.n_clips,
            "groups": self.n_groups,
            "spread": plain(self.spread),
            "notes": list(self.notes),
        }


def evaluate(
    y: ArrayLike,
    proba: ArrayLike,
    classes: Sequence[str],
    groups: ArrayLike | None,
    *,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Evaluation:
    """Score predictions, with intervals by resampling groups (``intervals.py`` says how).

    y (n,) int, index into ``classes``; proba (n, k) or (seeds, n, k); groups (n,) of anything sortable, or None: each
    clip its own group. Raises DataError for shapes that do not fit, unknown classes, scores that are not probabilities.
    """
    truth, stack = checked(y, proba)
    if stack.shape[2] != len(classes):
        raise DataError(
            f"found scores of {stack.shape[2]} classes and {len(classes)} names; wanted one name per column"
        )
    units = Groups.of(groups, len(truth))
    each_seed = {name: np.array([float(metric(truth, p)) for p in stack]) for name, metric in METRICS.items()}
    figures, ranked = by_class(truth, stack, units, level), ranking(truth, stack, units, level)
    means = {name: float(v.mean()) for name, v in each_seed.items()}
    scores = _intervals(truth, stack, units, means, resamples=resamples, level=level, seed=seed)
    occur = np.unique(truth).tolist()
    scores |= {name: figures[of].widened(scores[name], occur) for name, of in _MACRO.items()}
    of_class = {name: figures[name] for name in FIGURES} | {name: found for name, (_, found) in ranked.items()}
    hits = (stack.argmax(axis=2) == truth).mean(axis=0)
    return Evaluation(
        classes=tuple(classes),
        scores=scores,
        per_class=_per_class(truth, stack, classes),
        confusion=_confusion(truth, stack),
        n_clips=len(truth),
        n_groups=len(units),
        spread={n: float(v.std(ddof=1)) for n, v in each_seed.items()} if len(stack) > 1 else {},
        class_intervals={
            label: {name: found.intervals[c] for name, found in of_class.items()} for c, label in enumerate(classes)
        },
        ranking={f"macro_{name}": mean for name, (mean, _) in ranked.items()},
        calibration={
            "floor": float(np.mean([error_floor(p, draws=20, seed=seed) for p in stack])),
            "debiased": float(np.mean([debiased_error(truth, p) for p in stack])),
        },
        between=between_groups(hits, groups, level=level, seed=seed),
        notes=_notes(truth, classes, units),
    )


def majority_baseline(y: ArrayLike, classes: int) -> dict[str, float]:
    """Every metric of answering each clip with how common the classes are (so: the most common class)."""
    truth = np.asarray(y, np.int64)
    if not len(truth):
        raise DataError("found no clips; wanted at least one")
    shares = np.bincount(truth, minlength=classes) / len(truth)
    return {name: float(metric(truth, np.tile(shares, (len(truth), 1)))) for name, metric in METRICS.items()}


def _intervals(
    truth: Ints, stack: Array, units: Groups, means: Mapping[str, float], *, resamples: int, level: float, seed: int
) -> dict[str, Interval]:
    """Every metric with its interval by resampling groups."""
    drawn = _scored(truth, stack, units.resamples(resamples, seed))
    left_out = _scored(truth, stack, units.left_out(seed))
    return {
        name: interval(
            means[name], drawn[name], left_out[name], units, best=metric.best, worst=metric.worst, level=level
        )
        for name, metric in METRICS.items()
    }


def _per_class(truth: Ints, stack: Array, classes: Sequence[str]) -> dict[str, dict[str, float]]:
    table = per_class(np.tile(truth, len(stack)), stack.reshape(-1, stack.shape[2]))
    return {
        label: {name: float(table[name][i]) for name in FIGURES} | {"support": int(table["support"][i]) // len(stack)}
        for i, label in enumerate(classes)
    }


def _scored(truth: Ints, stack: Array, weights: Iterable[Array]) -> dict[str, Array]:
    """Every metric, mean over seeds, under blocks of weights (r, n) -> (all r,)."""
    found: dict[str, list[Array]] = {name: [] for name in METRICS}
    for block in weights:
        for name, metric in METRICS.items():
            found[name].append(np.mean([metric(truth, p, block) for p in stack], axis=0))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _confusion(truth: Ints, stack: Array) -> Ints:
    k = stack.shape[2]
    cells = truth * k + stack.argmax(axis=2)
    return np.bincount(cells.ravel(), minlength=k * k).reshape(k, k)


def _notes(truth: Ints, classes: Sequence[str], units: Groups) -> tuple[str, ...]:
    """What makes the intervals rough, in words."""
    found = []
    if len(units) < 2:
        found.append("All clips are of one group: nothing can be said about others. Wanted: 20 groups or more.")
    elif len(units) < _FEW_GROUPS:
        found.append(
            f"Only {len(units)} groups: the intervals are rough. They hold what they promise from {_FEW_GROUPS} on."
        )
    per = [len(np.unique(units.codes[truth == c])) for c in range(len(classes))]
    thin = [label for label, n in zip(classes, per, strict=True) if n < 3]
    if thin:
        shown = ", ".join(thin[:5]) + (" …" if len(thin) > 5 else "")
        found.append(f"Fewer than 3 groups: {shown}. Numbers of these classes, and means over classes, are rough.")
    return tuple(found)

"""Figures of several labels at once: each class for itself, among the windows that were looked at for it.

A chance level stands beside average precision: it is the class's prevalence, which differs between classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..core.errors import DataError
from ..core.renderers import Columns, Tabular
from .by_class import FIGURES, figure
from .intervals import Groups, Interval, columns
from .ranking import ranking_of

FEW = 3  # groups with the class, below which its interval is said to be a guess
_NOTHING = Interval(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True, repr=False)
class Several(Tabular):
    """Figures of each class (``figures``: name -> intervals) and their ``macro`` means over classes that have them.

    ``prevalence``: share of yes among what was looked at, NaN where nothing was: the chance level of average precision.
    ``groups``: how many groups hold the class. ``notes`` name the classes of which little or nothing can be said.
    """

    classes: tuple[str, ...]
    figures: dict[str, tuple[Interval, ...]]
    macro: dict[str, Interval]
    prevalence: tuple[float, ...]
    groups: tuple[int, ...]
    notes: tuple[str, ...]

    def _line(self) -> str:
        found = self.macro["average_precision"]
        return f"{len(self.classes)} classes, mean average precision {found.value:.3f} ({found.low:.3f} to {found.high:.3f})"

    def _columns(self) -> Columns:
        found = {"class": list(self.classes), "prevalence": list(self.prevalence), "groups": list(self.groups)}
        for name, intervals in self.figures.items():
            found.update(columns(name, intervals))
        return found


def several(
    targets: ArrayLike,
    scores: ArrayLike,
    classes: Sequence[str],
    *,
    groups: ArrayLike | None = None,
    thresholds: ArrayLike = 0.5,
    level: float = 0.95,
) -> Several:
    """Targets (n, k) of 1, 0 and NaN (not looked at) and scores (n, k); ``thresholds``: one, or one a class.

    Predicted is what has a score of at least the threshold. Raises DataError for shapes and values that do not fit.
    """
    truth, score = np.asarray(targets, np.float64), np.asarray(scores, np.float64)
    if truth.ndim != 2 or truth.shape != score.shape or truth.shape[1] != len(classes) or not truth.size:
        raise DataError(
            f"found targets {truth.shape}, scores {score.shape}, {len(classes)} classes; wanted (n, classes)"
        )
    seen, own = ~np.isnan(truth), truth == 1
    if (seen & ~own & (truth != 0)).any() or not np.isfinite(score).all():
        raise DataError("found other targets than 1, 0 and NaN, or scores that are not finite; wanted neither")
    cut, units = np.broadcast_to(np.asarray(thresholds, np.float64), (len(classes),)), Groups.of(groups, len(truth))
    figures, macro = {}, {}
    for name, (mean, each) in ranking_of(own, seen, score[None], units, level).items():
        figures[name], macro[name] = each.intervals, mean
    for name in FIGURES:
        figures[name] = tuple(
            figure(name, own[s, c], score[None, s, c] >= cut[c], units.among(s), level)[0] if s.any() else _NOTHING
            for c, s in enumerate(seen.T)
        )
    held = tuple(int((units.sums(column) > 0).sum()) for column in own.T)
    share = tuple(float(o[s].mean()) if s.any() else float("nan") for o, s in zip(own.T, seen.T, strict=True))
    return Several(tuple(classes), figures, macro, share, held, tuple(_notes(classes, share, held)))


def _notes(classes: Sequence[str], prevalence: Sequence[float], groups: Sequence[int]) -> list[str]:
    notes = []
    for name, share, held in zip(classes, prevalence, groups, strict=True):
        if share != share:
            notes.append(f"{name} was looked for nowhere: nothing is said of it")
        elif share in (0.0, 1.0):
            notes.append(f"{name} is {'nowhere' if share == 0 else 'everywhere'} that was looked: it cannot be ranked")
        elif held < FEW:
            notes.append(f"{name} is in {held} group{'s' * (held != 1)} only: its interval is a guess")
    return notes

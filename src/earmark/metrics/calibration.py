"""Scores that mean what they say, sets of labels that hold the true one, and "unknown".

Everything is fitted on scores *out of fold*: of clips, and groups, that the head had not met. Applying it needs numpy
alone.

- **Temperature with a floor**: ``softmax(log(score + floor) / temperature)``. Temperature (Guo et al. 2017) makes a
  head less or more sure; the floor takes away the claim that anything is impossible, which heads make that learn
  from few clips (nearest neighbours, discriminants). Two numbers, so 50 clips are enough; the order of the classes
  never changes. Fitted by log loss with a weak pull towards "leave it as it is".
- **Sets** (split-conformal prediction: Vovk et al. 2005; Sadinle, Lei & Wasserman 2019): a label's nonconformity is
  ``1 - score``, and 0 for the best label, so that a set is never empty. The nonconformity that the true labels stayed
  under in a share ``1 - alpha`` of clips out of fold is the limit. Groups are what is exchangeable, so the correction
  for a finite sample counts groups (after Dunn, Wasserman & Ramdas 2023). Where the best label alone is right more
  often than asked, sets are single labels.
- **Unknown**: ``novelty.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import BundleError, DataError
from ..core.renderers import Columns, Tabular, counted
from .clips import METRICS, checked
from .intervals import Array, Groups
from .out_of_distribution import Novelty

__all__ = ["Calibration", "Novelty", "cross_fitted", "debiased_error", "error_floor"]

_KEPT = 1000  # order statistics of nonconformity that a bundle holds
_ENOUGH = 50  # clips, below which nothing is fitted
_FOLDS = 5
_BINS = 15
_TEMPERATURES = (-1.5, -0.75, 0.0, 0.75, 1.5, 2.25, 3.0)  # natural logarithms, where fitting begins
_FLOORS = (-60.0, -40.0, -25.0, -15.0, -9.0, -6.0, -4.0, -2.0)


@dataclass(frozen=True, repr=False)
class Calibration(Tabular):
    """Turns scores of a head into probabilities and into sets of labels.

    ``nonconformity``: sorted, of the true labels out of fold. ``alpha``: the error rate that ``sets`` uses unless told
    otherwise. ``measured``: calibration error and log loss before and after, out of fold, and what a perfectly
    calibrated model would show as calibration error on as many clips.
    """

    classes: tuple[str, ...]
    temperature: float
    floor: float
    nonconformity: tuple[float, ...]
    groups: int
    alpha: float = 0.1
    measured: Mapping[str, float] | None = None
    notes: tuple[str, ...] = ()

    def _line(self) -> str:
        classes = counted(len(self.classes), "class", "classes")
        return f"{classes}, temperature {self.temperature:.3g}, sets at an error rate of {self.alpha:g}"

    def _columns(self) -> Columns:
        measured = self.measured or {}
        return {"measured": list(measured), "value": list(measured.values())}

    @classmethod
    def fit(
        cls,
        proba: ArrayLike,
        y: ArrayLike,
        classes: Sequence[str],
        groups: ArrayLike | None,
        *,
        alpha: float = 0.1,
        seed: int = 0,
    ) -> Calibration:
        """Fit on scores out of fold: proba (n, k), y (n,) int, groups (n,) or None.

        With fewer than 50 clips scores are left as they are, and ``notes`` says so. Raises DataError for input that
        does not fit, MissingExtraError without scipy.
        """
        truth, stack = checked(y, proba)
        if len(stack) != 1 or stack.shape[2] != len(classes):
            found = np.asarray(proba).shape
            raise DataError(f"found scores of shape {found} for {len(classes)} classes; wanted (n, {len(classes)})")
        if not 0 < alpha < 1:
            raise DataError(f"found the error rate {alpha}; wanted a number between 0 and 1, such as 0.1")
        scores, units = stack[0], Groups.of(groups, len(truth))
        temperature, floor = _fitted(scores, truth)
        honest = cross_fitted(scores, truth, groups, seed=seed)
        strange = np.sort(_nonconformity(honest)[np.arange(len(truth)), truth])
        if len(strange) > _KEPT:  # rounded up, so that sets get no smaller
            strange = strange[np.ceil(np.arange(1, _KEPT + 1) / _KEPT * len(strange)).astype(int) - 1]
        measured = {
            f"{name}_{when}": float(METRICS[name](truth, p))
            for name in ("calibration_error", "log_loss")
            for when, p in (("before", scores), ("after", honest))
        }
        return cls(
            tuple(classes),
            temperature,
            floor,
            tuple(round(float(s), 6) for s in strange),
            len(units),
            alpha,
            measured | {"calibration_error_floor": error_floor(honest, seed=seed)},
            _notes(truth, units, alpha),
        )

    def apply(self, proba: ArrayLike) -> Array:
        """Scores (..., k) of the head -> probabilities (..., k). The best label stays the best."""
        return _warmed(np.asarray(proba, np.float64), self.temperature, self.floor)

    def sets(self, proba: ArrayLike, alpha: float | None = None) -> list[tuple[str, ...]]:
        """Calibrated probabilities (n, k) -> for each clip the labels that cannot be excluded, the likeliest first.

        The true label is missing in a share ``alpha`` of clips of new groups. All labels where groups are too few to
        promise that (fewer than ``1 / alpha - 1``).
        """
        scores = np.asarray(proba, np.float64)
        inside = _nonconformity(scores) <= self.limit(alpha) + 1e-9
        order = np.argsort(-scores, axis=1, kind="stable")
        return [tuple(self.classes[j] for j in best if of[j]) for best, of in zip(order, inside, strict=True)]

    def limit(self, alpha: float | None = None) -> float:
        """The nonconformity up to which labels are in the set; infinite where groups are too few."""
        share = (1 - (self.alpha if alpha is None else alpha)) * (1 + 1 / self.groups)
        if share > 1:
            return float("inf")
        return self.nonconformity[int(np.ceil(share * len(self.nonconformity) - 1e-9)) - 1]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "classes": list(self.classes),
            "temperature": self.temperature,
            "floor": self.floor,
            "nonconformity": list(self.nonconformity),
            "groups": self.groups,
            "alpha": self.alpha,
            "measured": dict(self.measured or {}),
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Calibration:
        """The reverse of ``to_dict``. Raises BundleError if something is missing."""
        try:
            made = cls(
                classes=tuple(facts["classes"]),
                temperature=float(facts["temperature"]),
                floor=float(facts["floor"]),
                nonconformity=tuple(map(float, facts["nonconformity"])),
                groups=int(facts["groups"]),
                alpha=float(facts["alpha"]),
                measured=dict(facts["measured"]),
                notes=tuple(facts["notes"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"the calibration of this model is damaged ({error!r}); train the model again") from error
        numbers = np.array([made.temperature, made.floor, *made.nonconformity])
        if not (np.isfinite(numbers).all() and made.temperature > 0 and 0 < made.alpha < 1 and made.groups >= 0):
            raise BundleError("the calibration of this model holds absurd numbers; train the model again")
        return made


def cross_fitted(proba: ArrayLike, y: ArrayLike, groups: ArrayLike | None, *, seed: int = 0) -> Array:
    """Calibrated scores (n, k) of clips by calibrations fitted without their group: what to evaluate calibration by."""
    truth, stack = checked(y, proba)
    scores, units = stack[0], Groups.of(groups, len(truth))
    fold = (np.random.default_rng(seed).permutation(len(units)) % _FOLDS)[units.codes]
    honest: Array = scores.copy()
    for k in np.unique(fold):
        learnt, asked = fold != k, fold == k
        if learnt.any():
            honest[asked] = _warmed(scores[asked], *_fitted(scores[learnt], truth[learnt]))
    return honest


def debiased_error(y: ArrayLike, proba: ArrayLike) -> float:
    """Calibration error of the highest score without the bias of few clips: root of mean squares over 15 even bins.

    Of each bin's squared gap what its number of clips makes of it by chance is taken away (Kumar, Liang & Ma 2019); bins
    hold the same number of clips. 0 where less is left than nothing.
    """
    truth, stack = checked(y, proba)
    top, right = stack[0].max(axis=1), (stack[0].argmax(axis=1) == truth).astype(np.float64)
    found = 0.0
    for clips in np.array_split(np.argsort(top, kind="stable"), min(_BINS, max(1, len(top) // 2))):
        share = right[clips].mean()
        chance = share * (1 - share) / (len(clips) - 1) if len(clips) > 1 else 0.0
        found += len(clips) * ((top[clips].mean() - share) ** 2 - chance)
    return float(np.sqrt(max(0.0, found / len(top))))


def error_floor(proba: ArrayLike, *, draws: int = 100, seed: int = 0) -> float:
    """Calibration error that a perfectly calibrated model shows on as many clips: its labels drawn from ``proba``.

    Binned calibration error is biased upwards (Nixon et al. 2019; Kumar, Liang & Ma 2019): with 500 clips of 10
    classes about .05. Read a measured one beside it.
    """
    scores = np.asarray(proba, np.float64)
    steps, random = scores.cumsum(axis=1), np.random.default_rng(seed)
    found = [
        METRICS["calibration_error"]((random.random((len(scores), 1)) * steps[:, -1:] >= steps).sum(axis=1), scores)
        for _ in range(draws)
    ]
    return float(np.mean(found))


# ------------------------------------------------------------------------------------------------- inner parts
def _warmed(scores: Array, temperature: float, floor: float) -> Array:
    """softmax(log(scores + floor) / temperature) over the last axis."""
    if (temperature, floor) == (1.0, 0.0):
        return scores
    logits = np.log(scores + floor + 1e-300) / temperature
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def _fitted(scores: Array, truth: NDArray[np.int64]) -> tuple[float, float]:
    """Temperature and floor of least log loss; (1, 0) for too few clips."""
    if len(truth) < _ENOUGH:
        return 1.0, 0.0
    try:
        from scipy.optimize import minimize
    except ModuleNotFoundError as error:
        from ..core.errors import MissingExtraError

        raise MissingExtraError("calibration", "train") from error

    def loss(x: Array) -> float:
        warm = _warmed(scores, float(np.exp(x[0])), float(np.exp(x[1])))[np.arange(len(truth)), truth]
        # As strong as a few clips: keeps both numbers sane when all clips are right or classes are two.
        pull = (x[0] ** 2 / 2 + (x[1] + 5) ** 2 / 400) / len(truth)
        return float(-np.log(np.maximum(warm, 1e-300)).mean() + pull)

    # Heads that are sure of everything have several valleys (very warm, or a high floor): begin in the deepest.
    begin = min(np.stack(np.meshgrid(_TEMPERATURES, _FLOORS), -1).reshape(-1, 2), key=loss)
    best = minimize(loss, begin, method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-8}).x
    return float(np.exp(np.clip(best[0], -4, 4))), float(np.exp(np.clip(best[1], -80, 0)))


def _nonconformity(scores: Array) -> Array:
    """1 - score, and 0 for the best label."""
    strange = 1 - scores
    np.put_along_axis(strange, scores.argmax(axis=1)[:, None], 0.0, axis=1)
    return strange


def _notes(truth: NDArray[np.int64], units: Groups, alpha: float) -> tuple[str, ...]:
    found = []
    if len(truth) < _ENOUGH:
        found.append(f"Only {len(truth)} clips: scores were not calibrated. Wanted: {_ENOUGH} or more.")
    if len(units) < 1 / alpha - 1:
        found.append(
            f"Only {len(units)} groups: sets that miss the true label in {100 * alpha:g} % of cases cannot be promised, "
            f"so they hold all labels. Wanted: {int(np.ceil(1 / alpha - 1))} groups or more."
        )
    elif len(units) < 4 / alpha:
        found.append(f"Only {len(units)} groups: sets are larger than they would be with {int(np.ceil(4 / alpha))}.")
    return tuple(found)

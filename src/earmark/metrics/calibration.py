"""Scores that mean what they say, sets of labels that hold the true one, and "unknown".

Everything is fitted on scores *out of fold*: of clips, and groups, that the head had not met. Applying it needs numpy
alone.

- **Temperature, floor, and a bias for each class**: ``softmax(log(score + floor) / temperature + bias)``. Temperature
  (Guo et al. 2017) makes a head less or more sure; the floor takes away the claim that anything is impossible; biases put
  back how common the classes are, which heads that count classes the same do not know. See ``biased_temperature.py``. A
  bias may change which class is best.
- **Prior**: what the biases put back can be exchanged for other shares of the classes, by Bayes' rule.
- **Sets** (split-conformal prediction: Vovk et al. 2005; Sadinle, Lei & Wasserman 2019): a label's nonconformity is
  ``1 - score``, and 0 for the best label, so that a set is never empty. The limits are those of each class: ``sets.py``.
  Limits of classes hold whatever the shares of the classes, so another prior leaves sets as they are (Podkopaev & Ramdas
  2021), but for the best label. Where the best label alone is right more often than asked, sets are single labels.
- **Unknown**: ``novelty.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import BundleError, DataError
from ..core.renderers import Columns, Tabular, counted
from .biased_temperature import BiasedTemperature
from .clips import METRICS, checked, classwise_error
from .intervals import Array, Groups
from .out_of_distribution import Novelty
from .sets import GROUPS_OF_A_CLASS, Limit, limit_of, limits_of

__all__ = ["Calibration", "Novelty", "cross_fitted", "debiased_error", "error_floor"]

ENOUGH = 50  # clips, below which nothing is fitted
_FOLDS = 5
_BINS = 15
_NUMBERS = 20_000  # that the draws of a bundle may hold
Recalibration = tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]  # power, bias, shares of the classes


@dataclass(frozen=True, repr=False)
class Calibration(Tabular):
    """Turns scores of a head into probabilities and into sets of labels.

    ``nonconformity``: sorted, of the true labels out of fold. ``alpha``: the error rate that ``sets`` uses unless told
    otherwise. ``measured``: figures before and after, out of fold, and what a perfectly calibrated model would show as
    calibration error on as many clips. ``bias``, ``shares`` (of the classes, that the scores are made for), ``limits``: one
    for each class; none in models of 0.1. ``prior``: the shares to score for, if others. ``draws``: what other clips would
    have made of calibrated scores, each with the shares of its classes; see ``recalibrations``.
    """

    classes: tuple[str, ...]
    temperature: float
    floor: float
    nonconformity: tuple[float, ...]
    groups: int
    alpha: float = 0.1
    measured: Mapping[str, float] | None = None
    notes: tuple[str, ...] = ()
    bias: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    limits: tuple[Limit, ...] = ()
    each_group: bool = False
    prior: tuple[float, ...] = ()
    draws: tuple[Recalibration, ...] = ()

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
        each_group: bool = False,
        draws: int = 0,
    ) -> Calibration:
        """Fit on scores out of fold: proba (n, k), y (n,) int, groups (n,) or None.

        With fewer than 50 clips scores are left as they are, and ``notes`` says so. ``each_group``: sets hold the true
        label in a share of groups' clips, each group counting the same; else in a share of clips. ``draws``: how many
        ``recalibrations``. Raises DataError for input that does not fit, MissingExtraError without scipy.
        """
        truth, stack = checked(y, proba)
        if len(stack) != 1 or stack.shape[2] != len(classes):
            found = np.asarray(proba).shape
            raise DataError(f"found scores of shape {found} for {len(classes)} classes; wanted (n, {len(classes)})")
        if not 0 < alpha < 1:
            raise DataError(f"found the error rate {alpha}; wanted a number between 0 and 1, such as 0.1")
        scores, units, k = stack[0], Groups.of(groups, len(truth)), len(classes)
        warm = _fitted(scores, truth, units)
        honest = cross_fitted(scores, truth, groups, seed=seed)
        strange = _nonconformity(honest)[np.arange(len(truth)), truth]
        limits, met = limits_of(strange, truth, units, k, each_group=each_group)
        overall = limit_of(strange, units, each_group=each_group)
        counts = np.bincount(truth, minlength=k) + 0.5 if warm else np.ones(k)  # heads count classes the same
        return cls(
            tuple(classes),
            warm.temperature if warm else 1.0,
            warm.floor if warm else 0.0,
            overall.nonconformity,
            len(units),
            alpha,
            _measured(truth, scores, honest) | {"calibration_error_floor": error_floor(honest, seed=seed)},
            _notes(truth, units, alpha, met, each_group),
            warm.bias if warm else (0.0,) * k,
            tuple((counts / counts.sum()).tolist()),
            limits,
            each_group,
            draws=recalibrations(scores, truth, units, warm, draws, seed=seed) if warm else (),
        )

    def with_prior(self, prior: ArrayLike) -> Calibration:
        """The same, for shares (k,) of the classes in the order of ``classes``. Raises DataError if it has none to change."""
        if not self.shares:
            raise DataError(
                "this model does not know how common its classes were in training (an earlier Earmark made it); train it "
                "again, or leave out the prior"
            )
        wanted = np.asarray(prior, np.float64)
        if wanted.shape != (len(self.classes),) or not (np.isfinite(wanted).all() and wanted.min() >= 0 < wanted.sum()):
            raise DataError(f"found the shares {wanted.tolist()}; wanted a number of 0 or more for each class")
        return replace(self, prior=tuple((wanted / wanted.sum()).tolist()))

    def apply(self, proba: ArrayLike) -> Array:
        """Scores (..., k) of the head -> probabilities (..., k)."""
        warm = _warmed(np.asarray(proba, np.float64), self.temperature, self.floor, self.bias)
        return self.for_prior(warm)

    def for_prior(self, scores: Array) -> Array:
        """Calibrated scores for the shares of training -> those for ``prior``."""
        return _times(scores, self._ratio) if self.prior else scores

    def for_training(self, scores: Array) -> Array:
        """Calibrated scores for ``prior`` -> those for the shares of training."""
        return _times(scores, 1 / self._ratio) if self.prior else scores

    def sets(self, proba: ArrayLike, alpha: float | None = None) -> list[tuple[str, ...]]:
        """Calibrated probabilities (n, k) -> for each clip the labels that cannot be excluded, the likeliest first.

        The true label is missing in a share ``alpha`` of clips of new groups. All labels where groups are too few to
        promise that (fewer than ``1 / alpha - 1``).
        """
        scores = np.asarray(proba, np.float64)
        asked = self.alpha if alpha is None else alpha
        limit = np.array([one.at(asked) for one in self.limits]) if self.limits else self.limit(asked)
        inside = _nonconformity(self.for_training(scores)) <= limit + 1e-9
        np.put_along_axis(inside, scores.argmax(axis=1)[:, None], True, axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")
        return [tuple(self.classes[j] for j in best if of[j]) for best, of in zip(order, inside, strict=True)]

    @property
    def _ratio(self) -> Array:
        """How many times as common classes are as the scores were made for; never so rare that a score is lost."""
        return np.asarray(np.maximum(self.prior, 1e-9) / np.asarray(self.shares))

    def limit(self, alpha: float | None = None) -> float:
        """The nonconformity up to which labels are in sets that do not look at classes; infinite where groups are too few."""
        return Limit(self.nonconformity, self.groups).at(self.alpha if alpha is None else alpha)

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
            "bias": list(self.bias),
            "shares": list(self.shares),
            "limits": [one.to_dict() for one in self.limits],
            "each_group": self.each_group,
            "prior": list(self.prior),
            "draws": [[list(part) for part in one] for one in self.draws],
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
                **_newer(facts),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"the calibration of this model is damaged ({error!r}); train the model again") from error
        numbers = np.array([made.temperature, made.floor, *made.nonconformity, *made.bias])
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
        met = Groups.of(units.codes[learnt], int(learnt.sum()))
        warm = _fitted(scores[learnt], truth[learnt], met, of=len(truth)) if learnt.any() else None
        honest[asked] = warm.apply(scores[asked]) if warm else scores[asked]
    return honest


def recalibrations(
    scores: Array, truth: NDArray[np.int64], units: Groups, warm: BiasedTemperature, number: int, *, seed: int = 0
) -> tuple[Recalibration, ...]:
    """What calibrations on other clips (groups drawn anew) would have made of scores calibrated by ``warm``.

    Each is powers and a bias, ``softmax(power * log(score) + bias)``, and the shares of the classes among its clips; few
    where classes are many.
    """
    number, k = min(number, _NUMBERS // (2 * scores.shape[1])), scores.shape[1]
    found = []
    for block in units.resamples(number, seed):
        for counts in block:
            other = BiasedTemperature.fit(scores, truth, weights=counts * _counting(units), floor=warm.floor)
            power = warm.temperature / other.temperature
            bias = np.asarray(other.bias) - power * np.asarray(warm.bias)
            shares = np.bincount(truth, counts, minlength=k) + 0.5
            found.append(((power,), tuple(bias.round(5).tolist()), tuple((shares / shares.sum()).round(8).tolist())))
    return tuple(found)


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
def _warmed(scores: Array, temperature: float, floor: float, bias: Sequence[float] = ()) -> Array:
    """softmax(log(scores + floor) / temperature + bias) over the last axis."""
    if (temperature, floor) == (1.0, 0.0) and not any(bias):
        return scores
    return BiasedTemperature(temperature, tuple(bias) or (0.0,) * scores.shape[-1], floor).apply(scores)


def _times(scores: Array, ratio: Array) -> Array:
    """Scores (..., k) times a ratio for each class (k,), summing to 1 again."""
    raised = scores * ratio
    return np.asarray(raised / np.maximum(raised.sum(axis=-1, keepdims=True), 1e-300))


def _fitted(scores: Array, truth: NDArray[np.int64], units: Groups, of: int | None = None) -> BiasedTemperature | None:
    """The calibration of these clips; None if there are too few ``of`` all: decided once, not for each fold."""
    if (of or len(truth)) < ENOUGH:
        return None
    return BiasedTemperature.fit(scores, truth, weights=_counting(units))


def _counting(units: Groups) -> Array:
    """What each clip counts against the pull: clips of a group say much the same, so together as the root of their number."""
    return np.full(len(units.codes), np.sqrt(units.effective / len(units.codes)))


def _measured(truth: NDArray[np.int64], before: Array, after: Array) -> dict[str, float]:
    figures: dict[str, Any] = {name: METRICS[name] for name in ("calibration_error", "log_loss")}
    figures["classwise_calibration_error"] = classwise_error
    pairs = (("before", before), ("after", after))
    return {f"{name}_{when}": float(figure(truth, p)) for name, figure in figures.items() for when, p in pairs}


def _newer(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What models of 0.1 do not have. Raises TypeError, ValueError for numbers that are none, or not one for each class."""
    k = len(facts["classes"])
    found: dict[str, Any] = {name: tuple(map(float, facts.get(name, ()))) for name in ("bias", "shares", "prior")}
    found["limits"] = tuple(map(Limit.from_dict, facts.get("limits", ())))
    found["each_group"] = bool(facts.get("each_group", False))
    found["draws"] = tuple(tuple(tuple(map(float, part)) for part in one) for one in facts.get("draws", ()))
    if any(len(found[name]) not in (0, k) for name in ("bias", "shares", "prior", "limits")):
        raise ValueError("not one bias, share and limit for each class")
    if not all([len(part) for part in one] == [1, k, k] for one in found["draws"]):
        raise ValueError("draws of other classes")
    drawn = [number for one in found["draws"] for number in (*one[0], *one[1])]
    shares = [s for s in (found["shares"], *(one[2] for one in found["draws"])) for s in s]
    if not np.isfinite([*drawn, *shares, *found["prior"]]).all() or min(shares, default=1) <= 0:
        raise ValueError("shares of classes that are none")
    return found


def _nonconformity(scores: Array) -> Array:
    """1 - score, and 0 for the best label."""
    strange = 1 - scores
    np.put_along_axis(strange, scores.argmax(axis=1)[:, None], 0.0, axis=1)
    return strange


def _notes(
    truth: NDArray[np.int64], units: Groups, alpha: float, met: NDArray[np.int64], each_group: bool
) -> tuple[str, ...]:
    found = []
    if len(truth) < ENOUGH:
        found.append(f"Only {len(truth)} clips: scores were not calibrated. Wanted: {ENOUGH} or more.")
    if len(units) < 1 / alpha - 1:
        found.append(
            f"Only {len(units)} groups: sets that miss the true label in {100 * alpha:g} % of cases cannot be promised, "
            f"so they hold all labels. Wanted: {int(np.ceil(1 / alpha - 1))} groups or more."
        )
    elif len(units) < 4 / alpha:
        found.append(f"Only {len(units)} groups: sets are larger than they would be with {int(np.ceil(4 / alpha))}.")
    if few := int((met < GROUPS_OF_A_CLASS).sum()):
        found.append(
            f"{few} of {len(met)} classes were met in fewer than {GROUPS_OF_A_CLASS} groups: what sets promise holds over these classes "
            "together, not for each."
        )
    if each_group:
        found.append("Sets hold the true label as often as asked where each group counts the same, not each clip.")
    return tuple(found)

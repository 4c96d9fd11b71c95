"""Does a model keep on other sounds what it promised: sets, scores, "unknown"?

- **Sets** should miss the true label of a share ``alpha`` of clips, and **unknown** should be said of a share ``rate`` of
  known sounds; more is a promise broken. Clips of one group go wrong together, so the number that goes wrong is held
  against a sum of beta-binomials, one a group (Williams 1975), whose correlation inside groups is that of these clips.
- **Scores**: of clips with a score of .8, .8 should be right. The mean gap between score and outcome, and the slope of the
  outcomes on the logits of the scores (Cox 1958; Van Calster et al. 2019: 1 is right, less is too sure), each by t with
  groups as what varies; the gap varies at least as the scores themselves say.

The promises are tested together: p values are Bonferroni's. ``bench/promises.py`` simulates false alarms and power.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.jsonable import plain
from ..core.renderers import Columns, Tabular
from ..core.text import between, count, listed, percent
from .by_class import effective, share
from .intervals import Array, Groups, Interval, t_quantile

ALPHA = 0.05
LEAST = 5  # groups, below which no promise is said to hold
_LEVEL = 0.95
_SURE = 1e-3  # scores nearer to 0 and 1 count as this near: their logits would rule the slope
_NAN = Interval(math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Promise:
    """``found`` beside what was ``promised``, and ``p``: how often so much less comes of a promise that holds. ``holds`` is
    None where groups are too few to tell.
    """

    name: str
    promised: float
    found: Interval
    p: float
    holds: bool | None

    @property
    def text(self) -> str:
        """In words: ``"sets that should hold the true label of 90.0 % hold that of 78.2 % (70.1 - 84.9 %)"``."""
        seen = f"{percent(self.found.value)} ({between(self.found.low, self.found.high)})"
        if self.name == "sets":
            return f"sets that should hold the true label of {percent(self.promised)} of the clips hold that of {seen}"
        if self.name == "scores":
            return f"scores that say {percent(self.promised)} right on average are right in {seen}"
        return f"'unknown', promised for {percent(self.promised)} of known sounds, is said of {seen}"


@dataclass(frozen=True, repr=False)
class Promises(Tabular):
    """What was tested on ``clips`` in ``groups``. ``coverage`` of sets and ``size`` (labels in a set) by class, and
    ``by_group`` coverage; ``slope`` and ``intercept`` of calibration.
    """

    tested: tuple[Promise, ...]
    clips: int
    groups: int
    size: float
    coverage: Mapping[str, Interval]
    sizes: Mapping[str, float]
    by_group: Mapping[str, float]
    slope: Interval
    intercept: Interval

    def _line(self) -> str:
        return self.verdict

    def _columns(self) -> Columns:
        """A line a promise."""
        return {
            "promise": [one.name for one in self.tested],
            "promised": [one.promised for one in self.tested],
            "found": [one.found.value for one in self.tested],
            "low": [one.found.low for one in self.tested],
            "high": [one.found.high for one in self.tested],
            "p": [one.p for one in self.tested],
            "holds": [one.holds for one in self.tested],
        }

    @property
    def hold(self) -> bool | None:
        """False if one is broken, None if that cannot be told."""
        if any(one.holds is False for one in self.tested):
            return False
        return None if not self.tested or any(one.holds is None for one in self.tested) else True

    @property
    def verdict(self) -> str:
        """One sentence, with what speaks for it."""
        if not self.tested:
            return "The model makes no promises that could be tested: it was trained without calibration and 'unknown'."
        broken = [one.text for one in self.tested if one.holds is False]
        if broken:
            return f"Its promises do not hold here: {'; '.join(broken)}."
        told = "; ".join(one.text for one in self.tested)
        if self.hold is None:
            return f"Whether its promises hold here cannot be told from {count(self.groups, 'group')}: {told}."
        return f"Its promises hold here, as far as {count(self.clips, 'clip')} in {count(self.groups, 'group')} tell: {told}."

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the verdict leaves out: classes whose sets hold too little, and what the slope says."""
        found = []
        sets = next((one for one in self.tested if one.name == "sets"), None)
        if sets is not None:
            poor = {c: i for c, i in self.coverage.items() if i.high < sets.promised}
            if poor:
                named = listed([f"{c} ({percent(i.value)})" for c, i in poor.items()], most=5)
                found.append(
                    f"Sets hold less than {percent(sets.promised)} of {named}; they promise it over all classes only."
                )
        if self.slope.high < 1:
            found.append(
                f"The scores are too sure: calibration slope {self.slope.value:.2f} ({self.slope.low:.2f} to {self.slope.high:.2f}), "
                "where 1 is right."
            )
        if self.slope.low > 1:
            found.append(
                f"The scores are not sure enough: calibration slope {self.slope.value:.2f} ({self.slope.low:.2f} to "
                f"{self.slope.high:.2f}), where 1 is right."
            )
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        made: dict[str, Any] = plain({**asdict(self), "hold": self.hold, "verdict": self.verdict})
        return made


def promises(
    y: ArrayLike,
    proba: ArrayLike,
    classes: Sequence[str],
    groups: ArrayLike | None,
    *,
    inside: ArrayLike | None = None,
    alpha: float = 0.1,
    unknown: ArrayLike | None = None,
    rate: float = 0.05,
) -> Promises:
    """Test what a model said of clips of known classes. y (n,) int; proba (n, k) calibrated; ``inside`` (n, k) bool: the
    labels of each set, or None for a model that makes none; ``unknown`` (n,) bool likewise.
    """
    truth, scores = np.asarray(y, np.int64), np.asarray(proba, np.float64)
    names = np.asarray(groups if groups is not None else np.arange(len(truth))).astype(str)
    units, tested = Groups.of(names, len(truth)), []
    size, coverage, sizes, by_group, slope, intercept = math.nan, {}, {}, {}, _NAN, _NAN
    if inside is not None:
        sets = np.asarray(inside, bool)
        held = sets[np.arange(len(truth)), truth].astype(float)
        tested.append(("sets", 1 - alpha, _share(held, units), excess(1 - held, alpha, units)))
        size = float(sets.sum(axis=1).mean())
        of = {label: truth == c for c, label in enumerate(classes) if (truth == c).any()}
        coverage = {c: _share(held[mine], Groups.of(names[mine], int(mine.sum()))) for c, mine in of.items()}
        sizes = {c: float(sets[mine].sum(axis=1).mean()) for c, mine in of.items()}
        shares = units.sums(held) / units.sizes
        by_group = dict(zip(np.unique(names).tolist(), shares.tolist(), strict=True))
        best = scores.max(axis=1)
        right = (scores.argmax(axis=1) == truth).astype(float)
        slope, intercept, p = _calibrated(right, best, units)
        tested.append(("scores", float(best.mean()), _share(right, units), p))
    if unknown is not None:
        said = np.asarray(unknown, float)
        tested.append(("unknown", rate, _share(said, units), excess(said, rate, units)))
    corrected = [(*one[:3], min(1.0, one[3] * len(tested))) for one in tested]
    enough = len(units) >= LEAST
    found = tuple(Promise(*one, _holds(one[3], enough)) for one in corrected)
    return Promises(found, len(truth), len(units), size, coverage, sizes, by_group, slope, intercept)


def excess(wrong: ArrayLike, promised: float, units: Groups) -> float:
    """How often as many clips or more go wrong (n,) where a share ``promised`` does: a sum of beta-binomials by group."""
    bad, sizes = units.sums(wrong), units.sizes
    total, of = round(float(bad.sum())), sizes.astype(np.float64)
    together = float((of**2).sum() / of.sum())  # clips in the group of a clip
    rest = bad - of * bad.sum() / of.sum()
    clips, _ = effective(float((rest**2).sum()), of, float(bad.sum()))
    spread = float(np.clip((of.sum() / clips - 1) / (together - 1), 0.0, 0.95)) if together > 1 else 0.0
    length = 1 << int(sizes.sum()).bit_length()
    product = np.ones(length // 2 + 1, np.complex128)
    for size, times in zip(*np.unique(sizes, return_counts=True), strict=True):
        product *= np.fft.rfft(_beta_binomial(int(size), promised, spread), length) ** int(times)
    chances = np.maximum(np.fft.irfft(product, length), 0)
    return float(np.clip(chances[total : int(sizes.sum()) + 1].sum(), 0.0, 1.0))


# ------------------------------------------------------------------------------------------------- inner parts
def _holds(p: float, enough: bool) -> bool | None:
    return False if p <= ALPHA else (True if enough else None)


def _share(values: Array, units: Groups) -> Interval:
    return share(values, np.ones(len(values)), units, _LEVEL)[0]


def _beta_binomial(size: int, mean: float, alike: float) -> Array:
    """Chances of 0 … size: with a correlation of ``alike`` inside."""
    k = np.arange(size + 1)
    choose = np.array([math.lgamma(size + 1) - math.lgamma(i + 1) - math.lgamma(size - i + 1) for i in k.tolist()])
    if alike < 1e-6 or size == 1:
        return np.asarray(np.exp(choose + k * math.log(mean) + (size - k) * math.log1p(-mean)))
    a, b = mean * (1 / alike - 1), (1 - mean) * (1 / alike - 1)
    beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    mine = [math.lgamma(i + a) + math.lgamma(size - i + b) - math.lgamma(size + a + b) - beta for i in k.tolist()]
    return np.asarray(np.exp(choose + mine))


def _calibrated(right: Array, best: Array, units: Groups) -> tuple[Interval, Interval, float]:
    """Slope and intercept (in the large) of the outcomes on the logits of the best scores, and p of both being right."""
    kept = np.clip(best, _SURE, 1 - _SURE)
    logits = np.log(kept / (1 - kept))
    gap = units.sums(right - best)
    freedom = max(1.0, (len(units) + units.effective) / 2 - 1)
    clustered = float((gap**2).sum()) * len(units) / max(1, len(units) - 1)
    error = math.sqrt(max(clustered, float((best * (1 - best)).sum()), 1e-12))
    chances = [_two_sided(float(gap.sum()) / error, freedom)]
    found = []
    for design, at, wanted in ((logits[:, None], None, 1.0), (None, logits, 0.0)):
        value, off = _fitted(right, design, at, units)
        reach = t_quantile((1 + _LEVEL) / 2, freedom) * off
        found.append(Interval(value, value - reach, value + reach))
        if design is not None and math.isfinite(value) and off > 0:
            chances.append(_two_sided((value - wanted) / off, freedom))
    return found[0], found[1], min(1.0, len(chances) * min(chances))


def _fitted(right: Array, design: Array | None, offset: Array | None, units: Groups) -> tuple[float, float]:
    """The last coefficient of a logistic regression with an intercept, and its error with groups as what varies (NaN
    where all are right, or nothing varies).
    """
    ones = np.ones((len(right), 1))
    X = ones if design is None else np.hstack([ones, design])
    base = np.zeros(len(right)) if offset is None else offset
    if right.min() == right.max() or (design is not None and float(np.ptp(design)) < 1e-9) or len(units) < 3:
        return math.nan, math.nan
    beta = np.zeros(X.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(X @ beta + base, -30, 30)))
        weights = np.maximum(p * (1 - p), 1e-9)
        inner = X.T @ (X * weights[:, None]) + 1e-6 * np.eye(X.shape[1])
        step = np.linalg.solve(inner, X.T @ (right - p))
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-9:
            break
    scores = np.stack([units.sums(column) for column in (X * (right - p)[:, None]).T], axis=1)
    bread = np.linalg.inv(inner)
    spread = bread @ (scores.T @ scores) @ bread * len(units) / (len(units) - 1)
    return float(beta[-1]), math.sqrt(max(float(spread[-1, -1]), float(bread[-1, -1])))


def _two_sided(t: float, freedom: float) -> float:
    """How often Student's t lies further from 0; the density as in ``t_quantile``."""
    theta = np.linspace(0, np.pi / 2, 4001)
    density = np.cos(theta) ** (freedom - 1)
    mass = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return float(1 - np.interp(math.atan(abs(t) / math.sqrt(freedom)), theta, mass / mass[-1]))


def known_sets(sets: Sequence[Sequence[str]], classes: Sequence[str]) -> NDArray[np.bool_]:
    """Sets of labels (n,) as flags (n, k)."""
    return np.array([[c in one for c in classes] for one in map(set, sets)], bool).reshape(len(sets), len(classes))

"""Compare recipes on the same clips: differences, tests that know of groups and of the number of pairs, verdicts.

The table of differences is group by group, so anything that keeps groups whole can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .clips import checked
from .intervals import Array, Groups, Interval, normal_quantile, unseen

_FLIPS_BLOCK = 4_000_000  # signs held at once


@dataclass(frozen=True, slots=True)
class Pair:
    """Accuracy of recipe ``a`` less that of ``b`` on the same clips.

    ``low``, ``high``: interval of this one difference. ``p``: chance of as large a difference if there were none.
    ``p_adjusted``: the same for the largest of all pairs compared: below 0.05, fewer than one in twenty such tables
    holds any false alarm. ``clips_needed``: about how many would be enough to see a difference of this size.
    """

    a: str
    b: str
    difference: float
    low: float
    high: float
    p: float
    p_adjusted: float
    verdict: str
    clips_needed: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


def compare(
    y: ArrayLike,
    proba: Mapping[str, ArrayLike],
    groups: ArrayLike | None,
    *,
    resamples: int = 10_000,
    level: float = 0.95,
    power: float = 0.8,
    seed: int = 0,
) -> tuple[Pair, ...]:
    """Compare the accuracies of every two recipes on the same clips.

    y (n,); proba by recipe, each (n, k) or (seeds, n, k); groups (n,) or None. If two recipes are as good, then in any
    group their difference could as well have had the other sign: signs are flipped group by group and the studentised
    difference is compared with what comes out (wild cluster bootstrap with the null imposed: Cameron, Gelbach & Miller
    2008). All pairs share the flips, and ``p_adjusted`` is the step-down max-T p-value (Westfall & Young 1993; Romano
    & Wolf 2005), which corrects for the number of pairs and spends nothing on pairs that go together. The interval
    holds the differences that the same test would not reject, so it leaves out 0 exactly where p < 1 - level.
    """
    names = list(proba)
    units = Groups.of(groups, len(np.asarray(y)))
    sums = []
    for name in names:
        truth, stack = checked(y, proba[name], f"recipe {name!r}: ")
        sums.append(np.bincount(units.codes, (stack.argmax(axis=2) == truth).mean(axis=0), minlength=len(units)))
    if len(names) < 2:
        return ()
    pairs = list(combinations(range(len(names)), 2))
    gaps = np.stack([sums[i] - sums[j] for i, j in pairs], axis=1)  # (groups, pairs), in clips
    difference, error = gaps.sum(axis=0) / units.sizes.sum(), _error(gaps, units)
    observed = _studentised(difference, error)
    flipped = _flipped(gaps, units, resamples, seed)
    p = _p_values(observed, flipped)
    adjusted = _step_down(observed, flipped)
    rank = min(resamples - 1, int(np.ceil(level * (resamples + 1))) - 1)
    critical = np.sort(flipped, axis=0)[rank]
    family = float(np.sort(flipped.max(axis=1))[rank])
    found = []
    for k, (i, j) in enumerate(pairs):
        gap, se = float(difference[k]), float(error[k])
        reach = float(critical[k]) * se if se > 0 else unseen(len(units), level)
        low, high = (max(-1.0, gap - reach), min(1.0, gap + reach)) if len(units) > 1 else (-1.0, 1.0)
        needed = clips_needed(gap, se, len(units.codes), power=power, critical=family)
        verdict = _verdict(
            names[i],
            names[j],
            Interval(gap, low, high),
            p=float(p[k]),
            adjusted=float(adjusted[k]),
            level=level,
            power=power,
            needed=needed,
            units=units,
            pairs=len(pairs),
        )
        found.append(Pair(names[i], names[j], gap, low, high, float(p[k]), float(adjusted[k]), verdict, needed))
    return tuple(found)


def clips_needed(
    difference: float, standard_error: float, clips: int, *, power: float = 0.8, critical: float = 1.96
) -> int | None:
    """Clips (in groups like these) at which a true ``difference`` is seen with probability ``power``.

    The standard error falls with the square root of the number of groups, so
    ``clips · ((critical + z(power)) · standard_error / difference)²`` (Cohen 1988). None if there is
    no difference or no error to reckon with. It takes the difference seen for the true one: read it as a size, not as a promise.
    """
    if difference == 0 or standard_error == 0 or not np.isfinite(critical):
        return None
    return int(np.ceil(clips * ((critical + normal_quantile(power)) * standard_error / difference) ** 2))


# ------------------------------------------------------------------------------------------------- inner parts
def _error(gaps: Array, units: Groups) -> Array:
    """Standard error (pairs,) of the mean difference per clip, by group."""
    count, clips = len(units), units.sizes.sum()
    rest = gaps - gaps.sum(axis=0) / clips * units.sizes[:, None]
    return np.asarray(np.sqrt((rest**2).sum(axis=0) * count / max(1, count - 1)) / clips)


def _studentised(difference: Array, error: Array) -> Array:
    """|difference| / error; 0 for no difference, infinite for one that is the same in all groups."""
    size = np.abs(difference)
    sure = np.where(size > 1e-12, np.inf, 0.0)
    return np.asarray(np.divide(size, error, out=np.broadcast_to(sure, size.shape).copy(), where=error > 1e-12))


def _flipped(gaps: Array, units: Groups, resamples: int, seed: int) -> Array:
    """Studentised differences (resamples, pairs) with the sign of each group's difference drawn at random."""
    random, count, clips = np.random.default_rng(seed), len(units), units.sizes.sum()
    block = max(1, _FLIPS_BLOCK // count)
    squares, sizes2 = (gaps**2).sum(axis=0), float((units.sizes**2).sum())
    found = []
    for start in range(0, resamples, block):
        signs = random.integers(0, 2, (min(block, resamples - start), count)) * 2.0 - 1.0
        mean = signs @ gaps / clips
        rest = squares - 2 * mean * (signs @ (gaps * units.sizes[:, None])) + mean**2 * sizes2
        error = np.sqrt(np.maximum(0.0, rest) * count / max(1, count - 1)) / clips
        found.append(_studentised(mean, np.where(rest < 1e-9 * squares, 0.0, error)))
    return np.asarray(np.concatenate(found))


def _p_values(observed: Array, flipped: Array) -> Array:
    """Share of flips at least as far out; the data themselves count as one, so p is never 0."""
    return np.asarray((1 + (flipped >= observed * (1 - 1e-9)).sum(axis=0)) / (1 + len(flipped)))


def _step_down(observed: Array, flipped: Array) -> Array:
    """Westfall & Young's step-down max-T p-values."""
    order = np.argsort(-observed, kind="stable")
    largest = np.maximum.accumulate(flipped[:, order[::-1]], axis=1)[:, ::-1]  # over a pair and all less clear ones
    adjusted = np.empty(len(observed))
    adjusted[order] = np.maximum.accumulate(_p_values(observed[order], largest))
    return adjusted


def _verdict(
    a: str,
    b: str,
    gap: Interval,
    *,
    p: float,
    adjusted: float,
    level: float,
    power: float,
    needed: int | None,
    units: Groups,
    pairs: int,
) -> str:
    """What a pair shows, in words."""
    low, value, high = (100 * x for x in (gap.low, gap.value, gap.high))
    if adjusted <= 1 - level:
        if gap.value < 0:
            a, b, low, value, high = b, a, -high, -value, -low
        return f"{a} is better than {b} by {value:.1f} points [{low:.1f}, {high:.1f}]"
    clips, count = len(units.codes), len(units)
    where = f"{clips:,} clips" if count == clips else f"{clips:,} clips ({count:,} groups)"
    text = (
        f"{a} and {b} cannot be told apart on these {where}: {_signed(value)} points [{_signed(low)}, {_signed(high)}]"
    )
    if p <= 1 - level:
        text += f", not sure enough among {pairs} comparisons"
    fewest = int(np.ceil(1 - np.log2(1 - level)))  # all signs alike must be rarer than 1 - level
    if count < fewest:
        return f"{text}. With {count} groups no difference could be sure; at least {fewest} are needed"
    if needed is None:
        return text
    if needed > 1_000_000:
        return text + ". More than a million clips would be needed to see so small a difference"
    more = f"{_round(needed):,} clips"
    more += "" if count == clips else f" ({_round(round(needed * count / clips)):,} groups)"
    return f"{text}. About {more} would be needed to see a difference of this size with {100 * power:.0f} % power"


def _signed(points: float) -> str:
    text = f"{points:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text


def _round(number: int) -> int:
    """To two digits: the third would claim too much."""
    return round(number, 2 - len(str(number))) if number >= 100 else number

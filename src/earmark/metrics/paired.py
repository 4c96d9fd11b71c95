"""Compare recipes on the same clips: differences, tests that know of groups and of the number of pairs, verdicts.

The table of differences is group by group, so anything that keeps groups whole can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .clips import checked
from .discordance import Discordance
from .intervals import Array, Groups, normal_quantile, t_quantile, unseen

MARGIN = 0.02  # a difference of accuracies that makes no difference
_FLIPS_BLOCK = 4_000_000  # signs held at once


@dataclass(frozen=True, slots=True)
class Pair:
    """Accuracy of recipe ``a`` less that of ``b`` on the same clips.

    ``low``, ``high``: interval of this one difference. ``p``: chance of as large a difference if there were none.
    ``p_adjusted``: the same for the largest of all pairs compared: below 0.05, fewer than one in twenty such tables
    holds any false alarm. ``detectable``: the smallest true difference that these clips would have shown with 80 %
    power; None where groups are too few to show any. ``equivalent``: the interval leaves no room for a difference of
    more than two points, either way (two one-sided tests: Schuirmann 1987).
    """

    a: str
    b: str
    difference: float
    low: float
    high: float
    p: float
    p_adjusted: float
    verdict: str
    detectable: float | None = None
    equivalent: bool = False

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
    group their difference could as well have had the other sign: signs are flipped group by group, and the difference
    is compared with what comes out (for clips of their own, McNemar's exact test). All pairs share the flips, and
    ``p_adjusted`` is the step-down max-T p-value (Westfall & Young 1993; Romano & Wolf 2005), which corrects for the
    number of pairs and spends nothing on pairs that go together. The interval inverts a score test
    (``discordance.py``) that agrees with the flips at 0: it leaves out 0 exactly where p <= 1 - level.
    """
    names, units = list(proba), Groups.of(groups, len(np.asarray(y)))
    hits = []
    for name in names:
        truth, stack = checked(y, proba[name], f"recipe {name!r}: ")
        hits.append((stack.argmax(axis=2) == truth).mean(axis=0))
    if len(names) < 2:
        return ()
    pairs = list(combinations(range(len(names)), 2))
    gaps = np.stack([units.sums(hits[i] - hits[j]) for i, j in pairs], axis=1)  # (groups, pairs), in clips
    observed = _standard(np.abs(gaps.sum(axis=0)), gaps)
    flipped = _flipped(gaps, resamples, seed)
    p, adjusted = _p_values(observed, flipped), _step_down(observed, flipped)
    # So many flips may lie as far out as what is seen if p is to be small: what the next one reaches is not enough.
    last = int((1 - level) * (resamples + 1) + 1e-9) - 1
    bars = -np.sort(-flipped, axis=0)[max(0, last)] if last >= 0 else np.full(len(pairs), np.inf)
    family = float(-np.sort(-flipped.max(axis=1))[max(0, last)])
    found = []
    for k, (i, j) in enumerate(pairs):
        seen = Discordance.of(hits[i] - hits[j], units)
        low, high = _interval(seen, units, float(bars[k]), small=bool(p[k] <= 1 - level), level=level)
        least = _detectable(seen, units, family, level=level, power=power)
        pair = Pair(names[i], names[j], seen.difference, low, high, float(p[k]), float(adjusted[k]), "", least)
        pair = replace(pair, equivalent=max(-low, high) <= MARGIN)
        found.append(replace(pair, verdict=_verdict(pair, units, pairs=len(pairs), level=level, power=power)))
    return tuple(found)


# ------------------------------------------------------------------------------------------------- inner parts
def _standard(sums: Array, gaps: Array) -> Array:
    """|sums of all groups| over their standard error if there were no difference; 0 where nothing differs."""
    error = np.sqrt((gaps**2).sum(axis=0))
    return np.asarray(np.divide(sums, error, out=np.zeros_like(sums), where=error > 1e-12))


def _flipped(gaps: Array, resamples: int, seed: int) -> Array:
    """What ``_standard`` gives (resamples, pairs) with the sign of each group's difference drawn at random."""
    random, count = np.random.default_rng(seed), len(gaps)
    block = max(1, _FLIPS_BLOCK // count)
    found = []
    for start in range(0, resamples, block):
        signs = random.integers(0, 2, (min(block, resamples - start), count)) * 2.0 - 1.0
        found.append(_standard(np.abs(signs @ gaps), gaps))
    return np.asarray(np.concatenate(found))


def _interval(seen: Discordance, units: Groups, bar: float, *, small: bool, level: float) -> tuple[float, float]:
    """The differences not rejected: 0 among them unless p is ``small``. ``bar``: what the flips reach by chance."""
    if len(units) < 2:
        return -1.0, 1.0
    if seen.won == seen.lost == 0:
        reach = unseen(len(units), level)
        return -reach, reach
    far = max(t_quantile((1 + level) / 2, (len(units) + units.effective) / 2 - 1), bar / seen.caution)
    at_zero = abs(seen.difference) / seen.error(0.0)
    return seen.interval(min(far, at_zero) if small else max(far, at_zero), far, zero=not small)


def _detectable(seen: Discordance, units: Groups, family: float, *, level: float, power: float) -> float | None:
    if len(units) < _fewest(level):
        return None
    critical = max(family, t_quantile((1 + level) / 2, (len(units) + units.effective) / 2 - 1))
    return seen.shown(critical, normal_quantile(power))


def _fewest(level: float) -> int:
    """Groups below which no flip of signs is rarer than 1 - level."""
    return int(np.ceil(1 - np.log2(1 - level)))


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


def _verdict(pair: Pair, units: Groups, *, pairs: int, level: float, power: float) -> str:
    """What a pair shows, in words."""
    a, b = pair.a, pair.b
    low, value, high = (100 * x for x in (pair.low, pair.difference, pair.high))
    if pair.p_adjusted <= 1 - level:
        if value < 0:
            a, b, low, value, high = b, a, -high, -value, -low
        return f"{a} is better than {b} by {value:.1f} points [{low:.1f}, {high:.1f}]"
    clips, count = len(units.codes), len(units)
    where = f"{clips:,} clips" if count == clips else f"{clips:,} clips ({count:,} groups)"
    text = (
        f"{a} and {b} cannot be told apart on these {where}: {_signed(value)} points [{_signed(low)}, {_signed(high)}]"
    )
    if pair.p <= 1 - level:
        text += f", not sure enough among {pairs} comparisons"
    if pair.equivalent:
        return f"{text}. They do not differ by more than {100 * MARGIN:.0f} points"
    if pair.detectable is None:
        return f"{text}. With {count} groups no difference could be sure; at least {_fewest(level)} are needed"
    return (
        f"{text}. A difference of {100 * pair.detectable:.1f} points or more would have shown here "
        f"with {100 * power:.0f} % power"
    )


def _signed(points: float) -> str:
    text = f"{points:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text

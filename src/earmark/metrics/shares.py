"""Shares of what is right, with intervals by group, and the difference of two shares of the same clips.

``right`` (clips,) counts what is right in each clip and ``total`` (clips,) out of how much: 1 of 1 for whole clips, 13
of 19 for rows. The share is ``right.sum() / total.sum()``, a ratio whose parts are resampled together, by group.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .discordance import Discordance
from .intervals import Array, Groups, Interval, interval, t_quantile, unseen

_RESAMPLES = 2000


def share(right: ArrayLike, total: ArrayLike, groups: NDArray[np.str_], *, seed: int = 0) -> Interval:
    """The share with its 95 % interval. Clips with a total of 0 count for nothing."""
    (hits, counts), units = _kept([right, total], [total], groups)
    value = float(hits.sum() / counts.sum())
    drawn = _ratios(hits, counts, units.resamples(_RESAMPLES, seed))
    left = _ratios(hits, counts, units.left_out(seed))
    return interval(value, drawn, left, units)


def difference(
    a: tuple[ArrayLike, ArrayLike], b: tuple[ArrayLike, ArrayLike], groups: NDArray[np.str_], *, seed: int = 0
) -> Interval:
    """Share ``a`` less share ``b``, each (right, total), on the clips that both evaluate; 95 % interval of the pair."""
    (ra, ta, rb, tb), units = _kept([*a, *b], [a[1], b[1]], groups)

    def gaps(weights: Iterable[Array]) -> Array:
        return np.concatenate([(w @ ra) / (w @ ta) - (w @ rb) / (w @ tb) for w in weights])

    value = float(ra.sum() / ta.sum() - rb.sum() / tb.sum())
    least = min(ta.sum(), tb.sum())
    drawn, left = gaps(units.resamples(_RESAMPLES, seed)), gaps(units.left_out(seed))
    if len(units) > 1 and float(np.std(left)) < 1e-12:  # the same in every group: as sure as their number makes it
        reach = unseen(len(units), 0.95)
        return Interval(value, max(-1.0, value - reach), min(1.0, value + reach))
    found = interval(value, drawn, left, units, best=1.0, worst=-1.0)
    if len(units) < 2:
        return found
    # Where few clips differ, drawing them anew says too little of how many others would.
    out_of = least * (ta / ta.sum() + tb / tb.sum()) / 2
    seen = Discordance.of(least * (ra / ta.sum() - rb / tb.sum()), units, out_of)
    t = t_quantile(0.975, (len(units) + units.effective) / 2 - 1)
    low, high = seen.interval(t, t, zero=abs(value) < t * seen.error(0.0))
    return Interval(value, min(found.low, low), max(found.high, high))


def _ratios(hits: Array, counts: Array, weights: Iterable[Array]) -> Array:
    return np.concatenate([(w @ hits) / (w @ counts) for w in weights])


def _kept(
    arrays: Iterable[ArrayLike], totals: Iterable[ArrayLike], groups: NDArray[np.str_]
) -> tuple[list[Array], Groups]:
    """The arrays and groups of clips of which every total is above 0."""
    keep = np.all([np.asarray(t) > 0 for t in totals], axis=0)
    return [np.asarray(x, np.float64)[keep] for x in arrays], Groups.of(groups[keep], int(keep.sum()))

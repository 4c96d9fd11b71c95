"""What the best of several recipes is worth when it was picked by the very clips it is evaluated on.

The best of many equals is the luckiest, so its figure flatters. Bootstrap bias correction (Tsamardinos, Greasidou &
Borboudakis 2018) repeats the picking: groups are drawn anew, the recipe that is best on those drawn is scored on the
groups that were not. It costs no fit. What picking adds is the mean of what the picked ones score on the drawn groups
less what they score on the others.

How many accuracies like the best one are about, and so how much there is to correct, is itself uncertain. The interval
therefore holds what the picked recipes scored on the groups left over (as in the paper) and what the best recipe's own
interval would be about the corrected figure: it is rather too long.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .clips import checked
from .intervals import Array, Groups, Interval, interval

FEWEST = 3  # recipes, from which on the best of them is corrected


@dataclass(frozen=True, slots=True)
class BestOfMany:
    """``recipe`` was the best of ``among``: the accuracy it ``showed``, and what is left of it after picking.

    ``chosen``: share of draws in which the same recipe is picked.
    """

    recipe: str
    among: int
    showed: float
    accuracy: Interval
    chosen: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {name: getattr(self, name) for name in self.__slots__} | {"accuracy": self.accuracy.to_dict()}


def best_of_many(
    y: ArrayLike,
    proba: Mapping[str, ArrayLike],
    groups: ArrayLike | None,
    *,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> BestOfMany | None:
    """The best accuracy, corrected for the picking; None for fewer than 3 recipes or 2 groups.

    y (n,); proba by recipe, each (n, k) or (seeds, n, k); groups (n,) or None.
    """
    names, units = list(proba), Groups.of(groups, len(np.asarray(y)))
    if len(names) < FEWEST or len(units) < 2:
        return None
    hits = []
    for name in names:
        truth, stack = checked(y, proba[name], f"recipe {name!r}: ")
        hits.append(units.sums((stack.argmax(axis=2) == truth).mean(axis=0)))
    sums, sizes = np.stack(hits, axis=1), units.sizes.astype(np.float64)
    showed = sums.sum(axis=0) / sizes.sum()
    best = int(showed.argmax())
    outside, picked = _picked(sums, sizes, resamples, seed)
    left = (sums[:, best].sum() - sums[:, best]) / (sizes.sum() - sizes)
    corrected = min(float(outside.mean()), float(showed[best]))
    own = interval(corrected, np.array([corrected]), left, units, level=level)
    low, high = np.quantile(outside, [(1 - level) / 2, (1 + level) / 2])
    found = Interval(corrected, min(own.low, float(low)), max(own.high, float(high)))
    return BestOfMany(names[best], len(names), float(showed[best]), found, float((picked == best).mean()))


# ------------------------------------------------------------------------------------------------- inner parts
def _picked(sums: Array, sizes: Array, resamples: int, seed: int) -> tuple[Array, Array]:
    """Of each draw: the accuracy of the recipe picked, on the groups left over, and which it was."""
    drawn = np.random.default_rng(seed).multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), size=resamples)
    drawn = drawn[(drawn == 0).any(axis=1)]
    over = (drawn == 0).astype(np.float64)
    best = (drawn @ sums / (drawn @ sizes)[:, None]).argmax(axis=1)
    scores = over @ sums / (over @ sizes)[:, None]
    return np.asarray(scores[np.arange(len(best)), best]), best

"""How much groups differ: the spread of their true accuracies and the one that is worst.

Groups of few clips look different by chance: of ten equal ones one is always the worst. The spread is what is left when
the chance of each group's clips is taken away (the moments of a beta-binomial distribution: Kleinman 1973), and the
accuracy told of a group lies between what its clips show and the mean, by how much its clips can tell.

The interval of the spread is the wider of two, end by end: groups drawn anew, and the analysis of variance (Searle 1971).
The first is too short where groups are few, the second where some are far worse than most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .intervals import Array, Groups, Interval, normal_quantile

_RESAMPLES = 500


@dataclass(frozen=True, slots=True)
class BetweenGroups:
    """``spread``: standard deviation of the true accuracies of groups. ``worst``: the group whose accuracy is least.

    ``worst_accuracy``: what it is likely to be; ``worst_right`` of ``worst_clips`` clips were right.
    """

    spread: Interval
    worst: str
    worst_accuracy: float
    worst_right: float
    worst_clips: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {name: getattr(self, name) for name in self.__slots__} | {"spread": self.spread.to_dict()}


def between_groups(
    hits: ArrayLike, groups: ArrayLike | None, *, level: float = 0.95, seed: int = 0
) -> BetweenGroups | None:
    """From hits (n,) in [0, 1] and groups (n,); None where fewer than two groups have two clips: nothing can be known."""
    if groups is None:
        return None
    right_or_not, names = np.asarray(hits, np.float64), np.asarray(groups).astype(str)
    units = Groups.of(names, len(right_or_not))
    if (units.sizes > 1).sum() < 2:
        return None
    sizes = units.sizes.astype(np.float64)
    right = units.sums(right_or_not)
    ones = np.ones((1, len(units)))
    alike = min(0.5, float(_alike(right, sizes, ones)[0]))  # a single clip is never believed more than the mean
    mean = float(right.sum() / sizes.sum())
    drawn = np.random.default_rng(seed).multinomial(len(units), np.full(len(units), 1 / len(units)), size=_RESAMPLES)
    spreads = _spread(right, sizes, drawn.astype(np.float64))
    value = float(_spread(right, sizes, ones)[0])
    far = [_unlike(right, sizes, units.effective, p) for p in ((1 + level) / 2, (1 - level) / 2)]
    low, high = np.quantile(spreads, [(1 - level) / 2, (1 + level) / 2])
    low, high = min(low, far[0]), max(high, far[1])
    weight = sizes * alike / (1 + (sizes - 1) * alike)  # how much of a group's own share is believed
    likely = weight * right / sizes + (1 - weight) * mean
    worst = int(np.lexsort((right / sizes, likely))[0])
    return BetweenGroups(
        Interval(value, min(value, float(low)), max(value, float(high))),
        str(np.unique(names)[worst]),
        float(likely[worst]),
        float(right[worst]),
        int(sizes[worst]),
    )


# ------------------------------------------------------------------------------------------------- inner parts
def _alike(right: Array, sizes: Array, weights: Array) -> Array:
    """Correlation (r,) of right and wrong inside a group, by analysis of variance; weights (r, groups)."""
    inside, outside, size = _variances(right, sizes, weights)
    whole = outside + (size - 1) * inside
    alike = np.divide(outside - inside, whole, out=np.zeros_like(whole), where=whole > 1e-12)
    return np.asarray(np.clip(alike, 0.0, 1.0))


def _variances(right: Array, sizes: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Mean squares inside groups and between them (r,), and the size of groups that counts."""
    count, clips, squares = weights.sum(axis=1), weights @ sizes, weights @ sizes**2
    mean = (weights @ right) / clips
    inside = weights @ (right * (1 - right / sizes)) / np.maximum(1.0, clips - count)
    outside = ((weights @ (right**2 / sizes)) - clips * mean**2) / np.maximum(1.0, count - 1)
    size = (clips - squares / clips) / np.maximum(1.0, count - 1)
    return inside, outside, size


def _unlike(right: Array, sizes: Array, effective: float, p: float) -> float:
    """The spread at which mean squares as far apart as those seen have the probability ``p``."""
    inside, outside, size = (float(v[0]) for v in _variances(right, sizes, np.ones((1, len(sizes)))))
    # Accuracies of groups are skewed: half of the groups counts (bench/intervals.py shows what holds).
    freedom = ((len(sizes) + effective) / 2 - 1) / 2
    ratio = outside / max(inside, 1e-12) / _f_quantile(p, freedom, sizes.sum() - len(sizes))
    alike = max(0.0, (ratio - 1) / (ratio - 1 + size))
    mean = float(right.sum() / sizes.sum())
    return float(np.sqrt(alike * mean * (1 - mean)))


def _f_quantile(p: float, above: float, below: float) -> float:
    """Quantile of F, by cube roots that are nearly normal (Paulson 1942)."""
    z, a, b = normal_quantile(p), 2 / (9 * max(1.0, above)), 2 / (9 * max(1.0, below))
    root = a * (1 - b) ** 2 + b * (1 - a) ** 2 - a * b * z**2
    cube = ((1 - a) * (1 - b) + z * np.sqrt(max(0.0, root))) / max(1e-3, (1 - b) ** 2 - b * z**2)
    return float(max(cube, 1e-2) ** 3)


def _spread(right: Array, sizes: Array, weights: Array) -> Array:
    mean = (weights @ right) / (weights @ sizes)
    return np.asarray(np.sqrt(_alike(right, sizes, weights) * mean * (1 - mean)))

"""What more labels would give, from a learning curve: "at least so many", or "not in sight"; never so many.

Curves of learning foretell badly (Viering & Loog 2022): many laws go through a few points and part beyond them. In
simulations upper ends that lay near held the truth in none to two of five cases, so none is told (``bench/training.py``
shows how often the rest holds). And no law is chosen. Powers ``error = floor + scale · x ** -slope`` and exponentials ``floor + scale · exp(-x / reach)`` of
every steepness stand for election in each of some hundred resamplings, with the chance by which they explain the
points, and powers without a floor beside them. A resampling draws the groups of the test side anew, and what other clips to learn from would have changed: as
much as the draws of each size differ, and more where these share most of what there is. Half of what foretelling the last
point from those before it missed is the standard error of what is asked for.

``x`` is how many clips of a class there are as far as they tell something new (Kish 1965): ``n / (1 + (m - 1) · alike)``
for n clips in groups of m, between the number of groups (``alike`` 1) and that of clips (0), all of which are tried.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..metrics.intervals import Array, Groups

FARTHEST = 10  # times the labels there are: no forecast beyond
NEVER = 0.9  # of the laws that level off below what is asked: it is not in sight
_MISSED = 0.5  # of the miss of the last point …
_SMALL_MISS = 0.01  # … which may be small by luck
_RESAMPLES = 400
_SLOPES = np.geomspace(0.05, 2.0, 40)
_REACHES = np.geomspace(0.1, 10.0, 24)  # times the clips there are
_ALIKE = (0.0, 0.3, 1.0)
_LEAST = 0.002  # standard error of a point that more clips would not better: no law is exact


@dataclass(frozen=True)
class Target:
    """Clips per class for ``gain`` (a share) more than now: ``low`` at least, in 19 of 20 cases.

    ``per_class`` is the middle of what the laws say, and not to be relied on; inf if nine of ten say never. ``high`` is inf.
    """

    gain: float
    per_class: float
    low: float
    high: float = math.inf


@dataclass(frozen=True)
class Measured:
    """Points of a curve: clips and groups of each class learnt from (k,), and of each point the hits (draws, clips)."""

    clips: Array
    groups: Array
    hits: Sequence[Array]  # nan where no fold evaluates


def targets(
    measured: Measured, test: Groups, gains: Sequence[float], miss: float, *, seed: int = 0
) -> tuple[Target, ...]:
    """Labels for each of ``gains``; ``test`` are the groups of the clips. ``miss``: of the last point, by those before."""
    random = np.random.default_rng(seed)
    errors = _resampled(measured, test, random)
    sure = np.maximum(errors.var(axis=0), _LEAST**2)
    n, m = measured.clips, np.maximum(1.0, measured.clips / measured.groups)
    bases, shapes = _laws(n, m)
    kinds = np.array([kind for kind, *_ in shapes])
    floor, scale, left = _fitted(bases, errors, sure, kinds == "bare")
    _, kind, of_kind = np.unique(kinds, return_inverse=True, return_counts=True)
    chance = np.exp(-(left - left.min(axis=1, keepdims=True)) / 2) / of_kind[kind]
    which = (chance.cumsum(axis=1) > random.random((len(errors), 1)) * chance.sum(axis=1, keepdims=True)).argmax(axis=1)
    drawn = np.arange(len(errors))
    floor, scale, base = floor[drawn, which], scale[drawn, which], bases[which, -1]
    off = random.normal(0, _MISSED * max(abs(miss), _SMALL_MISS), len(errors))
    found = []
    for gain in gains:
        wanted = scale * base - np.maximum(gain + off, 0)  # above the floor
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where((scale > 0) & (wanted > 1e-9), wanted / scale, 0.0)
        reach = np.array([_needed(shapes[j], s, m[-1]) for j, s in zip(which, share, strict=True)])
        reach = np.maximum(reach, n[-1])
        finite = reach[np.isfinite(reach)]
        middle = math.inf if len(finite) <= (1 - NEVER) * len(reach) else float(np.median(finite))
        found.append(Target(gain, middle, float(np.quantile(reach, 0.05, method="nearest"))))
    return tuple(found)


def _resampled(measured: Measured, test: Groups, random: np.random.Generator) -> Array:
    """Errors (resamples, points) as other groups to evaluate and other clips to learn from would have given them."""
    means = np.stack([h.mean(axis=0) for h in measured.hits])
    known = np.isfinite(means).all(axis=0)
    right, of = 1.0 * np.where(known, means, 0).T, 1.0 * known
    blocks = test.resamples(_RESAMPLES, int(random.integers(2**31)))
    errors = np.concatenate([1 - (w @ right) / np.maximum(w @ of, 1)[:, None] for w in blocks])
    draws = np.array([len(h) for h in measured.hits])
    spread = np.array([np.nanmean(h, axis=1).std(ddof=1) if len(h) > 1 else np.nan for h in measured.hits])
    share = measured.clips / measured.clips[-1]
    # Where draws share little, they differ as other data would; this falls with the root of their number.
    apart = (draws > 1) & (share < 0.5)
    usual = math.sqrt(np.mean(spread[apart] ** 2 * share[apart])) if apart.any() else 0.0
    learnt = usual / np.sqrt(share) * np.sqrt(share + (1 - share) / draws)
    return np.asarray(errors + random.normal(size=errors.shape) * learnt)


def _laws(n: Array, m: Array) -> tuple[Array, list[tuple[str, float, float]]]:
    """What falls with more clips, at each point (laws, points), and each law's (kind, steepness, alike); "bare" is a power without a floor."""
    bases, shapes = [], []
    for alike in _ALIKE if m.max() > 1.01 else _ALIKE[:1]:
        x = n / (1 + (m - 1) * alike)
        for slope in _SLOPES:
            bases += [x**-slope] * 2
            shapes += [("power", float(slope), alike), ("bare", float(slope), alike)]
        for reach in _REACHES * x[-1]:
            bases.append(np.exp(-x / reach))
            shapes.append(("exponential", float(reach), alike))
    return np.stack(bases), shapes


def _needed(shape: tuple[str, float, float], base: float, m: float) -> float:
    """Clips of a class, in groups of ``m``, at which a law's base has fallen that far; infinite for 0."""
    kind, steep, alike = shape
    if base <= 0:
        return math.inf
    x = -steep * math.log(base) if kind == "exponential" else base ** (-1 / steep)
    return x * (1 + (m - 1) * alike)


def _fitted(bases: Array, errors: Array, variance: Array, bare: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
    """Floor (0 where ``bare``), scale (both 0 or more) and what is left in standard errors, squared, of each law (r, laws)."""
    weight = 1 / variance
    total = weight.sum()
    centre = (bases * weight).sum(axis=1) / total
    centred = bases - centre[:, None]
    mean = (errors * weight).sum(axis=1, keepdims=True) / total
    scale = (errors * weight) @ centred.T / (np.square(centred) * weight).sum(axis=1)
    floor = mean - scale * centre
    through = (errors * weight) @ bases.T / (np.square(bases) * weight).sum(axis=1)
    scale = np.where(bare | (floor < 0), through, scale)
    floor = np.where(bare, 0, np.maximum(floor, 0))
    floor, scale = np.where(scale < 0, mean, floor), np.maximum(scale, 0)
    left = np.zeros(scale.shape)
    for k in range(bases.shape[1]):
        left += np.square(errors[:, k, None] - floor - scale * bases[:, k]) * weight[k]
    return floor, scale, left

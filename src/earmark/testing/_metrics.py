"""What every metric promises."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DataError
from ..metrics.clips import METRICS, Metric, broken
from ._wanted import same, wanted

Numbers = NDArray[Any]


def check_metric(metric: str | Metric, *, examples: int = 20) -> None:
    """Check a metric by name, or itself, on seeded ``examples``. Raises AssertionError for a promise not kept.

    Raises DataError for an unknown name, with the reason if another package brings it and it cannot be used.
    """
    if isinstance(metric, str) and metric not in METRICS:
        reasons = [str(one) for one in broken() if one.name == metric]
        raise DataError(reasons[0] if reasons else f"no metric is called {metric!r}. There are: {', '.join(METRICS)}")
    one = METRICS[metric] if isinstance(metric, str) else metric
    wanted(isinstance(one, Metric), "a function with @metric(best=…, worst=…) of earmark.metrics.clips")
    tells_what_it_is(one)
    for k in (2, 3, 8, 200):
        perfect_is_best(one, k)
    for k in (6, 8, 200):
        surely_wrong_is_worst(one, k)
    many_weightings_at_once(one)
    for seed in range(examples):
        draw = np.random.default_rng(seed)
        stays_in_its_range(one, seed, int(draw.integers(1, 41)), int(draw.integers(2, 10)))
        order_does_not_matter(one, seed)
        weights_are_repetitions(one, seed)


def made(seed: int, n: int = 60, k: int = 4, skill: float = 1.5) -> tuple[Numbers, Numbers]:
    """Classes (every one occurs) and scores without ties."""
    random = np.random.default_rng(seed)
    y = np.concatenate([np.arange(k), random.integers(0, k, max(0, n - k))])[:n]
    logits = random.normal(size=(len(y), k))
    logits[np.arange(len(y)), y] += skill
    proba = np.exp(logits)
    return y, proba / proba.sum(axis=1, keepdims=True)


def stays_in_its_range(metric: Metric, seed: int, n: int, k: int) -> None:
    """Any scores of n clips in k classes give a value between best and worst."""
    random = np.random.default_rng(seed)
    proba = random.dirichlet(np.full(k, 0.2), n)
    value = float(metric(random.integers(0, k, n), proba))
    low, high = sorted((metric.best, metric.worst))
    wanted(low - 1e-9 <= value <= high + 1e-9, f"{metric.name} from {low} to {high}; found {value}")


def perfect_is_best(metric: Metric, k: int) -> None:
    """Perfect scores get the best value (where there is one)."""
    if math.isfinite(metric.best):
        y = np.arange(k)
        same(metric(y, np.eye(k)[y]), metric.best, f"{metric.name} of perfect scores", rtol=0, atol=1e-12)


def surely_wrong_is_worst(metric: Metric, k: int) -> None:
    """Scores that are sure and wrong get the worst value (where there is one)."""
    y = np.arange(k)
    proba = np.full((k, k), 1e-20)
    proba[y, (y + 1) % k] = 1.0
    proba[y, y] = 0.0  # the true class comes last
    if math.isfinite(metric.worst):
        tolerance = {"rtol": 0.0, "atol": 1e-9 * max(1.0, abs(metric.worst))}
        same(metric(y, proba), metric.worst, f"{metric.name} of surely wrong scores", **tolerance)


def order_does_not_matter(metric: Metric, seed: int) -> None:
    """Clips and classes in another order give the same value."""
    y, proba = made(seed)
    random = np.random.default_rng(seed)
    clips, classes = random.permutation(len(y)), random.permutation(proba.shape[1])
    near = {"rtol": 1e-9, "atol": 1e-12}
    same(metric(y[clips], proba[clips]), metric(y, proba), "clips in another order", **near)
    same(metric(np.argsort(classes)[y], proba[:, classes]), metric(y, proba), "classes in another order", **near)


def weights_are_repetitions(metric: Metric, seed: int) -> None:
    """Weight 2 is the clip standing twice, weight 0 its not being there."""
    y, proba = made(seed, n=30)
    counts = np.random.default_rng(seed).integers(0, 3, 30)
    counts[0] += 1
    again = np.repeat(np.arange(30), counts)
    near = {"rtol": 1e-9, "atol": 1e-12}
    same(metric(y, proba, counts), metric(y[again], proba[again]), "weights that are repetitions", **near)


def many_weightings_at_once(metric: Metric) -> None:
    """Weights (2, 5, n) give scores (2, 5), as one by one."""
    y, proba = made(3)
    weights = np.random.default_rng(3).integers(0, 4, (2, 5, len(y)))
    together = metric(y, proba, weights)
    wanted(together.shape == (2, 5), f"scores (2, 5) for weights (2, 5, n); found {together.shape}")
    same(together[1, 2], metric(y, proba, weights[1, 2]), "weightings one by one", rtol=1e-7, atol=1e-12)


def tells_what_it_is(metric: Metric) -> None:
    """The first line of the docstring says what it is; a better model has a better value."""
    wanted(metric.summary.endswith((".", "by")), "a docstring whose first line is a sentence")
    wanted(metric.higher_is_better == (metric.best > metric.worst), "higher_is_better says which end is best")
    good, bad = made(1, n=300, k=8, skill=5.0), made(1, n=300, k=8, skill=0.0)
    if metric.name != "calibration_error":  # the better model need not be the better calibrated one
        better = bool(metric(*good) > metric(*bad)) == metric.higher_is_better
        wanted(better, f"a better value for the better model; is best={metric.best}, worst={metric.worst} right?")

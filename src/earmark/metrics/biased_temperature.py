"""A temperature and a bias for each class: what puts back how common the classes are.

``softmax(log(score + floor) / temperature + bias)``. A head that is fitted as if classes were even (``class_weight``)
says too much of rare ones, and no temperature mends that. A bias per class does (bias-corrected temperature scaling:
Alexandari, Kundaje & Shrikumar 2020). Biases are pulled, by as much as a few clips, towards a multiple of the logarithm
of how common the classes are, and the multiple is fitted: where classes are even, or little was seen of one, scores stay
what they were, and where a head knows of the prior already the multiple is 0. Unlike a temperature alone, a bias may change which class is best.

Where all clips are right the likeliest temperature is 0, and one mistake later costs everything. So of ``n`` clips one in
``n + 2`` is fitted as if it might be of another class (targets as Platt's, 1999, by the rule of succession).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..core.errors import MissingExtraError
from .clips import checked
from .intervals import Array, Ints

_FLOORS = (1e-12, 1e-6, 1e-3, 1e-2)  # the least score that is believed
_PULL_TEMPERATURE = 1.0  # of a clip each, times the square of the logarithm
_PULL_PRIOR = 3.0
_PULL_BIAS = 20.0
_MOST = 4.0  # logarithm of a temperature


@dataclass(frozen=True, slots=True)
class BiasedTemperature:
    """Turns scores (n, k) into probabilities; ``bias`` (k,) sums to 0."""

    temperature: float
    bias: tuple[float, ...]
    floor: float = 0.0

    @classmethod
    def fit(
        cls, proba: ArrayLike, y: ArrayLike, *, weights: ArrayLike | None = None, floor: float | None = None
    ) -> BiasedTemperature:
        """Fit on scores out of fold by log loss: proba (n, k), y (n,) int, weights (n,) count clips.

        ``floor``: added to each score; None: the one of four that fits best.
        """
        truth, stack = checked(y, proba)
        counts = np.ones(len(truth)) if weights is None else np.asarray(weights, np.float64)
        floors = _FLOORS if floor is None else (floor,)
        _, best, least = min((*_fitted(np.log(stack[0] + f), truth, counts), f) for f in floors)
        bias = np.array(best[1:])
        return cls(float(np.exp(best[0])), tuple((bias - bias.mean()).tolist()), least)

    def apply(self, proba: ArrayLike) -> Array:
        """Scores (..., k) -> probabilities (..., k)."""
        logits = np.log(np.asarray(proba, np.float64) + self.floor + 1e-300)
        return softmax(logits / self.temperature + np.asarray(self.bias))[0]


def _fitted(logits: Array, truth: Ints, counts: Array) -> tuple[float, tuple[float, ...]]:
    """Log loss, and the logarithm of the temperature before the biases."""
    try:
        from scipy.optimize import minimize
    except ModuleNotFoundError as error:
        raise MissingExtraError("calibration", "train") from error
    k, whole = logits.shape[1], counts.sum()
    doubt = 1 / (whole + 2)
    own = np.where(np.eye(k, dtype=bool)[truth], 1 - doubt, doubt / max(1, k - 1))

    common = np.log((np.bincount(truth, counts, minlength=k) + 0.5) / (whole + 0.5 * k))
    common -= common.mean()

    def loss(x: Array) -> tuple[float, Array]:
        """Of the logarithm of the temperature, the multiple of the prior, and what is left of each class's bias."""
        cold = np.exp(-x[0])
        scaled = logits * cold + x[1] * common + x[2:]
        raised, level = softmax(scaled)
        off = counts[:, None] * (raised - own)
        fit = counts @ (level - (own * scaled).sum(axis=1))
        pull = np.concatenate([[_PULL_TEMPERATURE, _PULL_PRIOR], np.full(k, _PULL_BIAS)])
        by_class = off.sum(axis=0)
        slopes = np.concatenate([[-(off * logits).sum() * cold, by_class @ common], by_class]) + pull * x
        return float((fit + pull @ x**2 / 2) / whole), slopes / whole

    bounds = [(-_MOST, _MOST)] + [(None, None)] * (k + 1)
    found = minimize(loss, np.zeros(k + 2), jac=True, method="L-BFGS-B", bounds=bounds)
    return float(found.fun), (float(found.x[0]), *(found.x[1] * common + found.x[2:]).tolist())


def softmax(logits: Array) -> tuple[Array, Array]:
    """Probabilities over the last axis, and the logarithm of what they were divided by."""
    top = logits.max(axis=-1, keepdims=True)
    raised = np.exp(logits - top)
    whole = raised.sum(axis=-1, keepdims=True)
    return np.asarray(raised / whole), np.asarray((top + np.log(whole))[..., 0])

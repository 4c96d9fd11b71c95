"""A temperature and a bias for each class: what puts back how common the classes are.

``softmax(log(score + floor) / temperature + bias)``. A head that is fitted as if classes were even (``class_weight``)
says too much of rare ones, and no temperature mends that. A bias per class does (bias-corrected temperature scaling:
Alexandari, Kundaje & Shrikumar 2020). Biases are pulled towards 0, by as much as a few clips, so a class of which little
was seen keeps the scores it had. Unlike a temperature alone, a bias may change which class is best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..core.errors import MissingExtraError
from .clips import checked
from .intervals import Array, Ints

_FLOORS = (1e-12, 1e-6, 1e-3)  # the least score that is believed
_PULL_TEMPERATURE = 1.0  # of a clip each, times the square of the logarithm
_PULL_BIAS = 0.5
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

        ``floor``: added to each score; None: the one of three that fits best.
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
        return _softmax(logits / self.temperature + np.asarray(self.bias))[0]


def _fitted(logits: Array, truth: Ints, counts: Array) -> tuple[float, tuple[float, ...]]:
    """Log loss, and the logarithm of the temperature before the biases."""
    try:
        from scipy.optimize import minimize
    except ModuleNotFoundError as error:
        raise MissingExtraError("calibration", "train") from error
    k, whole = logits.shape[1], counts.sum()
    own = np.eye(k)[truth]

    def loss(x: Array) -> tuple[float, Array]:
        cold = np.exp(-x[0])
        scaled = logits * cold + x[1:]
        raised, level = _softmax(scaled)
        off = counts[:, None] * (raised - own)
        fit = counts @ (level - scaled[np.arange(len(truth)), truth])
        pull = _PULL_TEMPERATURE * x[0] ** 2 / 2 + _PULL_BIAS * (x[1:] ** 2).sum() / 2
        slopes = [[-(off * logits).sum() * cold + _PULL_TEMPERATURE * x[0]], off.sum(axis=0) + _PULL_BIAS * x[1:]]
        return float((fit + pull) / whole), np.concatenate(slopes) / whole

    bounds = [(-_MOST, _MOST)] + [(None, None)] * k
    found = minimize(loss, np.zeros(k + 1), jac=True, method="L-BFGS-B", bounds=bounds)
    return float(found.fun), tuple(found.x.tolist())


def _softmax(logits: Array) -> tuple[Array, Array]:
    """Probabilities over the last axis, and the logarithm of what they were divided by."""
    top = logits.max(axis=-1, keepdims=True)
    raised = np.exp(logits - top)
    whole = raised.sum(axis=-1, keepdims=True)
    return np.asarray(raised / whole), np.asarray((top + np.log(whole))[..., 0])

"""Scores of a classifier -> probabilities that can be believed, by one number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from ._inner import Codes, Floats, Split


class Tempered(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Probabilities = softmax(scores / temperature) of any classifier with scores (n, classes).

    The temperature (Guo et al. 2017) is the one under which the rows held out by ``cv``, a list of splits, are most
    likely; it changes no decision. Without splits it is 1. (SVC's own ``probability=True`` changes decisions,
    splits groups, and is deprecated.)
    """

    def __init__(self, estimator: Any, *, cv: Sequence[Split] = ()) -> None:
        self.estimator = estimator
        self.cv = cv

    def fit(self, X: Floats, y: Codes) -> Tempered:
        self.classes_ = np.unique(y)
        scores, truth = [], []
        for learn, look in self.cv:
            scores.append(clone(self.estimator).fit(X[learn], y[learn]).decision_function(X[look]))
            truth.append(np.searchsorted(self.classes_, y[look]))
        self.sharpness_ = _sharpness(np.concatenate(scores), np.concatenate(truth)) if scores else 1.0
        self.fitted_ = clone(self.estimator).fit(X, y)
        return self

    def predict_proba(self, X: Floats) -> Any:
        return softmax(self.fitted_.decision_function(X) * self.sharpness_, axis=1)

    def onnx(self, graph: Any, x: str) -> str:
        scores = graph.draw(self.fitted_, x)
        return str(graph("Softmax", graph("Mul", scores, np.array(self.sharpness_)), axis=1))


def _sharpness(scores: Any, truth: Codes) -> float:
    """1 / temperature under which the truth (n,) is most likely given scores (n, classes)."""

    def surprise(log_sharpness: float) -> float:
        chances = log_softmax(scores * np.exp(log_sharpness), axis=1)
        return float(-chances[np.arange(len(truth)), truth].mean())

    return float(np.exp(minimize_scalar(surprise, bounds=(-7.0, 5.0), method="bounded").x))

"""Scores of a classifier -> probabilities that can be believed; parameters chosen by the same held-out embeddings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import ParameterGrid

from ._inner import Codes, Floats, Split, fitted


class Tempered(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Probabilities = softmax(scores / temperature) of any classifier with scores (n, classes).

    The temperature (Guo et al. 2017) is the one under which the embeddings held out by ``cv``, a list of splits, are most
    likely; it changes no decision. Of the parameters in ``grid`` those are taken under which they are most likely at
    their best temperature. Without splits the temperature is 1 and the classifier stays as it was given.
    (SVC's own ``probability=True`` changes decisions, splits groups, and is deprecated.)
    """

    def __init__(
        self, estimator: Any, grid: Mapping[str, Sequence[Any]] | None = None, *, cv: Sequence[Split] = ()
    ) -> None:
        self.estimator = estimator
        self.grid = grid
        self.cv = cv

    def fit(self, X: Floats, y: Codes, sample_weight: Floats | None = None) -> Tempered:
        self.classes_ = np.unique(y)
        self.best_params_: dict[str, Any] = {}
        self.sharpness_, least = 1.0, np.inf
        weight = np.ones(len(y), np.float32) if sample_weight is None else sample_weight
        seen = np.concatenate([look for _, look in self.cv]) if self.cv else np.arange(0)
        for params in ParameterGrid(self.grid or {}) if self.cv else ():
            scores = []
            for learn, look in self.cv:
                candidate = clone(self.estimator).set_params(**params)
                scores.append(_scores(fitted(candidate, X[learn], y[learn], weight[learn]), X[look]))
            truth = np.searchsorted(self.classes_, y[seen])
            sharpness, surprise = _sharpest(np.concatenate(scores), truth, weight[seen])
            if surprise < least:
                self.best_params_, self.sharpness_, least = params, sharpness, surprise
        self.fitted_ = fitted(clone(self.estimator).set_params(**self.best_params_), X, y, sample_weight)
        return self

    def predict_proba(self, X: Floats) -> Any:
        return softmax(_scores(self.fitted_, X) * self.sharpness_, axis=1)

    def onnx(self, graph: Any, x: str) -> str:
        scores = graph.draw(self.fitted_, x, scores=True)
        return str(graph("Softmax", graph("Mul", scores, np.array(self.sharpness_)), axis=1))


def _scores(classifier: Any, X: Floats) -> Any:
    """Scores (n, classes); scikit-learn gives (n,) for two classes: the second's lead over the first."""
    scores = np.asarray(classifier.decision_function(X), np.float64)
    return scores if scores.ndim == 2 else np.stack([np.zeros_like(scores), scores], axis=1)


def _sharpest(scores: Any, truth: Any, weight: Any) -> tuple[float, float]:
    """1 / temperature under which the truth (n,) is most likely given scores (n, classes), and the log loss then."""

    def surprise(log_sharpness: float) -> float:
        chances = log_softmax(scores * np.exp(log_sharpness), axis=1)
        return float(-np.average(chances[np.arange(len(truth)), truth], weights=weight))

    found = minimize_scalar(surprise, bounds=(-7.0, 5.0), method="bounded")
    return float(np.exp(found.x)), float(found.fun)

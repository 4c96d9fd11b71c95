"""Nearest neighbours among the training embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline

from ._flat import Flat
from ._inner import Codes, Floats
from ._scale import Scaler

ABOUT = "k nearest neighbours (scikit-learn), cosine or euclidean, near ones count more; keeps all training embeddings"

SPACE = {  # what `earmark study tune` searches
    "k": [1, 3, 5, 10, 20, 40],
    "metric": ["cosine", "euclidean"],
    "pool": ["windows", "mean", "mean+std"],
}

_NEAR = 1e-3  # added to distances, so that an equal embedding counts much but not infinitely


def build(
    *,
    k: int = 10,
    metric: str = "cosine",
    weights: str = "distance",
    balanced: bool = True,
    widths: Sequence[int] = (),
    seed: int = 0,
) -> Flat:
    """``k`` neighbours; ``metric``: "cosine" or "euclidean"; ``weights``: "distance" (1/distance) or "uniform".

    ``balanced``: neighbours of rare classes and small groups count more. ``widths`` of joined blocks give them
    equal say.
    """
    return Flat(
        make_pipeline(Scaler(widths), Neighbours(k, metric=metric, weights=weights)), balanced=balanced, seed=seed
    )


class Neighbours(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Share of each class among the (at most) ``k`` nearest embeddings; cosine is euclidean between embeddings of length 1.

    One neighbour more, of all classes alike, keeps scores off 0: ten neighbours cannot say "never".
    """

    def __init__(self, k: int = 10, *, metric: str = "cosine", weights: str = "distance") -> None:
        self.k = k
        self.metric = metric
        self.weights = weights

    def fit(self, X: Floats, y: Codes, sample_weight: Floats | None = None) -> Neighbours:
        if self.metric not in ("cosine", "euclidean") or self.weights not in ("distance", "uniform") or self.k < 1:
            raise ValueError(
                f"k={self.k}, metric={self.metric!r}, weights={self.weights!r}; wanted k > 0, metric 'cosine' or "
                "'euclidean', weights 'distance' or 'uniform'"
            )
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.members_ = np.eye(len(self.classes_))[codes] * (1 if sample_weight is None else sample_weight[:, None])
        self.embeddings_ = self._placed(X).astype(np.float32)  # as they are saved
        self.search_ = NearestNeighbors(n_neighbors=min(self.k, len(X)), algorithm="brute").fit(
            self.embeddings_.astype(np.float64)
        )
        return self

    def predict_proba(self, X: Floats) -> Any:
        far, near = self.search_.kneighbors(self._placed(X))
        say = 1 / (far + _NEAR) if self.weights == "distance" else np.ones_like(far)
        total = np.einsum("nk,nkc->nc", say, self.members_[near])
        k, classes = far.shape[1], len(self.classes_)
        return (k * total / total.sum(axis=1, keepdims=True) + 1 / classes) / (k + 1)

    def _placed(self, X: Floats) -> Any:
        X = X.astype(np.float64)
        return X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-12) if self.metric == "cosine" else X

    def onnx(self, graph: Any, x: str) -> str:
        x = graph.double(x)
        if self.metric == "cosine":
            length = graph("Sqrt", graph("ReduceSumSquare", x, np.array([1]), keepdims=1))
            x = graph("Div", x, graph("Max", length, np.array(1e-12)))
        length = graph("ReduceSumSquare", x, np.array([1]), keepdims=1)
        far = graph("Add", length, np.square(self.embeddings_.astype(np.float64)).sum(axis=1))
        far = graph(
            "Sub",
            far,
            graph("Mul", graph("MatMul", x, graph.double(graph.constant(self.embeddings_.T))), np.array(2.0)),
        )
        far = graph("Sqrt", graph("Max", far, np.array(0.0)))
        count = np.array([self.search_.n_neighbors])
        near, which = graph.node("TopK", [far, graph.constant(count)], 2, axis=1, largest=0)
        say = graph("Reciprocal", graph("Add", near, np.array(_NEAR)))
        if self.weights == "uniform":
            say = graph("Div", say, say)
        members = graph("Gather", self.members_, which, axis=0)  # (n, k, classes)
        total = graph(
            "ReduceSum", graph("Mul", graph("Unsqueeze", say, np.array([2])), members), np.array([1]), keepdims=0
        )
        share = graph("Div", total, graph("ReduceSum", total, np.array([1]), keepdims=1))
        k, classes = float(count[0]), len(self.classes_)
        return str(graph("Add", graph("Mul", share, np.array(k / (k + 1))), np.array(1 / classes / (k + 1))))

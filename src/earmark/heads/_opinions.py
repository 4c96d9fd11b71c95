"""Scores of several branches -> one: the logarithmic opinion pool.

Log-probabilities are added with one weight for each branch, and made probabilities again (Heskes 1998, "Selecting weighting
factors in logarithmic opinion pools"). As many parameters as branches: what a combiner learns from a few hundred
clips must not have more freedom than that. A weight of 0 leaves a branch out; their sum sharpens or softens.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from ._head import Head
from ._inner import Floats, weights


class OpinionPool(Head):
    """Weights (branches,) of 0 or more with the least log loss on rows X (n, branches × classes) of log-probabilities.

    The columns are one branch after the other, each in the order of the sorted classes. Classes count the same.
    """

    def __init__(self, branches: int) -> None:
        self.branches = branches

    def fit(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> OpinionPool:
        """Raises DataError for rows that cannot be learnt from."""
        known = self.known(X, y, groups)
        rows, codes = known.embeddings, known.codes
        logs = rows.reshape(len(rows), self.branches, len(self.classes_)).astype(np.float64)
        count = weights(codes, known.groups)
        at = (np.arange(len(codes)), codes)

        def loss(weight: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            pooled = log_softmax(np.einsum("b,nbk->nk", weight, logs), axis=1)
            slope = np.exp(pooled)
            slope[at] -= 1
            return -float(count @ pooled[at]), np.einsum("n,nk,nbk->b", count, slope, logs)

        start = np.full(self.branches, 1 / self.branches)
        best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * self.branches)
        self.weights_ = np.asarray(best.x, np.float64)
        return self

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Probabilities (n, classes) float32."""
        rows = self.like(X).astype(np.float64)
        return np.asarray(np.exp(log_softmax(rows @ self._mix(), axis=1)), np.float32)

    def _mix(self) -> NDArray[np.float64]:
        return np.asarray(np.kron(self.weights_[:, None], np.eye(len(self.classes_))), np.float64)

    def onnx(self) -> Any:
        """The fitted pool as an ONNX model; see ``_export``."""
        from ._export import Graph

        graph, mix = Graph(), self._mix()
        pooled = graph("Softmax", graph.scores("rows", mix.T, np.zeros(mix.shape[1])), axis=1)
        return graph.model(pooled, (len(mix),), mix.shape[1])

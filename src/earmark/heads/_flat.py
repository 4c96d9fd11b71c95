"""A scikit-learn estimator as a head: flat embeddings in, probabilities of the sorted classes out."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from ..core.errors import DataError, RecipeError
from ._head import Head
from ._inner import Floats, Split, fitted, folds, weights
from ._tempered import Tempered


class Flat(Head):
    """Any scikit-learn classifier (mostly a pipeline) on flattened embeddings.

    ``balanced`` has embeddings count as ``_inner.weights`` says, else each counts the same. If the classifier takes splits
    (its or its last step's parameter ``cv``: Tempered, scikit-learn's searches) it gets at most ``inner`` of them, by group; they stay
    visible as ``splits_``.
    """

    def __init__(self, estimator: Any, *, balanced: bool = True, inner: int = 5, seed: int = 0) -> None:
        self.estimator = estimator
        self.balanced = balanced
        self.inner = inner
        self.seed = seed

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        groups: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Flat:
        """Fit on embeddings X (n, *shape) with labels y (n,). Raises DataError, or RecipeError for unusable parameters."""
        known = self.known(X, y, groups, sample_weight)
        embeddings, codes, ids = known.embeddings, known.codes, known.groups
        self.splits_: list[Split] = []
        self.fitted_ = clone(self.estimator)
        if place := place_of_splits(self.fitted_):
            self.splits_ = folds(codes, ids, self.inner, seed=self.seed)
            if not self.splits_ and not isinstance(self.fitted_, Tempered):
                raise RecipeError(
                    f"{type(self.estimator).__name__} searches by inner folds, and these embeddings allow none: each class "
                    "needs two groups at least"
                )
            self.fitted_.set_params(**{place: self.splits_})
        weight = weights(codes, ids, known.weight) if self.balanced else known.weight
        # Many small products: BLAS with a thread per processor waits for itself, and for whatever else runs. Fits of 4,000
        # embeddings took four times as long on two threads of a quiet machine, and twenty times on a busy one.
        with threadpool_limits(1, user_api="blas"):
            try:
                fitted(self.fitted_, embeddings.reshape(len(embeddings), -1), codes, weight)
            except DataError:
                raise
            except ValueError as error:  # the embeddings are sound, so it is a parameter that does not suit
                raise RecipeError(f"this head cannot be fitted with its parameters: {error}") from error
        return self

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Probabilities (n, classes) float32 in the order of ``classes_``."""
        embeddings = self.like(X)
        if not len(embeddings):
            return np.zeros((0, len(self.classes_)), np.float32)
        proba = self.fitted_.predict_proba(embeddings.reshape(len(embeddings), prod(self.shape_)))
        return np.asarray(proba, dtype=np.float32)

    def onnx(self) -> Any:
        """The fitted head as an ONNX model; see ``_export``."""
        from ._export import from_sklearn

        return from_sklearn(getattr(self.fitted_, "best_estimator_", self.fitted_), self.shape_)


def place_of_splits(estimator: Any) -> str:
    """The parameter of a classifier, or of the last step of a pipeline, that takes inner splits; "" if none does.

    Deeper ones see a part of the embeddings, and the numbers of these splits would name others there.
    """
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        inside = place_of_splits(last)
        return f"{name}__{inside}" if inside else ""
    return "cv" if "cv" in estimator.get_params(deep=False) else ""

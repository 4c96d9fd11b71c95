"""Support vector machine with a radial kernel; its margins become probabilities by one temperature."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from ._flat import Flat
from ._inner import Codes, Floats
from ._scale import Scaler
from ._tempered import Tempered

ABOUT = "support vector machine (scikit-learn), RBF or linear; probabilities by a temperature from grouped inner folds"

SPACE = {  # what `earmark study tune` searches
    "C": (0.1, 30.0, "log"),
    "kernel": ["rbf", "linear"],
    "pca": [0, 64, 128, 256],
    "pool": ["windows", "mean", "mean+std"],
}


def build(
    *,
    C: float = 3.0,
    kernel: str = "rbf",
    gamma: float | str = "scale",
    pca: int = 0,
    balanced: bool = True,
    widths: Sequence[int] = (),
    seed: int = 0,
) -> Flat:
    """``C``: the cost of errors; ``kernel``: "rbf" or "linear"; ``gamma``: width of the radial kernel.

    ``pca=128`` projects on (at most) that many components first. ``balanced``: classes count the same,
    groups as the root of their embeddings; else each window counts the same. ``widths`` of joined blocks give them equal say.
    """
    machine = Margins(C, kernel=kernel, gamma=gamma)
    steps = [Scaler(widths), *([Components(pca, seed=seed)] if pca else []), machine]
    return Flat(Tempered(make_pipeline(*steps)), balanced=balanced, inner=3, seed=seed)


class Margins(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A score for each class: the mean over the other classes of the side its pair's machine takes, -1 to 1.

    libsvm's machines of all pairs of classes, as SVC. SVC counts votes, which are not smooth; raw margins averaged lose
    to votes where embeddings are weak (6 points on cepstral embeddings of music by artist). tanh(4 margin) is a smooth vote.
    """

    SHARPNESS = 4.0

    def __init__(self, C: float = 1.0, *, kernel: str = "rbf", gamma: float | str = "scale") -> None:
        self.C = C
        self.kernel = kernel
        self.gamma = gamma

    def fit(self, X: Floats, y: Codes, sample_weight: Floats | None = None) -> Margins:
        if self.kernel not in ("rbf", "linear"):
            raise ValueError(f"kernel={self.kernel!r}; wanted 'rbf' or 'linear'")
        wide = X.shape[1] * float(X.var())
        self.gamma_ = 1.0 / max(wide, 1e-12) if self.gamma == "scale" else float(self.gamma)
        machine = SVC(C=self.C, kernel=self.kernel, gamma=self.gamma_, cache_size=1000, random_state=0).fit(
            X, y, sample_weight
        )
        self.classes_ = machine.classes_
        self.vectors_ = machine.support_vectors_.astype(np.float32)  # what X was: nothing is lost
        # libsvm stores, for a vector of class i, its weight against class j in embedding j (j < i) or j - 1 (j > i).
        k, of = len(machine.classes_), np.repeat(np.arange(len(machine.n_support_)), machine.n_support_)
        sign = -1 if k == 2 else 1  # scikit-learn turns the sign round where there are two classes
        pairs = list(combinations(range(k), 2))
        self.weights_, self.sides_ = np.zeros((len(of), len(pairs))), np.zeros((len(pairs), k))
        self.intercept_ = machine.intercept_ * sign
        for pair, (i, j) in enumerate(pairs):
            own = np.where(of == i, machine.dual_coef_[j - 1], np.where(of == j, machine.dual_coef_[i], 0))
            self.weights_[:, pair] = own * sign
            self.sides_[pair, i], self.sides_[pair, j] = 1 / (k - 1), -1 / (k - 1)
        return self

    def decision_function(self, X: Floats) -> Any:
        """Scores (n, classes), also for two classes."""
        blocks = [self._kernel(X[i : i + 1024].astype(np.float64)) @ self.weights_ for i in range(0, len(X), 1024)]
        return np.tanh(self.SHARPNESS * (np.concatenate(blocks) + self.intercept_)) @ self.sides_

    def _kernel(self, x: Any) -> Any:
        vectors = self.vectors_.astype(np.float64)
        products = x @ vectors.T
        if self.kernel == "linear":
            return products
        far = np.square(x).sum(axis=1, keepdims=True) + np.square(vectors).sum(axis=1) - 2 * products
        return np.exp(-self.gamma_ * far)

    def onnx(self, graph: Any, x: str) -> str:
        x = graph.double(x)
        kernel = graph("MatMul", x, graph.double(graph.constant(self.vectors_.T)))
        if self.kernel == "rbf":
            length = graph("ReduceSumSquare", x, np.array([1]), keepdims=1)
            far = graph("Add", length, np.square(self.vectors_.astype(np.float64)).sum(axis=1))
            far = graph("Sub", far, graph("Mul", kernel, np.array(2.0)))
            kernel = graph("Exp", graph("Mul", far, np.array(-self.gamma_)))
        margins = graph("Add", graph("MatMul", kernel, self.weights_), self.intercept_)
        return str(graph("MatMul", self._tanh(graph, margins), self.sides_))

    def _tanh(self, graph: Any, margins: str) -> str:
        """tanh in float32: onnxruntime has none in float64."""
        single = graph("Cast", graph("Mul", margins, np.array(self.SHARPNESS)), to=1)
        return str(graph.double(graph("Tanh", single)))


class Components(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The first principal components: ``n``, or as many as the embeddings allow."""

    def __init__(self, n: int, *, seed: int = 0) -> None:
        self.n = n
        self.seed = seed

    def fit(self, X: Floats, y: Any = None) -> Components:  # noqa: ARG002  scikit-learn's signature
        self.pca_ = PCA(min(self.n, *X.shape), random_state=self.seed).fit(X)
        return self

    def transform(self, X: Floats) -> Floats:
        return np.asarray(self.pca_.transform(X))

    def onnx(self, graph: Any, x: str) -> str:
        return str(graph.draw(self.pca_, x))

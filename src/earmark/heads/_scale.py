"""Scaling of columns, learnt on the training side; joined blocks get equal say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import StandardScaler

from ..errors import DataError
from ._inner import Floats


class Scaler(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Columns to mean 0 and variance 1; with ``widths`` of joined blocks, each block to the same total variance.

    A block of 1,024 columns would drown one of 256 otherwise. The total over all columns stays their number,
    so that penalties and kernel widths mean the same with and without blocks.
    """

    def __init__(self, widths: Sequence[int] = ()) -> None:
        self.widths = widths

    def fit(self, X: Floats, y: Any = None) -> Scaler:  # noqa: ARG002  scikit-learn's signature
        scaler = StandardScaler().fit(X)
        weight = 1.0
        if len(self.widths):
            if sum(self.widths) != X.shape[1]:
                raise DataError(f"the blocks' widths {tuple(self.widths)} do not add up to {X.shape[1]} columns")
            weight = np.repeat(np.sqrt(np.mean(self.widths) / np.asarray(self.widths)), self.widths)
        self.mean_ = scaler.mean_.astype(np.float32)
        self.scale_ = (scaler.scale_ / weight).astype(np.float32)
        return self

    def transform(self, X: Floats) -> Floats:
        out = X - self.mean_
        out /= self.scale_
        return out

    def onnx(self, graph: Any, x: str) -> str:
        return str(graph("Div", graph("Sub", x, self.mean_), self.scale_))

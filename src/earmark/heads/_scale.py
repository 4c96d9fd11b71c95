"""Scaling of columns, learnt on the training side; joined blocks get equal say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import StandardScaler

from ..core.errors import DataError
from ._inner import Floats


class Scaler(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Columns to mean 0 and variance 1, cut off at ``limit``; with ``widths`` of joined blocks, each block to the same total variance.

    A block of 1,024 columns would drown one of 256 otherwise. The total over all columns stays their number,
    so that penalties and kernel widths mean the same with and without blocks.

    The limit tames columns that are 0 for nearly all training embeddings, of which nets that end in a ReLU have many:
    divided by their tiny deviation, a new embedding's value would count tens of times what others do. Columns whose deviation
    is below a millionth of the largest (dead filters: rounding, no information) are left small.
    """

    def __init__(self, widths: Sequence[int] = (), *, limit: float = 3.0) -> None:
        self.widths = widths
        self.limit = limit

    def fit(self, X: Floats, y: Any = None) -> Scaler:  # noqa: ARG002  scikit-learn's signature
        scaler = StandardScaler().fit(X)
        self.mean_ = scaler.mean_.astype(np.float32)
        spread = np.sqrt(scaler.var_)
        floor = 1e-6 * spread.max(initial=0.0)
        self.scale_ = np.where(spread > floor, spread, max(floor, 1e-12) * 1e6).astype(np.float32)
        self.weight_ = np.ones(1, np.float32)
        if len(self.widths):
            if sum(self.widths) != X.shape[1]:
                raise DataError(f"the blocks' widths {tuple(self.widths)} do not add up to {X.shape[1]} columns")
            weight = np.sqrt(np.mean(self.widths) / np.asarray(self.widths))
            self.weight_ = np.repeat(weight, self.widths).astype(np.float32)
        return self

    def transform(self, X: Floats) -> Floats:
        out: Floats = X - self.mean_
        out /= self.scale_
        np.clip(out, -self.limit, self.limit, out=out)
        if len(self.widths):
            out *= self.weight_
        return out

    def onnx(self, graph: Any, x: str) -> str:
        x = graph("Div", graph("Sub", x, self.mean_), self.scale_)
        x = graph("Clip", x, np.float32(-self.limit), np.float32(self.limit))
        return str(graph("Mul", x, self.weight_) if len(self.widths) else x)

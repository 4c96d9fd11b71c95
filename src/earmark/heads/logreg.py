"""Multinomial logistic regression on standardised rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from ._flat import Flat
from ._inner import Codes, Floats
from ._scale import Scaler

ABOUT = "logistic regression on standardised rows, L2 (scikit-learn); C='auto' tunes C inside the training side"

STRENGTHS = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)


def build(*, C: float | str = 0.01, balanced: bool = False, widths: Sequence[int] = (), seed: int = 0) -> Flat:
    """``C``: inverse strength of the L2 penalty, or ``"auto"``: the best of ``STRENGTHS`` by grouped inner folds.

    ``balanced`` weighs classes by the inverse of their size; ``widths`` of joined blocks give them equal say.
    """
    classifier = LogisticRegression(
        # lbfgs in float32: 62,000 x 1,024 rows take seconds; a finer tolerance only costs time.
        C=0.01 if C == "auto" else C, tol=5e-4, max_iter=1000, class_weight="balanced" if balanced else None,
    )  # fmt: skip
    pipeline = make_pipeline(Scaler(widths), classifier)
    if C != "auto":
        return Flat(pipeline, seed=seed)
    grid = {"logisticregression__C": STRENGTHS}
    return Flat(GridSearchCV(pipeline, grid, scoring=mean_log_score, error_score="raise"), seed=seed)


def mean_log_score(estimator: LogisticRegression, X: Floats, y: Codes) -> float:
    """Mean log probability of the truth; unlike scikit-learn's, it allows for folds that lack a class."""
    proba = estimator.predict_proba(X)[np.arange(len(y)), np.searchsorted(estimator.classes_, y)]
    return float(np.log(np.maximum(proba, 1e-12)).mean())

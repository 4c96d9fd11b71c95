"""Multinomial logistic regression on standardised embeddings."""

from __future__ import annotations

from collections.abc import Sequence

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from ._flat import Flat
from ._scale import Scaler
from ._tempered import Tempered

ABOUT = "logistic regression on standardised embeddings, L2 (scikit-learn); C='auto' tunes C inside the training side"

STRENGTHS = (1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)
SPACE = {"C": (1e-4, 1.0, "log"), "pool": ["windows", "mean", "mean+std"]}  # what `earmark study tune` searches


def build(*, C: float | str = 0.01, balanced: bool = True, widths: Sequence[int] = (), seed: int = 0) -> Flat:
    """``C``: inverse strength of the L2 penalty, or ``"auto"``: the best of ``STRENGTHS`` by grouped inner folds.

    ``balanced``: classes count the same, groups as the root of their embeddings; else each window counts the same.
    ``widths`` of joined blocks give them equal say.
    """
    # lbfgs in float32: 62,000 x 1,024 embeddings take seconds; a finer tolerance only costs time.
    classifier = LogisticRegression(C=0.01 if C == "auto" else C, tol=5e-4, max_iter=1000)
    pipeline = make_pipeline(Scaler(widths), classifier)
    if C == "auto":
        return Flat(Tempered(pipeline, {"logisticregression__C": STRENGTHS}), balanced=balanced, seed=seed)
    return Flat(pipeline, balanced=balanced, seed=seed)

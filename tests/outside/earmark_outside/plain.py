"""Logistic regression with one strength for all data."""

from __future__ import annotations

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from earmark.heads._flat import Flat

EARMARK_INTERFACE = "1.0"
ABOUT = "logistic regression with one strength for all data"
SPACE = {"C": (0.001, 10.0, "log")}


def build(*, C: float = 0.1, seed: int = 0) -> Flat:
    """``C``: above 0, larger fits the training embeddings more closely."""
    return Flat(make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=1000)), seed=seed)

"""Which labels look wrong: the clips whose own label a model that never saw them finds least likely.

Self-confidence, the out-of-fold probability of the given label, is the score of confident learning (Northcutt, Jiang &
Chuang 2021). Folds keep groups whole: a model that knows the artist would repeat the artist's wrong label. Three
different models on each backbone are asked, with two sets of folds, and the ranks of their scores averaged; a label is
called suspect if every one of them prefers another. With 5 % of the labels of GTZAN flipped, two backbones put more flips
first than one does and margins put fewer; mean self-confidence or logistic regression alone do about as well as the
ranks (``bench/audit.py`` prints the comparison, docs/results.md has it).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.int64]

REPEATS = 2
FOLDS = 5


@dataclass(frozen=True)
class Suspicion:
    """For each clip: ``rank`` (n,), 0 is the most suspect; ``own`` (n,) mean self-confidence; ``other`` (n,) the label
    that seems likelier (or "") with its probability ``likely`` (n,); ``flagged`` (n,) those that no model believes."""

    rank: Ints
    own: NDArray[np.float64]
    other: NDArray[np.str_]
    likely: NDArray[np.float64]
    flagged: NDArray[np.bool_]


def _lda() -> Any:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")


def _logreg() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=0.01, max_iter=300)


def _knn() -> Any:
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer

    return make_pipeline(Normalizer(), KNeighborsClassifier(30, weights="distance"))


MODELS: dict[str, Callable[[], Any]] = {"lda": _lda, "logreg": _logreg, "knn": _knn}


def bounds(accuracy: float, share: float) -> tuple[float, float]:
    """Between what the accuracy lies if a ``share`` of the labels that it was measured on may be wrong: where a label is
    wrong, an answer that agrees with it is wrong, and any other may be right.

    >>> bounds(0.75, 0.125), bounds(0.9375, 0.125)
    ((0.625, 0.875), (0.8125, 1.0))
    """
    return max(0.0, accuracy - share), min(1.0, accuracy + share)


def enough(labels: NDArray[np.str_], groups: NDArray[np.str_]) -> bool:
    """True if labels can be evaluated at all: a class of three clips to leave one out of, and two groups."""
    return bool(np.unique(labels, return_counts=True)[1].max(initial=0) > 2 and len(np.unique(groups)) > 1)


def suspicion(
    vectors: Sequence[Floats],
    labels: NDArray[np.str_],
    groups: NDArray[np.str_],
    *,
    seed: int = 0,
    models: Sequence[str] = tuple(MODELS),
) -> Suspicion:
    """How suspect each label is. ``vectors``: for each backbone (n, d), one row per clip.

    Classes that have fewer than two groups cannot be evaluated out of fold: their clips come last and are never flagged.
    """
    classes, y = np.unique(labels, return_inverse=True)
    proba = [
        np.mean([out_of_fold(x, y, groups, MODELS[model], seed=seed + i) for i in range(REPEATS)], axis=0)
        for x in vectors
        for model in models
    ]
    return ranked(proba, y, classes, groups)


def ranked(
    proba: Sequence[NDArray[np.float64]], y: Ints, classes: NDArray[np.str_], groups: NDArray[np.str_]
) -> Suspicion:
    """Suspicion from the out-of-fold probabilities (n, classes) of several models."""
    n, here = len(y), np.arange(len(y))
    evaluated = np.array([len(np.unique(groups[y == k])) > 1 for k in range(len(classes))])[y]
    places = np.mean([np.argsort(np.argsort(p[here, y], kind="stable"), kind="stable") for p in proba], axis=0)
    rank = np.empty(n, np.int64)
    rank[np.lexsort((here, places, ~evaluated))] = here
    mean = np.mean(proba, axis=0)
    own = mean[here, y]
    other = mean.argmax(axis=1)
    flagged = evaluated & np.all([p.argmax(axis=1) != y for p in proba], axis=0) & (other != y)
    return Suspicion(rank, own, np.where(flagged, classes[other], ""), mean.max(axis=1), flagged)


def out_of_fold(
    x: Floats, y: Ints, groups: NDArray[np.str_], model: Callable[[], Any], *, seed: int
) -> NDArray[np.float64]:
    """Probabilities (n, classes) by a model that saw neither the clip nor its group.

    Where that leaves no more clips than classes, nothing can be said against a label: it gets 1.
    """
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    out = np.zeros((len(y), int(y.max()) + 1))
    folds = min(FOLDS, len(np.unique(groups)), int(np.bincount(y).max()))
    with warnings.catch_warnings(), threadpool_limits(1, user_api="blas"):  # as heads: see heads/_flat.py
        warnings.simplefilter("ignore")  # small classes, fits that stop early: good enough to rank by
        for train, test in StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(x, y, groups):
            known = np.unique(y[train])
            if len(known) == 1:
                out[test, known[0]] = 1.0
                continue
            if len(train) <= len(known):  # no spread inside classes to measure differences by
                out[test, y[test]] = 1.0
                continue
            scale = StandardScaler().fit(x[train])
            fitted = _fit(model(), scale.transform(x[train]), y[train])
            out[np.ix_(test, known)] = fitted.predict_proba(scale.transform(x[test]))
    return out


def _fit(model: Any, x: Floats, y: Ints) -> Any:
    steps = dict(getattr(model, "steps", ()))
    knn = steps.get("kneighborsclassifier")
    if knn is not None:
        knn.n_neighbors = min(knn.n_neighbors, len(x))
    return model.fit(x, y)

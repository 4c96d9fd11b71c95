"""Rows of a clip -> one vector or one score: the only place where that happens.

All functions take rows with ``clip`` (rows,), the index of the clip each row belongs to.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .errors import RecipeError

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

STATISTICS: dict[str, Callable[[Floats], Floats]] = {
    "mean": lambda rows: rows.mean(axis=0),
    "std": lambda rows: rows.std(axis=0),
    "max": lambda rows: rows.max(axis=0),
    "min": lambda rows: rows.min(axis=0),
    "median": lambda rows: np.median(rows, axis=0),
}


def statistics(how: str) -> list[Callable[[Floats], Floats]]:
    """Functions of a pooling such as ``"mean+std"``. Raises RecipeError for an unknown one."""
    wrong = [s for s in how.split("+") if s not in STATISTICS]
    if wrong:
        raise RecipeError(f"no pooling is called {wrong[0]!r}. There are: rows, {', '.join(STATISTICS)}, joined by +")
    return [STATISTICS[s] for s in how.split("+")]


def pool_vector(rows: Floats, how: str) -> Floats:
    """Rows (rows, *shape) of one clip -> its vector (d,) float32, the statistics one after another."""
    flat = rows.reshape(len(rows), -1)
    return np.concatenate([f(flat) for f in statistics(how)]).astype(np.float32)


def pool_vectors(rows: Floats, clip: Ints, clips: int, how: str) -> Floats:
    """Rows (rows, *shape) of many clips, sorted by clip -> vectors (clips, d)."""
    cuts = np.searchsorted(clip, np.arange(clips + 1))
    return np.stack([pool_vector(rows[a:b], how) for a, b in zip(cuts, cuts[1:], strict=False)])


def pool_scores(proba: NDArray[np.floating], clip: Ints, clips: int) -> NDArray[np.float64]:
    """Scores of rows (rows, classes) -> mean score of each clip (clips, classes)."""
    total = np.zeros((clips, proba.shape[1]))
    np.add.at(total, clip, proba)
    count = np.bincount(clip, minlength=clips)
    return np.asarray(total / np.maximum(count, 1)[:, None])

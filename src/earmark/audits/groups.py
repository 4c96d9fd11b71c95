"""Clips that sound like one session, album or speaker: proposed as groups, never imposed.

Two clips of one class may be alike because the class is like that, or because one artist, room or machine made both.
What the class explains is taken away (the class's mean); then pairs *across* classes, which rarely share a session,
tell how alike two clips get by chance. Pairs within a class that are more alike than all but very few of those are
linked, and what hangs together is a proposal. Sub-styles of a class look the same from here: expect a share of
wrong links, and listen before using them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.int64]

CHANCE = 0.02  # links that chance would give, as a share of those found
NEIGHBOURS = 12
_PAIRS = 2_000_000  # drawn across classes
_BLOCK = 1024


def proposed_groups(vectors: Sequence[Floats], labels: NDArray[np.str_], *, seed: int = 0) -> Ints:
    """Number of the proposed group of each clip, -1 for none. ``vectors``: several views (n, d) of the same clips.

    Views are e.g. the mean and standard deviation of each backbone's rows and of the coarse spectrogram; the
    similarities (cosine) of the views are averaged.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n = len(labels)
    classes, y = np.unique(labels, return_inverse=True)
    none = np.full(n, -1, np.int64)
    if len(classes) < 2 or n < 10:
        return none
    view = _centred(vectors, y)
    across = _across(view, y, np.random.default_rng(seed))
    left, right, alike = _neighbours(view, y)
    if not len(alike) or not len(across):
        return none
    order = np.argsort(-alike, kind="stable")
    left, right, alike = left[order], right[order], alike[order]
    within = sum(int(c) * (int(c) - 1) // 2 for c in np.bincount(y))
    by_chance = np.searchsorted(-across, -alike, side="left") / len(across) * within
    enough = np.flatnonzero(by_chance <= CHANCE * np.arange(1, len(alike) + 1))
    count = int(enough.max()) + 1 if len(enough) else 0
    links = coo_matrix((np.ones(count), (left[:count], right[:count])), shape=(n, n))
    _, found = connected_components(links, directed=False)
    size = np.bincount(found)
    # Numbered by their first clip, so that equal data give equal names.
    _, number = np.unique(found[size[found] > 1], return_inverse=True)
    first: dict[int, int] = {}
    out = none
    out[size[found] > 1] = [first.setdefault(int(k), len(first)) for k in number]
    return out


def _centred(vectors: Sequence[Floats], y: Ints) -> NDArray[np.float32]:
    """Views less the class means, each of length 1 and joined so that a dot product is the mean of the cosines."""
    parts = []
    for vector in vectors:
        x = vector.astype(np.float64)
        for k in range(int(y.max()) + 1):
            x[y == k] -= x[y == k].mean(axis=0)
        parts.append(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12) / np.sqrt(len(vectors)))
    return np.concatenate(parts, axis=1).astype(np.float32)


def _across(view: NDArray[np.float32], y: Ints, rng: np.random.Generator) -> NDArray[np.float32]:
    """Similarities of pairs of different classes, highest first; all of them if they are few."""
    n = len(y)
    if n * n // 2 <= _PAIRS:
        one, two = np.triu_indices(n, 1)
    else:
        one, two = rng.integers(0, n, (2, _PAIRS))
    apart = y[one] != y[two]
    one, two = one[apart], two[apart]
    parts = [
        np.einsum("ij,ij->i", view[one[i : i + 50_000]], view[two[i : i + 50_000]]) for i in range(0, len(one), 50_000)
    ]
    return np.sort(np.concatenate(parts))[::-1] if parts else np.zeros(0, np.float32)


def _neighbours(view: NDArray[np.float32], y: Ints) -> tuple[Ints, Ints, NDArray[np.float32]]:
    """Pairs (i, j, similarity), i < j, of each clip and its nearest of the same class."""
    left, right, alike = [], [], []
    for k in range(int(y.max()) + 1):
        members = np.flatnonzero(y == k)
        take = min(NEIGHBOURS, len(members) - 1)
        if take < 1:
            continue
        for at in range(0, len(members), _BLOCK):
            rows = members[at : at + _BLOCK]
            near = view[rows] @ view[members].T
            near[np.arange(len(rows)), at + np.arange(len(rows))] = -np.inf
            best = np.argpartition(-near, take - 1, axis=1)[:, :take]
            left.append(np.repeat(rows, take))
            right.append(members[best].ravel())
            alike.append(np.take_along_axis(near, best, 1).ravel())
    if not left:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32)
    one, two, how = np.concatenate(left), np.concatenate(right), np.concatenate(alike)
    low, high = np.minimum(one, two), np.maximum(one, two)
    _, once = np.unique(low * len(y) + high, return_index=True)
    return low[once], high[once], how[once]

"""Random forest."""

from __future__ import annotations

from sklearn.ensemble import RandomForestClassifier

from ._flat import Flat

ABOUT = "random forest (scikit-learn; Breiman 2001); takes embeddings as they are"

SPACE = {  # what `earmark study tune` searches
    "leaf": [1, 2, 4, 8],
    "depth": [None, 8, 16],
    "pool": ["windows", "mean", "mean+std"],
}


def build(*, trees: int = 300, depth: int | None = None, leaf: int = 2, balanced: bool = True, seed: int = 0) -> Flat:
    """``trees`` of at most ``depth`` levels with at least ``leaf`` embeddings in a leaf.

    ``balanced``: classes count the same, groups as the root of their embeddings; else each window counts the same.

    No scaling: trees ask for order only, and rounding in a scaler could turn an answer round.
    """
    forest = RandomForestClassifier(trees, max_depth=depth, min_samples_leaf=leaf, random_state=seed)
    return Flat(forest, balanced=balanced, seed=seed)

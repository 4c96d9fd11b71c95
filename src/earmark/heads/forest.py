"""Random forest."""

from __future__ import annotations

from sklearn.ensemble import RandomForestClassifier

from ._flat import Flat

ABOUT = "random forest (scikit-learn; Breiman 2001); takes rows as they are"


def build(*, trees: int = 300, depth: int | None = None, leaf: int = 2, balanced: bool = False, seed: int = 0) -> Flat:
    """``trees`` of at most ``depth`` levels with at least ``leaf`` rows in a leaf; ``balanced`` weighs by 1/size.

    No scaling: trees ask for order only, and rounding in a scaler could turn an answer round.
    """
    weight = "balanced" if balanced else None
    forest = RandomForestClassifier(
        trees, max_depth=depth, min_samples_leaf=leaf, class_weight=weight, random_state=seed
    )
    return Flat(forest, seed=seed)

"""What heads make of their data: what each window counts, and inner splits that cut no group apart.

A head that stops early or tunes a parameter looks at embeddings it did not learn from. If those share a group (an artist,
a recording session) with the embeddings it learnt from, it stops at the wrong moment and trusts itself too much.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Codes = NDArray[np.intp]  # labels as numbers: index into the sorted classes
Split = tuple[NDArray[np.intp], NDArray[np.intp]]  # embeddings to learn from, embeddings to look at


def weights(codes: Codes, groups: Codes | None, given: Floats | None = None) -> Floats:
    """What each window counts (n,), 1 on average: all classes the same, a group within its class the root of its embeddings.

    Embeddings of one recording say much the same; counted one by one, a few long recordings would be what is learnt. Under
    the square root, ten embeddings of a group count as about three that have nothing to do with each other. ``given``:
    what each counts by itself; two of one embedding are then the same as one that counts 2.
    """
    own = np.ones(len(codes)) if given is None else given.astype(np.float64)
    count = own
    if groups is not None:
        both = np.unique(np.stack([codes, groups]), axis=1, return_inverse=True)[1].reshape(-1)
        count = own / np.sqrt(np.bincount(both, own)[both])
    count = count / np.bincount(codes, count)[codes]
    return np.asarray(count / (count.sum() / own.sum()), np.float32)


def fitted(estimator: Any, X: Floats, y: Codes, weight: Floats | None) -> Any:
    """Fit a scikit-learn classifier or pipeline, with what each window counts if it can take that."""
    from sklearn.pipeline import Pipeline
    from sklearn.utils.validation import has_fit_parameter

    name, last = estimator.steps[-1] if isinstance(estimator, Pipeline) else ("", estimator)
    if weight is None or not has_fit_parameter(last, "sample_weight"):
        return estimator.fit(X, y)
    return estimator.fit(X, y, **{f"{name}__sample_weight" if name else "sample_weight": weight})


def folds(codes: Codes, groups: Codes | None, n: int, *, seed: int) -> list[Split]:
    """At most ``n`` inner splits, stratified as well as whole groups allow.

    The rule for small classes: the embeddings to learn from always hold every class. A group that has to stay for that
    (the only one of its class) is never held out. Without ``groups`` each window stands for itself.
    Fewer splits, or none, when there are not enough groups.

    The last few are remembered: recipes that are compared learn from the same clips, and whole groups take a while to
    spread.
    """
    return list(
        _folds(codes.astype(np.intp).tobytes(), groups if groups is None else groups.astype(np.intp).tobytes(), n, seed)
    )


@lru_cache(maxsize=8)
def _folds(codes_: bytes, groups_: bytes | None, n: int, seed: int) -> tuple[Split, ...]:
    """``folds`` of arrays by their content."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    codes = np.frombuffer(codes_, np.intp)
    groups = None if groups_ is None else np.frombuffer(groups_, np.intp)
    count = len(codes) if groups is None else int(groups.max()) + 1
    n = min(n, count, int(np.bincount(codes).max()))
    if n < 2:
        return ()
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    with warnings.catch_warnings():
        # "fewer members than folds" is what the rule for small classes is for.
        warnings.filterwarnings("ignore", message="The least populated class")
        cuts = list(kind(n, shuffle=True, random_state=seed).split(codes, codes, groups))
    ids = np.arange(len(codes)) if groups is None else groups
    kept = []
    for train, valid in cuts:
        lost = np.setdiff1d(codes[valid], codes[train])
        stays = np.isin(ids[valid], ids[valid][np.isin(codes[valid], lost)])
        if not stays.all():
            kept.append((np.sort(np.concatenate([train, valid[stays]])), valid[~stays]))
    return tuple(kept)


def holdout(codes: Codes, groups: Codes | None, fraction: float, *, seed: int) -> Split:
    """One inner split that holds out about ``fraction`` of the embeddings: of 1/fraction folds the one most like the whole.

    Nothing is held out (an empty second part) when ``fraction`` is 0 or no group can be spared.
    """
    everything = np.arange(len(codes)), np.arange(0)
    if fraction <= 0:
        return everything
    share = np.bincount(codes) / len(codes)

    def unlike(split: Split) -> float:
        here = np.bincount(codes[split[1]], minlength=len(share)) / len(split[1])
        return float(np.abs(here - share).sum() + abs(len(split[1]) / len(codes) - fraction))

    return min(folds(codes, groups, max(2, round(1 / fraction)), seed=seed), key=unlike, default=everything)

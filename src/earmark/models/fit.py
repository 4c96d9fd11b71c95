"""From labelled clips to fitted heads: what is done on the training side of every fold, and in the end on all clips."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backbones.base import Floats
from ..core import plugins
from ..core.spec import Part
from ..data.split import Ints, Labels, spared, stratified
from ..embeddings.pooling import pool_images, pool_scores, stacked
from ..recipes.augment import numbered
from ..recipes.given import Given, parameters
from ..recipes.recipe import Branch, Recipe
from .prepare import Data

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Fitted:
    """A recipe with fitted heads. ``combiner`` weighs the branches' scores where they are stacked."""

    recipe: Recipe
    classes: tuple[str, ...]
    heads: tuple[Any, ...]
    combiner: Any = None

    @property
    def history(self) -> dict[str, list[float]]:
        """Learning curves of the first head that has them, or {}."""
        return next((h.history_ for h in self.heads if getattr(h, "history_", None)), {})

    def scores(self, data: Data, clips: Ints) -> tuple[Scores, Ints]:
        """Scores (clips, classes) of the given clips, and how many of the first branch's windows are right in each."""
        found, right = [], []
        for branch, head in zip(self.recipe.branches, self.heads, strict=True):
            X, clip = branch_inputs(branch, data, clips)
            proba = aligned(head, X, self.classes)
            right.append(window_hits(proba, self.classes, data.labels[clips], clip))
            found.append(pool_scores(proba, clip, len(clips)))
        return combined(found, self.combiner, self.classes), right[0]


def fit(recipe: Recipe, data: Data, clips: Ints, units: Labels, *, seed: int = 0, watch: Ints | None = None) -> Fitted:
    """Fit a recipe's heads on the given clips and on nothing else.

    ``units`` (all clips,) name what inner splits (early stopping, stacking, search) must not cut apart.
    ``watch``: clips for the validation curves of a net that holds out nothing; they decide nothing.
    """
    labels = data.labels
    classes = tuple(sorted(set(labels[clips].tolist())))
    heads = tuple(_fit_branch(branch, data, clips, units, seed, recipe.augment, watch) for branch in recipe.branches)
    # Where a class has nothing to spare, how far to trust each branch cannot be learnt: their mean is taken.
    if recipe.combine != "stack" or not spared(labels[clips], units[clips]):
        return Fitted(recipe, classes, heads)
    # The combiner learns from scores of clips that the branches have not seen: an inner split of the training side.
    inner = stratified(labels[clips], units[clips], folds=5, seed=seed)
    scores = [np.zeros((len(clips), len(classes))) for _ in recipe.branches]
    for part in inner:
        for branch, score in zip(recipe.branches, scores, strict=True):
            head = _fit_branch(branch, data, clips[part.train], units, seed, recipe.augment)
            X, clip = branch_inputs(branch, data, clips[part.test])
            score[part.test] = pool_scores(aligned(head, X, classes), clip, len(part.test))
    from ..heads._opinions import OpinionPool

    with plain_scikit_learn():
        combiner = OpinionPool(len(heads)).fit(stacked(scores), labels[clips], groups=units[clips])
    return Fitted(recipe, classes, heads, combiner)


def _fit_branch(
    branch: Branch,
    data: Data,
    clips: Ints,
    units: Labels,
    seed: int,
    augment: Sequence[Part],
    watch: Ints | None = None,
) -> Any:
    X, clip = branch_inputs(branch, data, clips, augment=augment)
    seen: dict[str, Any] = {}
    if watch is not None:
        embeddings, of = branch_inputs(branch, data, watch)
        seen = {"watch": (embeddings, data.labels[watch][of])}
    return fit_head(branch, data, X, data.labels[clips][clip], units[clips][clip], seed, **seen)


def fit_head(branch: Branch, data: Data, X: Floats, y: Labels, groups: Labels, seed: int, **more: Any) -> Any:
    """A branch's head, built and fitted on embeddings X (n, …) with labels and groups (n,); ``more`` is for its fit."""
    params, takes = branch.head.kwargs, parameters(branch.head)
    if len(branch.backbones) > 1 and "widths" in takes:
        factor = max(1, len(branch.pool.statistics))
        params["widths"] = tuple(int(np.prod(data.backbones[b].shape)) * factor for b in branch.backbones)
    if "backbone" in takes:  # heads that go on from a pretrained net
        params["backbone"] = data.backbones[branch.backbones[0]]
    if isinstance(branch.head, Given):
        head = branch.head.build(seed)
    else:
        head = plugins.build("heads", branch.head.name, **{"seed": seed, **params})
    with plain_scikit_learn():
        return head.fit(X, y, groups=groups, **more)


def plain_scikit_learn() -> AbstractContextManager[None]:
    """Heads pass weights on as scikit-learn does by default, whatever a program has set for its own estimators."""
    from sklearn import config_context

    found: AbstractContextManager[None] = config_context(enable_metadata_routing=False, transform_output="default")
    return found


def branch_inputs(branch: Branch, data: Data, clips: Ints, *, augment: Sequence[Part] = ()) -> tuple[Floats, Ints]:
    """What a branch's head sees of the given clips: X (n, …) and the index into ``clips`` of each window (n,).

    ``augment`` adds the augmented copies of these clips, and of no others: for learning only.
    """
    parts = []
    copies = [[data.copies[b, how, number] for b in branch.backbones] for how, number in numbered(augment)]
    for sets in [[data.embeddings[b] for b in branch.backbones], *copies]:
        if not branch.pool.by_vector:
            place = np.full(len(sets[0].ids), -1)
            place[clips] = np.arange(len(clips))
            index = place[sets[0].clip]
            order = np.flatnonzero(index >= 0)
            order = order[np.argsort(index[order], kind="stable")]
            found = sets[0].X[order], index[order]
            height = branch.pool.height
            parts.append(pool_images(*found, len(clips), height) if height else found)
        else:
            vectors = [e.vectors(branch.pool)[clips] for e in sets]
            parts.append((np.concatenate(vectors, axis=1), np.arange(len(clips))))
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([X for X, _ in parts]), np.concatenate([clip for _, clip in parts])


def aligned(head: Any, X: Floats, classes: Sequence[str]) -> Scores:
    """A head's scores (n, classes) with the columns in the order of ``classes``; 0 for one it has not met."""
    proba = np.zeros((len(X), len(classes)))
    with plain_scikit_learn():
        proba[:, np.searchsorted(classes, head.classes_)] = head.predict_proba(X)
    return proba


def window_hits(proba: Scores, classes: Sequence[str], labels: Labels, clip: Ints) -> Ints:
    """How many embeddings of each clip are right: their best score is the clip's label. ``labels`` (clips,), ``clip`` (windows,)."""
    right = np.asarray(classes)[proba.argmax(axis=1)] == labels[clip]
    return np.bincount(clip[right], minlength=len(labels))


def window_counts(branch: Branch, data: Data) -> Ints:
    """How much a branch's head sees of each clip (clips,): its embeddings or images, 1 where they are pooled to a vector."""
    clips = len(data.labels)
    if branch.pool.by_vector:
        return np.ones(clips, int)
    if branch.pool == "windows":
        return np.bincount(data.embeddings[branch.backbones[0]].clip, minlength=clips)
    return np.bincount(branch_inputs(branch, data, np.arange(clips))[1], minlength=clips)


def combined(scores: Sequence[Scores], combiner: Any, classes: Sequence[str]) -> Scores:
    """Clip scores of all branches -> one: their mean, or what the combiner makes of them."""
    if combiner is not None:
        return aligned(combiner, stacked(scores), classes)
    return np.asarray(np.mean(scores, axis=0))

"""The whole road: clips → embeddings → folds → heads → scores of clips → figures with intervals.

``compare`` evaluates recipes on the same folds of the same clips; ``run`` evaluates one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..backbones.base import facts
from ..core.errors import DataError
from ..data import split
from ..data.split import Ints, Labels, Protocol, Split
from ..embeddings.pooling import pool_scores
from ..metrics.evaluation import evaluate
from ..recipes.recipe import Recipe
from .fit import Scores, aligned, branch_inputs, combined, fit, fit_head, window_counts, window_hits
from .plan import splits_of
from .prepare import Data
from .results import Run


@dataclass(frozen=True)
class OutOfFold:
    """Scores out of fold of one recipe under one seed. Clips that no fold evaluated have ``fold`` -1 and NaN scores."""

    proba: Scores  # (clips, classes)
    fold: Ints  # (clips,)
    hits: Ints  # (clips,) windows of the first branch that are right
    embeddings: Ints  # (clips,) of how many; 0 where no fold evaluated the clip
    history: tuple[Mapping[str, list[float]], ...]
    seconds: Mapping[str, float]

    @property
    def window_accuracy(self) -> float:
        """Share of embeddings (of the first branch) that are right."""
        return float(self.hits.sum() / self.embeddings.sum())


def run(
    recipe: Recipe,
    data: Data,
    *,
    protocol: str,
    folds: int = 5,
    seeds: int = 1,
    seed: int = 0,
    step: Callable[[], None] = lambda: None,
    splits: Sequence[Split] | None = None,
    watch: bool = False,
) -> Run:
    """Evaluate one recipe out of fold; ``step`` is called after each fold. Same seed, same numbers.

    ``splits`` and ``watch``: see ``cross_validate``. Where splits are given, ``protocol`` says what intervals resample.
    """
    units = split.groups_of(data.dataset, protocol, data.digests)
    found = [
        cross_validate(
            recipe, data, units, protocol=protocol, folds=folds, seed=seed + s, step=step, splits=splits, watch=watch
        )
        for s in range(seeds)
    ]
    evaluated = np.flatnonzero(found[0].fold >= 0)
    classes = data.dataset.classes
    y = np.searchsorted(classes, data.labels[evaluated])
    proba = np.stack([f.proba[evaluated] for f in found])
    seconds = {"embed": sum(data.seconds[b] for b in recipe.backbones)}
    return Run(
        recipe=recipe,
        classes=classes,
        ids=tuple(data.dataset.clips[i].id for i in evaluated),
        y=y,
        groups=units[evaluated],
        fold=found[0].fold[evaluated],
        proba=proba,
        evaluation=evaluate(y, proba, classes, units[evaluated], seed=seed),
        window_accuracy=float(np.mean([f.window_accuracy for f in found])),
        seconds=seconds | {k: sum(f.seconds[k] for f in found) for k in ("fit", "predict")},
        history=found[0].history,
        backbones=tuple(facts(data.backbones[b]) for b in recipe.backbones),
    )


def cross_validate(
    recipe: Recipe,
    data: Data,
    units: Labels,
    *,
    protocol: str,
    folds: int = 5,
    seed: int = 0,
    step: Callable[[], None] = lambda: None,
    splits: Sequence[Split] | None = None,
    watch: bool = False,
) -> OutOfFold:
    """Scores of every clip by heads that have not learnt from it (under ``windows``: from that very window).

    ``splits`` of the clips are taken as given, whatever they cut apart: to evaluate as somebody else did. ``watch``: the
    evaluated clips also give the validation curves of nets that hold out nothing; they decide nothing.
    """
    if protocol == Protocol.WINDOWS and splits is None:
        return _cross_validate_windows(recipe, data, folds=folds, seed=seed, step=step)
    classes = data.dataset.classes
    proba = np.full((len(data.labels), len(classes)), np.nan)
    fold = np.full(len(data.labels), -1)
    hits = np.zeros(len(data.labels), int)
    history, spent = [], {"fit": 0.0, "predict": 0.0}
    for k, part in enumerate(splits if splits is not None else splits_of(data, Protocol.of(protocol), folds, seed)):
        began = time.perf_counter()
        fitted = fit(recipe, data, part.train, units, seed=seed, watch=part.test if watch else None)
        spent["fit"] += time.perf_counter() - began
        began = time.perf_counter()
        scores, hits[part.test] = fitted.scores(data, part.test)
        spent["predict"] += time.perf_counter() - began
        proba[part.test] = 0.0
        proba[np.ix_(part.test, np.searchsorted(classes, fitted.classes))] = scores
        fold[part.test] = k
        history += [fitted.history] if fitted.history else []
        del fitted  # a net of some hundred MB need not lie beside the next fold's
        step()
    embeddings = np.where(fold >= 0, window_counts(recipe.branches[0], data), 0)
    return OutOfFold(proba, fold, hits, embeddings, tuple(history), spent)


def _cross_validate_windows(
    recipe: Recipe, data: Data, *, folds: int, seed: int, step: Callable[[], None]
) -> OutOfFold:
    """The leaking way: embeddings of one clip on both sides; a clip's score is the mean over its embeddings' scores out of fold."""
    if recipe.combine == "stack":
        raise DataError("a stacked recipe cannot be evaluated under the protocol 'windows'; use clips or groups")
    if recipe.augment:
        raise DataError(
            "a recipe with augmented copies cannot be evaluated under the protocol 'windows': which part of a copy was made from "
            "a window that is evaluated is not known. Use clips or groups"
        )
    classes, every = data.dataset.classes, np.arange(len(data.labels))
    history, hits, found = [], [], []
    spent = {"fit": 0.0, "predict": 0.0}
    for branch in recipe.branches:
        X, clip = branch_inputs(branch, data, every)
        labels = data.labels[clip]
        proba = np.zeros((len(X), len(classes)))
        for part in split.window_splits(labels, folds=folds, seed=seed):
            began = time.perf_counter()
            # Inner splits protect nothing either: each window is its own group.
            own = np.char.mod("%d", part.train)
            head = fit_head(branch, data, X[part.train], labels[part.train], own, seed)
            spent["fit"] += time.perf_counter() - began
            began = time.perf_counter()
            proba[part.test] = aligned(head, X[part.test], classes)
            spent["predict"] += time.perf_counter() - began
            history += [head.history_] if getattr(head, "history_", None) else []
            del head
            step()
        found.append(pool_scores(proba, clip, len(every)))
        hits.append(window_hits(proba, classes, data.labels, clip))
    embeddings = window_counts(recipe.branches[0], data)
    return OutOfFold(
        combined(found, None, classes), np.zeros(len(every), int), hits[0], embeddings, tuple(history), spent
    )

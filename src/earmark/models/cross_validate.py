"""The whole road: clips → rows → folds → heads → scores of clips → figures with intervals.

``compare`` judges recipes on the same folds of the same clips; ``run`` judges one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..studies import advice
from ..data import split
from ..backbones.base import Backbone
from ..data.clips import Dataset
from ..data.load import check_list
from ..core.paths import named
from ..data.cache import Cache
from ..core.errors import DataError
from ..metrics.evaluation import Evaluation, evaluate, majority_baseline
from .prepare import Data
from .fit import Scores, aligned, branch_rows, combined, fit, fit_head, row_counts, row_hits
from ..metrics.paired import Pair
from ..metrics.paired import compare as compare_pairs
from .plan import planned, splits_of
from ..embeddings.pooling import pool_scores
from ..core.progress import bar
from ..data.load import Source
from .prepare import open_data
from ..recipes.recipe import Recipe, find
from ..data.split import Ints, Labels, Split


@dataclass(frozen=True)
class Judged:
    """Scores out of fold of one recipe under one seed. Clips that no fold judged have ``fold`` -1 and NaN scores."""

    proba: Scores  # (clips, classes)
    fold: Ints  # (clips,)
    hits: Ints  # (clips,) rows of the first branch that are right
    rows: Ints  # (clips,) of how many; 0 where no fold judged the clip
    history: tuple[Mapping[str, list[float]], ...]
    seconds: Mapping[str, float]

    @property
    def row_accuracy(self) -> float:
        """Share of rows (of the first branch) that are right."""
        return float(self.hits.sum() / self.rows.sum())


@dataclass(frozen=True)
class Run:
    """One recipe, judged. ``proba`` (seeds, clips, classes) are scores out of fold of the clips ``ids``."""

    recipe: Recipe
    classes: tuple[str, ...]
    ids: tuple[str, ...]
    y: Ints
    groups: Labels
    fold: Ints
    proba: NDArray[np.float64]
    evaluation: Evaluation
    row_accuracy: float
    seconds: Mapping[str, float]
    history: tuple[Mapping[str, list[float]], ...]
    backbones: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Comparison:
    """Recipes judged on the same folds of the same clips."""

    dataset: Dataset
    protocol: str
    folds: int
    seeds: int
    seed: int
    runs: tuple[Run, ...]
    pairs: tuple[Pair, ...]
    baseline: Mapping[str, float]
    fingerprint: str
    versions: Mapping[str, str]
    seconds: float
    command: str = ""
    notes: tuple[str, ...] = ()
    source: tuple[str, ...] = ()  # where the data lie, for `rerun`; nothing if they were not read from a place


def compare(
    source: Source | Data,
    recipes: Sequence[str | Recipe],
    *,
    protocol: str | None = None,
    folds: int = 5,
    seeds: int = 1,
    seed: int = 0,
    cache: Cache | None = None,
    command: str = "",
) -> Comparison:
    """Judge recipes on the same folds. ``protocol`` None: what ``split.choose_protocol`` says.

    ``source`` is what ``open_dataset`` opens, a file of rows (see ``ready``), or rows at hand.
    ``seeds`` repeats everything with other folds and other random starts. Raises DataError, RecipeError, WeightsError;
    sounds that cannot be used raise nothing and are told in ``dataset.excluded``.
    """
    began = time.perf_counter()
    if not isinstance(source, (str, Path, Data, Dataset)):
        check_list(source)
        source = tuple(source)  # a generator can be read once only
    found = tuple(dict.fromkeys(find(r) for r in ([recipes] if isinstance(recipes, (str, Recipe)) else recipes)))
    if not found:
        raise DataError("no recipe given; wanted one or more, e.g. yamnet/logreg")
    data = source if isinstance(source, Data) else open_data(source, found, cache=cache, seed=seed)
    plan = planned(data, protocol, folds, seed, recipes=found)
    protocol, folds = plan.protocol, len(plan.splits)
    with bar("fit", len(found) * seeds * folds) as step:
        runs = tuple(run(r, data, protocol=protocol, folds=folds, seeds=seeds, seed=seed, step=step) for r in found)
    first = runs[0]
    scores = {r.recipe.name: r.proba for r in runs}
    pairs = compare_pairs(first.y, scores, first.groups, seed=seed)
    return Comparison(
        dataset=data.dataset, protocol=protocol, folds=folds, seeds=seeds, seed=seed, runs=runs,
        pairs=pairs, baseline=majority_baseline(first.y, len(first.classes)),
        fingerprint=data.fingerprint, versions=versions(), seconds=time.perf_counter() - began, command=command,
        notes=plan.notes + advice.frozen(runs, pairs), source=_places(source),
    )  # fmt: skip


def _places(source: Source | Data) -> tuple[str, ...]:
    """Where ``source`` lies, so that it is found again from another folder."""
    if isinstance(source, (Data, Dataset)):
        return ()
    found = []
    for one in [source] if isinstance(source, (str, Path)) else source:
        name, path = named(one)
        found.append(f"{name}:{path.absolute()}" if name else str(path.absolute()))
    return tuple(found)


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
    """Judge one recipe out of fold; ``step`` is called after each fold. Same seed, same numbers.

    ``splits`` and ``watch``: see ``judge``. Where splits are given, ``protocol`` says what intervals resample.
    """
    units = split.units(data.dataset, protocol, data.digests)
    found = [
        judge(recipe, data, units, protocol=protocol, folds=folds, seed=seed + s, step=step, splits=splits, watch=watch)
        for s in range(seeds)
    ]
    judged = np.flatnonzero(found[0].fold >= 0)
    classes = data.dataset.classes
    y = np.searchsorted(classes, data.labels[judged])
    proba = np.stack([f.proba[judged] for f in found])
    seconds = {"embed": sum(data.seconds[b] for b in recipe.backbones)}
    return Run(
        recipe=recipe, classes=classes, ids=tuple(data.dataset.clips[i].id for i in judged), y=y, groups=units[judged],
        fold=found[0].fold[judged], proba=proba, evaluation=evaluate(y, proba, classes, units[judged], seed=seed),
        row_accuracy=float(np.mean([f.row_accuracy for f in found])),
        seconds=seconds | {k: sum(f.seconds[k] for f in found) for k in ("fit", "predict")},
        history=found[0].history, backbones=tuple(facts(data.backbones[b]) for b in recipe.backbones),
    )  # fmt: skip


def judge(
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
) -> Judged:
    """Scores of every clip by heads that have not learnt from it (under ``rows``: from that very row).

    ``splits`` of the clips are taken as given, whatever they cut apart: to judge as somebody else did. ``watch``: the
    judged clips also give the validation curves of nets that hold out nothing; they decide nothing.
    """
    if protocol == "rows" and splits is None:
        return _judge_rows(recipe, data, folds=folds, seed=seed, step=step)
    classes = data.dataset.classes
    proba = np.full((len(data.labels), len(classes)), np.nan)
    fold = np.full(len(data.labels), -1)
    hits = np.zeros(len(data.labels), int)
    history, spent = [], {"fit": 0.0, "predict": 0.0}
    for k, part in enumerate(splits if splits is not None else splits_of(data, protocol, folds, seed)):
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
        step()
    rows = np.where(fold >= 0, row_counts(recipe.branches[0], data), 0)
    return Judged(proba, fold, hits, rows, tuple(history), spent)


def _judge_rows(recipe: Recipe, data: Data, *, folds: int, seed: int, step: Callable[[], None]) -> Judged:
    """The leaking way: rows of one clip on both sides; a clip's score is the mean over its rows' scores out of fold."""
    if recipe.combine == "stack":
        raise DataError("a stacked recipe cannot be judged under the protocol 'rows'; use clips or groups")
    if recipe.augment:
        raise DataError(
            "a recipe with augmented copies cannot be judged under the protocol 'rows': which part of a copy was made from "
            "a row that is judged is not known. Use clips or groups"
        )
    classes, every = data.dataset.classes, np.arange(len(data.labels))
    history, hits, found = [], [], []
    spent = {"fit": 0.0, "predict": 0.0}
    for branch in recipe.branches:
        X, clip = branch_rows(branch, data, every)
        labels = data.labels[clip]
        proba = np.zeros((len(X), len(classes)))
        for part in split.row_splits(labels, folds=folds, seed=seed):
            began = time.perf_counter()
            # Inner splits protect nothing either: each row is its own group.
            own = np.char.mod("%d", part.train)
            head = fit_head(branch, data, X[part.train], labels[part.train], own, seed)
            spent["fit"] += time.perf_counter() - began
            began = time.perf_counter()
            proba[part.test] = aligned(head, X[part.test], classes)
            spent["predict"] += time.perf_counter() - began
            history += [head.history_] if getattr(head, "history_", None) else []
            step()
        found.append(pool_scores(proba, clip, len(every)))
        hits.append(row_hits(proba, classes, data.labels, clip))
    rows = row_counts(recipe.branches[0], data)
    return Judged(combined(found, None, classes), np.zeros(len(every), int), hits[0], rows, tuple(history), spent)


def facts(backbone: Backbone) -> dict[str, Any]:
    """What a report says of a backbone."""
    return {
        "name": backbone.name, "params": dict(backbone.params), "fingerprint": backbone.fingerprint,
        "shape": list(backbone.shape), "sample_rate": backbone.sample_rate, "window": backbone.window, "hop": backbone.hop,
        "licence": backbone.about.licence, "trained_on": backbone.about.trained_on, "citation": backbone.about.citation,
        "weights": backbone.weights,
    }  # fmt: skip


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    import platform

    found = {"python": platform.python_version()}
    for name in ("earmark", "numpy", "onnxruntime", "soundfile", "soxr", "scikit-learn", "torch", "skorch"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found

"""Recipes compared on the same folds of the same clips."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from ..core.errors import DataError
from ..core.paths import is_remote, named, spelled
from ..core.progress import bar
from ..core.provenance import versions
from ..data.cache import Cache
from ..data.clips import Dataset
from ..data.sources import is_frame, settled
from ..embeddings.embedded import Embedded
from ..embeddings.load import Source
from ..embeddings.store import MEMORY, Folder
from ..metrics.evaluation import majority_baseline
from ..metrics.paired import compare as compare_pairs
from ..models.cross_validate import run
from ..models.plan import planned
from ..models.prepare import Data, open_data
from ..models.results import Comparison
from ..recipes.recipe import Recipe, distinct
from . import advice


def compare(
    source: Source | Data,
    recipes: Sequence[str | Recipe],
    *,
    protocol: str | None = None,
    folds: int = 5,
    seeds: int = 1,
    seed: int = 0,
    memory: int = MEMORY,
    cache: Cache | None = None,
    command: str = "",
) -> Comparison:
    """Evaluate recipes on the same folds. ``protocol`` None: what ``split.choose_protocol`` says.

    ``source`` is what ``load_dataset`` opens: sounds, or embeddings (of a store as much as fits into ``memory`` bytes).
    ``seeds`` repeats everything with other folds and other random starts. Raises DataError, RecipeError, WeightsError;
    sounds that cannot be used raise nothing and are told in ``dataset.excluded``.
    """
    began = time.perf_counter()
    source = source if isinstance(source, Data) else settled(source)
    found = distinct([recipes] if isinstance(recipes, (str, Recipe)) else recipes)
    if not found:
        raise DataError("no recipe given; wanted one or more, e.g. yamnet/logreg")
    data = source if isinstance(source, Data) else open_data(source, found, cache=cache, seed=seed, memory=memory)
    plan = planned(data, protocol, folds, seed, recipes=found)
    protocol, folds = plan.protocol, len(plan.splits)
    with bar("fit", len(found) * seeds * folds) as step:
        runs = tuple(run(r, data, protocol=protocol, folds=folds, seeds=seeds, seed=seed, step=step) for r in found)
    first = runs[0]
    scores = {r.recipe.name: r.proba for r in runs}
    pairs = compare_pairs(first.y, scores, first.groups, seed=seed)
    return Comparison(
        dataset=data.dataset,
        protocol=protocol,
        folds=folds,
        seeds=seeds,
        seed=seed,
        runs=runs,
        pairs=pairs,
        baseline=majority_baseline(first.y, len(first.classes)),
        fingerprint=data.fingerprint,
        versions=versions(),
        seconds=time.perf_counter() - began,
        command=command,
        notes=plan.notes + advice.frozen(runs, pairs) + advice.training(runs, pairs),
        source=_places(source),
    )


def _places(source: Source | Data) -> tuple[str, ...]:
    """Where ``source`` lies, so that it is found again from another folder; nothing for what lies in memory."""
    if isinstance(source, (Data, Dataset, Embedded, Folder)) or is_frame(source):
        return ()
    found = []
    for one in [source] if isinstance(source, (str, Path)) else source:
        name, path = named(one)
        here = spelled(one) if is_remote(one) else str(path.absolute())
        found.append(f"{name}:{path.absolute()}" if name else here)
    return tuple(found)

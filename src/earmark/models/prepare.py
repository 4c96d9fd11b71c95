"""From a data set to what recipes are fitted on: embeddings of every backbone in play."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..backbones.base import Backbone, load_backbone
from ..core.errors import DataError, RecipeError, need_extra
from ..core.renderers import Columns, Tabular, counted, shortened
from ..core.spec import Part
from ..data.cache import Cache
from ..data.clips import Dataset, Excluded
from ..data.duplicates import with_recordings, with_twins
from ..data.duplicates.measure import measure_all
from ..data.duplicates.traces import Trace
from ..data.ends import past_the_end
from ..data.split import Labels, Split
from ..data.targets import Task
from ..embeddings.embedded import Embedded
from ..embeddings.load import Source, load_dataset
from ..embeddings.make import Embeddings, embed
from ..embeddings.pooling import WINDOWS, Pooling
from ..embeddings.store import MEMORY
from ..recipes.augment import change, numbered
from ..recipes.recipe import Recipe


@dataclass(frozen=True, repr=False)
class Data(Tabular):
    """A labelled data set with the embeddings of every backbone in play, all of the same clips in the same order."""

    dataset: Dataset
    embeddings: Mapping[Part, Embeddings]
    backbones: Mapping[Part, Backbone]
    seconds: Mapping[Part, float]  # spent on each backbone's embeddings
    # Augmented copies of the clips, by backbone, augmentation and number; only ever learnt from.
    copies: Mapping[tuple[Part, Part, int], Embeddings] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # what a reader of figures should know of how these embeddings were come by
    made_by: Mapping[str, Any] | None = None  # what the file or store of the embeddings says of that; None: made here
    traces: tuple[Trace | None, ...] = field(default=(), repr=False)  # of each clip; nothing where there are no sounds
    # Kept, so that all recipes are evaluated on the same.
    splits: dict[tuple[str, int, int, int], tuple[Split, ...]] = field(default_factory=dict, init=False, repr=False)

    def _line(self) -> str:
        return f"{shortened(self.dataset.name)!r}, {counted(len(self.dataset.clips), 'clip')} by {', '.join(map(str, self.embeddings))}"

    def _columns(self) -> Columns:
        """A line a backbone."""
        return {
            "backbone": [str(part) for part in self.embeddings],
            "windows": [len(e.X) for e in self.embeddings.values()],
            "seconds": [self.seconds.get(part) for part in self.embeddings],
        }

    @property
    def labels(self) -> Labels:
        """Label of every clip."""
        return np.array([str(c.label) for c in self.dataset.clips])

    @property
    def digests(self) -> tuple[str, ...]:
        """Content key of every clip."""
        return next(iter(self.embeddings.values())).digest

    @property
    def fingerprint(self) -> str:
        """Hash of what is evaluated: content, label, group and fold of every clip, in any order."""
        clips = zip(self.digests, self.dataset.clips, strict=True)
        facts = sorted(repr((d, c.label, c.group, c.fold)) for d, c in clips)
        return hashlib.sha256("\n".join(facts).encode()).hexdigest()


def prepare(dataset: Dataset, recipes: Sequence[Recipe], *, cache: Cache | None = None, seed: int = 0) -> Data:
    """Embeddings of all backbones that ``recipes`` name. A clip that one backbone cannot use is excluded for all, and told.

    Embeddings of augmented copies, too, where a recipe asks for them; ``seed`` is theirs.

    Clips that hold the same recording are found by what they sound of (``audit.duplicates``), so that no split cuts them
    apart; what was heard of a file is kept by its content in ``cache``.

    Raises DataError if no clip can be used, WeightsError if a backbone's weights are missing.
    """
    for recipe in recipes:
        recipe.check()
    one_label(dataset)
    unlabelled = [c.id for c in dataset.clips if c.label is None]
    if len(unlabelled) == len(dataset.clips):
        raise DataError(
            f"{dataset.name}: none of the {len(dataset.clips)} sounds has a label. Wanted: class folders, or a table "
            "with the columns path and label" + "".join(f". {note.rstrip('.')}" for note in dataset.notes)
        )
    dataset = dataset.without([Excluded(i, "no label") for i in unlabelled], unlabelled)
    parts = tuple(dict.fromkeys(b for r in recipes for b in r.backbones))
    backbones = {part: load_backbone(part) for part in parts}
    embeddings: dict[Part, Embeddings] = {}
    seconds: dict[Part, float] = {}
    bad: dict[str, Excluded] = {}
    for part in parts:
        began = time.perf_counter()
        embeddings[part] = embed(dataset.clips, backbones[part], cache=cache)
        seconds[part] = time.perf_counter() - began
        bad.update(embeddings[part].excluded)
    copies: dict[tuple[Part, Part, int], Embeddings] = {}
    usable = [c for c in dataset.clips if c.id not in bad]
    for part, how, number in dict.fromkeys((b, *n) for r in recipes for n in numbered(r.augment) for b in r.backbones):
        began = time.perf_counter()
        copies[part, how, number] = embed(usable, backbones[part], cache=cache, change=change(how, number, seed))
        seconds[part] += time.perf_counter() - began
        bad.update(copies[part, how, number].excluded)
    dataset = dataset.without([bad[c.id] for c in dataset.clips if c.id in bad], bad)
    if not dataset.clips:
        reasons = "; ".join(f"{e.path}: {e.reason}" for e in dataset.excluded[:3])
        raise DataError(f"{dataset.name}: none of the {len(dataset.excluded)} sounds can be used ({reasons})")
    ids = [c.id for c in dataset.clips]
    selected = {key: e.select(ids) for key, e in copies.items()}
    need_extra("finding duplicates", "scipy")
    facts = measure_all(dataset.clips, cache=cache)
    return Data(
        with_recordings(dataset, facts),
        {p: e.select(ids) for p, e in embeddings.items()},
        backbones,
        seconds,
        selected,
        past_the_end(dataset.clips),
        traces=tuple(map(Trace.of, facts)),
    )


def one_label(dataset: Dataset) -> None:
    """Raise DataError for a multi-label task: heads here learn one label of each clip."""
    if dataset.task is not Task.SINGLE:
        raise DataError(
            f"{dataset.name}: the task is {dataset.task}, and this Earmark learns from and evaluates one label a clip. Wanted: "
            "single-label data; give each clip its label (a table with path and label)"
        )


def open_data(
    source: Source, recipes: Sequence[Recipe], *, cache: Cache | None = None, seed: int = 0, memory: int = MEMORY
) -> Data:
    """Embeddings for ``recipes``: of the sounds that ``source`` names, or the embeddings that it names.

    A store of embeddings is read as far as it fits into ``memory`` bytes. Raises DataError, RecipeError, WeightsError.
    """
    found = load_dataset(source, memory=memory, seed=seed)
    return (
        from_ready(found, recipes) if isinstance(found, Embedded) else prepare(found, recipes, cache=cache, seed=seed)
    )


def from_ready(ready: Embedded, recipes: Sequence[Recipe]) -> Data:
    """What ``recipes`` are fitted on. Raises RecipeError for embeddings that the file does not have, DataError."""
    one_label(ready.dataset)
    parts = tuple(dict.fromkeys(b for r in recipes for b in r.backbones))
    for branch in (b for r in recipes for b in r.branches if "holds" in ready.facts):  # a store
        if Pooling(ready.facts["pool"]).by_vector and branch.pool != WINDOWS:
            raise RecipeError(
                f"{branch}: {ready.dataset.name} holds one vector a clip ({ready.facts['pool']}), and no embeddings to pool. "
                f"Wanted: embeddings/{branch.head}"
            )
    for recipe in recipes:
        recipe.check(given=tuple(ready.embeddings))
        if recipe.augment:
            raise RecipeError(f"{recipe.short}: there are no sounds to make copies of, only embeddings from a file")
    unlabelled = sum(c.label is None for c in ready.dataset.clips)
    if unlabelled:
        raise DataError(
            f"{ready.dataset.name}: {unlabelled} of {len(ready.dataset.clips)} clips have no label. Wanted: an array "
            "'labels', one for each window, or a table of the clips (--clips)"
        )
    for part in parts:
        if part.params:
            raise RecipeError(f"{part}: embeddings from a file take no parameters")
    return Data(
        with_twins(ready.dataset, ready.made.digest),
        {p: ready.embeddings[p.name] for p in parts},
        {p: ready.backbones[p.name] for p in parts},
        dict.fromkeys(parts, 0.0),
        notes=ready.notes,
        made_by=ready.facts,
    )

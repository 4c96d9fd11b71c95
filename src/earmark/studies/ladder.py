"""One recipe on every protocol: what each step towards an honest split costs is the leakage.

Rungs, from the most flattering down:

=================  ========================================================================================
windows            windows of all clips mixed and split at random; windows that overlap lie on both sides
windows apart      the same with windows that share no sample (hop = window)
clips              a clip stays whole
groups             an artist, session or speaker stays whole
published          the folds that came with the data
silence            below the others: what the quietest moment of each clip tells by itself (``audits.silence``); of sounds only
=================  ========================================================================================

Each rung evaluates the same clips by the same recipe; intervals and differences resample groups (``shares``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..audits.silence import Silence, silence
from ..core.errors import DataError
from ..core.progress import bar
from ..core.renderers import Columns
from ..data import split
from ..data.cache import Cache
from ..data.few import few_notes, kind_of
from ..data.notes import group_notes, published_notes
from ..data.split import Labels, Protocol
from ..embeddings.load import Source
from ..embeddings.make import Embeddings
from ..metrics.intervals import Interval, columns
from ..metrics.shares import difference, share
from ..models.cross_validate import cross_validate
from ..models.fit import branch_inputs
from ..models.plan import fold_notes, splits_of
from ..models.prepare import Data, open_data
from ..recipes.recipe import Recipe, find
from .study import Study, common

_LESS = 0.1  # of what is learnt from: a rung that has so much less is told
RUNGS = ("windows", "windows apart", "clips", "groups", "published", "silence")


@dataclass(frozen=True)
class Rung:
    """A recipe under one protocol: shares of embeddings and of clips that are right, means over seeds."""

    name: str
    windows: Interval
    clips: Interval
    evaluated: int  # clips
    window_count: int


@dataclass(frozen=True)
class Step:
    """What is lost from one rung to another, in shares, on the clips that both evaluate (negative: lost)."""

    a: str
    b: str
    windows: Interval
    clips: Interval
    evaluated: int


@dataclass(frozen=True, kw_only=True, repr=False)
class Ladder(Study):
    """Rungs that the data allow, the steps between them, and why other rungs are missing."""

    rungs: tuple[Rung, ...]
    steps: tuple[Step, ...]  # from each rung to the next
    total: Step | None  # from the first to "groups", or to "clips" where groups are not known
    missing: Mapping[str, str]  # rung -> why the data do not allow it
    groups: int
    seeds: int
    silence: Silence | None = None

    def _found(self) -> list[str]:
        return [", ".join(f"{rung.name} {rung.clips.value:.3f}" for rung in self.rungs)]

    def _columns(self) -> Columns:
        """A line a rung."""
        return {
            "rung": [rung.name for rung in self.rungs],
            **columns("windows", [rung.windows for rung in self.rungs]),
            **columns("clips", [rung.clips for rung in self.rungs]),
            "evaluated": [rung.evaluated for rung in self.rungs],
        }

    @property
    def unit(self) -> str:
        """What intervals resample: "groups" or "clips"."""
        return str(self.protocol)


def _plans(
    rungs: Sequence[str], recipe: Recipe, data: Data, folds: int, seed: int
) -> tuple[dict[str, tuple[Data, Protocol]], dict[str, str]]:
    """What each rung is evaluated on, and why others cannot be. Raises DataError if none can."""
    missing: dict[str, str] = {}
    plans: dict[str, tuple[Data, Protocol]] = {}
    for rung in [r for r in RUNGS if r in rungs and r != "silence"]:
        try:
            plans[rung] = _planned(rung, recipe, data, folds, seed)
        except DataError as error:
            missing[rung] = str(error)
    if not plans and not missing:
        raise DataError("the rung 'silence' stands below others; ask for one of them, too, such as clips or groups")
    if not plans:
        # What keeps even clips from being dealt out keeps all of it: said once.
        why = missing.get("clips") or "; ".join(f"{rung}: {reason}" for rung, reason in missing.items())
        raise DataError(f"no rung is possible: {why}")
    return plans, missing


def ladder(
    source: Source | Data,
    recipe: str | Recipe,
    *,
    rungs: Sequence[str] = RUNGS,
    folds: int = 5,
    seeds: int = 1,
    seed: int = 0,
    cache: Cache | None = None,
    command: str = "",
) -> Ladder:
    """Evaluate ``recipe`` on each rung. ``seeds`` repeats all of it with other folds and starts.

    Raises DataError if no rung is possible, RecipeError, WeightsError.
    """
    began = time.perf_counter()
    recipe = find(recipe)
    wrong = sorted(set(rungs) - set(RUNGS))
    if wrong:
        raise DataError(f"no rung is called {wrong[0]!r}. There are: {', '.join(RUNGS)}")
    data = source if isinstance(source, Data) else open_data(source, [recipe], cache=cache, seed=seed)
    split.check_classes(data.dataset)
    whole = Protocol.wholest(data.dataset)
    units = split.groups_of(data.dataset, whole, data.digests)
    plans, missing = _plans(rungs, recipe, data, folds, seed)
    found: dict[str, tuple[Any, ...]] = {}
    with bar("fit", sum(_fits(rung, recipe, data, folds, seed) for rung in plans) * seeds) as step:
        for rung, (of, protocol) in plans.items():
            found[rung] = _counts(recipe, of, protocol, folds, seeds, seed, step)
    silent = None
    if "silence" in rungs and data.traces:  # there are sounds
        silent = silence(data.dataset.clips, units, cache=cache, seed=seed)
    names = list(found)
    best = "groups" if "groups" in names else "clips"
    total = _step(names[0], best, found, units, seed) if best in names and names[0] != best else None
    return Ladder(
        **common(data, recipe, seed, began, command),
        rungs=tuple(_rung(name, counts, units, seeds, seed) for name, counts in found.items()),
        steps=tuple(_step(a, b, found, units, seed) for a, b in zip(names, names[1:], strict=False)),
        total=total,
        missing=missing,
        groups=len(set(units.tolist())),
        protocol=whole,
        folds=folds,
        seeds=seeds,
        silence=silent,
        notes=(
            *data.notes,
            *data.dataset.notes,
            *_notes(data, plans, folds, seed),
            *_smaller(plans, folds, seed),
            *few_notes(data.labels, units, kind_of(data.dataset, whole)),
        ),
    )


def _rung(name: str, counts: tuple[Any, ...], units: Labels, seeds: int, seed: int) -> Rung:
    """A rung from how many windows and clips were right, and of how many (``_counts``)."""
    windows, of_windows, clips, of_clips = counts
    return Rung(
        name,
        share(windows, of_windows, units, seed=seed),
        share(clips, of_clips, units, seed=seed),
        int((of_clips > 0).sum()),
        int(of_windows.sum() / seeds),
    )


def _planned(rung: str, recipe: Recipe, data: Data, folds: int, seed: int) -> tuple[Data, Protocol]:
    """Data and protocol of a rung. Raises DataError if it cannot be had."""
    if not rung.startswith("windows"):
        splits_of(data, Protocol(rung), folds, seed)
        return data, Protocol(rung)
    if recipe.augment:
        raise DataError("which part of an augmented copy was made from a window that is evaluated is not known")
    if recipe.combine == "stack":
        raise DataError("a stacked recipe learns from whole clips; there are no embeddings to deal out")
    if any(branch.pool.by_vector for branch in recipe.branches):
        raise DataError("the recipe pools each clip to one vector; there are no embeddings to deal out")
    dealt = data if rung == "windows" else apart(data)
    for branch in recipe.branches:
        split.window_splits(
            dealt.labels[branch_inputs(branch, dealt, np.arange(len(dealt.labels)))[1]], folds=folds, seed=seed
        )
    return dealt, Protocol.WINDOWS


def _notes(data: Data, rungs: Iterable[str], folds: int, seed: int) -> tuple[str, ...]:
    """What a reader should know of the rungs before believing them."""
    found = [*group_notes(data.dataset)]
    for rung in rungs:
        if rung == Protocol.PUBLISHED:
            found += published_notes(data.dataset)
        elif not rung.startswith("windows"):
            kept = Protocol(rung)
            found += [f"Rung '{rung}': {n}" for n in fold_notes(data, kept, folds, splits_of(data, kept, folds, seed))]
    return tuple(found)


def _smaller(plans: Mapping[str, tuple[Data, Protocol]], folds: int, seed: int) -> tuple[str, ...]:
    """Which rungs learn from clearly less than the rung before: part of that step is no leakage."""
    learnt = {rung: _learnt(of, protocol, folds, seed) for rung, (of, protocol) in plans.items()}
    found = []
    for (a, one), (b, two) in pairwise(learnt.items()):
        if two < (1 - _LESS) * one:
            found.append(
                f"Rung '{b}' learns from {two:.0f} windows and rung '{a}' from {one:.0f} (means over folds): part of the "
                "step between them is the smaller training side, and no leakage."
            )
    return tuple(found)


def _learnt(data: Data, protocol: Protocol, folds: int, seed: int) -> float:
    """Windows on the training side, mean over folds."""
    count = np.bincount(next(iter(data.embeddings.values())).clip, minlength=len(data.labels))
    if protocol == Protocol.WINDOWS:
        return float(count.sum() * (1 - 1 / folds))
    return float(np.mean([count[part.train].sum() for part in splits_of(data, protocol, folds, seed)]))


def _fits(rung: str, recipe: Recipe, data: Data, folds: int, seed: int) -> int:
    """How many folds a rung takes."""
    if rung.startswith("windows"):
        return folds * len(recipe.branches)
    return len(splits_of(data, Protocol(rung), folds, seed))


def apart(data: Data) -> Data:
    """The data with only embeddings whose windows share no sample: of each clip the first, and the next that begins after it.

    Raises DataError if it is not known where embeddings begin and end, or if they share nothing as they are.
    """
    thinned = {part: _apart(e, data.backbones[part].window) for part, e in data.embeddings.items()}
    if all(len(thinned[p].X) == len(data.embeddings[p].X) for p in thinned):
        raise DataError("the embeddings do not overlap, so this is the rung 'windows'")
    return replace(data, embeddings=thinned)


def _apart(embeddings: Embeddings, window: float) -> Embeddings:
    if not np.isfinite(embeddings.start).all():
        raise DataError(
            "the file does not say where its embeddings start and end (columns 'start' and 'end', in seconds)"
        )
    keep, clip, free = [], -1, 0.0
    for i, (c, start) in enumerate(zip(embeddings.clip.tolist(), embeddings.start.tolist(), strict=True)):
        if c != clip or start >= free:
            keep.append(i)
            clip, free = c, start + window - 1e-6
    return replace(embeddings, X=embeddings.X[keep], clip=embeddings.clip[keep], start=embeddings.start[keep])


def _counts(
    recipe: Recipe, data: Data, protocol: Protocol, folds: int, seeds: int, seed: int, step: Callable[[], None]
) -> tuple[NDArray[np.int64], ...]:
    """Of each clip, summed over seeds: embeddings right, embeddings, times right, times evaluated."""
    units = split.groups_of(data.dataset, protocol, data.digests)
    truth = np.searchsorted(data.dataset.classes, data.labels)
    total = np.zeros((4, len(truth)), np.int64)
    for s in range(seeds):
        found = cross_validate(recipe, data, units, protocol=protocol, folds=folds, seed=seed + s, step=step)
        evaluated = found.fold >= 0
        right = evaluated & (np.nan_to_num(found.proba, nan=-1).argmax(axis=1) == truth)
        total += np.stack([found.hits, found.embeddings, right, evaluated])
    return tuple(total)


def _step(a: str, b: str, found: Mapping[str, tuple[Any, ...]], units: split.Labels, seed: int) -> Step:
    """Rung ``b`` less rung ``a``."""
    (embeddings_a, of_a, clips_a, n_a), (embeddings_b, of_b, clips_b, n_b) = found[a], found[b]
    return Step(
        a,
        b,
        difference((embeddings_b, of_b), (embeddings_a, of_a), units, seed=seed),
        difference((clips_b, n_b), (clips_a, n_a), units, seed=seed),
        int(((n_a > 0) & (n_b > 0)).sum()),
    )

"""How a classifier holds up when sounds are worse than those it learnt from: codecs, filters, noise, pitch, length.

Heads learn from the sounds as they are; the clips that score_of are changed (``effects``). With a recipe, or a model and
the very sounds it was trained on, heads are fitted anew for each fold, so that no clip is evaluated by what learnt from
it. With a model and other sounds, the model itself is evaluated.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..audio.transforms import Change, exact
from ..core.errors import DataError
from ..core.progress import bar
from ..core.renderers import Columns, counted
from ..core.spec import Part
from ..data import split
from ..data.cache import Cache
from ..data.clips import Dataset
from ..data.few import few_notes, kind_of
from ..data.load import load_dataset
from ..data.notes import group_notes
from ..data.split import Labels
from ..embeddings.make import embed
from ..metrics.intervals import Interval, columns
from ..metrics.shares import difference, share
from ..models.evaluate import heard, model_scores
from ..models.fit import Scores, fit
from ..models.known import known
from ..models.model import Model
from ..models.plan import Plan, planned, refuse_windows
from ..models.prepare import Data, prepare
from ..recipes.recipe import Recipe, find
from .study import Study, common

# Family -> changes, mildest first.
FAMILIES: dict[str, tuple[str, ...]] = {
    "mp3": ("mp3(kbps=64)", "mp3(kbps=32)", "mp3(kbps=16)"),
    "opus": ("opus(kbps=24)", "opus(kbps=12)", "opus(kbps=6)"),
    "lowpass": ("lowpass(hz=4000)", "lowpass(hz=2000)", "lowpass(hz=1000)"),
    "telephone": ("telephone",),
    "noise": ("noise(snr=30)", "noise(snr=20)", "noise(snr=10)", "noise(snr=0)"),
    "gain": ("gain(db=-20)", "gain(db=20)"),
    "pitch": ("pitch(semitones=-1)", "pitch(semitones=1)", "pitch(semitones=-3)", "pitch(semitones=3)"),
    "tempo": ("tempo(factor=0.9)", "tempo(factor=1.1)", "tempo(factor=0.75)", "tempo(factor=1.33)"),
    "excerpt": ("excerpt(seconds=5)", "excerpt(seconds=2)", "excerpt(seconds=1)"),
}


@dataclass(frozen=True)
class Condition:
    """Accuracy when the clips that score_of are changed. ``loss``: less than on the clips as they are (negative: lost)."""

    name: str
    family: str
    accuracy: Interval
    loss: Interval
    changed: int  # clips whose embeddings are others than before: an excerpt of 5 s leaves a clip of 3 s as it was


@dataclass(frozen=True, kw_only=True, repr=False)
class Stress(Study):
    """``plain`` is the accuracy on clips as they are; ``how`` says in words who evaluated what."""

    how: str
    plain: Interval
    conditions: tuple[Condition, ...]
    clips: int
    groups: int

    def _found(self) -> list[str]:
        worst = min(self.conditions, key=lambda c: c.loss.value, default=None)
        told = [f"accuracy {self.plain.value:.3f}", counted(len(self.conditions), "change")]
        return told if worst is None else [*told, f"most lost by {worst.name} ({worst.loss.value:+.3f})"]

    def _columns(self) -> Columns:
        """A line a change."""
        return {
            "change": [c.name for c in self.conditions],
            "family": [c.family for c in self.conditions],
            **columns("accuracy", [c.accuracy for c in self.conditions]),
            **columns("loss", [c.loss for c in self.conditions]),
            "changed": [c.changed for c in self.conditions],
        }


def stress(
    what: Model | str | Recipe,
    source: str | Path | Dataset,
    *,
    changes: Sequence[str] = (),
    protocol: str | None = None,
    folds: int = 5,
    seed: int = 0,
    cache: Cache | None = None,
    command: str = "",
) -> Stress:
    """Evaluate a model or a recipe on the sounds of ``source``, as they are and under each of ``changes`` (default: all
    of ``FAMILIES``; each as ``"mp3(kbps=32)"``).

    Raises DataError, RecipeError, WeightsError.
    """
    began = time.perf_counter()
    named = _named(changes)
    data, recipe, subject = _subject(what, source, protocol, folds, seed, cache)
    y = np.searchsorted(subject.classes, data.labels)
    plain = _right(subject.scores(data), y)
    evaluated = np.isfinite(plain).astype(int)
    found = []
    with bar("stress", len(named)) as step:
        for name, family in named:
            changed = under(data, exact(Part.parse(name)), cache)
            right = np.nan_to_num(_right(subject.scores(changed), y))
            accuracy = share(right, evaluated, subject.units, seed=seed)
            loss = difference((right, evaluated), (np.nan_to_num(plain), evaluated), subject.units, seed=seed)
            found.append(Condition(name, family, accuracy, loss, _others(data, changed)))
            step()
    return Stress(
        **common(data, recipe, seed, began, command),
        how=subject.how,
        protocol=subject.protocol,
        folds=subject.folds,
        plain=share(np.nan_to_num(plain), evaluated, subject.units, seed=seed),
        conditions=tuple(found),
        clips=int(evaluated.sum()),
        groups=len(set(subject.units[evaluated > 0].tolist())),
        notes=subject.notes,
    )


@dataclass(frozen=True)
class _Subject:
    """What is evaluated: a model itself, or the heads of a recipe fitted anew for each fold."""

    how: str
    scores: Callable[[Data], Scores]
    classes: Sequence[str]
    protocol: str
    folds: int
    units: Labels
    notes: tuple[str, ...]


def _subject(
    what: Model | str | Recipe,
    source: str | Path | Dataset,
    protocol: str | None,
    folds: int,
    seed: int,
    cache: Cache | None,
) -> tuple[Data, Recipe, _Subject]:
    """The data, the recipe, and what is evaluated on them: a model if it was trained on none of them."""
    met = 0
    source = load_dataset(source)
    if isinstance(what, Model):
        data = heard(what, source, cache=cache)
        recipe, met = Recipe.parse(what.card.recipe), int(known(what, data, cache=cache).any.sum())
        if not met:
            refuse_windows(protocol)
            return data, recipe, _itself(what, data, protocol)
        protocol = protocol or _as_measured(what, data.dataset)
        if recipe.augment:
            data = prepare(data.dataset, [recipe], cache=cache, seed=seed)
    else:
        recipe = find(what)
        data = prepare(source, [recipe], cache=cache, seed=seed)
    refuse_windows(protocol)
    plan = planned(data, protocol, folds, seed, recipes=[recipe])
    how = "heads fitted anew for each fold, so that no clip is evaluated by what learnt from it"
    if met:
        how += f" (the model was trained on {met} of these clips, on copies of them or on their groups)"
    scores = _refitted(recipe, data, plan, seed)
    found = _Subject(how, scores, data.dataset.classes, plan.protocol, len(plan.splits), plan.groups, plan.notes)
    return data, recipe, found


def _itself(model: Model, data: Data, protocol: str | None) -> _Subject:
    protocol = protocol or split.choose_protocol(data.dataset)
    units = split.groups_of(data.dataset, protocol, data.digests)
    how = (
        "the model itself, on sounds it was not trained on (by their bytes, their sound and the names of their groups)"
    )
    notes = group_notes(data.dataset) + few_notes(data.labels, units, kind_of(data.dataset, protocol))
    return _Subject(how, partial(model_scores, model), model.classes, "held out", 1, units, notes)


def _as_measured(model: Model, dataset: Dataset) -> str | None:
    """The protocol that a model was measured under; None if these data do not know what it keeps whole."""
    told = model.card.measured.protocol
    missing = (told == "groups" and not dataset.has_groups) or (told == "published" and not dataset.has_folds)
    return None if missing else told


def under(data: Data, change: Change, cache: Cache | None) -> Data:
    """The data with the embeddings of changed sounds. Raises DataError if one can then not be used."""
    embeddings = {}
    for part, backbone in data.backbones.items():
        made = embed(data.dataset.clips, backbone, cache=cache, change=change)
        if made.excluded:
            gone = next(iter(made.excluded.values()))
            raise DataError(
                f"{counted(len(made.excluded), 'clip')} cannot be used under {change.key}, e.g. {gone.path}: {gone.reason}"
            )
        embeddings[part] = made
    return replace(data, embeddings=embeddings)


def _named(changes: Sequence[str]) -> list[tuple[str, str]]:
    """(change, family) of what was asked for: families by their names, single changes as they are written."""
    wanted = list(changes) or list(FAMILIES)
    found: list[tuple[str, str]] = []
    for text in wanted:
        found += [(name, text) for name in FAMILIES[text]] if text in FAMILIES else [(text, Part.parse(text).name)]
    for name, _ in found:
        exact(Part.parse(name))  # a wrong one is told before anything is evaluated
    return list(dict.fromkeys(found))


def _refitted(recipe: Recipe, data: Data, plan: Plan, seed: int) -> Callable[[Data], Scores]:
    """Scores of clips by heads that learnt, once, from the other folds as they are."""
    with bar("fit", len(plan.splits)) as step:
        heads = []
        for part in plan.splits:
            heads.append(fit(recipe, data, part.train, plan.groups, seed=seed))
            step()
    classes = data.dataset.classes

    def score_of(changed: Data) -> Scores:
        proba = np.full((len(data.labels), len(classes)), np.nan)
        for part, fitted in zip(plan.splits, heads, strict=True):
            proba[part.test] = 0.0
            proba[np.ix_(part.test, np.searchsorted(classes, fitted.classes))] = fitted.scores(changed, part.test)[0]
        return proba

    return score_of


def _right(proba: Scores, y: NDArray[np.int64]) -> NDArray[np.float64]:
    """1 for a clip that is right, 0 for one that is not, nan for one that no fold evaluates."""
    right = (np.nan_to_num(proba, nan=-1).argmax(axis=1) == y).astype(float)
    return np.where(np.isfinite(proba).all(axis=1), right, np.nan)


def _others(data: Data, changed: Data) -> int:
    """How many clips have other embeddings than before, by the first backbone."""
    a, b = (next(iter(d.embeddings.values())) for d in (data, changed))
    cuts = [np.searchsorted(e.clip, np.arange(len(e.ids) + 1)) for e in (a, b)]
    return sum(
        not np.array_equal(a.X[i:j], b.X[k:m])
        for (i, j), (k, m) in zip(
            zip(cuts[0], cuts[0][1:], strict=False), zip(cuts[1], cuts[1][1:], strict=False), strict=True
        )
    )

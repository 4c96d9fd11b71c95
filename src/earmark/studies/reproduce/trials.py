"""A recipe on one split: the paper's, or one that keeps whole clips or whole artists on one side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...core.errors import DataError
from ...data import split
from ...data.cache import Cache
from ...data.clips import Dataset
from ...data.split import Split
from ...models.cross_validate import run
from ...models.prepare import Data
from ...models.results import Run
from ...recipes.recipe import Recipe
from . import paper
from .leaks import Leak, leak


@dataclass(frozen=True)
class Plan:
    """How it is run. ``say`` is told each number as it comes, ``missing`` gathers what the data do not allow."""

    epochs: int
    folds: int
    quick: bool
    bfloat16: bool
    cache: Cache | None
    say: Callable[[str], None]
    missing: list[str]


@dataclass(frozen=True)
class Trial:
    """A recipe evaluated on one split. ``protocol``: "paper", "clips" or "groups"."""

    recipe: str
    protocol: str
    unit: str  # what is evaluated: "chunk" or "clip"
    run: Run
    learnt: int
    leak: Leak
    watched: bool = False  # its validation curves are of what is evaluated
    stands_for: str = ""  # the paper's recipe, where this is not it


def trial(
    recipe: Recipe, data: Data, protocol: str, part: Split, plan: Plan, *, unit: str = "clip", watch: bool = False,
    stands_for: str = "",
) -> Trial:  # fmt: skip
    """Evaluate ``recipe`` on ``part``. Intervals resample whole tracks where it protects less: nothing smaller can be drawn anew."""
    resampled = "groups" if protocol == "groups" else "clips"
    evaluated = run(recipe, data, protocol=resampled, seed=paper.SEED, splits=(part,), watch=watch)
    right = evaluated.evaluation.scores["accuracy"].value
    plan.say(f"{recipe.name}, split '{protocol}': {100 * right:.1f} % of {len(evaluated.y):,} {unit}s right")
    found = leak(data.dataset.clips, part, groups=data.dataset.has_groups)
    return Trial(recipe.name, protocol, unit, evaluated, len(part.train), found, watch, stands_for)


def honest(
    recipe: Recipe, data: Data, protocol: str, plan: Plan, *, unit: str = "clip", stands_for: str = ""
) -> list[Trial]:
    """The trial on one fifth of whole clips or artists, or none and why in ``plan.missing``."""
    try:
        part = _fifth(data, protocol)
    except DataError as error:
        plan.missing.append(f"{recipe.name} on whole {'artists' if protocol == 'groups' else 'clips'}: {error}")
        return []
    return [trial(recipe, data, protocol, part, plan, unit=unit, stands_for=stands_for)]


def at_random(count: int) -> Split:
    """The paper's split: 80/20 at random, not stratified, seed 42."""
    from sklearn.model_selection import train_test_split

    train, test = train_test_split(np.arange(count), test_size=0.2, random_state=paper.SEED)
    return Split(train, test)


def as_in_paper(
    recipe: Recipe, data: Data, plan: Plan, *, unit: str = "clip", watch: bool = False, stands_for: str = ""
) -> list[Trial]:
    """The trial on the paper's split, or none and why in ``plan.missing``: of few clips it may leave a class unlearnt."""
    part = at_random(len(data.labels))
    unlearnt = sorted(set(data.labels[part.test].tolist()) - set(data.labels[part.train].tolist()))
    if unlearnt:
        plan.missing.append(
            f"{recipe.name} on the paper's split: by chance it holds all {unit}s of {', '.join(unlearnt)}"
        )
        return []
    return [trial(recipe, data, "paper", part, plan, unit=unit, watch=watch, stands_for=stands_for)]


def by_two(dataset: Dataset, what: str, plan: Plan) -> Dataset:
    """Less the genres that cannot be evaluated by artist, which ``plan.missing`` is told."""
    lone = _lone(dataset) if dataset.has_groups else []
    if lone:
        plan.missing.append(f"{', '.join(lone)} in {what} are all by one artist, so they cannot be evaluated by artist")
    return dataset.without([], [c.id for c in dataset.clips if c.label in lone])


def _fifth(data: Data, protocol: str) -> Split:
    """Raises DataError if that is not to be had."""
    if protocol == "groups":
        if not data.dataset.has_groups:
            raise DataError("artists are not known")
        lone = _lone(data.dataset)
        if lone:
            raise DataError(f"all clips of {', '.join(lone)} that could be used are by one artist")
    names = split.groups_of(data.dataset, protocol, data.digests)
    return split.stratified(data.labels, names, folds=5, seed=paper.SEED)[0]


def _lone(dataset: Dataset) -> list[str]:
    """Genres of which all clips are by one artist."""
    artists: dict[str, set[str]] = {}
    for clip in dataset.clips:
        artists.setdefault(str(clip.label), set()).add(str(clip.group))
    return sorted(label for label, found in artists.items() if len(found) < 2)

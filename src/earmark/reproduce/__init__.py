"""The paper this project grew from, run again: its two methods under its own splits, then under honest ones.

Four parts, each on the same road as everything else (recipes, ``experiment.run``, ``ladder``, ``compare``):

1. the CNN from scratch under the paper's split (chunks at random), and the same recipe on whole clips and artists;
2. the head on frozen rows under the paper's split (clips at random), and the same recipes on whole artists;
3. the ladder of protocols of the CNN of the text and of a frozen recipe;
4. both on the same clips with whole artists kept apart, beside what is usually done with frozen nets.

What the data do not allow is told in ``missing``, never left out in silence.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import registry, split, weights
from ..audio import probe
from ..data import Clip, Dataset
from ..datasets import open_dataset
from ..embeddings import Cache
from ..errors import AudioError, DataError
from ..experiment import Comparison, Run, compare, run, versions
from ..fitting import Data, prepare
from ..ladder import Ladder, ladder
from ..recipe import Branch, Part, Recipe, find
from ..split import Split
from . import paper
from .leaks import Leak, leak, pieces

LONG = 10.0  # s; shorter clips have too few chunks to be cut apart
RUNGS = ("rows", "clips", "groups")
STAND_IN = "yamnet/dense"  # of paper-vggish


@dataclass(frozen=True)
class Trial:
    """A recipe judged on one split. ``protocol``: "paper", "clips" or "groups"; ``history`` is in ``run``."""

    recipe: str
    protocol: str
    unit: str  # what is judged: "chunk" or "clip"
    run: Run
    learnt: int
    leak: Leak
    watched: bool = False  # its validation curves are of what is judged
    stands_for: str = ""  # the paper's recipe, where this is not it


@dataclass(frozen=True)
class Reproduction:
    """Everything measured. ``clips``, ``lengths``: what there is of the data; ``dataset``: less what cannot be used."""

    dataset: Dataset
    lengths: Mapping[str, float]  # clip's id -> seconds; unreadable clips are not in it
    long: int  # clips of 10 s and more
    cnn: tuple[Trial, ...]
    frozen: tuple[Trial, ...]
    ladders: tuple[Ladder, ...]
    equal: Comparison
    missing: tuple[str, ...]
    epochs: int
    quick: bool
    bfloat16: bool
    seconds: float
    versions: Mapping[str, str]
    command: str = ""


def reproduce(
    source: str | Path | Dataset,
    *,
    epochs: int = paper.EPOCHS,
    folds: int = 5,
    quick: bool = False,
    bfloat16: bool | None = None,
    cache: Cache | None = None,
    say: Callable[[str], None] = lambda _: None,
    command: str = "",
) -> Reproduction:
    """Run the paper again on GTZAN or a part of it.

    ``epochs`` of the nets that run all of them (paper: 30). ``quick``: two epochs, two folds, small parts; to see that it runs.
    ``bfloat16`` None: where the processor has units for it. ``say`` is told what begins. Raises DataError.
    """
    began = time.perf_counter()
    epochs, folds = (2, 2) if quick else (epochs, folds)
    fast = _has_bfloat16() if bfloat16 is None else bfloat16
    missing: list[str] = []
    opened = opened_with_artists(source, missing)
    lengths = _lengths(opened)
    if quick:
        opened = _few(opened, lengths)
    kept = [c.id for c in opened.clips if lengths.get(c.id, LONG) < LONG]
    whole = opened.without([], kept)
    if len({c.label for c in whole.clips}) < 3:
        raise DataError(
            f"{opened.name}: {len(whole.clips)} of {len(opened.clips)} clips have {LONG:.0f} s or more, in fewer than three "
            "genres. Wanted: GTZAN or a part of it, with long clips: the paper cuts each into chunks of 4 s"
        )
    small = scratch(epochs, fast, quick)
    # What says most for its time first: whoever watches sees it early.
    ladders = _ladders(whole, small, folds, cache, say, missing)
    equal = _equal(opened, small, folds, cache, say, missing)
    cnn = _cnn(whole, epochs, fast, cache, say, missing)
    frozen = _frozen(opened, epochs, fast, cache, say, missing)
    return Reproduction(
        dataset=equal.dataset, lengths=lengths, long=len(whole.clips), cnn=cnn, frozen=frozen, ladders=ladders, equal=equal,
        missing=tuple(missing), epochs=epochs, quick=quick, bfloat16=fast, seconds=time.perf_counter() - began,
        versions=versions(), command=command,
    )  # fmt: skip


def opened_with_artists(source: str | Path | Dataset, missing: list[str]) -> Dataset:
    """GTZAN with artists as groups: by the table ``clips.csv`` in the folder if there is one, else by what is known of it.

    A clip whose artist is not known while others are is a group of its own; that is told in ``missing``.
    """
    table = None if isinstance(source, Dataset) else Path(source).expanduser() / "clips.csv"
    dataset = open_dataset(table if table is not None and table.is_file() else source)
    unknown = sum(not c.group for c in dataset.clips)
    if not 0 < unknown < len(dataset.clips):
        return dataset
    missing.append(f"the artist of {unknown} clips: each of them counts as an artist of its own")
    clips = tuple(c if c.group else replace(c, group=f"unknown artist of {c.id}") for c in dataset.clips)
    return replace(dataset, clips=clips)


def scratch(epochs: int, bfloat16: bool, quick: bool = False) -> Recipe:
    """The CNN of the paper's text, made fit for many trainings on less data.

    GTZAN was recorded at 22.05 kHz, so 44.1 adds empty bands. With a tenth of the chunks an epoch has a tenth of the
    steps: a learning rate of 1e-3 makes up for it.
    """
    params: dict[str, Any] = {"epochs": max(2, epochs // 3), "lr": 1e-3, "patience": 3, "bfloat16": bfloat16}
    if quick:
        params |= {"filters": (4, 8, 8), "hidden": (16,)}
    return replace(with_head(find("paper-cnn"), **params), branches=(
        Branch((Part.of("logmel"),), with_head(find("paper-cnn"), **params).branches[0].head),
    ), title="paper-cnn at 22 kHz")  # fmt: skip


def with_head(recipe: Recipe, **params: Any) -> Recipe:
    """The recipe of one branch with other parameters of its head."""
    (branch,) = recipe.branches
    head = Part.of(branch.head.name, {**branch.head.kwargs, **params})
    return replace(recipe, branches=(replace(branch, head=head),))


# ------------------------------------------------------------------------------------------------- 1: from scratch
def _cnn(
    whole: Dataset, epochs: int, fast: bool, cache: Cache | None, say: Callable[[str], None], missing: list[str]
) -> tuple[Trial, ...]:
    """The CNN under the paper's split of chunks, as run and as written, and as run on whole clips and artists."""
    nine = whole.without([], [c.id for c in whole.clips if c.label == paper.DROPPED])
    found = []
    ran = with_head(find("paper-cnn-as-run"), epochs=epochs, bfloat16=fast)
    written = with_head(find("paper-cnn"), epochs=epochs, bfloat16=fast)
    for recipe in (ran, written):
        data = prepare(nine, [recipe], cache=cache)
        chunks = pieces(data, recipe.backbones[0])
        found.append(_trial(recipe, chunks, "paper", _at_random(len(chunks.labels)), say, watch=recipe is ran))
        if recipe is not ran:
            continue
        for protocol in ("clips", "groups"):
            found += _honest(recipe, chunks, protocol, say, missing)
    return tuple(found)


# ------------------------------------------------------------------------------------------------- 2: frozen
def _frozen(
    dataset: Dataset, epochs: int, fast: bool, cache: Cache | None, say: Callable[[str], None], missing: list[str]
) -> tuple[Trial, ...]:
    """The heads on frozen rows under the paper's split of clips, and on whole artists; YAMNet in VGGish's place."""
    found = []
    for weight in ("vggish", "yamnet"):
        status = weights.status(weight)
        if not status.present:
            missing.append(f"frozen {weight}: its weights are not here. {status.how}")
    ways = [
        ("paper-vggish-as-run", "yamnet(hop=0.96):image(31)", "yamnet/cnn2d"),
        ("paper-vggish", "yamnet(hop=0.96)", STAND_IN),
    ]
    for name, instead, title in ways:
        theirs = find(name)
        ours = replace(Recipe.parse(f"{instead}/{theirs.branches[0].head}"), title=title)
        for recipe, weight in ((theirs, "vggish"), (ours, "yamnet")):
            if not weights.status(weight).present:
                continue
            full = recipe.branches[0].head.name == "cnn2d"
            if full:
                recipe = with_head(recipe, epochs=epochs, bfloat16=fast)
            data = prepare(dataset, [recipe], cache=cache)
            instead_of = "" if weight == "vggish" else name
            drawn = _at_random(len(data.labels))
            found.append(_trial(recipe, data, "paper", drawn, say, watch=full, stands_for=instead_of))
            found += _honest(recipe, data, "groups", say, missing, stands_for=instead_of)
    return tuple(found)


# ------------------------------------------------------------------------------------------------- 3: ladders
def _ladders(
    whole: Dataset, small: Recipe, folds: int, cache: Cache | None, say: Callable[[str], None], missing: list[str]
) -> tuple[Ladder, ...]:
    """The ladder of the CNN of the text and of a frozen recipe, on the same long clips."""
    known = _by_two(whole, "the ladders: the long clips", missing)
    if len(known.classes) < 2:
        missing.append("the ladders: fewer than two genres have long clips by two artists or more")
        return ()
    recipes = [small, _beside()[0]]
    data = prepare(known, recipes, cache=cache)
    rungs = RUNGS if known.has_groups else RUNGS[:2]
    found = []
    for recipe in recipes:
        found.append(ladder(data, recipe, rungs=rungs, folds=folds, seed=paper.SEED))
        rights = ", ".join(f"{r.name} {100 * r.rows.value:.1f}" for r in found[-1].rungs)
        say(f"{recipe.name}, windows right in % by protocol: {rights}")
    return tuple(found)


# ------------------------------------------------------------------------------------------------- 4: the same clips
def _equal(
    dataset: Dataset, small: Recipe, folds: int, cache: Cache | None, say: Callable[[str], None], missing: list[str]
) -> Comparison:
    """The CNN of the text and recipes on frozen rows on the same clips and folds."""
    recipes = [small, *_beside()]
    protocol = "groups" if dataset.has_groups else "clips"
    data = prepare(_by_two(dataset, "the last comparison: the clips", missing), recipes, cache=cache)
    found = compare(data, recipes, protocol=protocol, folds=folds, seed=paper.SEED)
    for one in found.runs:
        say(
            f"{one.recipe.name}, {protocol} kept whole: {100 * one.evaluation.scores['accuracy'].value:.1f} % of clips right"
        )
    return found


def _beside() -> list[Recipe]:
    """Recipes on frozen rows whose weights are here, VGGish first, and hand-made features."""
    wanted = [
        find("paper-vggish"), replace(Recipe.parse("yamnet(hop=0.96)/dense"), title=STAND_IN), find("peer-music"),
        find("joined-music"),
    ]  # fmt: skip
    here = [r for r in wanted if all(weights.status(w).present for w in _weights(r))]
    return [*here, Recipe.parse("mfcc/svm")]


def _weights(recipe: Recipe) -> list[str]:
    needed = (registry.module("backbones", part.name).ABOUT.weights for part in recipe.backbones)
    return [name for name in needed if name]


# ------------------------------------------------------------------------------------------------- one trial
def _trial(
    recipe: Recipe, data: Data, protocol: str, part: Split, say: Callable[[str], None], *, watch: bool = False,
    stands_for: str = "",
) -> Trial:  # fmt: skip
    # Intervals resample whole tracks where the split protects less: nothing smaller can be drawn anew.
    resampled = "groups" if protocol == "groups" else "clips"
    judged = run(recipe, data, protocol=resampled, seed=paper.SEED, splits=(part,), watch=watch)
    unit = "chunk" if " from " in data.dataset.clips[0].id else "clip"
    right = judged.evaluation.scores["accuracy"].value
    say(f"{recipe.name}, split '{protocol}': {100 * right:.1f} % of {len(judged.y):,} {unit}s right")
    return Trial(
        recipe.name, protocol, unit, judged, len(part.train), leak(data.dataset.clips, part, groups=data.dataset.has_groups),
        watch, stands_for,
    )  # fmt: skip


def _honest(
    recipe: Recipe, data: Data, protocol: str, say: Callable[[str], None], missing: list[str], *, stands_for: str = ""
) -> list[Trial]:
    """The trial on whole clips or artists, or none and why in ``missing``."""
    try:
        part = _fifth(data, protocol)
    except DataError as error:
        missing.append(f"{recipe.name} on whole {'artists' if protocol == 'groups' else 'clips'}: {error}")
        return []
    return [_trial(recipe, data, protocol, part, say, stands_for=stands_for)]


def _at_random(count: int) -> Split:
    """The paper's split: 80/20 at random, not stratified, seed 42."""
    from sklearn.model_selection import train_test_split

    train, test = train_test_split(np.arange(count), test_size=0.2, random_state=paper.SEED)
    return Split(train, test)


def _by_two(dataset: Dataset, what: str, missing: list[str]) -> Dataset:
    """Less the genres that cannot be judged by artist, which ``missing`` is told."""
    lone = _lone(dataset) if dataset.has_groups else []
    if lone:
        missing.append(f"{', '.join(lone)} in {what} are all by one artist, so they cannot be judged by artist")
    return dataset.without([], [c.id for c in dataset.clips if c.label in lone])


def _fifth(data: Data, protocol: str) -> Split:
    """One fifth of whole clips or artists, judged by the rest. Raises DataError if that is not to be had."""
    if protocol == "groups":
        if not data.dataset.has_groups:
            raise DataError("artists are not known")
        lone = _lone(data.dataset)
        if lone:
            raise DataError(f"all clips of {', '.join(lone)} that could be used are by one artist")
    names = split.units(data.dataset, protocol, data.digests)
    return split.stratified(data.labels, names, folds=5, seed=paper.SEED)[0]


def _lone(dataset: Dataset) -> list[str]:
    """Genres of which all clips are by one artist."""
    artists: dict[str, set[str]] = {}
    for clip in dataset.clips:
        artists.setdefault(str(clip.label), set()).add(str(clip.group))
    return sorted(label for label, found in artists.items() if len(found) < 2)


def _lengths(dataset: Dataset) -> dict[str, float]:
    found = {}
    for clip in dataset.clips:
        seconds = _seconds(clip)
        if seconds is not None:
            found[clip.id] = seconds
    return found


def _seconds(clip: Clip) -> float | None:
    if clip.duration is not None:
        return clip.duration
    try:
        seconds = probe(clip.path).seconds
    except (AudioError, OSError):
        return None
    return None if seconds is None else seconds - clip.start


def _has_bfloat16() -> bool:
    """Whether the processor multiplies in bfloat16 faster than in float32."""
    import torch

    return bool(torch.cpu.get_capabilities().get("amx_bf16"))


def _few(dataset: Dataset, lengths: Mapping[str, float], each: int = 6) -> Dataset:
    """The longest clips of every genre, ``each`` at most."""
    kept: set[str] = set()
    for label in dataset.classes:
        of = [c.id for c in dataset.clips if c.label == label]
        kept.update(sorted(of, key=lambda i: (-lengths.get(i, 0.0), i))[:each])
    return dataset.without([], [c.id for c in dataset.clips if c.id not in kept])

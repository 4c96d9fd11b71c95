"""From two clips (or groups) a class up everything works, with one sentence on what so little can show; below, one says why."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import earmark as em
from earmark.audits.output import as_json
from earmark.core.errors import DataError
from earmark.data.clips import Dataset
from earmark.data.few import FEW, few_notes
from earmark.label.items import items

RATE = 8000
CLASSES = ("ape", "bat", "cow")
MOST = 24


@dataclass(frozen=True)
class Sounds:
    """Clips enough of each class, and a cache that knows them after the first time."""

    whole: Dataset
    cache: em.Cache

    def of(self, sizes: list[int], groups: str) -> Dataset:
        """That many clips of each class; ``groups``: "" for none, "own 2" for two of each class, "shared 2" for two in all."""
        how, _, number = groups.partition(" ")
        clips = []
        for label, size in zip(CLASSES, sizes, strict=False):
            mine = [c for c in self.whole.clips if c.label == label][:size]
            names = [f"{label * (how == 'own')}{i % int(number)}" if how else None for i in range(size)]
            clips += [replace(c, group=name) for c, name in zip(mine, names, strict=True)]
        return replace(self.whole, clips=tuple(clips))


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Sounds:
    folder = tmp_path_factory.mktemp("few")
    draw, time = np.random.default_rng(0), np.arange(RATE // 4) / RATE
    for c, label in enumerate(CLASSES):
        (folder / "sounds" / label).mkdir(parents=True)
        for i in range(MOST):
            tone = 0.3 * np.sin(2 * np.pi * (200 * (c + 1) + 13 * i) * time) + 0.03 * draw.standard_normal(len(time))
            soundfile.write(folder / "sounds" / label / f"{i:02}.wav", tone, RATE)
    return Sounds(em.load_dataset(folder / "sounds"), em.Cache(folder / "cache"))


def _classifier(data: Dataset, cache: em.Cache) -> tuple[str, ...]:
    groups = data.groups if data.has_groups else None
    made = em.SoundClassifier("mfcc/lda", cache=cache).fit(*_columns(data), groups=groups)
    assert list(made.classes_) == list(data.classes)
    return tuple(made.model_.card.data.notes)


def _folds(data: Dataset, cache: em.Cache) -> None:
    made = em.SoundKFold(2, protocol="groups" if data.has_groups else "clips", cache=cache)
    try:
        splits = list(made.split(*_columns(data), groups=data.groups))
    except DataError as error:  # classes that share groups may want more folds: it says how many
        found = re.search(r"these sounds allow SoundKFold\((\d+)\): take that", str(error))
        if found is None:
            raise
        splits = list(made.set_params(n_splits=int(found[1])).split(*_columns(data), groups=data.groups))
    labels = np.array(_columns(data)[1])
    assert all(set(labels[train]) == set(labels) for train, _ in splits)


def _columns(data: Dataset) -> tuple[list[Path], list[str]]:
    return [c.path for c in data.clips], [str(c.label) for c in data.clips]


LEARNING: dict[str, Callable[[Dataset, em.Cache], Any]] = {
    "compare": lambda data, cache: em.compare(data, ["mfcc/lda", "mfcc/knn"], cache=cache).notes,
    "train": lambda data, cache: em.train(data, "mfcc:mean/logreg", cache=cache).card.data.notes,
    "curve": lambda data, cache: em.curve(data, "mfcc/lda", draws=1, cache=cache).notes,
    "ladder": lambda data, cache: em.ladder(data, "mfcc/lda", rungs=["clips", "groups"], cache=cache).notes,
    "stress": lambda data, cache: em.stress("mfcc/lda", data, changes=["gain(db=-20)"], cache=cache).notes,
    "tune": lambda data, cache: em.tune(data, "mfcc/knn", trials=2, cache=cache).notes,
    "SoundClassifier": _classifier,
    "SoundKFold": _folds,
}
REFUSED = re.compile(
    r"(no rung is possible: )?(1 of \d classes has one (clip|group) only.* leave the class out.*"
    r"|[23] of 3 classes have one (clip|group) only.* leave these classes out.*|2 of 2 classes have one clip only.*"
    r"|every class has one group only.*)",
    re.DOTALL,
)


def _units(sizes: list[int], groups: str) -> list[int]:
    return [min(size, int(groups.split()[1])) if groups else size for size in sizes]


@settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.sampled_from([1, 2, 3, 4, 6, MOST]), min_size=2, max_size=3),
    groups=st.sampled_from(["", "", "own 1", "own 2", "own 3", "shared 2", "shared 3"]),
)
@example(sizes=[2, 2], groups="")
@example(sizes=[2, MOST], groups="")
@example(sizes=[1, MOST, 2], groups="")
@example(sizes=[1, 1], groups="")
@example(sizes=[6, 6], groups="own 2")
@example(sizes=[6, 6, 4], groups="own 1")
@example(sizes=[4, 4, 4], groups="shared 2")
def test_few_clips_are_learnt_from_or_refused_in_one_sentence(sounds: Sounds, sizes: list[int], groups: str) -> None:
    data, units = sounds.of(sizes, groups), _units(sizes, groups)
    for name, run in LEARNING.items():
        # Where a class has one group only, the ladder still has a rung of whole clips.
        least = min(sizes) if name == "ladder" else min(units)
        if least < 2:
            with pytest.raises(DataError) as refused:
                run(data, sounds.cache)
            assert REFUSED.fullmatch(str(refused.value)), (name, str(refused.value))
            assert ("It cannot" in str(refused.value)) <= ("1 of" in str(refused.value))
        else:
            notes = run(data, sounds.cache)
            if notes is not None:
                told = [note for note in notes if note.startswith("Few ")]
                assert len(told) == (min(units) < FEW), (name, notes)


@pytest.mark.parametrize(("sizes", "groups"), [([2, 2], ""), ([1, 1], ""), ([1, 6], ""), ([3, 3], "shared 1")])
def test_few_clips_are_audited_and_reviewed(sounds: Sounds, sizes: list[int], groups: str) -> None:
    data = sounds.of(sizes, groups)
    found = em.audit(data, backbones=["mfcc"], cache=sounds.cache, workers=1)
    assert sum(note.startswith("Few ") for note in found.notes) == 1
    assert {i for item in items(data, as_json(found)) for i in item.clips} <= set(range(len(data.clips)))
    assert len(items(data, None)) == len(data.clips)


@pytest.mark.parametrize("sizes", [[1, 0], [1, 1], [2, 6]])
def test_few_clips_are_evaluated(sounds: Sounds, sizes: list[int]) -> None:
    model = em.train(sounds.of([4, 4], ""), "mfcc/lda", cache=sounds.cache)
    (note,) = (n for n in em.evaluate(model, sounds.of(sizes, "")).notes if n.startswith("Few "))
    assert (", for one clip is all that is known of its class" in note) == (1 in sizes)


def test_what_so_little_can_show() -> None:
    labels, units = np.array(list("aabbbc")), np.array(list("uvwwxz"))
    (note,) = few_notes(labels, units, "groups")
    assert note.startswith(
        "Few groups ('c' 1, 'a' 2 and 'b' 2): so little can show that classes differ, but not how often "
    )
    assert few_notes(np.array(list("ab") * FEW), np.arange(2 * FEW).astype(str), "clips") == ()
    # Ten clips a class are learnt from, and two are evaluated: the two count.
    labels, units = np.array(["a", "b"] * 12), np.arange(24).astype(str)
    (note,) = few_notes(labels, units, "clips", [np.arange(20), np.arange(20, 24)])
    assert "('a' 2 and 'b' 2)" in note
    assert note.endswith("for one clip is 50 % of what is known of its class.")

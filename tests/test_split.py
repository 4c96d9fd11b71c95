"""Protocols: what may not be cut is never cut; what cannot be done is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark import split
from earmark.data import Clip, Dataset
from earmark.errors import DataError, LeakError


def dataset(labels: list[str], groups: list[str | None] | None = None, folds: list[str] | None = None) -> Dataset:
    n = len(labels)
    return Dataset(
        "toy",
        tuple(
            Clip(f"{i}.wav", Path(f"{i}.wav"), labels[i], (groups or [None] * n)[i], (folds or [None] * n)[i])
            for i in range(n)
        ),
    )


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 14)), min_size=30, max_size=80),
    st.integers(2, 5),
    st.integers(0, 3),
    st.sampled_from(["clips", "groups"]),
)
def test_units_stay_whole_and_every_clip_is_judged_once(
    clips: list[tuple[str, int]], folds: int, seed: int, protocol: str
) -> None:
    data = dataset([c for c, _ in clips], [f"g{g}" for _, g in clips])
    digests = [f"d{i // 2 if i < 6 else i}" for i in range(len(clips))]  # three pairs of twins
    try:
        splits = split.clip_splits(data, protocol, folds=folds, seed=seed, digests=digests)
    except DataError:
        return  # some draws cannot be split; which ones is tested below
    units = split.units(data, protocol, digests)
    judged = np.concatenate([s.test for s in splits])
    assert sorted(judged) == list(range(len(clips)))
    for s in splits:
        assert not set(units[s.train]) & set(units[s.test])
        assert not {digests[i] for i in s.train} & {digests[i] for i in s.test}
        assert {data.clips[i].label for i in s.test} <= {data.clips[i].label for i in s.train}


def test_twins_join_groups_transitively() -> None:
    data = dataset(["a"] * 6, ["p", "q", "q", "r", "s", "t"])
    names = split.units(data, "groups", ["1", "1", "2", "2", "3", "4"])  # p=q by 1, q=r by 2
    assert names[0] == names[1] == names[2] == names[3] == "p"
    assert names[4] != names[5]


def test_recordings_join_groups_as_twins_do() -> None:
    data = dataset(["a"] * 5, ["p", "q", "q", "r", "s"])
    heard = [replace(c, recording=r) for c, r in zip(data.clips, ["x", "x", None, None, "y"], strict=True)]
    names = split.units(replace(data, clips=tuple(heard)), "groups", ["1", "2", "3", "3", "4"])
    assert names[0] == names[1] == names[2] == names[3] == "p"  # p=q by the recording, q=r by the samples
    assert names[4] == "s"


def test_parts_of_one_file_stay_together_under_clips() -> None:
    clips = tuple(Clip(f"long.wav#{i}", Path("long.wav"), "ab"[i % 2], start=float(i), duration=1.0) for i in range(4))
    assert len(set(split.units(Dataset("d", clips), "clips"))) == 1


def test_same_seed_same_folds_other_seed_other_folds() -> None:
    data = dataset(list("ab") * 30, [f"g{i // 3}" for i in range(60)])
    first, again, other = (split.clip_splits(data, "groups", seed=s) for s in (1, 1, 2))
    assert all(np.array_equal(a.test, b.test) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a.test, b.test) for a, b in zip(first, other, strict=True))


def test_published_folds_and_splits() -> None:
    five = dataset(list("ab") * 5, folds=[str(i // 2 + 1) for i in range(10)])
    splits = split.published_splits(five)
    assert [s.test.tolist() for s in splits] == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
    once = dataset(list("ab") * 4, folds=["train", "train", "valid", "valid", "test", "test", "removed", "removed"])
    (only,) = split.published_splits(once)
    assert (only.train.tolist(), only.test.tolist()) == ([0, 1], [4, 5])


def test_the_protocol_chosen_by_itself() -> None:
    assert split.choose_protocol(dataset(["a", "b"], folds=["1", "2"])) == "published"
    assert split.choose_protocol(dataset(["a", "b"], ["x", "y"], ["train", "test"])) == "groups"
    assert split.choose_protocol(dataset(["a", "b"])) == "clips"


def test_a_leak_is_an_error() -> None:
    with pytest.raises(LeakError, match="on both sides"):
        split.Split(np.array([0, 1]), np.array([2])).check(np.array(["a", "b", "a"]))


@pytest.mark.parametrize(
    ("labels", "groups", "protocol", "told"),
    [
        ("aabb", [None, "x", "y", "z"], "groups", "needs a group for every clip; 1 of 4 have none"),
        ("aabb", ["x", "x", "y", "z"], "groups", "1 of 2 classes has one group only: 'a' \\(2\\).*--protocol clips"),
        ("aaab", ["w", "x", "y", "z"], "clips", "one clip only, or copies of one: 'b' \\(1\\).*Add clips"),
        ("aaaa", ["w", "x", "y", "z"], "clips", "found the one class 'a'"),
        ("aabb", ["w", "x", "y", "z"], "clips", "5 folds need 5 clips or more; found 4. Use --folds 4"),
        ("aabb", ["w", "x", "y", "z"], "published", "needs folds that came with the data"),
    ],
)
def test_what_cannot_be_judged_is_told(labels: str, groups: list[str | None], protocol: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        split.clip_splits(dataset(list(labels), groups), protocol)


def test_published_folds_that_cannot_be_learnt() -> None:
    with pytest.raises(DataError, match="the fold '2' that came with the data holds all clips of 1 class \\('b'\\)"):
        split.published_splits(dataset(list("aab"), folds=["1", "2", "2"]))
    with pytest.raises(DataError, match="found the one fold '1'"):
        split.published_splits(dataset(list("aab"), folds=["1", "1", "1"]))

"""Protocols: what may not be cut is never cut; what cannot be done is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.cli._options import PROTOCOLS
from earmark.core.errors import DataError, LeakError
from earmark.core.jsonable import plain
from earmark.data import split
from earmark.data.clips import Clip, Dataset
from earmark.data.split import Protocol, groups_of


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
    units = split.groups_of(data, protocol, digests)
    evaluated = np.concatenate([s.test for s in splits])
    assert sorted(evaluated) == list(range(len(clips)))
    for s in splits:
        assert not set(units[s.train]) & set(units[s.test])
        assert not {digests[i] for i in s.train} & {digests[i] for i in s.test}
        assert {data.clips[i].label for i in s.test} <= {data.clips[i].label for i in s.train}


def test_twins_join_groups_transitively() -> None:
    data = dataset(["a"] * 6, ["p", "q", "q", "r", "s", "t"])
    names = split.groups_of(data, "groups", ["1", "1", "2", "2", "3", "4"])  # p=q by 1, q=r by 2
    assert names[0] == names[1] == names[2] == names[3] == "p"
    assert names[4] != names[5]


def test_recordings_join_groups_as_twins_do() -> None:
    data = dataset(["a"] * 5, ["p", "q", "q", "r", "s"])
    heard = [replace(c, recording=r) for c, r in zip(data.clips, ["x", "x", None, None, "y"], strict=True)]
    names = split.groups_of(replace(data, clips=tuple(heard)), "groups", ["1", "2", "3", "3", "4"])
    assert names[0] == names[1] == names[2] == names[3] == "p"  # p=q by the recording, q=r by the samples
    assert names[4] == "s"


def test_parts_of_one_file_stay_together_under_clips() -> None:
    clips = tuple(Clip(f"long.wav#{i}", Path("long.wav"), "ab"[i % 2], start=float(i), duration=1.0) for i in range(4))
    assert len(set(split.groups_of(Dataset("d", clips), "clips"))) == 1


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
        ("aabb", [None, " ", "nan", "None"], "groups", "needs groups; none of the 4 clips has one.*--protocol clips"),
        ("aabb", ["x", "x", "y", "z"], "groups", "1 of 2 classes has one group only: 'a' \\(2\\).*--protocol clips"),
        ("aaab", ["w", "x", "y", "z"], "clips", "one clip only, or copies of one: 'b' \\(1\\).*Add clips"),
        ("aaaa", ["w", "x", "y", "z"], "clips", "found the one class 'a'"),
        ("aabb", ["w", "x", "y", "z"], "published", "needs folds that came with the data; none of the 4 clips"),
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


@pytest.mark.parametrize("each", [2, 3, 4, 5, 7])
@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("folds", [2, 4, 5, 6, 12])
def test_folds_follow_the_data(each: int, classes: int, folds: int) -> None:
    data = dataset([f"{c}" for c in range(classes) for _ in range(each)])
    splits = split.clip_splits(data, "clips", folds=folds)
    assert len(splits) == min(folds, each)
    assert sorted(np.concatenate([s.test for s in splits])) == list(range(classes * each))
    assert all({data.clips[i].label for i in s.train} == set(data.classes) for s in splits)


def test_folds_that_were_found_are_found_again() -> None:
    """A report keeps the number of folds that there were: asked for again, they are the same ones."""
    odd = dataset(list("aabbcc"), ["x", "y", "y", "z", "z", "x"])  # two folds would hold all of some class
    for data in (odd, dataset(list("aaabbbb")), dataset(list("aabbbb"), list("uvwxyz"))):
        splits = split.clip_splits(data, "groups" if data.has_groups else "clips", folds=5)
        again = split.clip_splits(data, "groups" if data.has_groups else "clips", folds=len(splits))
        assert [s.test.tolist() for s in splits] == [s.test.tolist() for s in again]
    assert len(split.clip_splits(odd, "groups", folds=2)) == 3


def test_enough_data_are_split_as_scikit_learn_does() -> None:
    """What was evaluated before this rule is evaluated the same."""
    from sklearn.model_selection import StratifiedGroupKFold

    labels, names = np.array(list("ab") * 30), np.array([f"g{i // 4}" for i in range(60)])
    theirs = list(StratifiedGroupKFold(5, shuffle=True, random_state=3).split(labels, labels, names))
    ours = split.stratified(labels, names, folds=5, seed=3)
    assert all(np.array_equal(a[1], b.test) for a, b in zip(theirs, ours, strict=True))


def test_a_training_side_that_is_searched_keeps_two_of_each_class() -> None:
    data = dataset(list("aaabbb"))
    for part in split.clip_splits(data, "clips", folds=2, least=2):
        assert min(np.unique([data.clips[i].label for i in part.train], return_counts=True)[1]) == 2
    (a, b) = split.clip_splits(dataset(list("aabb")), "clips", folds=2, least=2)  # which cannot be had: as without it
    assert (len(a.train), len(b.train)) == (2, 2)
    assert len(split.clip_splits(dataset(list("aaabbb"), folds=list("112112")), "published", least=2)) == 2


def test_rows_are_split_into_as_many_folds_as_they_allow() -> None:
    assert len(split.window_splits(np.array(list("aaabb")), folds=5)) == 3
    for few in ("ab", "abbbb"):
        with pytest.raises(DataError, match="too few embeddings"):
            split.window_splits(np.array(list(few)), folds=5)


@pytest.mark.parametrize("nothing", [None, "", " ", "nan", "NaN", "None", "null", "NA", "<NA>", "N/A", "\u00a0"])
def test_a_clip_without_a_group_is_a_group_of_its_own(nothing: str | None) -> None:
    data = dataset(["a"] * 4, ["Rex", nothing, nothing, "Rex"])
    names = split.groups_of(data, "groups").tolist()
    assert split.choose_protocol(data) == "groups"
    assert names[0] == names[3] == "Rex"
    assert len(set(names)) == 3
    assert split.groups_of(data, "published").tolist() == names


def test_a_part_of_a_file_without_a_group_stays_with_the_file() -> None:
    clips = [
        Clip(f"long#{i}", Path("long.wav"), "a", g, start=float(i), duration=1.0) for i, g in enumerate(["Rex", None])
    ]
    clips += [Clip("b.wav", Path("b.wav"), "a", "Rex"), Clip("c.wav", Path("c.wav"), "a")]
    names = split.groups_of(Dataset("d", tuple(clips)), "groups").tolist()
    assert names[0] == names[1] == names[2] != names[3]


def test_groups_by_other_spellings_are_one() -> None:
    given = ["Rex  Harrison", " Rex Harrison", "Rex\u00a0Harrison ", "Zo\u00eb", "Zoe\u0308", "3", "3.0", "3.5", "03"]
    names = split.groups_of(dataset(["a"] * 9, given), "groups").tolist()
    assert len(set(names[:3])) == len(set(names[3:5])) == len(set(names[5:7])) == 1
    assert len(set(names)) == 5


@pytest.mark.parametrize("spelt", ["{}", "{}.0", " {} ", "0{}", "{}.00"])
def test_folds_are_known_however_a_spreadsheet_wrote_them(spelt: str) -> None:
    data = dataset(list("ab") * 5, folds=[spelt.format(i // 2 + 1) if i % 3 else str(i // 2 + 1) for i in range(10)])
    assert split.choose_protocol(data) == "published"
    assert [s.test.tolist() for s in split.published_splits(data)] == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]


def test_a_clip_without_a_fold_is_neither_learnt_nor_evaluated() -> None:
    data = dataset(list("ab") * 3, folds=["1", "1", "nan", "1", "2", "2"])
    assert split.choose_protocol(data) == "published"
    assert [(s.train.tolist(), s.test.tolist()) for s in split.published_splits(data)] == [
        ([4, 5], [0, 1, 3]),
        ([0, 1, 3], [4, 5]),
    ]
    assert not split.cut_by_folds(data, data.clips[1:3])


@pytest.mark.parametrize(
    ("groups", "folds", "chosen", "why"),
    [
        ("wxyz", "1212", "published", ""),
        ("wwyy", "1212", "published", ""),  # each class has one group: only the folds can evaluate
        ("wxwx", "1221", "groups", "they put 2 of 2 groups on both sides of a split, e.g. 'w'"),
        ("wxyz", "1111", "groups", "there is the one fold '1' only"),
        ("----", "1---", "clips", "there is the one fold '1' only"),
        ("----", "12--", "clips", "2 of 4 clips have none"),
        ("wxyz", "12t2", "groups", "they are not numbered"),
    ],
)
def test_folds_that_are_not_taken_by_themselves(groups: str, folds: str, chosen: str, why: str) -> None:
    data = dataset(list("aabb"), [None if g == "-" else g for g in groups], [f.replace("-", "") for f in folds])
    assert split.choose_protocol(data) == chosen
    assert split.why_not_published(data).startswith(why)
    assert bool(split.why_not_published(data)) == bool(why)


def test_files_that_folds_cut_are_kept_whole_too() -> None:
    clips = [
        Clip(f"{i}", Path(f"{i // 2}.wav"), "ab"[i // 4], fold=str(i % 2 + 1), start=i % 2, duration=1.0)
        for i in range(8)
    ]
    data = Dataset("d", tuple(clips))
    assert split.choose_protocol(data) == "clips"
    assert "4 of 4 files on both sides" in split.why_not_published(data)


def test_a_recording_that_folds_cut_is_no_group() -> None:
    """Copies are told by themselves; folds that keep all known groups whole stay what is evaluated by."""
    data = dataset(list("aabb"), list("wxyz"), list("1212"))
    clips = tuple(replace(c, recording="r" if c.group in "wx" else None) for c in data.clips)
    assert split.choose_protocol(replace(data, clips=clips)) == "published"


def test_a_protocol_is_one_of_four() -> None:
    assert [str(p) for p in Protocol] == ["windows", "clips", "groups", "published"] == list(PROTOCOLS)
    assert Protocol.of("groups") is Protocol.GROUPS
    assert Protocol.WINDOWS.of_clips is Protocol.CLIPS
    assert Protocol.GROUPS.of_clips is Protocol.GROUPS
    assert type(plain({"protocol": Protocol.CLIPS})["protocol"]) is str


@pytest.mark.parametrize("wrong", ["rows", "group", "", "held out"])
def test_another_protocol_is_refused_everywhere(wrong: str) -> None:
    with pytest.raises(DataError, match="no protocol is called"):
        Protocol.of(wrong)
    with pytest.raises(DataError, match="no protocol is called"):  # it was taken for `clips`
        groups_of(Dataset("d", (Clip("a", Path("a.wav"), "x"),)), wrong)

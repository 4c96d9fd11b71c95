"""What is there is used, or it is told why not: of folders, lists, stores and known data sets, used + excluded = found."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.core.errors import DataError
from earmark.data import found as listing
from earmark.data.clips import Dataset
from earmark.data.load import load_dataset
from earmark.testing._datasets import lay_out


def laid(top: Path, *names: str) -> Path:
    return lay_out(top, dict.fromkeys(names, ""))


def labels(data: Dataset) -> dict[str, str | None]:
    return {c.id: c.label for c in data.clips}


def gone(data: Dataset) -> dict[str, str]:
    return {e.path: e.reason for e in data.excluded}


# ------------------------------------------------------------------------------------------------- links
def test_class_folders_that_are_links_are_followed(tmp_path: Path) -> None:
    laid(tmp_path, "disk/low/a.wav", "disk/low/more/b.wav", "data/high/c.wav", "disk/one.wav")
    (tmp_path / "data" / "low").symlink_to(tmp_path / "disk" / "low")
    (tmp_path / "data" / "high" / "d.wav").symlink_to(tmp_path / "disk" / "one.wav")
    found = load_dataset(tmp_path / "data")
    assert labels(found) == {
        "high/c.wav": "high",
        "high/d.wav": "high",
        "low/a.wav": "low",
        "low/more/b.wav": "low",
    }
    assert (found.excluded, found.notes) == ((), ())


def test_links_in_a_circle_and_to_nothing_are_told(tmp_path: Path) -> None:
    laid(tmp_path, "data/low/a.wav", "data/high/b.wav")
    data = tmp_path / "data"
    (data / "low" / "up").symlink_to(data)
    (data / "low" / "above").symlink_to(tmp_path)
    (data / "again").symlink_to(data / "high")
    (data / "lost").symlink_to(tmp_path / "unmounted")
    (data / "self").symlink_to(data / "self")
    found = load_dataset(data)
    assert labels(found) == {"high/b.wav": "high", "low/a.wav": "low"}
    assert gone(found) == {
        "lost": f"a link to nothing ({tmp_path / 'unmounted'})",
        "self": "unreadable: Too many levels of symbolic links",
    }
    (note,) = found.notes
    assert note.startswith("3 of the folders lead to a folder that is searched under another name")
    assert note.endswith("'again', 'low/above', 'low/up'.")


def test_two_links_to_one_folder_give_each_sound_once(tmp_path: Path) -> None:
    laid(tmp_path, "disk/a.wav", "data/real/b.wav")
    for name in ("one", "two"):
        (tmp_path / "data" / name).symlink_to(tmp_path / "disk")
    found = load_dataset(tmp_path / "data")
    assert labels(found) == {"one/a.wav": "one", "real/b.wav": "real"}
    assert "'two'" in found.notes[0]


# ------------------------------------------------------------------------------------------------- what cannot be listed
def test_a_class_folder_that_cannot_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    laid(tmp_path, "cat/a.wav", "dog/b.wav", "fox/c.wav")
    real = os.scandir

    def scandir(path: Any) -> Any:
        if Path(path).name == "dog":
            raise PermissionError(13, "Permission denied")
        if Path(path).name == "fox":
            raise OSError(112, "Host is down")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    for found in (load_dataset(tmp_path), load_dataset([tmp_path])):
        assert len(found.clips) == 1
        assert {Path(p).name: r for p, r in gone(found).items()} == {
            "dog": "unreadable folder: Permission denied",
            "fox": "unreadable folder: Host is down",
        }


def test_a_folder_that_cannot_be_listed_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refused)
    monkeypatch.setattr(os, "listdir", refused)
    for source in (tmp_path, f"folder:{tmp_path}"):
        with pytest.raises(DataError, match=r"no sounds found \(excluded: .*: unreadable folder: Permission denied\)"):
            load_dataset(source)


def test_folders_without_a_sound_are_told(tmp_path: Path) -> None:
    laid(tmp_path, "cat/a.wav", "dog/b.mpc", "dog/c.MPC", "fox/deep/d.txt", "top.txt")
    (tmp_path / "owl").mkdir()
    (note,) = load_dataset(tmp_path).notes
    assert note == "No sounds lie in 'dog' (it holds .mpc); 'fox' (it holds .txt); 'owl' (it holds nothing)."


# ------------------------------------------------------------------------------------------------- hidden
HIDDEN = ("cat/.a.wav", ".git/b.wav", "dog/.old/c/d.wav", "cat/._x.wav")


def test_hidden_sounds_are_told_and_not_used(tmp_path: Path) -> None:
    found = load_dataset(laid(tmp_path, "cat/a.wav", "dog/b.wav", *HIDDEN))
    assert labels(found) == {"cat/a.wav": "cat", "dog/b.wav": "dog"}
    assert gone(found) == dict.fromkeys([".git/b.wav", "cat/.a.wav", "dog/.old/c/d.wav"], listing.HIDDEN)


def test_a_store_is_read_as_a_folder_is(s3: str, tmp_path: Path) -> None:
    from earmark.core.storage import place

    bucket = s3.replace("?", "/accounts?")
    names = ("train/cat/a.wav", "test/cat/b.wav", "test/dog /c.wav", "train/dog/d.wav", "train/.e.wav", "read.txt")
    laid(tmp_path / "here", *names)
    for name in names:
        (place(bucket) / name).put(tmp_path / "here" / name)
    here, there = load_dataset(tmp_path / "here"), load_dataset(bucket)
    assert labels(here) == labels(there)
    assert here.folds == there.folds
    assert gone(here) == gone(there) == {"train/.e.wav": listing.HIDDEN}
    assert here.notes == there.notes
    assert here.classes == ("cat", "dog")


# ------------------------------------------------------------------------------------------------- splits
@pytest.mark.parametrize(
    "sides", [("train", "test"), ("Train", "Test"), ("training", "val", "eval"), ("fold1", "fold02")]
)
def test_sides_of_a_split_are_no_classes(sides: tuple[str, ...], tmp_path: Path) -> None:
    names = [f"{side}/{label}/{i}.wav" for side in sides for label in ("cat", "dog") for i in range(2)]
    found = load_dataset(laid(tmp_path / "outer", *names))
    assert found.classes == ("cat", "dog")
    assert len(set(found.folds)) == len(sides)
    assert f"{sides[0]!r}" in found.notes[0]
    assert "not as classes" in found.notes[0]
    inner = load_dataset(
        laid(tmp_path / "inner", *("/".join((n.split("/")[1], n.split("/")[0], n.split("/")[2])) for n in names))
    )
    assert inner.classes == ("cat", "dog")
    assert sorted(map(str, inner.folds)) == sorted(map(str, found.folds))


def test_flat_sides_of_a_split_have_no_labels(tmp_path: Path) -> None:
    found = load_dataset(laid(tmp_path, "train/a.wav", "test/b.wav"))
    assert (found.classes, found.folds) == ((), ("test", "train"))
    assert "no sound has a label" in found.notes[0]


@pytest.mark.parametrize(
    "names",
    [
        ("train/1.wav", "bus/2.wav"),  # a train may be heard
        ("train/night/1.wav", "bus/day/2.wav"),
        ("test/1.wav",),
        ("dog/train.wav", "cat/test.wav"),
    ],
)
def test_classes_that_are_called_like_a_side(names: tuple[str, ...], tmp_path: Path) -> None:
    assert set(load_dataset(laid(tmp_path, *names)).classes) == {n.split("/")[0] for n in names}


def test_classes_beside_sides_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'train' and 'test', which hold folders of the same names, beside 'noise'"):
        load_dataset(laid(tmp_path, "train/dog/1.wav", "test/dog/2.wav", "noise/3.wav"))


# ------------------------------------------------------------------------------------------------- known sets
def test_own_sounds_beside_a_known_set_are_told(tmp_path: Path) -> None:
    known = [f"{label}/{label}.{i:05d}.wav" for label in ("blues", "rock") for i in range(3)]
    own = [f"kpop/song{i}.wav" for i in range(3)] + ["blues/blues.99999.wav", "rock/mine.wav", ".old/blues.00007.wav"]
    found = load_dataset(laid(tmp_path, *known, *own))
    assert found.name == "GTZAN"
    assert set(labels(found)) == set(known)
    assert set(gone(found)) == set(own)
    assert f"write folder:{tmp_path}" in found.notes[0]
    whole = load_dataset(f"folder:{tmp_path}")
    assert whole.classes == ("blues", "kpop", "rock")


def test_own_class_beside_esc(tmp_path: Path) -> None:
    found = load_dataset(laid(tmp_path, "001 - Dog/1-10-A.ogg", "002 - Rain/2-11-A.ogg", "011 - Owl/owl.wav"))
    assert (len(found.clips), set(gone(found))) == (2, {"011 - Owl/owl.wav"})


# ------------------------------------------------------------------------------------------------- lists
def test_lists_account_for_repeats_and_empty_folders(tmp_path: Path) -> None:
    laid(tmp_path, "a/1.wav", "a/2.wav", "a/.3.wav", "b/notes.txt")
    found = load_dataset([tmp_path / "a", tmp_path / "a" / "1.wav", tmp_path / "b"])
    assert [c.path.name for c in found.clips] == ["1.wav", "2.wav"]
    assert gone(found) == {f"{tmp_path}/a/.3.wav": listing.HIDDEN, f"{tmp_path}/b": "no sounds in this folder"}
    assert found.notes == ("1 sounds were named more than once; each is used once.",)


# ------------------------------------------------------------------------------------------------- names
def test_folders_whose_names_differ_in_blanks_and_form_are_one_class(tmp_path: Path) -> None:
    found = load_dataset(laid(tmp_path, "Mo\u0308we/1.wav", "M\u00f6we /2.wav", "m\u00f6we/3.wav"))
    assert found.classes == ("M\u00f6we", "m\u00f6we")
    (note,) = found.notes
    assert note.startswith("Some labels differ in case, blanks or forms of letters alone")
    assert "'Möwe' (2) and 'möwe' (1)" in note


def tried(source: Any) -> Dataset | str:
    """The data set, or why it was refused."""
    try:
        return load_dataset(source)
    except DataError as error:
        return str(error)


_STEPS = st.sampled_from(["cat", "dog", "train", "test", ".git", "Fold 1", "val", "x y", "é"])
_FILES = st.sampled_from(["a.wav", "b.FLAC", ".c.ogg", "d.txt", "e", "blues.00001.wav", "1-10-A.wav"])


@settings(max_examples=60, deadline=None)
@given(
    st.sets(
        st.tuples(st.lists(_STEPS, max_size=3), _FILES).map(lambda t: "/".join([*t[0], t[1]])), min_size=1, max_size=12
    )
)
def test_used_and_excluded_are_what_was_found(names: set[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        top = laid(Path(folder), *names)
        sounds = {n for n in names if Path(n).suffix.lower() in (".wav", ".flac", ".ogg")}
        for source in (top, [top]):
            found = tried(source)
            if isinstance(found, str):
                assert "are they classes" in found or "no sounds found" in found
                continue
            used = {c.path.relative_to(top).as_posix() for c in found.clips}
            told = {e.path.removeprefix(f"{top}/") for e in found.excluded} - {str(top)}
            assert used | told == sounds
            assert not used & told

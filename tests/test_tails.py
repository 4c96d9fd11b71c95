"""Names that meet in two places: never by the bare name of a file alone where that fits more than one."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.cli import main
from earmark.core.errors import DataError
from earmark.data.tails import fitted
from earmark.embeddings import ready
from earmark.embeddings.store import open_store
from serving import RATE, tone

pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra 'train')")
CLASSES = ("cat", "dog", "owl")


@pytest.mark.parametrize(
    ("names", "known", "wanted"),
    [
        (["a.wav", "b.wav"], ["b.wav", "a.wav"], [1, 0]),
        (["cat/0.wav", "dog/0.wav"], ["/x/dog/0.wav", "/x/cat/0.wav"], [1, 0]),
        (["/old/cat/0.wav", "/old/dog/0.wav"], ["/new/x/dog/0.wav", "/new/x/cat/0.wav"], [1, 0]),
        (["cat/0.wav"], ["cat/0.flac"], [0]),  # converted
        (["blues.00001", "blues.00002"], ["blues/blues.00002.wav", "blues/blues.00001.wav"], [1, 0]),
        (["a.wav", "a.flac"], ["a.flac", "a.wav"], [1, 0]),  # whole paths come first
        (["c/a.wav#1+2", "c/a.wav#3+2"], ["/d/c/a.wav#3+2", "/d/c/a.wav#1+2"], [1, 0]),
        (["a#1.wav"], ["x/a#1.wav"], [0]),
        (["sub\\a.wav"], ["x/sub/a.wav"], [0]),
    ],
)
def test_what_fits(names: list[str], known: list[str], wanted: list[int]) -> None:
    assert fitted(names, known, "t.csv") == wanted


@pytest.mark.parametrize(
    ("names", "known", "said"),
    [
        (["0.wav"], ["cat/0.wav", "dog/0.wav"], "fits 'cat/0.wav' and 'dog/0.wav' alike"),
        (["cat/0.wav", "dog/0.wav"], ["0.wav"], "fits the clips 'cat/0.wav' and 'dog/0.wav' alike"),
        (["cat/0.wav", "dog/1.wav"], ["dog/0.wav", "cat/1.wav"], "contradict one another"),
        (["a.wav"], ["b.wav"], "found no line for the clip 'a.wav'"),
        (["a.wav"], ["x/a.wav", "y/b.wav", "x/a.wav"], "more than once"),
        (["a.wav#1+2"], ["a.wav"], "found no line"),
        ([""], ["a.wav"], "found no line"),
    ],
)
def test_what_does_not_is_refused(names: list[str], known: list[str], said: str) -> None:
    with pytest.raises(DataError, match=said):
        fitted(names, known, "t.csv")


_PIECE = st.sampled_from(["a", "b", "c", "0", "1", "x.y"])


@settings(deadline=None, max_examples=150)
@given(st.lists(st.lists(_PIECE, min_size=1, max_size=4).map("/".join), min_size=1, max_size=8, unique=True), st.data())
def test_moved_paths_fit_or_are_refused_but_are_never_swapped(paths: list[str], data: st.DataObject) -> None:
    before, after = (data.draw(st.sampled_from(["", "/data", "/mnt/q", "s3://b/k"])) for _ in "ab")
    names = [f"{before}/{p}.wav".lstrip("/") for p in paths]
    order = data.draw(st.permutations(range(len(paths))))
    known = [f"{after}/{paths[i]}.wav" for i in order]
    try:
        found = fitted(names, known, "t.csv")
    except DataError:
        return
    assert [order[at] for at in found] == list(range(len(paths)))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    for k, label in enumerate(CLASSES):
        for i in range(6):
            file = tmp_path / "old" / label / f"00{i}.wav"
            file.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(file, tone(300 * 2**k + 7 * i, 1.0, seed=i), RATE)
    done = CliRunner().invoke(main, ["embed", str(tmp_path / "old"), "-b", "mfcc", "-o", f"{tmp_path / 'windows'}/"])
    assert done.exit_code == 0, done.output
    return tmp_path / "windows"


def _table(path: Path, lines: list[tuple[str, str]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("path", "label"), *lines])
    return path


def test_labels_of_a_table_reach_the_right_embeddings(store: Path, tmp_path: Path) -> None:
    lines = [(f"moved/to/{label}/00{i}.wav", label) for i in range(6) for label in CLASSES]
    folder = open_store(store, _table(tmp_path / "t.csv", lines))
    assert {c.label for c in folder.clips} == set(CLASSES)
    assert all(c.id.startswith(f"{c.label}/") for c in folder.clips)
    bare = _table(tmp_path / "bare.csv", [(f"00{i}.wav", "cat") for i in range(6)])
    done = CliRunner().invoke(
        main, ["train", str(bare), "--embeddings", str(store), "-r", "embeddings/lda", "-o", str(tmp_path / "m")]
    )
    assert done.exit_code == 1
    assert "fits the clips 'cat/000.wav' and 'dog/000.wav' alike" in done.output
    assert not (tmp_path / "m").exists()


def test_names_of_arrays_without_folders_do_too(tmp_path: Path) -> None:
    ids = [f"{label}/{i}" for label in CLASSES for i in range(2)]
    np.savez(tmp_path / "embeddings.npz", X=np.zeros((6, 3), np.float32), ids=ids)
    table = _table(tmp_path / "t.csv", [(f"/d/{label}/{i}.wav", label) for i in range(2) for label in CLASSES])
    told = ready.read(tmp_path / "embeddings.npz").told(table)
    assert [c.label for c in told.dataset.clips] == [i.split("/")[0] for i in ids]


def test_parts_of_a_file_are_told_apart(tmp_path: Path) -> None:
    np.savez(tmp_path / "embeddings.npz", X=np.zeros((2, 3), np.float32), ids=["long.wav#4+1", "long.wav#2+1"])
    table = tmp_path / "t.csv"
    table.write_text("path,start,end,label\nd/long.wav,2,3,b\nd/long.wav,4,5,a\n")
    assert [c.label for c in ready.read(tmp_path / "embeddings.npz").told(table).dataset.clips] == ["a", "b"]

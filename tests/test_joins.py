"""Embeddings and tables: a line speaks of the clip that it names, or an error says which it may be."""

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
from earmark.core.storage import place
from earmark.data.clips import Clip
from earmark.data.joins import join
from earmark.embeddings.ready import read
from earmark.embeddings.store import Folder, open_store
from serving import RATE, tone

CLASSES = ("cat", "dog", "owl")


def joined(clips: list[str], lines: list[str]) -> list[str]:
    return [said["label"] for said in join(clips, [(name, {"label": name}) for name in lines], "t.csv")]


@pytest.mark.parametrize(
    ("clips", "lines"),
    [
        (["cat/0.wav", "dog/0.wav"], ["cat/0.wav", "dog/0.wav"]),
        (["cat/0.wav", "dog/0.wav"], ["/data/cat/0.wav", "/data/dog/0.wav"]),  # begins elsewhere
        (["/old/cat/0.wav", "/old/dog/0.wav"], ["C:\\new\\cat\\0.wav", "C:\\new\\dog\\0.wav"]),
        (["s3://b/in/cat/0.wav", "s3://b/in/dog/0.wav"], ["./cat/0.wav", "more/../dog/0.wav"]),
        (["batch1/a.wav", "batch1/b.wav"], ["sounds/a.wav", "sounds/b.wav"]),  # below one other place
        (["x/blues.0.wav", "x/blues.1.wav", "x/rock.0.wav"], ["blues.0.au", "blues.1", "rock.0"]),  # ending or none
        (["x/a.wav", "x/a.flac"], ["y/x/a.wav", "y/x/a.flac"]),  # the ending tells them apart
        (["0.wav", "cat/0.wav"], ["0.wav", "y/cat/0.wav"]),
        (["in/long.wav#0+1", "in/long.wav#2.5+1"], ["long.wav#0+1", "long.wav#2.5+1"]),
        (["a.wav", "b.wav"], ["b.wav", "a.wav"][::-1]),
        (["cat/0.wav", "dog/0.wav"], ["cat/0.flac", "dog/0.flac"]),  # converted
        (["blues.00001", "blues.00002"], ["blues/blues.00001.wav", "blues/blues.00002.wav"]),
        (["a.wav", "a.flac"], ["a.wav", "a.flac"]),  # whole paths come first
        (["c/a.wav#1+2", "c/a.wav#3+2"], ["/d/c/a.wav#1+2", "/d/c/a.wav#3+2"]),
        (["a#1.wav", "a#2.wav"], ["x/a#1.wav", "x/a#2.wav"]),  # names, not parts
        (["sub\\a.wav", "sub\\b.wav"], ["x/sub/a.wav", "x/sub/b.wav"]),
    ],
)
def test_the_line_of_each_clip(clips: list[str], lines: list[str]) -> None:
    assert joined(clips, lines) == lines
    assert joined(clips[::-1], lines) == lines[::-1]
    assert joined(clips[:1], [*lines[1:], lines[0]]) == lines[:1]


@pytest.mark.parametrize(
    ("clips", "lines", "told"),
    [
        (["0.wav"], ["cat/0.wav", "dog/0.wav"], "the clip '0.wav' may be 'cat/0.wav' or 'dog/0.wav'"),
        (["a/0.wav", "b/0.wav"], ["x/0.wav", "y/0.wav"], "the clip 'a/0.wav' may be 'x/0.wav' or 'y/0.wav'"),
        (["cat/0.wav", "dog/0.wav"], ["0.wav"], "the line '0.wav' may be the clip 'cat/0.wav' or 'dog/0.wav'"),
        (["cat/0.wav", "dog/0.wav"], ["0"], "the line '0' may be the clip 'cat/0.wav' or 'dog/0.wav'"),
        (["x/a.wav"], ["y/a.flac", "z/a.mp3"], "the clip 'x/a.wav' may be 'y/a.flac' or 'z/a.mp3'"),
        # The only 13.wav of the table, but another folder's: the table knows "cat" and has no 13 there.
        (["cat/12.wav", "cat/13.wav"], ["x/cat/12.wav", "x/dog/13.wav"], "found no line for the clip 'cat/13.wav'"),
        (["cat/0.wav", "dog/1.wav"], ["x/dog/0.wav", "x/cat/1.wav"], "found no line for the clip 'cat/0.wav'"),
        (["blues.0.wav"], ["blues.1.wav", "blues"], "found no line for the clip 'blues.0.wav'"),
        (
            ["long.wav#2"],
            ["long.wav#2+1", "long.wav#4+1"],
            "no line for the clip 'long.wav#2'.* there is 'long.wav#2.1'",
        ),
        (["long.wav"], ["long.wav#2+1"], "found no line for the clip 'long.wav'"),
        # What is said of a file need not hold for each part of it.
        (["a.wav#1+2"], ["a.wav"], "found no line for the clip 'a.wav#1.2'.* there is 'a.wav'"),
        (["cat/0.wav", "dog/1.wav"], ["dog/0.wav", "cat/1.wav"], "found no line for the clip 'cat/0.wav'"),
        (["a.wav"], ["b.wav"], "found no line for the clip 'a.wav'"),
        (["a.wav"], ["x/a.wav", "y/b.wav", "z/a.wav"], "the clip 'a.wav' may be 'x/a.wav' or 'z/a.wav'"),
        ([""], ["a.wav"], "found no line for the clip ''"),
        (["batch1/a.wav", "batch2/b.wav"], ["sounds/a.wav", "sounds/b.wav"], "their folders contradict one another"),
        (["cat/0.wav", "dog/1.wav"], ["x/hund/0.wav", "x/katze/1.wav"], "their folders contradict one another"),
        (["cat/0.wav", "dog/1.flac"], ["x/hund/0.wav", "x/katze/1.wav"], "their folders contradict one another"),
    ],
)
def test_what_may_be_two_clips_is_told(clips: list[str], lines: list[str], told: str) -> None:
    with pytest.raises(DataError, match=rf"^t\.csv: .*{told}"):
        joined(clips, lines)


def test_a_table_that_says_two_things_is_told() -> None:
    lines = [("a.wav", {"label": "cat"}), ("./a.wav", {"label": "cat"})]
    assert join(["a.wav"], lines, "t.csv") == [{"label": "cat"}]
    with pytest.raises(DataError, match=r"'\./a\.wav' has the label 'cat' in one line and 'dog' in another"):
        join(["a.wav"], [lines[0], ("./a.wav", {"label": "dog"})], "t.csv")
    with pytest.raises(DataError, match=r"'x/a\.wav' has the label '0' in one line and '2' in another.*more than once"):
        join(["a.wav"], [(n, {"label": str(i)}) for i, n in enumerate(["x/a.wav", "y/b.wav", "x/a.wav"])], "t.csv")


_PIECE = st.sampled_from(["a", "b", "c", "0", "1", "x.y"])


@settings(deadline=None, max_examples=150)
@given(st.lists(st.lists(_PIECE, min_size=1, max_size=4).map("/".join), min_size=1, max_size=8, unique=True), st.data())
def test_moved_paths_fit_or_are_refused_but_are_never_swapped(paths: list[str], data: st.DataObject) -> None:
    before, after = (data.draw(st.sampled_from(["", "/data", "/mnt/q", "s3://b/k"])) for _ in "ab")
    names = [f"{before}/{p}.wav".lstrip("/") for p in paths]
    order = data.draw(st.permutations(range(len(paths))))
    asked = data.draw(st.integers(0, len(paths)))  # the table knows more than is asked, or less
    known = data.draw(st.integers(0, len(paths)))
    try:
        found = joined(names[:asked], [f"{after}/{paths[i]}.wav" for i in order if i < known or known >= asked])
    except DataError:
        return
    assert known >= asked
    assert found == [f"{after}/{path}.wav" for path in paths[:asked]]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra 'train')")
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
    assert "the line '000.wav' may be the clip 'cat/000.wav' or 'dog/000.wav'" in done.output
    assert not (tmp_path / "m").exists()


def test_names_of_arrays_without_folders_do_too(tmp_path: Path) -> None:
    ids = [f"{label}/{i}" for label in CLASSES for i in range(2)]
    np.savez(tmp_path / "embeddings.npz", X=np.zeros((6, 3), np.float32), ids=ids)
    table = _table(tmp_path / "t.csv", [(f"/d/{label}/{i}.wav", label) for i in range(2) for label in CLASSES])
    told = read(tmp_path / "embeddings.npz").told(table)
    assert [c.label for c in told.dataset.clips] == [i.split("/")[0] for i in ids]


def test_parts_of_a_file_are_told_apart(tmp_path: Path) -> None:
    np.savez(tmp_path / "embeddings.npz", X=np.zeros((2, 3), np.float32), ids=["long.wav#4+1", "long.wav#2+1"])
    table = tmp_path / "t.csv"
    table.write_text("path,start,end,label\nd/long.wav,2,3,b\nd/long.wav,4,5,a\n")
    assert [c.label for c in read(tmp_path / "embeddings.npz").told(table).dataset.clips] == ["a", "b"]


COUNTS = {"cat": 14, "dog": 10, "owl": 6}
NAMES = [f"{label}/{i:03}.wav" for label, n in COUNTS.items() for i in range(n)]


def write_table(file: Path, prefix: str, ending: str) -> Path:
    file = file.with_suffix(f".{ending}")
    lines = [(f"{prefix}{name}", name.split("/")[0]) for name in NAMES]
    if ending == "parquet":
        pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra 'train')")
        pytest.importorskip("pyarrow.parquet").write_table(
            pa.table({"path": [p for p, _ in lines], "label": [label for _, label in lines]}), file
        )
        return file
    with file.open("w", newline="") as out:
        csv.writer(out, delimiter={"csv": ",", "tsv": "\t"}[ending]).writerows([("path", "label"), *lines])
    return file


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet"])
@pytest.mark.parametrize("prefix", ["", "sounds/", "/elsewhere/sounds/"])
def test_labels_of_a_table_are_those_of_its_folders(prefix: str, ending: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", X=np.ones((30, 2)), ids=NAMES)
    told = read(tmp_path / "f.npz").told(write_table(tmp_path / "t", prefix, ending))
    assert [c.label for c in told.dataset.clips] == [name.split("/")[0] for name in NAMES]


def test_labels_of_a_store(tmp_path: Path) -> None:
    """The same road: `train TABLE --embeddings FOLDER` asks ``Embedded.told``."""
    clips = tuple(Clip(name, Path(name)) for name in NAMES)
    nothing = np.zeros(30, np.int64)
    folder = Folder(place(tmp_path), {}, clips, nothing, nothing, (), ())
    told = folder.told(write_table(tmp_path / "t", "sounds/", "csv"))
    assert [c.label for c in told.clips] == [name.split("/")[0] for name in NAMES]


@pytest.mark.parametrize("seconds", ["start,duration", "start,end", "Begin Time (s),End Time (s)"])
def test_parts_of_one_file_keep_their_own_labels(seconds: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", X=np.ones((2, 2)), ids=["in/long.wav#0+2", "in/long.wav#2+2"])
    last = (2, 4) if "nd" in seconds else (2, 2)
    (tmp_path / "t.csv").write_text(f"path,{seconds},label\nlong.wav,0,{last[0]},cat\nlong.wav,2,{last[1]},dog\n")
    told = read(tmp_path / "f.npz").told(tmp_path / "t.csv")
    assert [c.label for c in told.dataset.clips] == ["cat", "dog"]


def test_names_of_a_column_that_a_user_names_are_whole(tmp_path: Path) -> None:
    """``start`` and ``duration`` of such a table need not be parts of the file."""
    np.savez(tmp_path / "f.npz", X=np.ones((2, 2)), ids=["cat/0", "dog/0"])
    (tmp_path / "t.csv").write_text("file,kind,duration,by\ncat/0,cat,30,soon\ndog/0,dog,30,\n")
    told = read(tmp_path / "f.npz").told(tmp_path / "t.csv", {"id": "file", "label": "kind"})
    assert [c.label for c in told.dataset.clips] == ["cat", "dog"]


def test_a_note_of_the_table_stays(tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", X=np.ones((1, 2)), ids=["a.wav"])
    (tmp_path / "t.csv").write_text("path,label,stop\na.wav,x,Main Street\n")
    (note,) = read(tmp_path / "f.npz").told(tmp_path / "t.csv").dataset.notes
    assert "'stop' (line 2 says 'Main Street', which is no seconds) was not read" in note

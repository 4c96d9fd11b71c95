"""Seconds in tables of clips, as other programs call them; and what is no table though it looks like a list."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import earmark
from earmark.core.errors import AudioError, DataError
from earmark.models.train import train
from earmark.studies.curve import curve


def opened(folder: Path, text: str) -> Any:
    (folder / "t.csv").write_text(text)
    return earmark.load_dataset(folder / "t.csv")


@pytest.mark.parametrize(
    "columns",
    [
        "start,end",
        "start,stop",
        "start_time,end_time",
        "Start (s),End (s)",
        "Begin Time (s),End Time (s)",
        "onset,offset",
        "begin,end",
        "start_s,end_s",
        "start_sec,stop_sec",
        "start_time,duration_s",
    ],
)
def test_a_clip_ends_where_the_table_says(columns: str, tmp_path: Path) -> None:
    second = 0.25 if "duration" in columns else 1.5
    clips = opened(tmp_path, f"path,label,{columns}\na.wav,x,1.25,{second}\na.wav,x,,\na.wav,x,7,\n").clips
    assert [(c.id, c.start, c.duration) for c in clips] == [
        ("a.wav#1.25+0.25", 1.25, 0.25),
        ("a.wav", 0.0, None),
        ("a.wav#7", 7.0, None),
    ]


def test_an_end_without_a_start_and_sums_of_floats(tmp_path: Path) -> None:
    assert [c.id for c in opened(tmp_path, "path,end\na.wav,2\n").clips] == ["a.wav#0+2"]
    (clip,) = opened(tmp_path, "path,start,end\na.wav,0.1,0.3\n").clips
    assert clip.duration == 0.2


def test_an_end_and_a_duration_that_agree(tmp_path: Path) -> None:
    (clip,) = opened(tmp_path, "path,start,end,duration\na.wav,0.33,1.67,1.33\n").clips
    assert (clip.start, clip.duration) == (0.33, 1.33)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("2,2,", "line 2: the clip ends at 2 s and starts at 2 s; wanted an end after the start"),
        ("2,1,", "ends at 1 s and starts at 2 s"),
        (",0,", "ends at 0 s and starts at 0 s"),
        ("1,3,1", "end is 3 s, but the start 1 s and the duration 1 s make 2 s"),
        ("1,soon,", "end is 'soon'; wanted seconds"),
        ("1,nan,", "end is 'nan'; wanted seconds"),
    ],
)
def test_ends_that_cannot_be(line: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=told):
        opened(tmp_path, f"path,start,end,duration\na.wav,{line}\n")


@pytest.mark.parametrize("column", ["stop", "begin", "onset", "start_time", "End (s)", "duration_s", "stop_time"])
@pytest.mark.parametrize("value", ["Main Street", "12:30:05", "2024-05-01T05:00:00", "-1", "nan"])
def test_a_column_of_another_meaning_is_told_and_left_alone(column: str, value: str, tmp_path: Path) -> None:
    found = opened(tmp_path, f"path,label,{column}\na.wav,x,2\nb.wav,x,\nc.wav,x,{value}\nd.wav,x,other\n")
    assert [(c.id, c.start, c.duration) for c in found.clips] == [(f"{n}.wav", 0.0, None) for n in "abcd"]
    (note,) = found.notes
    assert f"t.csv: {column!r} (line 4 says {value!r}, which is no seconds) was not read" in note


def test_the_others_of_such_a_table_are_read(tmp_path: Path) -> None:
    found = opened(tmp_path, "path,start,end,stop\na.wav,1,2,Main Street\n")
    assert [(c.start, c.duration) for c in found.clips] == [(1, 1)]
    assert len(found.notes) == 1
    found = opened(tmp_path, "path,onset,offset\na.wav,piano,2\n")  # an offset alone may be either
    assert [(c.start, c.duration) for c in found.clips] == [(0, None)]
    assert "'onset' (line 2 says 'piano', which is no seconds), 'offset' were not read" in found.notes[0]


@pytest.mark.parametrize("column", ["start", "end", "duration"])
def test_the_table_s_own_words_are_seconds(column: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"line 3: {column} is 'Main Street'; wanted seconds, 0 or more"):
        opened(tmp_path, f"path,{column}\na.wav,2\nb.wav,Main Street\n")


def test_two_columns_for_one_thing(tmp_path: Path) -> None:
    found = opened(tmp_path, "path,start,start_time,end\na.wav,1,1.0,2\na.wav,,2,3\na.wav,3,,4\n")
    assert [(c.start, c.duration) for c in found.clips] == [(1, 1), (2, 1), (3, 1)]
    with pytest.raises(DataError, match="line 2: end is 2 and stop is 3; wanted one end, or values that agree"):
        opened(tmp_path, "path,end,stop\na.wav,2,3\n")


def test_a_table_in_a_store_of_objects_has_its_notes(tmp_path: Path) -> None:
    pytest.importorskip("fsspec", reason="fsspec is not installed")
    (tmp_path / "t.csv").write_text("path,label,offset\na.wav,x,1\n")
    found = earmark.load_dataset(f"file://{tmp_path}/t.csv")
    assert len(found.clips) == 1
    (note,) = found.notes
    assert note.startswith(f"file://{tmp_path}/t.csv: 'offset' was not read")


def test_a_column_of_time_that_is_not_read_is_told(tmp_path: Path) -> None:
    (note,) = opened(tmp_path, "path,label,offset,end_ms\na.wav,x,1,2000\n").notes
    assert "t.csv: 'offset', 'end_ms' were not read" in note
    (note,) = opened(tmp_path, "path,label,start,weekend,trend,friend\na.wav,x,1,1,2,3\n").notes
    assert note.endswith("t.csv: not read, for they mean nothing here: 'weekend', 'trend', 'friend'.")


def test_clips_of_a_long_file_that_begin_close_together(tmp_path: Path) -> None:
    clips = opened(tmp_path, "path,start,end\na.wav,36000.01,36001.01\na.wav,36000.02,36001.02\na.wav,5,6\n").clips
    assert [c.id for c in clips] == ["a.wav#36000.01+1.0", "a.wav#36000.02+1.0", "a.wav#5+1"]


class DataFrame:
    """What pandas' looks like from outside: gone through, it gives the names of its columns."""

    columns = ("path", "label", "artist")

    def __iter__(self) -> Any:
        return iter(self.columns)

    def to_csv(self, path: str) -> None:
        raise AssertionError("not asked")


def arrow() -> Any:
    return pytest.importorskip("pyarrow").table({"file": ["a.wav"], "label": ["x"]})


WRONG = [
    (DataFrame, r"found a DataFrame.*whose columns cannot be read; wanted a folder, a table"),
    (arrow, r"the Table \(pyarrow\): found the columns file, label; wanted path and label"),
    (lambda: {"path": ["a.wav"], "label": ["x"]}, "found a value of the kind dict; wanted a folder, a table"),
    (lambda: np.zeros((3, 2)), r"found ndarray \(numpy\) with array.* in it"),
    (lambda: np.array(3.0), "found"),
    (lambda: [{"path": "a.wav"}], "found list with {'path': 'a.wav'} .dict. in it"),
    (lambda: [""], "found list with '' .str. in it"),
    (lambda: 5, "found a value of the kind int"),
    (lambda: None, "found None"),
    (lambda: b"clips.csv", "found a value of the kind bytes"),
    (lambda: io.StringIO("path,label\na.wav,x\n"), "found a value of the kind StringIO"),
]


@pytest.mark.parametrize(("make", "told"), WRONG)
@pytest.mark.parametrize("door", ["open", "compare", "train", "train into a folder", "embed", "curve"])
def test_what_is_no_data_set_is_told_in_one_line(make: Any, told: str, door: str, tmp_path: Path) -> None:
    doors: dict[str, Any] = {
        "open": earmark.load_dataset,
        "compare": lambda source: earmark.compare(source, ["mfcc/lda"]),
        "train": lambda source: train(source, "mfcc/lda"),
        "train into a folder": lambda source: train(source, "mfcc/lda", tmp_path / "model"),
        "embed": lambda source: earmark.embed(source, "mfcc"),
        "curve": lambda source: curve(source, "mfcc/lda"),
    }
    source = make()
    if door == "embed" and isinstance(
        source, bytes
    ):  # a sound in memory, which this one is not: told as any other file
        assert [e.reason[:10] for e in earmark.embed(source, "mfcc").excluded.values()] == ["unreadable"]
        return
    if door == "embed" and isinstance(source, np.ndarray) and source.ndim:  # samples, of which no rate is known
        told = "found samples without their rate"
    if door == "embed" and isinstance(source, io.StringIO):
        with pytest.raises(AudioError, match="opened as text; open it with mode 'rb'"):
            earmark.embed(source, "mfcc")
        return
    with pytest.raises(DataError, match=told) as error:
        doors[door](source)
    assert "\n" not in str(error.value)


def test_lists_of_files_are_still_taken() -> None:
    for source in (
        ["a.wav", Path("b.wav")],
        ("a.wav", "b.wav"),
        iter(["a.wav", "b.wav"]),
        np.array(["a.wav", "b.wav"]),
    ):
        assert [c.id for c in earmark.load_dataset(source).clips] == ["a.wav", "b.wav"]


def test_a_list_of_files_is_embedded(sounds: Path) -> None:
    files = sorted(sounds.rglob("*.wav"))[:2]
    assert earmark.embed([str(f) for f in files], "mfcc").ids == tuple(map(str, files))
    assert earmark.embed((f for f in files), "mfcc").ids == tuple(map(str, files))

"""Data sets: a contract for every file in datasets/, and what each of them knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import earmark
from earmark.core import plugins
from earmark.core.errors import DataError
from earmark.data.clips import Clip, Dataset, Excluded
from earmark.data.layouts import gtzan
from earmark.data.load import load_dataset
from earmark.testing import _datasets as contract
from earmark.testing._datasets import lay_out


@pytest.mark.parametrize("name", plugins.names("datasets"))
@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
def test_contract(name: str, check: Callable[..., None], tmp_path: Path) -> None:
    check(contract.Case(plugins.module("datasets", name), name), tmp_path)


def test_folder(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        {
            "cat/a.wav": "",
            "cat/more/b.FLAC": "",
            "dog/c.ogg": "",
            "loose.wav": "",
            "dog/notes.txt": "x",
            ".hidden.wav": "",
        },
    )
    found = {c.id: c.label for c in load_dataset(tmp_path).clips}
    assert found == {"cat/a.wav": "cat", "cat/more/b.FLAC": "cat", "dog/c.ogg": "dog", "loose.wav": None}


def test_a_table_in_the_folder_is_not_passed_over_in_silence(tmp_path: Path) -> None:
    lay_out(tmp_path, {"cat/a.wav": "", "dog/c.ogg": ""})
    assert load_dataset(tmp_path).notes == ()
    (tmp_path / "clips.csv").write_text("path,label,group\ncat/a.wav,cat,ann\n")
    (note,) = load_dataset(tmp_path).notes
    assert note.startswith(f"{tmp_path / 'clips.csv'} was not read")
    assert load_dataset(tmp_path / "clips.csv").notes == ()


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet"])
def test_table(tmp_path: Path, ending: str) -> None:
    embeddings = [
        {"path": "a.wav", "label": "01", "group": "x", "split": "train", "start": "", "duration": ""},
        {"path": "a.wav", "label": "01", "group": "x", "split": "test", "start": "1.5", "duration": "2"},
        {"path": "sub/ü, ö.wav", "label": "b", "group": "", "split": "test", "start": "", "duration": ""},
    ]
    file = tmp_path / f"birds.{ending}"
    if ending == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(embeddings), file)
    else:
        import csv

        with file.open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, embeddings[0].keys(), delimiter="\t" if ending == "tsv" else ",")
            writer.writeheader()
            writer.writerows(embeddings)
    dataset = load_dataset(file)
    assert dataset.name == "birds"
    assert [(c.id, c.label, c.group, c.fold, c.start, c.duration) for c in dataset.clips] == [
        ("a.wav", "01", "x", "train", 0.0, None),
        ("a.wav#1.5+2", "01", "x", "test", 1.5, 2.0),
        ("sub/ü, ö.wav", "b", None, "test", 0.0, None),
    ]
    assert dataset.clips[2].path == tmp_path / "sub/ü, ö.wav"


def test_table_with_semicolons_and_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("\ufeffpath;label\na.wav;dog, big\n", encoding="utf-8")
    assert load_dataset(tmp_path / "x.csv").clips[0].label == "dog, big"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("file,label\na.wav,x\n", "found the columns file, label; wanted path and label"),
        ("path,label\n,x\n", "line 2: the path is empty"),
        ("path,label,start\na.wav,x,soon\n", "line 2: start is 'soon'; wanted seconds"),
        ("path,label,duration\na.wav,x,-1\n", "line 2: duration is '-1'"),
        ("path,label,duration\na.wav,x,0\n", "the duration is 0"),
        ("path,label,start\na.wav,x,nan\n", "start is 'nan'"),
        (
            "path,label\na.wav,x\na.wav,y\n",
            "'a.wav' is listed more than once, in lines 2 and 3 with the labels 'x' and 'y'",
        ),
        ("path,label\na.wav,x\nb/../a.wav,x\n", "listed more than once, in lines 2 and 3. Each"),
        ("", "found the columns none"),
        ("path,label\n", "no sounds found"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(DataError, match=told):
        load_dataset(tmp_path / "x.csv")


def test_other_things_that_are_no_data_set(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"path,label\n\xff\xfe\xfa,x\n")
    (tmp_path / "x.json").write_text("{}")
    (tmp_path / "x.parquet").write_text("no parquet")
    (tmp_path / "empty").mkdir()
    for source, told in [
        ("x.csv", "not a readable table"),
        ("x.json", "wanted a table"),
        ("x.parquet", "not a readable Parquet file"),
        ("nowhere", "there is nothing at"),
        ("empty", "no sounds found"),
    ]:
        with pytest.raises(DataError, match=told):
            load_dataset(tmp_path / source)


def test_gtzan_facts() -> None:
    facts = gtzan.facts()
    assert len(facts) == 1000
    splits = [split for _, split, _ in facts.values()]
    assert {s: splits.count(s) for s in ("train", "valid", "test", "removed")} == {
        "train": 443,
        "valid": 197,
        "test": 290,
        "removed": 70,
    }
    assert facts["metal.00058"][2] == "rock.00016"
    twins = {name: twin for name, (_, _, twin) in facts.items() if twin}
    assert len(twins) == 28
    assert all(twins[twin] == name for name, twin in twins.items())


def test_gtzan_twins_share_a_group(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        {"metal/metal.00058.wav": "", "rock/rock.00016.wav": "", "jazz/jazz.00054.wav": "", "jazz/mine.wav": ""},
    )
    group = {c.path.stem: c.group for c in load_dataset(tmp_path).clips}
    assert group.keys() == {"metal.00058", "rock.00016", "jazz.00054"}
    assert group["metal.00058"] == group["rock.00016"]
    assert group["jazz.00054"] == "unknown artist of jazz.00054"


def test_real_data_sets(shared: Path) -> None:
    esc = load_dataset(shared / "data" / "esc10")
    assert (esc.name, len(esc.clips), len(esc.classes)) == ("ESC-10", 400, 10)
    assert sorted({str(c.fold) for c in esc.clips}) == ["1", "2", "3", "4", "5"]
    table = load_dataset(shared / "data" / "gtzan" / "clips.csv")
    assert (table.name, len(table.clips), len({c.group for c in table.clips})) == ("gtzan", 490, 183)


def test_nothing_is_dropped_in_silence() -> None:
    clips = tuple(Clip(f"{i}.wav", Path(f"{i}.wav"), "x") for i in range(3))
    left = Dataset("d", clips).without([Excluded("1.wav", "silent")], ["1.wav"])
    assert [c.id for c in left.clips] == ["0.wav", "2.wav"]
    assert left.excluded == (Excluded("1.wav", "silent"),)


def test_an_end_is_understood(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    for head in ("start,end", "start_time,end_time"):
        table.write_text(f"path,{head},label\na.wav,1,3.5,x\na.wav,,2,x\na.wav,4,,z\n")
        assert [(c.start, c.duration) for c in load_dataset(table).clips] == [(1, 2.5), (0, 2), (4, None)]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a.wav,2,2,,x", "line 2: the clip ends at 2 s and starts at 2 s; wanted an end after the start"),
        ("a.wav,2,1,,x", "ends at 1 s and starts at 2 s; wanted an end after the start"),
        ("a.wav,1,3,1,x", "end is 3 s, but the start 1 s and the duration 1 s make 2 s"),
        ("a.wav,1,soon,,x", "end is 'soon'"),
    ],
)
def test_ends_that_cannot_be(tmp_path: Path, line: str, said: str) -> None:
    table = tmp_path / "t.csv"
    table.write_text(f"path,start,end,duration,label\n{line}\n")
    with pytest.raises(DataError, match=said):
        load_dataset(table)


def test_times_of_another_name_are_read_or_told(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("path,onset,offset,label\na.wav,1,2.5,x\n")
    (clip,) = load_dataset(table).clips
    assert (clip.start, clip.duration) == (1, 1.5)
    table.write_text("path,offset,label\na.wav,2,x\n")
    (note,) = load_dataset(table).notes
    assert "'offset' was not read. Seconds of a clip are read from the columns start, and end or duration" in note


class _Frame:
    """What a DataFrame looks like: it gives its columns' names when it is gone through."""

    columns = ("path", "label", "artist")

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def to_csv(self) -> None: ...


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (_Frame(), r"found a _Frame \(test_datasets\) whose columns cannot be read; wanted a folder"),
        ({"path": ["a.wav"]}, "of the kind dict"),
        (np.zeros(3), "found ndarray"),
        (7, "of the kind int"),
        (None, "found None; wanted a folder"),
        (b"a.wav", "of the kind bytes"),
    ],
)
def test_what_is_no_list_of_paths(source: Any, said: str) -> None:
    for use in (load_dataset, lambda s: earmark.compare(s, ["mfcc/lda"]), lambda s: earmark.train(s, "mfcc/lda")):
        with pytest.raises(DataError, match=said):
            use(source)

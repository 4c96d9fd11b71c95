"""Annotations of other programs: each format reads as its own program means it, or is refused with its line."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

import earmark
from earmark.data import annotation_formats as formats
from earmark.data.annotation_formats._content import seconds
from earmark.data.annotations import Annotation
from earmark.errors import DataError

SHARED = Path(__file__).parents[2] / "shared" / "data" / "events"
HEAD = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)"
Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(name: str, text: str) -> Path:
        (tmp_path / name).write_text(text, "utf-8")
        return tmp_path / name

    return written


def plain(found: list[Annotation]) -> list[tuple[object, ...]]:
    return [(a.path, a.start, a.end, a.label, a.low, a.high) for a in found]


# ------------------------------------------------------------------------------------------------- Raven
def test_a_selection_of_several_views_and_channels_is_one(write: Write) -> None:
    lines = [
        "1\tWaveform 1\t1\t1\t2\t0\t8000\t",
        "1\tSpectrogram 1\t1\t1\t2\t500\t900\towl",
        "1\tSpectrogram 2\t2\t1\t2\t500\t900\towl",
        "2\tSpectrogram 1\t1\t1\t2\t500\t900\towl",
    ]
    path = write("a.Table.1.selections.txt", "\n".join([f"{HEAD}\tSpecies", *lines]))
    assert plain(earmark.load_annotations(path)) == [("a", 1, 2, "owl", 500, 900)] * 2


def test_raven_times_of_several_files(write: Write) -> None:
    head = f"{HEAD}\tBegin File\tSpecies"
    run_on = "1\tS 1\t1\t5\t6\t1\t2\ta.wav\towl\n2\tS 1\t1\t65\t66\t1\t2\tb.wav\towl"
    with pytest.raises(DataError, match=r"run on through all of them; wanted the column 'File Offset \(s\)'"):
        earmark.load_annotations(write("t.txt", f"{head}\n{run_on}"))
    own = run_on.replace("65\t66", "1\t2")
    assert [a.start for a in earmark.load_annotations(write("u.txt", f"{head}\n{own}"))] == [5, 1]


def test_raven_delta_time_and_labels_of_the_annotators_own_column(write: Write) -> None:
    path = write(
        "a.txt", "Selection\tBegin Time (s)\tDelta Time (s)\tPeak Freq (Hz)\tDialect\n1\t2,5\t0,5\t900\tnorth\n"
    )
    assert plain(earmark.load_annotations(path)) == [("a", 2.5, 3, "north", None, None)]
    path = write("b.txt", "Selection\tBegin Time (s)\tEnd Time (s)\n1\t2\t3\n")
    assert plain(earmark.load_annotations(path)) == [("b", 2, 3, "", None, None)]
    assert any("no column of labels" in note for note in formats.read(path).notes)


@pytest.mark.parametrize("columns", ["Species\tCall Type", "Annotation\tSpecies", "Tag\tCode"])
def test_two_columns_that_could_hold_the_label(write: Write, columns: str) -> None:
    one, two = columns.split("\t")
    path = write("a.txt", f"{HEAD}\t{columns}\n1\tS\t1\t1\t2\t1\t2\towl\thoot\n")
    with pytest.raises(DataError, match=f"'{one}' and '{two}' could each hold the label.*--label-column"):
        earmark.load_annotations(path)
    assert [a.label for a in earmark.load_annotations(path, label_column=two)] == ["hoot"]
    with pytest.raises(DataError, match="no column 'Sex' to take labels from; there is"):
        earmark.load_annotations(path, label_column="Sex")
    empty = write("b.txt", f"{HEAD}\t{columns}\n1\tS\t1\t1\t2\t1\t2\towl\t\n")
    assert [a.label for a in earmark.load_annotations(empty)] == ["owl"]


# ------------------------------------------------------------------------------------------------- Audacity, RTTM
def test_audacity(write: Write) -> None:
    path = write("a_labels.txt", "1.5\t2\trobin; wren\n\\\t-1\t4000\n3\t3\n7\tAudacity 1\n")
    assert plain(earmark.load_annotations(path)) == [
        ("a", 1.5, 2, "robin", None, 4000),
        ("a", 1.5, 2, "wren", None, 4000),
        ("a", 3, 3, "", None, None),
        ("a", 7, 7, "Audacity 1", None, None),
    ]
    assert formats.read(write("b.txt", "")).empty[0].path == "b"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.txt", "1\t2\tx\n5\t4\ty\n", "line 2: the end is 4, before the start at 5 s"),
        ("a.txt", "\\\t1\t2\n", "no annotations that are known"),
        ("a.txt", "1\t2\tx\n\\\t9\t2\n", "line 2: the band is from 9 to 2 Hz"),
        ("a.rttm", "SPEAKER a 1 0.5 <NA> <NA> <NA> x <NA>\n", "line 1: the length is '<NA>'"),
        ("a.rttm", "SPEAKER a 1 0.5 1\n", "line 1: found 5 fields"),
        ("a.rttm", "SPEAKER a 1 0.5 -1 <NA> <NA> x\n", "the length -1"),
        ("a.csv", "path,start,end,label\na.wav,2,1,x\n", "line 2: end is 1, before the start at 2 s"),
        ("a.csv", "path,start,end,label\na.wav,2,,x\n", "line 2: end is empty"),
        ("a.csv", "path,start,end,label\n,1,2,x\nb,1,2,x\n", "line 2: path is empty"),
        ("a.csv", "path,start,end,label\na.wav,,,x\n", "line 2: found the label 'x' without times"),
        ("a.csv", "path,start,end,label\na.wav,1:61,2:00,x\n", "less than 60 seconds"),
        ("a.csv", "path,start,end,label\na.wav,-1,2,x\n", "line 2: start is '-1'; wanted 0 or more"),
        ("a.csv", "path,start,end,label\na.wav,one,2,x\n", "line 2: start is 'one'"),
        ("a.csv", "path,start,end,label,low,high\na.wav,1,2,x,9,8\n", "line 2: high is 8 and low 9"),
        ("a.csv", "path,start_sample,end_sample,label\na.wav,1,2,x\n", "their rate is not known"),
        ("a.csv", "path,start_frame,end_frame,label\na.wav,1,2,x\n", "how long one is is not known"),
        ("a.csv", "path,label\na.wav,x\n", "wanted annotations: path, start, end and label"),
        ("a.csv", "path,start,end,label,group\na.wav,1,2,x,g\na.wav,2,3,x,h\n", "has the groups 'g' and 'h'"),
        ("a.csv", "path,start,end,label,score\na.wav,1,2,x,.5\n", "'score' says that the labels are predictions"),
        ("a.jams", "{}", "not a readable JAMS file"),
        ("a.TextGrid", 'File type = "ooTextFile"\nObject class = "TextGrid"\n0 1 <exists> 2\n', "breaks off"),
        ("a.json", '{"data": {"collection_type": "x", "recordings": 3}}', "not a readable AOEF file"),
        ("a.txt", "Dear diary\n", "no annotations that are known here"),
        ("a.wav", "", "found a sound"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_surely_is_refused(write: Write, name: str, text: str, told: str) -> None:
    with pytest.raises(DataError, match=told.replace("(", r"\(")):
        earmark.load_annotations(write(name, text))


# ------------------------------------------------------------------------------------------------- tables
def test_columns_of_other_programs(write: Write) -> None:
    for text in (
        "path,start,end,label\na.wav,1.5,2,x\n",
        "Filename;Onset (ms);Offset (ms);Event Label\na.wav;1500;2000;x\n",
        "audio_file\tbegin_time\tduration\tclass_name\na.wav\t1.5\t.5\tx\n",
        "file,start,end,sample_rate,label\na.wav,0:01.5,0:02,8000,x\n",
        "file,onset_sample,offset_sample,sample_rate,label\na.wav,12000,16000,8000,x\n",
        "recording,start,end,label,low,high,by,when\na.wav,1.5,2,x,,,,\n",
        "label,onset_s,offset_s,onset_sample,offset_sample,notated_path\nx,1.5,2.0,,,a.wav\n",
    ):
        assert plain(earmark.load_annotations(write("t.csv", text))) == [("a.wav", 1.5, 2, "x", None, None)]


def test_frequencies_in_kilohertz_and_names(write: Write) -> None:
    path = write("t.csv", "path,start,end,label,low (kHz),high (kHz),by\na.wav,1,2,x,1.5,2,Ada\n")
    (found,) = earmark.load_annotations(path)
    assert (found.low, found.high, found.by) == (1500, 2000, "Ada")


def test_what_kaleidoscope_heard_itself_is_a_prediction(write: Write) -> None:
    path = write("id.csv", "FOLDER,IN FILE,OFFSET,DURATION,AUTO ID*\nP,a.wav,0.5,1,PIPPIP\n")
    with pytest.raises(DataError, match=r"column 'AUTO ID\*' says that the labels are predictions"):
        earmark.load_annotations(path)
    assert plain(earmark.load_annotations(path, pseudo_labels=True)) == [("P/a.wav", 0.5, 1.5, "PIPPIP", None, None)]


def test_names_that_end_like_units_and_old_ends_of_lines(write: Write) -> None:
    path = write("t.csv", "path,start,end,label,freq_min,freq_max\ra.wav,1,2,x,100,200\r")
    assert plain(earmark.load_annotations(path)) == [("a.wav", 1, 2, "x", 100, 200)]


def test_predictions_are_read_when_asked_for(write: Write) -> None:
    text = "Start (s),End (s),Scientific name,Common name,Confidence,File\n0,3,Turdus merula,Blackbird,0.8,r.wav\n"
    path = write("r.BirdNET.results.csv", text)
    with pytest.raises(DataError, match="pseudo"):
        earmark.load_annotations(path)
    assert [a.label for a in earmark.load_annotations(path, pseudo_labels=True)] == ["Blackbird"]
    sure = write("s.csv", "path,start,end,label,confidence\na.wav,1,2,x,high\n")  # of a human
    assert [a.label for a in earmark.load_annotations(sure)] == ["x"]


def test_label_maps(write: Write) -> None:
    path = write("t.csv", "path,start,end,label\na.wav,1,2,TAOW\na.wav,3,4,noise\na.wav,5,6,x\n")
    for known in ({"TAOW": "tawny", "noise": ""}, write("map.csv", "old,new\nTAOW,tawny\nnoise,\n")):
        assert [a.label for a in earmark.load_annotations(path, labels=known)] == ["tawny", "x"]


def test_parquet(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"path": ["a.wav"], "start": [1.5], "end": [2.0], "label": ["x"]}), tmp_path / "t.parquet")
    assert plain(earmark.load_annotations(tmp_path)) == [("a.wav", 1.5, 2, "x", None, None)]


# ------------------------------------------------------------------------------------------------- JSON, TextGrid
def test_jams_of_several_namespaces_is_asked(write: Write) -> None:
    held = [
        {"namespace": "chord", "data": [{"time": 0, "duration": 2, "value": "C:maj", "confidence": None}]},
        {"namespace": "segment_open", "data": {"time": [1], "duration": [1.5], "value": ["verse"]}},
    ]
    path = write("a.jams", json.dumps({"annotations": held, "file_metadata": {}}))
    with pytest.raises(DataError, match="'chord' and 'segment_open' could each hold the label"):
        earmark.load_annotations(path)
    assert plain(earmark.load_annotations(path, label_column="segment_open")) == [("a", 1, 2.5, "verse", None, None)]


LONG = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 3\ntiers? <exists>\nsize = {n}\nitem []:\n{tiers}'
TIER = """    item [{i}]:
        class = "IntervalTier"
        name = "{name}"
        xmin = 0
        xmax = 3
        intervals: size = 2
        intervals [1]:
            xmin = 0
            xmax = 1.5
            text = ""
        intervals [2]:
            xmin = 1.5
            xmax = 3
            text = "say ""hi"" 2"
"""
SHORT = '"ooTextFile"\n"TextGrid"\n0\n3\n<exists>\n1\n"TextTier"\n"clicks"\n0\n3\n1\n1.25\n"click"\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_textgrids(tmp_path: Path, encoding: str) -> None:
    one, two = (LONG.format(n=n, tiers="".join(TIER.format(i=i, name="ab"[i]) for i in range(n))) for n in (1, 2))
    path = tmp_path / "a.TextGrid"
    path.write_text(one, encoding)
    assert plain(earmark.load_annotations(path)) == [("a", 1.5, 3, 'say "hi" 2', None, None)]
    path.write_text(two, encoding)
    with pytest.raises(DataError, match="'a' and 'b' could each hold the label; wanted one tier"):
        earmark.load_annotations(path)
    assert len(earmark.load_annotations(path, label_column="b")) == 1
    path.write_text(SHORT, encoding)
    assert plain(earmark.load_annotations(path)) == [("a", 1.25, 1.25, "click", None, None)]


# ------------------------------------------------------------------------------------------------- folders
def test_a_folder_of_files_and_what_it_holds_besides(write: Write, tmp_path: Path) -> None:
    (tmp_path / "night").mkdir()
    soundfile.write(tmp_path / "night" / "a.WAV", np.zeros(8000), 8000, format="WAV")
    write("night/a.selections.txt", f"{HEAD}\tSpecies\n1\tS\t1\t0.2\t0.4\t1\t2\towl\n")
    write("night/t.csv", "path,start,end,label\nb.wav,1,2,x\n")
    write("readme.txt", "Hello\n")
    found = formats.read(tmp_path)
    assert [(a.path, a.label) for a in found.annotations] == [("night/a.WAV", "owl"), ("night/b.wav", "x")]
    assert [e.path for e in found.excluded] == ["readme.txt"]
    write("night/a.selections.txt", f"{HEAD}\tSpecies\n1\tS\t1\t1.2\t1.4\t1\t2\towl\n")
    with pytest.raises(
        DataError, match=r"line 2: the event from 1.2 to 1.4 s lies past the end of a.WAV, which lasts 1 s"
    ):
        earmark.load_annotations(tmp_path)


times = st.floats(0, 1e5, allow_nan=False).map(lambda t: round(t, 6))
labels = st.text(st.characters(blacklist_categories=("C", "Z"), blacklist_characters=';|"\\'), min_size=1, max_size=8)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(times, times, labels.filter(lambda t: t.casefold() not in ("nan", "none", "null", "<na>", "n/a", "nat"))), min_size=1, max_size=6))  # fmt: skip
def test_audacity_and_csv_say_the_same(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[float, float, str]]
) -> None:
    folder = tmp_path_factory.mktemp("same")
    events = [(min(a, b), max(a, b), text) for a, b, text in events]
    (folder / "a.txt").write_text("".join(f"{a}\t{b}\t{t}\n" for a, b, t in events), "utf-8")
    (folder / "b.tsv").write_text(
        "path\tstart\tend\tlabel\n" + "".join(f"a\t{a}\t{b}\t{t}\n" for a, b, t in events), "utf-8"
    )
    one, two = (earmark.load_annotations(folder / name) for name in ("a.txt", "b.tsv"))
    assert one == two
    assert all(math.isclose(a.end, b) for a, (_, b, _) in zip(one, events, strict=True))


@pytest.mark.parametrize(("text", "value"), [("1:02", 62), ("1:00:03.5", 3603.5), ("0:07,5", 7.5), ("12,48", 12.48)])
def test_clocks(text: str, value: float) -> None:
    assert seconds(text, "here") == value


@pytest.mark.skipif(not SHARED.is_dir(), reason="no real tables")
def test_real_tables() -> None:
    found = formats.read(SHARED / "formats" / "raven-powdermill")
    assert (len(found.annotations), len({a.label for a in found.annotations}), len(found.empty)) == (6125, 25, 1)


def test_what_soundevent_writes() -> None:
    """Every geometry is what encloses it."""
    found = earmark.load_annotations(Path(__file__).parent / "golden" / "annotations" / "set.json")
    assert {a.path for a in found} == {"/field/a/rec.wav"}
    assert [(a.start, a.end, a.label, a.low, a.high) for a in found] == [
        (1, 2, "Myotis", 500, 900),
        (2, 3, "Myotis", None, None),
        (2, 3, "Nyctalus", None, None),
        (4, 4, "Myotis", None, None),
        (5, 5, "Myotis", 100, 100),
        (5, 6, "Myotis", 100, 200),
        (7, 8, "Myotis", 50, 300),
        (8, 8.5, "Myotis", 100, 200),
        (8, 9.1, "Myotis", 1, 4),
        (7, 9, "Myotis", 50, 400),
    ]
    guessed = Path(__file__).parent / "golden" / "annotations" / "predictions.json"
    with pytest.raises(DataError, match="predictions of a model"):
        earmark.load_annotations(guessed)
    assert [a.label for a in earmark.load_annotations(guessed, pseudo_labels=True)] == ["Myotis"]

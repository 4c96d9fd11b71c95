"""Recordings with annotations through the door: whose each annotation is, what was looked at, which belong together."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

import earmark
from earmark.cli import main
from earmark.data.annotations import Annotation, Span
from earmark.data.clips import Dataset
from earmark.data.overlap import targets_of
from earmark.data.targets import Task
from earmark.data.windows import Windows
from earmark.errors import DataError

SELECTIONS = (
    "Selection\tView\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tSpecies\n1\tS\t0.1\t0.3\t1\t2\towl\n"
)


def record(path: Path, seconds: float = 1.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.sin(np.arange(int(8000 * seconds)) / 5) * 0.1, 8000)
    return path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("one/7.wav", "two/7.wav", "two/8.wav"):
        record(tmp_path / "field" / name)
    return tmp_path


def opened(*given: object, **how: object) -> Dataset:
    found = earmark.load_dataset(*given, **how)  # type: ignore[arg-type]
    assert isinstance(found, Dataset)
    return found


# ------------------------------------------------------------------------------------------------- whose
def test_paths_fit_by_the_longest_end_that_is_unique(place: Path) -> None:
    table = place / "t.csv"
    table.write_text(
        "path,start,end,label,group\n/x/one/7.flac,0,.5,a,g\ntwo/7,0,.5,b,g\n8.wav,.2,.3,c,h\nzoo/9.wav,0,1,d,h\n"
    )
    found = opened(place / "field", table)
    assert [(a.path, a.label) for a in found.annotations] == [
        ("one/7.wav", "a"),
        ("two/7.wav", "b"),
        ("two/8.wav", "c"),
    ]
    assert found.groups == ("g", "g", "h")
    assert (found.task, found.classes, found.annotated) == (Task.MULTI, ("a", "b", "c"), None)
    assert [e.path for e in found.excluded] == ["zoo/9.wav"]  # used + excluded = found
    assert any("1 recording are annotated" in note for note in found.notes)
    table.write_text("path,start,end,label\n7.wav,0,.5,a\n")
    with pytest.raises(DataError, match=r"may be the clip 'one/7.wav' or 'two/7.wav'"):
        opened(place / "field", table)
    table.write_text("path,start,end,label\nzoo.wav,0,.5,a\n")
    with pytest.raises(DataError, match="recordings that the data do not have"):
        opened(place / "field", table)


def test_an_event_past_the_end_is_refused(place: Path) -> None:
    with pytest.raises(DataError, match=r"from 6 to 7 s lies past the end of one/7.wav, which lasts 1 s"):
        opened(place / "field", [Annotation("one/7.wav", 6, 7, "x")])


def test_files_beside_recordings_are_found(place: Path) -> None:
    flat = place / "flat"
    for name in ("a.wav", "a_b.wav", "c.wav"):
        record(flat / name)
    (flat / "a.Table.1.selections.txt").write_text(SELECTIONS)
    (flat / "a_b.txt").write_text("0.5\t0.6\twren\n")
    (flat / "c.txt").write_text("Recorded by the pond.\n")
    found = opened(flat)
    assert [(a.path, a.label) for a in found.annotations] == [("a.wav", "owl"), ("a_b.wav", "wren")]
    assert any("2 files of annotations beside" in note for note in found.notes)
    empty = SELECTIONS.splitlines()[0] + "\n"
    (flat / "c.selections.txt").write_text(empty)
    assert opened(flat).annotated == (Span("c.wav"),)
    for path in (place / "field").rglob("*.wav"):  # labelled by their folders: nothing changes
        path.with_suffix(".txt").write_text("0.1\t0.2\tx\n")
    assert opened(place / "field").task is Task.SINGLE


# ------------------------------------------------------------------------------------------------- looked at
def test_what_was_looked_at(place: Path) -> None:
    notes = [Annotation("one/7.wav", 0, 0.5, "a"), Annotation("two/7.wav", 0, 1, "b")]
    spans = place / "spans.csv"
    spans.write_text("path,start,end,label\none/7.wav,,,\ntwo/8.wav,0,0.5,a\n")
    found = opened(place / "field", notes, spans)
    assert found.annotated == (Span("one/7.wav"), Span("two/8.wav", 0, 0.5, "a"))
    nan = math.nan
    np.testing.assert_array_equal(found.targets.values, [[1, 0], [nan, 1], [nan, nan]])
    np.testing.assert_array_equal(opened(place / "field", notes, "all").targets.values, [[1, 0], [0, 1], [0, 0]])
    assert any("--annotated all" in note for note in opened(place / "field", notes).notes)


def test_windows() -> None:
    windows = Windows(np.array(["r"] * 5), np.arange(5.0), np.arange(5.0) + 1)
    notes = [Annotation("r", 0.4, 1.2, "a"), Annotation("r", 3, 3, "b"), Annotation("r", 4.2, 4.3, "")]
    found = targets_of(windows, notes, (Span("r", 0, 5),), ("a", "b")).values
    np.testing.assert_array_equal(found[:, 0], [1, math.nan, 0, 0, math.nan])  # .2 s are too few; an event may be any
    np.testing.assert_array_equal(found[:, 1], [0, 0, 0, 1, math.nan])
    few = targets_of(windows, notes, (Span("r", 0, 1.5, "a"), Span("r", 1.5, 3)), ("a", "b")).values
    np.testing.assert_array_equal(few[:, 0], [1, math.nan, 0, math.nan, math.nan])
    np.testing.assert_array_equal(few[:, 1], [math.nan, math.nan, 0, 1, math.nan])


@given(st.lists(st.tuples(st.floats(0, 20), st.floats(0, 5)), max_size=6), st.integers(0, 3))
def test_no_span_no_no(events: list[tuple[float, float]], looked: int) -> None:
    windows = Windows(np.array(["r"] * 20), np.arange(20.0), np.arange(20.0) + 1)
    notes = [Annotation("r", a, a + b, "x") for a, b in events]
    spans = tuple(Span("r", 5 * i, 5 * i + 5) for i in range(looked))
    found = targets_of(windows, notes, spans, ("x",)).values[:, 0]
    assert not (found[5 * looked :] == 0).any()
    touched = [any(a < w + 1 and a + b > w for a, b in events) for w in range(20)]
    assert all(
        found[w] == 0 for w in range(5 * looked) if not any(a <= w + 1.01 and a + b >= w - 0.01 for a, b in events)
    )
    assert not any(found[w] == 1 for w in range(20) if not touched[w] and not any(w <= a < w + 1 for a, _ in events))


# ------------------------------------------------------------------------------------------------- groups
def test_groups_of_site_and_night(tmp_path: Path) -> None:
    names = (
        "Fen/20190601_220000.WAV",
        "Fen/20190602_010000.WAV",
        "Fen/20190602_220000.WAV",
        "Moor/20190601_220000.WAV",
    )
    for name in names:
        record(tmp_path / "in" / name)
    notes = [Annotation(name, 0, 0.5, "x") for name in names]
    found = opened(tmp_path / "in", notes)
    assert any("site and night" in note for note in found.notes)
    by_site = ("Fen 2019-06-01", "Fen 2019-06-01", "Fen 2019-06-02", "Moor 2019-06-01")
    assert found.groups == by_site
    heard = opened(tmp_path / "in", [Annotation(name, 0, 0.5, name.split("/")[0]) for name in names])
    assert not any("Fen" in str(group) for group in heard.groups)  # a folder that is a label is no site
    table = tmp_path / "in" / "clips.csv"
    table.write_text("path\n" + "\n".join(names) + "\n")
    assert opened(table, notes).groups == by_site
    table.write_text("path,group\n" + "\n".join(f"{n},g{i % 2}" for i, n in enumerate(names)) + "\n")
    assert opened(table, notes).groups == ("g0", "g1", "g0", "g1")


# ------------------------------------------------------------------------------------------------- further
def test_embeddings_know_their_targets(place: Path) -> None:
    table = place / "t.csv"
    table.write_text("path,start,end,label\none/7.wav,0,1,a\ntwo/8.wav,0,1,b\n")
    made = earmark.embed(opened(place / "field", table, "all"), "mfcc")
    assert made.targets is not None
    assert made.targets.classes == ("a", "b")
    assert made.targets.values[0].tolist() == [1, 0]
    out = str(place / "e.parquet")
    main(
        [
            "embed",
            str(place / "field"),
            "-b",
            "mfcc",
            "-o",
            out,
            "--annotations",
            str(table),
            "--annotated",
            "all",
            "--no-cache",
        ],
        standalone_mode=False,
    )
    held = earmark.load_dataset(out)
    assert isinstance(held, earmark.Embedded)
    assert held.dataset.task is Task.MULTI
    assert held.embeddings["embeddings"].targets == made.targets
    assert [a.label for a in held.dataset.annotations] == ["a", "b"]

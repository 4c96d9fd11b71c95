"""Tables are read or refused: no line vanishes, no value moves to another column, and what is doubtful names its line."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

import earmark
from earmark.cli import main
from earmark.core.errors import DataError
from earmark.data.split import published_splits

RATE = 8000


def opened(folder: Path, text: str | bytes, name: str = "t.csv", **how: Any) -> Any:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return earmark.load_dataset(folder / name, **how)


def tone(path: Path, *hertz: float, seconds: float = 1.0) -> Path:
    """One second of each tone, in noise of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draw, time = np.random.default_rng([round(h) for h in hertz]), np.arange(int(RATE * seconds)) / RATE
    parts = [0.3 * np.sin(2 * np.pi * h * time) + draw.normal(0, 0.02, len(time)) for h in hertz]
    soundfile.write(path, np.concatenate(parts), RATE)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("model")
    for k, label in enumerate(("low", "high")):
        for i in range(5):
            tone(top / "data" / label / f"{i}.wav", 300 * 3**k * (1 + 0.02 * i))
    earmark.train(top / "data", "mfcc(seconds=0.5, overlap=0)/lda", top / "m", folds=2)
    return top / "m"


def says(*args: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in args])


# ------------------------------------------------------------------------------------------------- lines
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("path,label,group\na.wav,Dog, barking,rex\n", "line 2: found 4 fields, and the first line has 3"),
        ("path;label\na.wav;Dog\nb.wav;cat;tom\n", "line 3: found 3 fields, and the first line has 2"),
        ("path,label,group\na.wav,x\n", "line 2: found 2 fields, and the first line has 3"),
        ("path\tlabel\tgroup\na.wav\tx\ty\n\nb.wav\tx\n", "line 4: found 2 fields"),
        ('path,label\na.wav,"dog\nb.wav,cat\nc.wav,"\n', "line 2: a quote"),
        ('path,label\na.wav,dog\n"b.wav,cat\nc.wav,cow\n', "line 3: a quote"),
        ('path,label\na.wav,"dog"gy\nb.wav,cat\n', "line 2: a quote"),
        ('path,label,note\na.wav,dog,"loud\nb.wav,cat,soft"\n', "line 2: a quote"),
        ('path\n"a.wav\nb.wav"\n', "line 2: a quote"),
        ("path,label,label\na.wav,x,y\n", "the column 'label' stands there more than once"),
        ("Path,label,path\na.wav,x,b.wav\n", "the columns 'Path' and 'path' are both 'path'"),
        ("path,note,note\na.wav,x,y\n", "the column 'note' stands there more than once"),
    ],
)
def test_doubtful_tables_are_refused_with_the_line(text: str, told: str, tmp_path: Path) -> None:
    for content in (text, text.replace("\n", "\r\n"), "\ufeff" + text):
        with pytest.raises(DataError, match=told):
            opened(tmp_path, content)


def test_what_is_plain_is_read(tmp_path: Path) -> None:
    text = 'Path;LABEL;Group;Note\n"a;b.wav"; "dog ""Rex""" ;g1;"two\nlines; here"\n\n;;;\nb.wav;5" pipe;;;;\n'
    found = opened(tmp_path, text.replace('""" ;', '""";'))
    assert [(c.id, c.label, c.group) for c in found.clips] == [
        ("a;b.wav", 'dog "Rex"', "g1"),
        ("b.wav", '5" pipe', None),
    ]
    assert found.notes == (f"{tmp_path / 't.csv'}: not read, for it means nothing here: 'Note'.",)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_other_encodings_are_refused_by_name(encoding: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"not a readable table .*UTF-8") as said:
        opened(tmp_path, "path,label\na.wav,Möwe\n".encode(encoding))
    assert ("UTF-16" in str(said.value)) == encoding.startswith("utf-16")


def test_both_fold_and_split_are_not_mixed(tmp_path: Path) -> None:
    found = opened(tmp_path, "path,label,fold,split\na.wav,x,1,train\nb.wav,x,,test\n")
    assert found.folds == ("1", None)
    assert "'split'" in found.notes[0]


def tried(folder: Path, content: bytes) -> Any:
    """The data set, or why it was refused."""
    try:
        return opened(folder, content)
    except DataError as error:
        return str(error)


_WORDS = st.text(st.sampled_from("ab,;\t|\"' ö\u0308é0.#"), min_size=1, max_size=6).filter(str.strip)
_COLUMNS = ("path", "label", "group", "fold", "note", "x y")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_value_moves_and_no_line_vanishes(data: st.DataObject) -> None:
    """Whatever a CSV writer may write: each line is one clip with its own values, or the table is refused."""
    columns = ["path", *data.draw(st.lists(st.sampled_from(_COLUMNS[1:]), unique=True))]
    columns = list(data.draw(st.permutations(columns)))
    count = data.draw(st.integers(1, 5))
    cell = st.one_of(st.just(""), _WORDS, st.integers(0, 99).map(str))
    lines = [
        {c: f"{i}-{data.draw(_WORDS)}.wav" if c == "path" else data.draw(cell) for c in columns} for i in range(count)
    ]
    # Of one column alone it cannot be seen what else might part fields.
    mark, end = (
        data.draw(st.sampled_from(",;\t" if len(columns) > 1 else ",")),
        data.draw(st.sampled_from(["\n", "\r\n", "\r"])),
    )
    out = io.StringIO(newline="")
    quoting = data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    write = csv.writer(out, delimiter=mark, lineterminator=end, quoting=quoting).writerow
    write([c.upper() if data.draw(st.booleans()) and c in ("path", "label") else c for c in columns])
    for line in lines:
        write(line.values())
        if data.draw(st.booleans()):
            out.write(end)
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]))
    content = out.getvalue().encode(encoding, errors="replace")
    with tempfile.TemporaryDirectory() as folder:
        found = tried(Path(folder), content)
        if isinstance(found, str):
            assert encoding in ("utf-16", "latin-1")
            assert "UTF-8" in found
            return
        assert len(found.clips) + len(found.excluded) == count
        for clip, line in zip(found.clips, lines, strict=True):
            told = {"path": clip.id, "label": clip.label, "group": clip.group, "fold": clip.fold}
            for column in set(columns) & told.keys():
                if "?" not in content.decode(encoding):  # latin-1 has no combining letters
                    assert plain(told[column]) == plain(line[column]), column
        unknown = set(columns) - {"path", "label", "group", "fold"}
        assert all(any(repr(c) in note for note in found.notes) for c in unknown)


def plain(text: str | None) -> str:
    import unicodedata

    return unicodedata.normalize("NFC", "".join((text or "").split()))


# ------------------------------------------------------------------------------------------------- parts
def test_parts_of_one_sound_are_clips_unless_they_overlap(tmp_path: Path) -> None:
    text = "path,start,end,label\na.wav,0,2,dog\na.wav,2,3,cat\na.wav,2.995,5,dog\nb.wav,0,9,cat\nb.wav,1,2,cat\n"
    assert len(opened(tmp_path, text).clips) == 5
    for line in ("a.wav,4,6,cat", "a.wav,,,cat", "a.wav,1,,cat", "./a.wav,0.5,1,cat"):
        with pytest.raises(DataError, match=r"lines . and 7, .* overlap in time and have the labels") as said:
            opened(tmp_path, f"{text}{line}\n")
        assert "path,start,end,label" in str(said.value)
        assert "--annotations" in str(said.value)


def test_an_overlap_is_found_behind_others(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="lines 2 and 5"):
        opened(tmp_path, "path,start,end,label\na.wav,0,60,x\na.wav,1,2,x\na.wav,3,4,x\na.wav,50,51,y\n")


@pytest.mark.parametrize("start", ["36000.01", "100000.001", "0.1234567", "1234567.5"])
def test_the_name_of_a_part_is_its_own_whatever_else_is_listed(start: str, tmp_path: Path) -> None:
    line = f"a.wav,{start},{float(start) + 1!r}\n"
    other = f"a.wav,{float(start) + 1e-6 * float(start)!r},{float(start) + 2!r}\n"
    alone = opened(tmp_path, f"path,start,end\n{line}").clips[0]
    both = opened(tmp_path, f"path,start,end\n{line}{other}").clips
    assert alone.id == both[0].id != both[1].id
    assert alone.recording_id == "a.wav"
    assert str(float(start)) in alone.id


def test_parts_past_the_end_are_told(tmp_path: Path, model: Path) -> None:
    lines = ["path,label,start,end"]
    for k, label in enumerate(("low", "high")):
        for i in range(4):
            tone(tmp_path / f"{label}{i}.wav", 300 * 3**k * (1 + 0.02 * i))
            lines.append(f"{label}{i}.wav,{label},0.2,{9 if i == 0 else 0.9}")
    lines.append("low0.wav,low,5,6")
    (tmp_path / "t.csv").write_text("\n".join(lines))
    found = earmark.compare(tmp_path / "t.csv", ["mfcc/lda"], folds=2)
    (note,) = [n for n in found.notes if "past the end" in n]
    assert "2 of 8 clips with an end" in note
    assert "'low0.wav#0.2+8.8': it ends at 1.00 s" in note
    assert {e.path: e.reason for e in found.dataset.excluded}["low0.wav#5+1"].startswith(
        "empty: no samples from 5 s on"
    )
    said = says("predict", model, tmp_path / "t.csv", "--format", "csv")
    assert "2 of 9 clips with an end reach past the end of their sound" in said.stderr
    assert f"excluded: {tmp_path}/low0.wav#5+1: empty" in said.stderr


# ------------------------------------------------------------------------------------------------- predictions
@pytest.mark.parametrize("column", ["score", "Confidence"])
def test_predictions_are_no_labels_unless_asked_for(column: str, tmp_path: Path) -> None:
    text = f"path,label,{column}\na.wav,x,.9\nb.wav,y,.8\n"
    with pytest.raises(
        DataError, match=f"the column '{column}' says that the labels are predictions .*--pseudo-labels"
    ):
        opened(tmp_path, text)
    found = opened(tmp_path, text, pseudo_labels=True)
    assert found.classes == ("x", "y")
    assert "the labels are predictions of a model" in found.notes[0]
    assert len(opened(tmp_path, f"path,{column}\na.wav,.9\n").clips) == 1  # without labels nothing is learnt from them


def test_answers_are_learnt_from_only_when_asked_for(model: Path, tmp_path: Path) -> None:
    for i in range(4):
        tone(tmp_path / f"{i}.wav", *([310 + i] * 2 if i % 2 else [910 + i] * 2))
    for timeline in ((), ("--timeline", "--seconds", "1")):
        out = tmp_path / "said.csv"
        assert says("predict", model, *sorted(tmp_path.glob("*.wav")), *timeline, "-o", out, "--force").exit_code == 0
        # Paths are relative to the table; what a window fills up behind the end of a sound is no clip.
        told = [n for n in out.read_text().replace(f"{tmp_path}/", "").splitlines() if ".wav,2.0," not in n]
        out.write_text("\n".join(told))
        refused = says("compare", out, "-r", "mfcc/lda")
        assert refused.exit_code == 1
        assert "--pseudo-labels" in refused.stderr
        again = says("predict", model, out, "--format", "csv")
        assert again.exit_code == 0, again.stderr
        assert len(list(csv.DictReader(io.StringIO(again.stdout)))) == (8 if timeline else 4)
    learnt = says("compare", out, "-r", "mfcc/lda", "--pseudo-labels", "--json", "--protocol", "clips", "--folds", "2")
    assert learnt.exit_code == 0, learnt.stderr
    told = json.loads(learnt.stdout)
    assert told["dataset"]["class_counts"] == {"high": 4, "low": 4}
    assert any("predictions of a model" in note for note in told["notes"])
    assert says("compare", out, "-r", "mfcc/lda").exit_code == 1  # it was for that command alone


def test_files_of_embeddings_are_no_tables_of_clips(model: Path, tmp_path: Path) -> None:
    tone(tmp_path / "x" / "a.wav", 310)
    for ending in ("csv", "parquet"):
        out = tmp_path / f"e.{ending}"
        assert says("embed", tmp_path / "x", "-b", "mfcc", "-o", out).exit_code == 0
        said = says("predict", model, out)
        assert said.exit_code == 1
        assert "embeddings" in said.stderr
        assert "Traceback" not in said.stderr
        assert len(earmark.load_dataset(out).ids) == 1


def test_predictions_are_no_labels_of_embeddings_either(tmp_path: Path) -> None:
    for i in range(4):
        tone(tmp_path / "x" / f"{i}.wav", 310 + 600 * (i % 2) + i)
    assert says("embed", tmp_path / "x", "-b", "mfcc", "-o", tmp_path / "store/").exit_code == 0
    lines = [f"{i}.wav,{'low' if i % 2 else 'high'},.9" for i in range(4)]
    (tmp_path / "t.csv").write_text("path,label,score\n" + "\n".join(lines))
    how = ("compare", tmp_path / "t.csv", "--embeddings", tmp_path / "store", "-r", "embeddings/lda", "--folds", "2")
    said = says(*how)
    assert said.exit_code == 1
    assert "--pseudo-labels" in said.stderr
    learnt = says(*how, "--pseudo-labels", "--json")
    assert learnt.exit_code == 0, learnt.stderr
    assert json.loads(learnt.stdout)["dataset"]["class_counts"] == {"high": 2, "low": 2}


# ------------------------------------------------------------------------------------------------- predict
def test_each_line_of_a_table_is_answered_by_its_part(model: Path, tmp_path: Path) -> None:
    tone(tmp_path / "two.wav", 300, 900)
    (tmp_path / "t.csv").write_text("path,start,end\ntwo.wav,0,1\ntwo.wav,1,2\ntwo.wav,1,\n")
    said = says("predict", model, tmp_path / "t.csv", "--format", "csv")
    lines = list(csv.DictReader(io.StringIO(said.stdout)))
    assert [(r["start"], r["end"], r["label"]) for r in lines] == [
        ("0.0", "1.0", "low"),
        ("1.0", "2.0", "high"),
        ("1.0", "", "high"),
    ]
    assert {r["path"] for r in lines} == {str(tmp_path / "two.wav")}
    pieces = says("predict", model, tmp_path / "t.csv", "--timeline", "--seconds", "0.5", "--format", "jsonl")
    starts = [json.loads(line)["start"] for line in pieces.stdout.splitlines()]
    assert starts == [0.0, 0.5, 1.0, 1.5, 1.0, 1.5]  # times are the sound's, not the part's
    whole = says("predict", model, tmp_path / "two.wav", "--format", "csv").stdout
    assert "start" not in whole.splitlines()[0]


def test_text_files_beside_sounds_end_nothing(model: Path, tmp_path: Path) -> None:
    card = tmp_path / "card"
    for i in range(2):
        tone(card / f"2024010{i}.WAV", 300)
    (card / "CONFIG.TXT").write_text("Device ID : 2421A0\nFirmware : AudioMoth\n")
    (card / "SM4_Summary.txt").write_text("DATE,TIME,LAT\n2024,1,2\n")
    (card / "odd.csv").write_bytes(b"\xff\xfe\x00")
    (card / "empty.tsv").write_text("")
    said = says("predict", model, *sorted(card.iterdir()), "--format", "csv")
    assert said.exit_code == 1
    assert len(list(csv.DictReader(io.StringIO(said.stdout)))) == 2
    told = [line for line in said.stderr.splitlines() if line.startswith("excluded: ")]
    assert [Path(line.split(": ")[1]).name for line in told] == [
        "CONFIG.TXT",
        "SM4_Summary.txt",
        "empty.tsv",
        "odd.csv",
    ]
    assert all("no sound, and no table of clips" in line for line in told)
    assert says("predict", model, card, "--format", "csv").exit_code == 0


# ------------------------------------------------------------------------------------------------- splits
@pytest.mark.parametrize(
    ("names", "learnt", "evaluated"),
    [
        (("Train", "Test", "Val"), "Train", "Test"),
        (("training", "testing", "removed"), "training", "testing"),
        (("train_set", "Evaluation", "validation"), "train_set", "Evaluation"),
        (("train", "val"), "train", "val"),
        (("dev", "eval"), "dev", "eval"),
        (("TRAIN ", " test"), "TRAIN", "test"),
    ],
)
def test_sides_of_a_published_split_by_many_names(
    names: tuple[str, ...], learnt: str, evaluated: str, tmp_path: Path
) -> None:
    lines = [f"{k}{i}.wav,{label},{n}" for k, n in enumerate(names) for i, label in enumerate("xxyy")]
    found = opened(tmp_path, "path,label,split\n" + "\n".join(lines) + "\n")
    (split,) = published_splits(found)
    fold = [str(c.fold) for c in found.clips]
    assert {fold[i] for i in split.train} == {learnt}
    assert {fold[i] for i in split.test} == {evaluated}
    from earmark.data.notes import protocol_notes

    told = " ".join(protocol_notes(found, "published"))
    assert f"'{learnt}' is learnt from and '{evaluated}' evaluated" in told
    assert all(f"4 clips of '{n}'" in told for n in names if n.strip() not in (learnt, evaluated))


@pytest.mark.parametrize("names", ["train", "train 1", "test 1 2", "val"])
def test_half_a_split_is_refused(names: str, tmp_path: Path) -> None:
    lines = [f"{n}{i}.wav,{label},{n}" for n in names.split() for i, label in enumerate("xxyy")]
    found = opened(tmp_path, "path,label,split\n" + "\n".join(lines) + "\n")
    with pytest.raises(DataError, match="wanted two folds or more, or 'train' and 'test'"):
        published_splits(found)


# ------------------------------------------------------------------------------------------------- labels
def test_labels_are_trimmed_and_composed_and_cases_are_told(tmp_path: Path) -> None:
    found = opened(
        tmp_path, "path,label,group\na,Dog ,Rex\nb,dog,rex\nc,Mo\u0308we,1\nd,M\u00f6we,2\ne,big  cat,3\nf,big cat,4\n"
    )
    assert found.classes == ("Dog", "Möwe", "big cat", "dog")
    assert [n.split(" differ")[0] for n in found.notes] == ["Some labels", "Some groups"]
    assert "'Dog' (1) and 'dog' (1)" in found.notes[0]

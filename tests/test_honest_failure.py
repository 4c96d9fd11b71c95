"""What cannot be evaluated is said so, in the very words that a user of `compare` and `train` sees."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

import earmark
from earmark.cli import main

RATE = 8000
UPPER = "evaluate with --protocol clips and read the accuracy as an upper bound"
Embeddings = Sequence[tuple[str, ...]]  # path, label, and perhaps group and fold


def table(folder: Path, embeddings: Embeddings, *, sounds: bool = True) -> Path:
    """A table of clips, with a different short tone for each path unless ``sounds`` is False."""
    with (folder / "clips.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "group", "fold"][: len(embeddings[0])])
        writer.writerows(embeddings)
    draw = np.random.default_rng(0)
    time = np.arange(RATE // 4) / RATE
    for i, path in enumerate(dict.fromkeys(embedding[0] for embedding in embeddings) if sounds else ()):
        tone = 0.3 * np.sin(2 * np.pi * (200 + 40 * i) * time) + 0.05 * draw.standard_normal(len(time))
        soundfile.write(folder / path, tone, RATE)
    return folder / "clips.csv"


def many(labels: Sequence[str], each: int) -> list[tuple[str, ...]]:
    return [(f"{k}-{i}.wav", label) for k, label in enumerate(labels) for i in range(each)]


def call(*args: object) -> tuple[int, str]:
    done = CliRunner().invoke(main, [str(a) for a in args])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


@pytest.mark.parametrize("command", ["compare", "train"])
@pytest.mark.parametrize(
    ("embeddings", "message"),
    [
        pytest.param(
            [*many("ab", 4), ("c.wav", "c")],
            "1 of 3 classes has one clip only, or copies of one: 'c' (1) (clips in brackets). It cannot be learnt and evaluated "
            "at once: what is learnt from is never evaluated, so two are needed. Add clips of other recordings, or leave the "
            "class out",
            id="a class with one clip",
        ),
        pytest.param(
            many(["c1", "c2", "c3", "c4", "c5", "c6"], 1),
            "6 of 6 classes have one clip only, or copies of one: 'c1' (1), 'c2' (1), 'c3' (1), 'c4' (1), 'c5' (1) … (clips in "
            "brackets). They cannot be learnt and evaluated at once: what is learnt from is never evaluated, so two are needed. Add "
            "clips of other recordings, or leave these classes out",
            id="one clip a class",
        ),
        pytest.param(
            [(path, label, f"artist {label}") for path, label in many("ab", 4)],
            "every class has one group only: 'a' (4), 'b' (4) (clips in brackets). Whether a head knows the class or the group "
            f"(artist, session, speaker) cannot be told from such data. Add clips of other groups, or {UPPER}",
            id="one group per class",
        ),
        pytest.param(
            [(path, label, "Rex" if label == "a" else path) for path, label in many("ab", 4)],
            "1 of 2 classes has one group only: 'a' (4) (clips in brackets). A group stays whole, and what is learnt from is "
            f"never evaluated, so two are needed. Add clips of other groups, or leave the class out, or {UPPER}",
            id="a class with one group",
        ),
        pytest.param(
            [
                (path, label, "", "1" if label == "c" else str(i % 2 + 1))
                for i, (path, label) in enumerate(many("abc", 4))
            ],
            "the fold '1' that came with the data holds all clips of 1 class ('c'), which then cannot be learnt. Wanted: "
            "each class in two folds or more; leave them out, spread them over folds, or evaluate by other folds with "
            "--protocol groups or clips",
            id="a class missing from all folds but one",
        ),
        pytest.param(
            many("a", 4),
            "{name}: found the one class 'a'; wanted two or more: there is nothing to tell apart",
            id="one class only",
        ),
        pytest.param(
            [(path, "") for path, _ in many("a", 3)],
            "{name}: none of the 3 sounds has a label. Wanted: class folders, or a table with the columns path and label",
            id="no labels",
        ),
        pytest.param(
            [("a.wav", "cat"), ("b.wav", "dog"), ("./a.wav", "dog")],
            "{table}: the clip 'a.wav' is listed more than once, in lines 2 and 4 with the labels 'cat' and 'dog'. Each clip "
            "(path, start, duration) must stand once: delete one of the lines",
            id="one path twice",
        ),
    ],
)
def test_what_cannot_be_evaluated(command: str, embeddings: Embeddings, message: str, tmp_path: Path) -> None:
    source = table(tmp_path, embeddings)
    out = tmp_path / "out"
    args = [command, source, "-r", "mfcc/lda", "--folds", 2, "--cache", tmp_path / "cache", "-o", out]
    code, told = call(*args)
    assert code == 1
    assert told == "Error: " + message.replace("{name}", tmp_path.name).replace("{table}", str(source)) + "\n"
    assert not out.exists()


@pytest.mark.parametrize("command", ["compare", "train"])
def test_all_files_bad(command: str, tmp_path: Path) -> None:
    source = table(tmp_path, many("ab", 2), sounds=False)
    for name, content in {"0-0.wav": b"", "0-1.wav": b"<html>not found</html>", "1-0.wav": b"RIFF"}.items():
        (tmp_path / name).write_bytes(content)
    code, told = call(command, source, "-r", "mfcc/lda", "--cache", tmp_path / "cache", "-o", tmp_path / "out")
    assert code == 1
    assert told == (
        f"Error: {tmp_path.name}: none of the 4 sounds can be used (0-0.wav: empty: the file has no bytes; 0-1.wav: "
        "unreadable: invalid data found when processing input; 1-0.wav: unreadable: invalid data found when processing "
        "input)\n"
    )
    assert not (tmp_path / "out").exists()


def test_one_class_left_after_bad_files_says_why(tmp_path: Path) -> None:
    source = table(tmp_path, many("ab", 3))
    for i in range(3):
        (tmp_path / f"1-{i}.wav").unlink()
    code, told = call("compare", source, "-r", "mfcc/lda", "--cache", tmp_path / "cache")
    assert code == 1
    assert told == (
        f"Error: {tmp_path.name}: found the one class 'a'; wanted two or more: there is nothing to tell apart (3 clips were "
        "excluded, e.g. 1-0.wav: unreadable: No such file or directory)\n"
    )


def test_two_hundred_classes(tmp_path: Path) -> None:
    """Many classes are no failure, whatever the scores are: all are evaluated, and a model of all is saved."""
    source = table(tmp_path, many([f"class {k:03}" for k in range(200)], 2))
    cache = earmark.Cache(tmp_path / "cache")
    found = earmark.compare(source, ["mfcc/lda"], folds=2, cache=cache).runs[0]
    assert (len(found.classes), len(found.ids)) == (200, 400)
    np.testing.assert_allclose(found.proba.sum(axis=2), 1, atol=1e-6)
    earmark.train(source, "mfcc/lda", tmp_path / "model", folds=2, cache=cache)
    answer = earmark.load_model(tmp_path / "model").predict(tmp_path / "150-1.wav")
    assert len(answer.scores) == 200
    assert answer.label in answer.set


def test_labels_that_look_like_numbers_stay_what_they_are(tmp_path: Path) -> None:
    """No two of them become one class, and they come back as they were written."""
    labels = ["1", "1.0", "01", "1e0", "nan", "None", "True", "-0"]
    source = table(tmp_path, many(labels, 3))
    out, model = tmp_path / "out", tmp_path / "model"
    common = ("-r", "mfcc/lda", "--folds", 3, "--cache", tmp_path / "cache")
    code, told = call("compare", source, *common, "-o", out)
    assert code == 0, told
    assert json.loads((out / "metrics.json").read_text())["dataset"]["class_counts"] == dict.fromkeys(labels, 3)
    code, told = call("train", source, *common, "-o", model)
    assert code == 0, told
    assert list(earmark.load_model(model).predict(tmp_path / "0-0.wav").scores) == sorted(labels)


def test_one_sound_under_two_labels_is_told(tmp_path: Path) -> None:
    """Two files with the same bytes: kept together, and said that they contradict each other."""
    source = table(tmp_path, many("ab", 4))
    (tmp_path / "1-0.wav").write_bytes((tmp_path / "0-0.wav").read_bytes())
    found = earmark.compare(source, ["mfcc/lda"], folds=2, cache=earmark.Cache(tmp_path / "cache"))
    assert found.runs[0].groups[0] == found.runs[0].groups[4]
    assert any(
        "1 of these carry more than one label, of which no score can be right about all, e.g. 0-0.wav (a) and 1-0.wav (b)"
        in note
        for note in found.notes
    )

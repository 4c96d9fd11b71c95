"""Files may be called anything that a disk allows: emoji, line breaks, bytes that are no UTF-8, or be no files at all."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import earmark

RATE = 8000
NAMES = (
    b"plain.wav",
    "🐸 frog.wav".encode(),
    b"two\nlines.wav",
    b"\xff\xfe latin \xe9.wav",
    b"-o.wav",
    b"a,b;\"c'.wav",
    b"%s{0}$HOME.wav",
    b"=1+1.wav",
    b" .wav",
    b"[bold]x.wav",
    b"a:b.wav",
    b"x" * 200 + b".wav",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes, one of them called by no UTF-8, of sounds with all those names."""
    top = tmp_path_factory.mktemp("odd")
    draw = np.random.default_rng(0)
    for k, label in enumerate((b"caf\xe9", "🎸".encode())):
        place = Path(os.fsdecode(os.fsencode(top) + b"/data/" + label))
        place.mkdir(parents=True)
        for i, name in enumerate(NAMES):
            tone = 0.3 * np.sin(np.arange(RATE // 2) * (0.1 + 0.5 * k) * (1 + i / 50)) + draw.normal(0, 0.01, RATE // 2)
            (place / os.fsdecode(name)).write_bytes(_wav(tone))
    return top


def _wav(sound: np.ndarray) -> bytes:
    import io

    out = io.BytesIO()
    soundfile.write(out, sound, RATE, format="WAV")
    return out.getvalue()


def earmark_says(*args: str | bytes | Path, code: int = 0, cwd: Path | None = None) -> bytes:
    """In a process of its own, whose terminal takes strict UTF-8."""
    done = subprocess.run(
        [sys.executable, "-m", "earmark", *(os.fspath(a) for a in args)],
        capture_output=True,
        check=False,
        cwd=cwd,
        env=os.environ | {"PYTHONIOENCODING": "utf-8:strict"},
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")
    assert done.returncode == code, done.stderr.decode(errors="replace")
    return done.stdout


def test_the_road_with_odd_names(folder: Path) -> None:
    """Embeddings, comparison, model and predictions: every file is there, and what is written can be read again."""
    data, cache = folder / "data", folder / "cache"
    common = ("--cache", cache)
    earmark_says("compare", data, "-r", "mfcc/lda", "--folds", "2", "-o", folder / "out", *common)
    told = json.loads((folder / "out" / "metrics.json").read_text("utf-8"))
    assert told["dataset"]["clips"] == 2 * len(NAMES)
    assert not told["dataset"]["excluded"]
    with (folder / "out" / "predictions.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 2 * len(NAMES)
    (folder / "out" / "report.html").read_text("utf-8")
    earmark_says("train", data, "-r", "mfcc/lda", "--folds", "2", "-o", folder / "model", *common)
    model = earmark.load_model(folder / "model")
    said = earmark_says("predict", folder / "model", data, "--format", "jsonl").decode("utf-8")
    assert len([json.loads(line) for line in said.splitlines()]) == 2 * len(NAMES)
    one = Path(os.fsdecode(os.fsencode(data) + b"/caf\xe9/\xff\xfe latin \xe9.wav"))
    answer = model.predict(one)
    assert answer.path == str(one)
    assert answer.label in model.classes


@pytest.mark.slow
def test_answers_and_rows_with_odd_names(folder: Path) -> None:
    data, model = folder / "data", _model(folder)
    earmark_says("predict", model, data, "--format", "table")
    for said in ("csv", None):
        text = earmark_says("predict", model, data, "--format", "csv", *(() if said else ("-o", folder / "said.csv")))
        text = text or (folder / "said.csv").read_bytes()
        assert len(list(csv.DictReader(text.decode("utf-8").splitlines(keepends=True)))) == 2 * len(NAMES)
    for ending in ("npz", "csv", "parquet"):
        out = folder / f"embeddings.{ending}"
        earmark_says("embed", data, "-b", "mfcc", "--pool", "mean", "-o", out, "--cache", folder / "cache")
        earmark_says("compare", out, "-r", "embeddings/lda", "--folds", "2")


@pytest.mark.slow
def test_the_audit_with_odd_names(folder: Path) -> None:
    earmark_says("audit", folder / "data", "-o", folder / "audit", "--cache", folder / "cache", "-b", "mfcc")
    assert len(json.loads((folder / "audit" / "audit.json").read_text("utf-8"))["files"]) == 2 * len(NAMES)


def test_what_is_no_file_is_told(folder: Path, tmp_path: Path) -> None:
    """Links in a circle, links to nothing, pipes and folders that end in .wav: each is named with its reason."""
    for label in "ab":
        (tmp_path / label).mkdir()
        for i in range(3):
            (tmp_path / label / f"{i}.wav").write_bytes(_wav(np.sin(np.arange(RATE) * (0.1 + i / 9)) * 0.3))
    (tmp_path / "a" / "loop.wav").symlink_to("loop.wav")
    (tmp_path / "a" / "nothing.wav").symlink_to("/nowhere/x.wav")
    (tmp_path / "a" / "around").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(tmp_path / "a" / "pipe.wav")
    (tmp_path / "b" / "folder.wav").mkdir()
    found = earmark.compare(tmp_path, ["mfcc/lda"], folds=2, protocol="clips")
    assert len(found.runs[0].ids) == 6
    gone = {e.path: e.reason for e in found.dataset.excluded}
    assert gone == {
        "a/loop.wav": "unreadable: Too many levels of symbolic links",
        "a/nothing.wav": "unreadable: No such file or directory",
        "a/pipe.wav": "unreadable: not a regular file",
    }
    model = earmark.load_model(_model(folder))
    for name in ("loop", "nothing", "pipe"):
        answer = next(iter(model.predict_many([tmp_path / "a" / f"{name}.wav"])))
        assert answer.reason.startswith("unreadable: ")


def _model(folder: Path) -> Path:
    if not (folder / "model2").exists():
        earmark.train(folder / "data", "mfcc/lda", folder / "model2", folds=2)
    return folder / "model2"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_told(folder: Path, tmp_path: Path) -> None:
    sound = tmp_path / "x.wav"
    sound.write_bytes(_wav(np.sin(np.arange(RATE) * 0.1) * 0.3))
    sound.chmod(0)
    answer = next(iter(earmark.load_model(_model(folder)).predict_many([sound])))
    assert answer.reason == "unreadable: Permission denied"

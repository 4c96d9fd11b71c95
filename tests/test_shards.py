"""Corpora in shards on one machine: the same embeddings, resumed, nobody twice, nobody lost, errors told; stores as folders."""

from __future__ import annotations

import csv
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from earmark.cli import main
from earmark.core import paths, storage
from earmark.core.errors import AudioError, DataError, MissingExtraError, RecipeError
from earmark.core.spec import Part
from earmark.data.clips import Clip, Dataset
from earmark.data.load import load_dataset
from earmark.embeddings import shards
from earmark.embeddings.make import embed
from earmark.embeddings.shards import Embedding
from earmark.embeddings.store import open_store
from earmark.models.load import load_model
from earmark.models.prepare import open_data
from earmark.models.shards import Answering
from earmark.models.train import train
from earmark.studies.compare import compare

pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed (extra 'train' or 'ray')")


def run(work: shards.Work, out: str | Path, clips: Any, *, workers: int = 2, largest: int = 5) -> list[shards.Made]:
    todo = shards.left(work, str(out), clips)
    return list(shards.local(work, str(out), shards.cut(todo, workers=workers, largest=largest), workers=workers))


def told(out: str | Path, folder: str = "embeddings") -> list[dict[str, Any]]:
    """Lines of a table of a store; windows with the facts of their clips."""
    lines = [line for f in (storage.place(out) / folder).below() for line in shards.read_columns(f).to_pylist()]
    if folder != "embeddings":
        return lines
    assert set(lines[0]) == {"id", "recording", "start", "end", "embedding", "fingerprint"}
    clips = {line["id"]: line for line in told(out, "recordings")}
    return [clips[line["id"]] | line for line in lines]


@pytest.fixture(scope="module")
def work() -> Embedding:
    return Embedding.of(Part.parse("mfcc"))


@pytest.fixture(scope="module")
def folder(work: Embedding, sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("shards") / "embeddings of mfcc"
    run(work, out, load_dataset(sounds).clips)
    return out


def test_rows_are_those_of_embed(folder: Path, sounds: Path) -> None:
    wanted = embed(sounds, "mfcc")
    lines = told(folder)
    assert len(lines) == len(wanted.X)
    assert {line["fingerprint"] for line in lines} == {wanted.fingerprint}
    by_clip = {name: wanted.X[wanted.clip == i] for i, name in enumerate(wanted.ids)}
    for name, X in by_clip.items():
        own = sorted((line for line in lines if line["id"] == name), key=lambda line: line["start"])
        np.testing.assert_allclose(np.array([line["embedding"] for line in own]), X.reshape(len(X), -1), atol=1e-6)
    clips = {c.id: c for c in load_dataset(sounds).clips}
    assert all((clips[x["id"]].label, clips[x["id"]].group) == (x["label"], x["group"]) for x in lines)


def test_what_is_there_is_not_done_again(work: Embedding, sounds: Path, tmp_path: Path) -> None:
    clips = load_dataset(sounds).clips
    run(work, tmp_path / "out", clips[:20])
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.parquet")}
    made = run(work, tmp_path / "out", clips, largest=100)
    assert sum(m.clips for m in made) == len(clips) - 20
    assert all(p.stat().st_mtime_ns == t for p, t in before.items())
    assert run(work, tmp_path / "out", clips) == []
    assert {x["id"] for x in told(tmp_path / "out")} == {c.id for c in clips}
    open_store(tmp_path / "out")  # raises if a clip were there twice


def test_bad_files_are_told_in_the_errors(work: Embedding, sounds: Path, tmp_path: Path) -> None:
    clips = load_dataset(sounds).clips[:4]
    (tmp_path / "bad.wav").write_text("no sound")
    bad = (Clip("bad.wav", tmp_path / "bad.wav"), Clip("gone.wav", tmp_path / "gone.wav"))
    (made,) = run(work, tmp_path / "out", [*clips[:2], *bad, *clips[2:]], workers=1, largest=6)[:1]
    run(work, tmp_path / "out", [*clips, *bad])
    errors = {x["id"]: x["reason"] for x in told(tmp_path / "out", "errors")}
    assert errors.keys() == {"bad.wav", "gone.wav"}
    assert "No such file" in errors["gone.wav"]
    assert {x["id"] for x in told(tmp_path / "out")} == {c.id for c in clips}
    assert run(work, tmp_path / "out", [*clips, *bad]) == []
    assert {e.path for e in open_store(tmp_path / "out").excluded} == errors.keys()
    shutil.rmtree(tmp_path / "out" / "errors")  # what the docs say to do to have them tried again
    assert sum(m.clips for m in run(work, tmp_path / "out", [*clips, *bad])) == 2
    assert made.clips >= 1


def test_a_killed_run_loses_nothing(sounds: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "earmark",
        "embed",
        str(sounds),
        "-b",
        "mfcc",
        "-o",
        f"{out}/",
        "--shard-clips",
        "1",
    ]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list(out.glob("embeddings/shard-*"))) < 3 and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert len(list(out.glob("embeddings/shard-*"))) >= 3
    found = CliRunner().invoke(main, command[3:])
    assert found.exit_code == 0, found.output
    clips = Counter(c.id for c in open_store(out).clips)
    assert clips == Counter(c.id for c in load_dataset(sounds).clips)


def test_what_does_not_agree_is_not_mixed(work: Embedding, folder: Path, sounds: Path, tmp_path: Path) -> None:
    clips = load_dataset(sounds).clips
    for other in (Embedding.of(Part.parse("mfcc"), "mean"), Embedding.of(Part.parse("logmel"))):
        with pytest.raises(DataError, match="Choose another folder"):
            shards.left(other, str(folder), clips)
    relabelled = [Clip(c.id, c.path, "other", c.group, c.fold) for c in clips]
    with pytest.raises(DataError, match="'other'"):
        shards.left(work, str(folder), relabelled)
    (tmp_path / "mine.txt").write_text("letters")
    with pytest.raises(DataError, match=r"no earmark\.json"):
        shards.left(work, str(tmp_path), clips)
    with pytest.raises(DataError, match="not a store"):
        open_store(sounds.parent)


def test_a_damaged_part_and_one_twice_are_told(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    first = sorted(copy.glob("embeddings/*"))[0]
    shutil.copy(first, first.with_name("shard-twice.parquet"))
    with pytest.raises(DataError, match="lies in"):
        open_store(copy)
    first.with_name("shard-twice.parquet").write_bytes(first.read_bytes()[:-50])
    with pytest.raises(DataError, match="Delete it and run again"):
        open_store(copy)


def test_a_worker_with_another_front_end_refuses() -> None:
    with pytest.raises(DataError, match="same version"):
        Embedding(Part.parse("mfcc"), None, "another", (1,)).open()


# ------------------------------------------------------------------------------------------------- learning from it
def test_figures_from_rows_are_those_from_sounds(folder: Path, sounds: Path, tmp_path: Path) -> None:
    listed = load_dataset(sounds)
    ordered = Dataset(listed.name, tuple(sorted(listed.clips, key=lambda c: c.id)))  # folds are dealt in this order
    direct = compare(ordered, ["mfcc:mean/lda"], folds=3, protocol="clips")
    embeddings = compare(folder, ["embeddings:mean/lda"], folds=3, protocol="clips")
    assert embeddings.runs[0].ids == direct.runs[0].ids
    np.testing.assert_allclose(embeddings.runs[0].proba, direct.runs[0].proba, atol=1e-5)
    found = CliRunner().invoke(
        main, ["compare", "--embeddings", str(folder), "-r", "embeddings:mean/lda", "-o", str(tmp_path / "r")]
    )
    assert found.exit_code == 0, found.output
    assert "drawn" not in found.output


def test_more_than_memory_is_drawn_by_whole_clips_and_said(folder: Path, tmp_path: Path) -> None:
    there = open_store(folder)
    half = there.bytes // 2
    ready, note = there.read(memory=half, seed=1)
    embeddings = ready.embeddings["embeddings"]
    assert embeddings.X.nbytes <= half
    counts = dict(zip((c.id for c in there.clips), there.counts, strict=True))
    assert [counts[i] for i in embeddings.ids] == np.bincount(embeddings.clip).tolist()
    assert {c.label for c in ready.dataset.clips} == {"low", "mid", "high"}
    assert "drawn" in note
    assert "seed 1" in note
    again, _ = there.read(memory=half, seed=1)
    other, _ = there.read(memory=half, seed=2)
    assert again.embeddings["embeddings"].ids == embeddings.ids != other.embeddings["embeddings"].ids
    np.testing.assert_array_equal(again.embeddings["embeddings"].X, embeddings.X)
    whole, nothing = there.read()
    assert nothing == ""
    for name in embeddings.ids[:3]:
        np.testing.assert_array_equal(embeddings.select([name]).X, whole.embeddings["embeddings"].select([name]).X)
    out = tmp_path / "report"
    call = [
        "compare",
        "--embeddings",
        str(folder),
        "-r",
        "embeddings:mean/lda",
        "--protocol",
        "clips",
        "--folds",
        "2",
        "-o",
        str(out),
    ]
    found = CliRunner().invoke(main, [*call, "--memory", str(half / 2**30)])
    assert found.exit_code == 0, found.output
    assert "were drawn" in " ".join(found.output.split())
    assert "were drawn" in (out / "report.html").read_text("utf-8")


def test_a_model_from_rows_is_one_from_sounds(folder: Path, sounds: Path, tmp_path: Path) -> None:
    model = train(folder, "embeddings:mean/lda", tmp_path / "model", protocol="clips", folds=2)
    wanted = train(sounds, "mfcc:mean/lda", protocol="clips", folds=2)
    assert model.card.recipe == wanted.card.recipe == "mfcc:mean/lda"
    kept = load_model(tmp_path / "model")
    for clip in load_dataset(sounds).clips[::9]:
        assert kept.predict(clip.path).label == wanted.predict(clip.path).label
    found = CliRunner().invoke(
        main, ["train", "--embeddings", str(folder), "-r", "embeddings/lda", "-o", str(tmp_path / "m2"), "--folds", "2"]
    )
    assert found.exit_code == 0, found.output


def test_vectors_of_clips_learn_as_pooled_rows_do(sounds: Path, tmp_path: Path) -> None:
    clips = load_dataset(sounds).clips
    run(Embedding.of(Part.parse("mfcc"), "mean+std"), tmp_path / "v", clips)
    model = train(tmp_path / "v", "embeddings/lda", protocol="clips", folds=2)
    assert model.card.recipe == "mfcc:mean+std/lda"
    wanted = train(sounds, "mfcc:mean+std/lda", protocol="clips", folds=2)
    vector = open_store(tmp_path / "v").read()[0].embeddings["embeddings"].select([clips[0].id]).X
    np.testing.assert_allclose(vector, embed(clips[:1], "mfcc").vectors("mean+std"), rtol=1e-4, atol=1e-4)
    assert model.predict(clips[0].path).label == wanted.predict(clips[0].path).label
    with pytest.raises(RecipeError, match="one vector a clip"):
        open_data(open_store(tmp_path / "v"), [wanted_recipe()])


def wanted_recipe() -> Any:
    from earmark.recipes.recipe import find

    return find("embeddings:mean/lda")


def test_labels_may_come_from_a_table(folder: Path, sounds: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([("id", "label"), *((c.id, f"new {c.label}") for c in load_dataset(sounds).clips)])
    assert {c.label for c in open_store(folder, table).clips} == {"new low", "new mid", "new high"}


def test_answers_are_those_of_the_model(sounds: Path, tmp_path: Path) -> None:
    model = train(sounds, "mfcc:mean/lda", tmp_path / "model", protocol="clips", folds=2)
    clips = load_dataset(sounds).clips[:6]
    cut = Clip("cut", clips[0].path, start=0.25, duration=0.6)
    run(Answering.of(tmp_path / "model"), tmp_path / "out", [*clips, cut, Clip("gone", tmp_path / "gone.wav")])
    answers = {x["id"]: x for x in told(tmp_path / "out", "answers")}
    for clip in clips:
        wanted = model.predict(clip.path)
        assert answers[clip.id]["label"] == wanted.label
        assert answers[clip.id]["scores"] == pytest.approx(dict(wanted.scores), abs=1e-6)
    assert answers["cut"]["scores"] != answers[clips[0].id]["scores"]
    assert [x["id"] for x in told(tmp_path / "out", "errors")] == ["gone"]
    found = CliRunner().invoke(main, ["predict", str(tmp_path / "model"), str(sounds), "-o", f"{tmp_path}/cli/"])
    assert found.exit_code == 0, found.output
    assert len(told(tmp_path / "cli", "answers")) == 36
    with pytest.raises(DataError, match="wanted embeddings"):
        open_store(tmp_path / "out")


# ------------------------------------------------------------------------------------------------- stores
@pytest.fixture(scope="module")
def bucket(s3: str, sounds: Path) -> str:
    """URI of a bucket that holds the sounds and their table, and a file that is no sound."""
    files = [*sounds.parent.glob("*.wav"), sounds]
    for file in files:
        storage.place(paths.joined(s3, f"in/{file.name}")).put(file)
    storage.place(paths.joined(s3, "classes/low/a b#1.wav")).put(files[0])
    storage.place(paths.joined(s3, "classes/high/c.wav")).put(files[1])
    storage.place(paths.joined(s3, "classes/high/readme.txt")).put(sounds)
    return s3


def test_a_store_as_input_and_output(bucket: str, sounds: Path, folder: Path, work: Embedding) -> None:
    table = load_dataset(paths.joined(bucket, "in/clips.csv"))
    local = load_dataset(sounds)
    assert [(c.id, c.label, c.group) for c in table.clips] == [(c.id, c.label, c.group) for c in local.clips]
    out = paths.joined(bucket, "windows")
    missing = Clip("missing", Path(paths.joined(bucket, "in/missing.wav")))
    run(work, out, [*table.clips[:9], missing])
    run(work, out, [*table.clips, missing])
    here, there = open_store(folder), open_store(out)
    assert sorted(c.id for c in there.clips) == sorted(c.id for c in local.clips)
    assert [e.path for e in there.excluded] == ["missing"]
    assert told(out)[0]["path"].startswith("s3://")
    a, b = here.read()[0].embeddings["embeddings"], there.read()[0].embeddings["embeddings"]
    np.testing.assert_allclose(b.select(a.ids).X, a.X, atol=1e-6)
    assert run(work, out, [*table.clips, missing]) == []


def test_a_folder_of_a_store(bucket: str) -> None:
    found = load_dataset(paths.joined(bucket, "classes"))
    assert [(c.id, c.label) for c in found.clips] == [("high/c.wav", "high"), ("low/a b#1.wav", "low")]
    made = storage.place(found.clips[1].path)
    assert (made.read() or b"")[:4] == b"RIFF"


def test_stores_that_cannot_be_used_are_told(s3: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not known"):
        storage.place("nowhere://bucket/x")
    with pytest.raises(DataError, match="no table"):
        load_dataset(paths.joined(s3, "in/none.csv"))
    with pytest.raises(DataError, match="no sounds"):
        load_dataset(paths.joined(s3, "nothing"))
    (tmp_path / "a").write_text("x")
    other = s3.replace("earmark-sounds", "no-such-bucket")
    with pytest.raises(DataError, match="cannot be read or written"):
        storage.place(paths.joined(other, "a")).put(tmp_path / "a")


def test_fetching_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(100))
    storage.place(tmp_path / "a").fetch(tmp_path / "b", largest=100)
    assert (tmp_path / "b").stat().st_size == 100
    with pytest.raises(AudioError, match="100 bytes are more than the 99"):
        storage.place(tmp_path / "a").fetch(tmp_path / "c", largest=99)


@pytest.mark.parametrize(
    "uri", ["s3://bucket/a b/c.wav", "gs://b/x#1.wav?endpoint_override=h:1&scheme=http", "file:///x/y"]
)
def test_a_path_may_hold_a_uri(uri: str) -> None:
    assert paths.is_remote(Path(uri))
    assert paths.spelled(Path(uri)) == uri


def test_names_that_are_no_uri() -> None:
    assert not paths.is_remote(Path("C:/sounds/a.wav"))
    assert not paths.is_remote("gtzan:/data/genres")
    assert paths.joined("s3://b/x?endpoint_override=h:1", "y") == "s3://b/x/y?endpoint_override=h:1"


def test_nothing_is_left_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "a").write_text("x")
    monkeypatch.setattr(storage, "_copy", full)
    with pytest.raises(DataError, match="No space left"):
        storage.place(tmp_path / "out" / "b").put(tmp_path / "a")
    assert list((tmp_path / "out").iterdir()) == []


def test_pyarrow_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    storage._files.cache_clear()
    with pytest.raises(MissingExtraError, match=r"earmark\[ray\]"):
        storage.place(tmp_path)
    storage._files.cache_clear()


def test_a_uri_of_an_unknown_store_is_told_whatever_is_written(tmp_path: Path) -> None:
    for out in ("x.npz", "x/"):
        found = CliRunner().invoke(main, ["embed", "nowhere://b/x", "-b", "mfcc", "-o", f"{tmp_path}/{out}"])
        assert found.exit_code == 1
        assert "this store is not known" in found.output
    assert CliRunner().invoke(main, ["compare", "-r", "embeddings/lda"]).exit_code == 2

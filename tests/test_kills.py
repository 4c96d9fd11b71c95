"""Killed at any step, without room, side by side: what was whole stays whole, and the next run ends as an undisturbed one.

The long run of random kills is `bench/kill.py`.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import earmark
import fuzzing
import killing
from earmark import audio
from earmark.backbones.base import Backbone
from earmark.backbones.weights import store
from earmark.core import atomic, manifest
from earmark.core.errors import AudioError
from earmark.core.publish import publish
from earmark.data.cache import Cache
from earmark.data.clips import Clip
from earmark.embeddings.files import write_stream
from earmark.label.items import items
from earmark.label.journal import Change, Journal
from earmark.report.compare import write
from reports import without_times

RATE = 8000


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 12 short sounds of two classes."""
    folder = tmp_path_factory.mktemp("data")
    lines = ["path,label"]
    draw = np.random.default_rng(0)
    for i in range(12):
        sound = 0.3 * np.sin(np.arange(RATE) * (0.1 + i % 2) * (1 + i / 50)) + draw.normal(0, 0.1, RATE)
        soundfile.write(folder / f"{i}.wav", sound, RATE)
        lines.append(f"{i}.wav,{'low' if i % 2 else 'high'}")
    (folder / "clips.csv").write_text("\n".join(lines) + "\n")
    return folder / "clips.csv"


def fake() -> Backbone:
    return Backbone(name="fake", sample_rate=10, window_samples=4, hop_samples=4, shape=(6,), front=lambda x: x)


class TestAtEveryStep:
    @pytest.mark.parametrize("exchange", [True, False], ids=["exchanged", "renamed twice"])
    def test_a_model_is_the_old_or_the_new_one(
        self, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchange: bool
    ) -> None:
        if not exchange:
            monkeypatch.setattr(atomic, "_exchanged", lambda *_: False)
        old = earmark.train(data, "mfcc/lda", tmp_path / "m", folds=2)
        new = earmark.train(data, "mfcc:mean/knn", folds=2)
        seen = set()
        for _ in killing.killed_at_each_step(lambda: new.save(tmp_path / "m")):
            found = earmark.load_model(tmp_path / "m")
            seen.add(found.card.recipe)
            assert found.predict(data.parent / "0.wav").label == "high"
            old.save(tmp_path / "m")
        assert seen == {"mfcc/lda", "mfcc:mean/knn"}

    def test_a_first_model_is_whole_or_not_there(self, data: Path, tmp_path: Path) -> None:
        model = earmark.train(data, "mfcc/lda", folds=2)
        for _ in killing.killed_at_each_step(lambda: model.save(tmp_path / "m")):
            if (tmp_path / "m").exists():
                earmark.load_model(tmp_path / "m")
                shutil.rmtree(tmp_path / "m")

    def test_rows_of_the_cache_are_right_or_not_there(self, tmp_path: Path) -> None:
        embeddings = np.random.default_rng(0).standard_normal((50, 6)).astype(np.float32)
        one, folder = fake(), tmp_path / "cache"
        for _ in killing.killed_at_each_step(lambda: Cache(folder).keep("a", one, embeddings)):
            found = Cache(folder).embeddings("a", one)
            assert found is None or np.array_equal(found, embeddings)
        np.testing.assert_array_equal(Cache(folder).embeddings("a", one), embeddings)

    def test_hashes_of_the_cache(self, data: Path, tmp_path: Path) -> None:
        sound = data.parent / "0.wav"
        wanted = Cache(tmp_path / "other").hash_of(sound)
        for _ in killing.killed_at_each_step(lambda: Cache(tmp_path / "cache").hash_of(sound)):
            assert Cache(tmp_path / "cache").hash_of(sound) == wanted
            shutil.rmtree(tmp_path / "cache")

    @pytest.mark.parametrize("ending", [".npz", ".csv", ".parquet"])
    def test_a_file_of_rows_is_the_old_or_the_new_one(self, tmp_path: Path, ending: str) -> None:
        out, clip = tmp_path / f"embeddings{ending}", Clip("a", Path("a.wav"))

        def write(count: int) -> Callable[[], int]:
            return lambda: write_stream(out, [(clip, [np.ones((count, 6), np.float32)])], fake())

        write(3)()
        (old,) = (out.read_bytes(),)
        for _ in killing.killed_at_each_step(write(5)):
            whole = out.read_bytes()
            assert whole == old or len(earmark.embeddings.ready.read(out).embeddings["embeddings"].X) == 5
        assert len(earmark.embeddings.ready.read(out).embeddings["embeddings"].X) == 5

    def test_files_of_a_report(self, tmp_path: Path) -> None:
        def files(n: int) -> dict[str, str]:
            return {f"figures/{i}.svg": f"figure {n}" for i in range(n)} | {
                "report.html": f"{n}",
                "metrics.json": f"{n}",
            }

        def show(n: int) -> Callable[[], None]:
            return lambda: publish(tmp_path / "out", files(n), owned=("figures",))

        show(2)()
        for _ in killing.killed_at_each_step(show(3)):
            for name in ("report.html", "metrics.json"):
                assert (tmp_path / "out" / name).read_text() in ("2", "3")
            show(2)()
            assert {p.name for p in (tmp_path / "out" / "figures").iterdir()} == {"0.svg", "1.svg"}

    def test_unfinished_files_are_cleared_away(self, tmp_path: Path) -> None:
        for name, age in (("old", 7200), ("new", 60)):
            (tmp_path / f".unfinished-{name}").mkdir()
            os.utime(tmp_path / f".unfinished-{name}", (time.time() - age,) * 2)
        publish(tmp_path, {"a": "b"})
        assert {p.name for p in tmp_path.iterdir()} == {".unfinished-new", "a", manifest.NAME}

    def test_decisions_of_a_review(self, data: Path, tmp_path: Path) -> None:
        """What was said to be kept is kept; a line cut off is no decision, and the next one is not glued to it."""
        dataset = earmark.load_dataset(data)
        found = items(dataset, None)

        def decide(number: int) -> Callable[[], object]:
            change = Change(dataset.clips[number].id, label=f"new {number}")
            return lambda: Journal(dataset, tmp_path / "r").decide(found[number], "label", [change])

        decide(0)()
        for _ in killing.killed_at_each_step(decide(1)):
            journal = Journal(dataset, tmp_path / "r")
            labels = [c.label for d in journal.decisions for c in d.changes]
            assert labels[0] == "new 0"
            assert set(labels[1:]) <= {"new 1"}
            if journal.table.exists():
                assert len(earmark.load_dataset(journal.table).clips) == len(dataset.clips)
        cut = json.dumps({"id": "x", "item": "y"}).encode()[:10]
        with journal.log.open("ab") as file:
            file.write(cut)
        decide(2)()
        labels = [c.label for d in Journal(dataset, tmp_path / "r").decisions for c in d.changes]
        assert labels[-1] == "new 2"

    def test_weights_are_whole_or_not_there(self, tmp_path: Path) -> None:
        place = tmp_path / "w" / "x"

        def install() -> None:
            with store._new_folder(place, replace=True) as folder:
                (folder / "net.onnx").write_text("net")
                (folder / store.RECORD).write_text("new")

        install()
        for _ in killing.killed_at_each_step(install):
            if place.exists():
                assert {p.name for p in place.iterdir()} == {"net.onnx", store.RECORD}
        assert (place / store.RECORD).read_text() == "new"


class TestWithoutRoom:
    """No file may grow beyond a limit that is met at another place each time."""

    def test_a_model(self, data: Path, tmp_path: Path) -> None:
        model = earmark.train(data, "mfcc/lda", tmp_path / "m", folds=2)
        largest = max(p.stat().st_size for p in (tmp_path / "m").iterdir())
        done = [
            killing.without_room(lambda: model.save(tmp_path / "m"), size) for size in (0, 100, largest - 1, largest)
        ]
        assert done == [False, False, False, True]
        assert earmark.load_model(tmp_path / "m").classes == model.classes
        assert [p.name for p in tmp_path.iterdir()] == ["m"]

    def test_the_cache_costs_time_not_the_run(self, data: Path, tmp_path: Path) -> None:
        wanted = earmark.embed(data, "mfcc")

        def run() -> None:
            found = earmark.embed(data, "mfcc", cache=Cache(tmp_path / "cache"), workers=1)
            assert np.array_equal(found.X, wanted.X)
            assert not found.excluded

        for size in (0, 200, 5000):
            assert killing.without_room(run, size)
        assert not list((tmp_path / "cache").rglob("*.part"))
        np.testing.assert_array_equal(earmark.embed(data, "mfcc", cache=Cache(tmp_path / "cache")).X, wanted.X)

    def test_the_message(self, data: Path, tmp_path: Path) -> None:
        """On a file system that is really full, where one may be mounted, else at the limit of a file's size."""
        disk = tmp_path / "disk"
        disk.mkdir()
        full = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=False, capture_output=True
        )
        command = (
            f"exec {sys.executable} -m earmark train {data} -r mfcc/lda --folds 2 -o {disk / 'm'} --cache {disk / 'c'}"
        )
        if full.returncode:
            command = f"trap '' XFSZ; ulimit -f 1; {command}"
        try:
            done = subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True)
            left = {p.name for p in disk.iterdir()}
        finally:
            if not full.returncode:
                subprocess.run(["umount", disk], check=True)
        assert done.returncode == 1
        assert done.stderr.startswith("Error: ")
        assert "what was finished before is still there" in done.stderr
        assert "m" not in left


def test_two_processes_on_one_cache(data: Path, tmp_path: Path) -> None:
    """Both give the numbers of one that is alone."""
    code = (
        "import sys, numpy as np, earmark\n"
        "found = earmark.embed(sys.argv[1], 'mfcc', cache=earmark.Cache(sys.argv[2]))\n"
        "np.save(sys.argv[3], found.X)\n"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", code, str(data), str(tmp_path / "cache"), str(tmp_path / f"{i}.npy")])
        for i in range(2)
    ]
    assert [one.wait() for one in both] == [0, 0]
    wanted = earmark.embed(data, "mfcc").X
    for i in range(2):
        np.testing.assert_array_equal(np.load(tmp_path / f"{i}.npy"), wanted)
    assert not list((tmp_path / "cache").rglob("*.part"))


def test_a_cache_that_cannot_be_written(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read-only: what is there is used, the rest is made anew."""
    cache = tmp_path / "cache"
    earmark.embed(data, "mfcc", cache=Cache(cache))
    wanted = earmark.embed(data, "mfcc").X

    def refused(*_: object, **__: object) -> Any:
        raise OSError(30, "Read-only file system")

    for thing in (cache, *cache.rglob("*")):
        thing.chmod(0o555 if thing.is_dir() else 0o444)
    monkeypatch.setattr("earmark.core.atomic.secrets.token_hex", refused)  # root may write everything
    try:
        next(cache.rglob("*.npy")).chmod(0o444)
        np.testing.assert_array_equal(earmark.embed(data, "mfcc", cache=Cache(cache)).X, wanted)
        np.testing.assert_array_equal(
            earmark.embed(data, "mfcc(coefficients=13)", cache=Cache(cache)).X,
            earmark.embed(data, "mfcc(coefficients=13)").X,
        )
    finally:
        for thing in (cache, *cache.rglob("*")):
            thing.chmod(0o755 if thing.is_dir() else 0o644)


class Breaking(io.RawIOBase):
    """A file on a share that goes away after so many bytes."""

    def __init__(self, content: bytes, good: int) -> None:
        self.inside, self.good, self.name = io.BytesIO(content), good, "share.wav"

    def read(self, size: int = -1) -> bytes:
        if self.inside.tell() + max(size, 0) > self.good:
            raise OSError(5, "Input/output error")
        return self.inside.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self.inside.seek(offset, whence)

    def tell(self) -> int:
        return self.inside.tell()


@pytest.mark.parametrize("form", ["wav", "flac", "ogg", "mp3", "m4a"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_a_file_that_vanishes_half_way(form: str, share: float) -> None:
    """What was read until then is not taken for the sound."""
    content = fuzzing.encoded(form, np.random.default_rng(0).normal(0, 0.1, (fuzzing.RATE * 5, 2)).astype(np.float32))
    with pytest.raises(AudioError, match=r"share\.wav: unreadable: .*[Ii]nput/output error"):
        audio.load(Breaking(content, int(share * len(content))), RATE)  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["wav", "flac", "mp3"])
def test_a_descriptor_that_fails_half_way(form: str, tmp_path: Path) -> None:
    """The same for a file by its path, whose descriptor the decoder reads from: here it stops being one to read."""
    noise = np.random.default_rng(0).normal(0, 0.1, (fuzzing.RATE * 60, 2)).astype(np.float32)
    (tmp_path / "x").write_bytes(fuzzing.encoded(form, noise))
    with (tmp_path / "x").open("rb", buffering=0) as file, (tmp_path / "other").open("wb") as other:
        coming = audio.blocks(file, RATE, seconds=0.5)  # type: ignore[arg-type]
        assert len(next(coming)) == RATE // 2
        os.dup2(other.fileno(), file.fileno())
        with pytest.raises(AudioError, match="unreadable: "):
            list(coming)


def test_a_clip_that_vanishes_is_told(data: Path, tmp_path: Path) -> None:
    """Between the listing of a folder and the reading of a sound: the others are as ever."""
    dataset = earmark.load_dataset(shutil.copytree(data.parent, tmp_path / "data") / "clips.csv")
    wanted = earmark.embed(dataset, "mfcc")
    (tmp_path / "data" / "3.wav").unlink()
    found = earmark.embed(dataset, "mfcc")
    assert [(e.path, e.reason) for e in found.excluded.values()] == [("3.wav", "unreadable: No such file or directory")]
    np.testing.assert_array_equal(found.X, wanted.select(found.ids).X)


def test_compare_killed_and_run_again(data: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "earmark",
        "compare",
        data,
        "-r",
        "mfcc/lda",
        "--folds",
        "2",
        "-o",
        tmp_path / "out",
        "--cache",
        tmp_path / "cache",
    ]
    first = subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL)
    ended = time.monotonic() + 60
    while not list((tmp_path / "cache").rglob("*.npy")) and time.monotonic() < ended:
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert not (tmp_path / "out" / "metrics.json").exists()
    subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL)
    write(earmark.compare(data, ["mfcc/lda"], folds=2), tmp_path / "undisturbed")
    again, alone = (json.loads((tmp_path / n / "metrics.json").read_text()) for n in ("out", "undisturbed"))
    assert without_times(again) == without_times(alone)

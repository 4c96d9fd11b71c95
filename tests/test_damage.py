"""One byte that changed, anywhere in what Earmark wrote, is refused, told, or makes no difference to any number."""

from __future__ import annotations

import json
import logging
import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from earmark.audits.integrity import NOTE, check
from earmark.backbones.base import load_backbone
from earmark.cli import main
from earmark.core import npy, parquet
from earmark.core.errors import BundleError, DataError, EarmarkError
from earmark.core.spec import Part
from earmark.data.cache import Cache, content_key
from earmark.data.load import load_dataset
from earmark.embeddings import ready
from earmark.embeddings.embedded import Embedded
from earmark.embeddings.make import embed
from earmark.embeddings.shards import Embedding, left, local
from earmark.embeddings.store import open_store
from earmark.models.load import load_model

pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed (extra 'train')")
GOLDEN = Path(__file__).parent / "golden" / "v0.1"
BACKBONE = "mfcc(seconds=0.5)"


def call(*args: object, code: int = 0) -> str:
    result = CliRunner().invoke(main, list(map(str, args)))
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture(scope="module")
def made(sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """model, store, answers, cache, file.npz, file.parquet."""
    folder = tmp_path_factory.mktemp("whole")
    call("train", sounds, "-r", "mfcc/lda", "--folds", 2, "--no-cache", "-o", folder / "model")
    clips, work = load_dataset(sounds).clips[:6], Embedding.of(Part.parse(BACKBONE))
    assert len(left(work, str(folder / "store"), clips)) == 6
    list(local(work, str(folder / "store"), [clips[:3], clips[3:]]))
    for ending in ("npz", "parquet"):
        call("embed", sounds, "-b", BACKBONE, "--cache", folder / "cache", "-o", folder / f"file.{ending}")
    return folder


# ------------------------------------------------------------------------------------------------- what is looked at
def _of_model(folder: Path) -> Any:
    model = load_model(folder)
    rng = np.random.default_rng(0)
    said = model.predict((rng.normal(0, 0.1, 16000).astype(np.float32), 16000))
    card = model.card.to_json()
    return json.dumps([said.scores, said.unknown, said.set, card, model.classes], sort_keys=True)


def _of_ready(data: Embedded) -> Any:
    made = data.embeddings["embeddings"]
    clips = [(c.id, c.label, c.group, c.fold, c.start, c.duration, str(c.path)) for c in data.dataset.clips]
    told = [*clips, *made.ids, *made.recordings, str(data.dataset.task), made.fingerprint]
    return [told, made.X.tobytes(), made.clip.tobytes(), made.start.tobytes(), made.end.tobytes()]


def _of_store(folder: Path) -> Any:
    found = open_store(folder)
    return [
        _of_ready(found.read()[0]),
        [found.facts[k] for k in ("holds", "task", "backbone", "params", "pool", "shape", "fingerprint")],
    ]


def _of_file(path: Path) -> Any:
    return _of_ready(ready.read(path))


LOOKS: dict[str, Callable[[Path], Any]] = {
    "model": _of_model,
    "store": _of_store,
    "file.npz": _of_file,
    "file.parquet": _of_file,
}


@pytest.mark.parametrize("what", LOOKS)
def test_a_changed_byte(what: str, made: Path, tmp_path: Path) -> None:
    look = LOOKS[what]
    copy = tmp_path / what
    (shutil.copytree if (made / what).is_dir() else shutil.copy)(made / what, copy)
    wanted = look(copy)
    files = sorted(p for p in copy.rglob("*") if p.is_file()) if copy.is_dir() else [copy]
    rng = np.random.default_rng(int(os.environ.get("EARMARK_FLIPS_SEED", "1")))
    refused = 0
    for file in files:
        whole = file.read_bytes()
        # Everywhere, and more often at both ends, where headers and footers stand.
        count = int(os.environ.get("EARMARK_FLIPS", "8"))
        near = min(len(whole), 1500)
        places = {
            *rng.integers(0, len(whole), count),
            *rng.integers(0, near, count),
            *(len(whole) - 1 - rng.integers(0, near, count)),
        }
        for at in map(int, places):
            other = bytearray(whole)
            other[at] ^= int(rng.integers(1, 256))
            file.write_bytes(bytes(other))
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    found = look(copy)
            except EarmarkError:
                refused += 1
            else:
                assert found == wanted, f"{file.name}: byte {at} was changed to {other[at]:#x}, and nobody said so"
        file.write_bytes(whole)
    assert refused > 0


# ------------------------------------------------------------------------------------------------- the cache
def _kept(cache: Path) -> list[Path]:
    return sorted(cache.rglob("*.npy"))


def test_a_changed_byte_of_a_kept_embedding_is_made_again_and_told_once(
    made: Path, sounds: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    built, clip = load_backbone(BACKBONE), load_dataset(sounds).clips[0]
    cache = Cache(shutil.copytree(made / "cache", tmp_path / "cache"))
    key = content_key(clip, cache)
    wanted, file = embed([clip], built, cache=cache).X, cache._file(key, built)
    whole = file.read_bytes()
    assert npy.sealed(file)
    for at in (*range(140), *range(140, len(whole), 97), *range(len(whole) - 39, len(whole))):
        other = bytearray(whole)
        other[at] ^= 1 << at % 8
        file.write_bytes(bytes(other))
        assert cache.embeddings(key, built) is None, at
        assert cache.blocks(key, built) is None, at
    caplog.clear()
    cache = Cache(cache.folder)
    for _ in range(2):
        np.testing.assert_array_equal(embed([clip], built, cache=cache).X, wanted)
    assert [r.levelno for r in caplog.records] == [logging.WARNING]
    assert "made again" in caplog.text
    assert file.read_bytes() == whole


@pytest.mark.parametrize("damage", ["zeros", "nan", "cut", "empty", "another shape"])
def test_damage_of_every_size(damage: str, made: Path, sounds: Path, tmp_path: Path) -> None:
    built, clip = load_backbone(BACKBONE), load_dataset(sounds).clips[0]
    cache = Cache(shutil.copytree(made / "cache", tmp_path / "cache"))
    file = cache._file(content_key(clip, cache), built)
    whole, values = file.read_bytes(), npy.read(file)
    changed = {
        "zeros": whole[:128] + bytes(values.nbytes) + whole[128 + values.nbytes :],
        "cut": whole[:-40],
        "empty": b"",
    }
    if damage in changed:
        file.write_bytes(changed[damage])
    else:  # as numpy or Earmark 0.1 would have written it, with no checksum
        np.save(file, values * np.float32("nan") if damage == "nan" else values[:, 1:])
    np.testing.assert_array_equal(embed([clip], built, cache=cache).X, values)
    assert file.read_bytes() == whole


def test_long_sounds_are_looked_at_before_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("earmark.data.cache._LARGE", 100)
    built = load_backbone("mfcc(seconds=0.5)")
    cache, block = Cache(tmp_path), np.ones((60, *built.shape), np.float32)
    kept = list(cache.keep_blocks("long", built, iter([block, 2 * block])))
    np.testing.assert_array_equal(np.concatenate(kept), np.concatenate([block, 2 * block]))
    assert cache.blocks("long", built) is not None
    file = cache._file("long", built)
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    assert cache.blocks("long", built) is None


def test_a_file_of_the_same_size_and_time_is_another(sounds: Path, tmp_path: Path) -> None:
    cache, file = Cache(tmp_path / "cache"), tmp_path / "a.wav"
    file.write_bytes(b"one sound")
    before = file.stat()
    first = cache.hash_of(file)
    assert cache.hash_of(file) == first
    file.write_bytes(b"two sound")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert cache.hash_of(file) != first
    other = tmp_path / "b.wav"
    other.write_bytes(b"six sound")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    second = cache.hash_of(file)
    other.replace(file)
    assert cache.hash_of(file) not in (first, second)


def test_a_damaged_hash_is_not_believed(tmp_path: Path) -> None:
    cache, file = Cache(tmp_path / "cache"), tmp_path / "a.wav"
    file.write_bytes(b"one sound")
    first = cache.hash_of(file)
    with cache._table() as table:
        table.execute("UPDATE hashes SET sha256 = replace(sha256, ?, ?)", (first[:8], "0" * 8))
    assert cache.hash_of(file) == first


# ------------------------------------------------------------------------------------------------- the card, the audit
def test_labels_that_change_places_are_refused(made: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(made / "model", tmp_path / "model"))
    card = json.loads((copy / "earmark.json").read_text())
    card["classes"] = [*card["classes"][1:], card["classes"][0]]
    (copy / "earmark.json").write_text(json.dumps(card))
    with pytest.raises(BundleError, match=r"earmark\.json|classes"):
        load_model(copy)
    assert "damaged" in call("audit", copy, code=1)


def test_how_a_card_is_laid_out_does_not_matter(made: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(made / "model", tmp_path / "model"))
    card = json.loads((copy / "earmark.json").read_text())
    (copy / "earmark.json").write_text(json.dumps(dict(reversed(card.items())), indent=7))
    assert _of_model(copy) == _of_model(made / "model")


@pytest.mark.parametrize("what", ["model", "store"])
def test_what_0_1_wrote_has_no_checksum_which_is_a_note(what: str) -> None:
    found = check(GOLDEN / what, load=load_model)
    assert found is not None
    assert not found.damaged
    assert any("no checksum" in f.text and f.severity == NOTE for f in found.findings)


def test_every_table_of_a_store_is_looked_at(made: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(made / "store", tmp_path / "store"))
    assert "whole" in call("audit", copy)
    file = sorted((copy / "recordings").glob("*.parquet"))[0]
    content = file.read_bytes()
    file.write_bytes(content.replace(b"low", b"LOW", 1))
    assert file.read_bytes() != content
    assert f"recordings/{file.name}" in call("audit", copy, code=1)
    with pytest.raises(DataError, match="checksum"):
        open_store(copy)


def test_other_programs_read_sealed_files(made: Path) -> None:
    for file in (made / "store").rglob("*.parquet"):
        with file.open("rb") as opened:
            assert parquet.check(opened)
        assert len(pq.read_table(file)) > 0
    with np.load(made / "file.npz") as found:
        assert len(found["X"]) == len(found["id"])
    assert np.load(_kept(made / "cache")[0]).ndim == 2


def test_a_changed_byte_of_the_table_of_hashes(tmp_path: Path) -> None:
    files = [tmp_path / f"{i}.wav" for i in range(20)]
    for i, file in enumerate(files):
        file.write_bytes(b"sound %d" % i)
    cache = Cache(tmp_path / "cache")
    wanted = [cache.hash_of(f) for f in files]
    cache._table().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    cache._table().close()
    table = tmp_path / "cache" / "hashes.sqlite"
    whole, rng = table.read_bytes(), np.random.default_rng(3)
    for at in rng.integers(0, len(whole), 60).tolist():
        other = bytearray(whole)
        other[at] ^= int(rng.integers(1, 256))
        table.write_bytes(bytes(other))
        again = Cache(cache.folder)
        assert [again.hash_of(f) for f in files] == wanted
        if (opened := again._local.__dict__.get("table")) is not None:
            opened.close()
        for beside in table.parent.glob("hashes.sqlite-*"):
            beside.unlink()

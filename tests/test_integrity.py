"""A model, a store, a file of embeddings, a cache: whole ones are whole, and each kind of damage is named."""

from __future__ import annotations

import gc
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from earmark.audits.integrity import DAMAGED, NOTE, Integrity, check, kind_of
from earmark.cli import main
from earmark.embeddings.tables import ANSWERS, EMBEDDINGS
from earmark.models.load import load_model

pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed (extra 'train')")
pa = pytest.importorskip("pyarrow")


def call(*args: object, code: int = 0) -> str:
    result = CliRunner().invoke(main, list(map(str, args)))
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture(scope="module")
def made(sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """model, store, pooled (a store of one vector a clip), answers, cache, file.npz."""
    folder = tmp_path_factory.mktemp("made")
    call("train", sounds, "-r", "mfcc/lda", "--folds", 2, "--cache", folder / "cache", "-o", folder / "model")
    call("embed", sounds, "-b", "mfcc", "-o", f"{folder}/store/")
    call("embed", sounds, "-b", "mfcc", "--pool", "mean", "-o", f"{folder}/pooled/")
    call("predict", folder / "model", sounds, "-o", f"{folder}/answers/")
    call("embed", sounds, "-b", "mfcc", "--no-cache", "-o", folder / "file.npz")
    gc.collect()  # a cache's tables are closed now, and not while somebody compares files
    return folder


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "copy"))


def look(path: Path) -> Integrity:
    found = check(path, load=load_model)
    assert found is not None
    return found


def shards(store: Path) -> list[Path]:
    holds = ANSWERS if (store / ANSWERS).is_dir() else EMBEDDINGS
    return sorted((store / holds).glob("*.parquet"))


def altered(shard: Path, change: Callable[[dict[str, list]], None], **facts: object) -> None:  # type: ignore[type-arg]
    table = pq.read_table(shard)
    columns = table.to_pydict()
    change(columns)
    told = {**json.loads(table.schema.metadata[b"earmark"]), **facts}
    schema = table.schema.with_metadata({"earmark": json.dumps(told)})
    pq.write_table(pa.Table.from_pydict(columns, schema=schema), shard)


def vectors(columns: dict[str, list]) -> list[list[float]]:  # type: ignore[type-arg]
    (name,) = (n for n, v in columns.items() if isinstance(v[0], list))
    return columns[name]


@pytest.mark.parametrize(
    ("name", "kind", "counts"),
    [
        ("model", "model", {"files": 4, "classes": 3}),
        ("store", "store", {"clips": 36, "errors": 0}),
        ("pooled", "store", {"clips": 36, "lines": 36}),
        ("answers", "store", {"clips": 36, "lines": 36}),
        ("cache", "cache", {"files": 36, "backbones": 1}),
        ("file.npz", "file", {"clips": 36}),
    ],
)
def test_what_is_whole_is_whole(made: Path, name: str, kind: str, counts: dict[str, int]) -> None:
    before = {p: p.read_bytes() for p in made.rglob("*") if p.is_file()}
    assert kind_of(made / name) == kind
    found = look(made / name)
    assert (found.kind, found.findings, found.damaged) == (kind, (), False)
    assert counts.items() <= found.counts.items()
    assert "whole" in call("audit", made / name)
    assert json.loads(call("audit", made / name, "--json"))["findings"] == []
    assert {p: p.read_bytes() for p in made.rglob("*") if p.is_file()} == before


def test_a_cache_is_known_by_what_it_says_or_holds(copy: Path) -> None:
    cache = copy / "cache"
    (cache / "CACHEDIR.TAG").unlink()
    assert kind_of(cache) == "cache"
    (cache / "hashes.sqlite").unlink()
    assert kind_of(cache) == "cache"
    (cache / "song.wav").write_bytes(b"")  # sounds, with a cache beside them
    assert kind_of(cache) is None


def test_data_are_data(sounds: Path, tmp_path: Path) -> None:
    for data in (sounds, sounds.parent, tmp_path, tmp_path / "nothing", "gtzan:somewhere"):
        assert kind_of(data) is None
    assert "--out is needed" in call("audit", sounds, code=2)


# ------------------------------------------------------------------------------------------------- models
def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))


def _card(folder: Path, **facts: object) -> None:
    file = folder / "earmark.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **facts}))


MODELS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a bit": (lambda f: _flip(f / "head-1.onnx"), "head-1.onnx", "sha256 differs"),
    "the card for people": (lambda f: (f / "README.md").write_text("mine"), "README.md", "sha256 differs"),
    "a file": (lambda f: (f / "novelty.npz").unlink(), "novelty.npz", "is missing"),
    "a link": (
        lambda f: [(f / "head-1.onnx").rename(f / "x"), (f / "head-1.onnx").symlink_to("x")],
        "head-1.onnx",
        "not a plain",
    ),
    "no card": (lambda f: (f / "earmark.json").unlink(), "earmark.json", "no readable earmark.json"),
    "half a card": (
        lambda f: (f / "earmark.json").write_text('{"format": 1'),
        "earmark.json",
        "no readable earmark.json",
    ),
    "no files": (lambda f: _card(f, files=None), "earmark.json", "lists no files"),
    "a class twice": (lambda f: _card(f, classes=["low", "low", "high"]), "the model", "listed twice"),
    "a class too few": (lambda f: _card(f, classes=["low", "mid"]), "the model", "probabilities of 2 classes"),
    "another format": (lambda f: _card(f, format=99), "the model", "format 99"),
    "no branch": (lambda f: _card(f, branches=[]), "the model", "no branch"),
}


@pytest.mark.parametrize("damage", MODELS)
def test_a_damaged_model(copy: Path, damage: str) -> None:
    break_, where, words = MODELS[damage]
    break_(copy / "model")
    found = look(copy / "model")
    assert found.damaged
    assert any(f.where == where and words in f.text for f in found.findings), found.findings
    assert f"• {where}: " in call("audit", copy / "model", code=1)


def test_every_fault_of_a_model_is_told_and_a_stray_file_is_a_note(copy: Path) -> None:
    shutil.copy(copy / "model" / "head-1.onnx", copy / "model" / "head-2.onnx")
    assert [(f.where, f.severity) for f in look(copy / "model").findings] == [("head-2.onnx", NOTE)]
    assert "note: head-2.onnx" in call("audit", copy / "model")
    _flip(copy / "model" / "head-1.onnx")
    _flip(copy / "model" / "novelty.npz")
    told = {f.where for f in look(copy / "model").findings if f.severity == DAMAGED}
    assert told == {"head-1.onnx", "novelty.npz"}


# ------------------------------------------------------------------------------------------------- stores
def _nan(columns: dict[str, list]) -> None:  # type: ignore[type-arg]
    vectors(columns)[0][0] = float("nan")


def _twice(store: Path) -> None:
    first = shards(store)[0]
    shutil.copy(first, first.with_name("shard-0123.parquet"))


def _facts(store: Path, **facts: object) -> None:
    file = store / "earmark.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **facts}))


def _other(columns: dict[str, list]) -> None:  # type: ignore[type-arg]
    columns["fingerprint"][0] = "0" * 64


STORES: dict[str, tuple[Callable[[Path], object], str]] = {
    "half a shard": (lambda s: shards(s)[0].write_bytes(shards(s)[0].read_bytes()[:500]), "not a readable"),
    "an empty shard": (lambda s: shards(s)[-1].write_bytes(b""), "not a readable"),
    "a number that is none": (lambda s: altered(shards(s)[0], _nan), "not finite"),
    "a clip in two shards": (_twice, "delete one of the two"),
    "another fingerprint": (lambda s: altered(shards(s)[0], lambda _: None, fingerprint="ff"), "the fingerprint 'ff'"),
    "lines of another fingerprint": (lambda s: altered(shards(s)[0], _other), "lines of another fingerprint"),
    "another width": (lambda s: _facts(s, shape=[7]), "wanted"),
    "facts without a fingerprint": (lambda s: _facts(s, fingerprint=None), "no fingerprint"),
    "facts of another kind": (lambda s: _facts(s, shape="wide"), "is damaged"),
    "half of the facts": (lambda s: (s / "earmark.json").write_text('{"holds"'), "missing or damaged"),
    "no facts": (lambda s: (s / "earmark.json").unlink(), "missing or damaged"),
    "no shards": (lambda s: [p.unlink() for p in shards(s)], "there is nothing in it"),
    "errors that cannot be read": (
        lambda s: [(s / "errors").mkdir(), (s / "errors" / "shard-1.parquet").write_bytes(b"PAR1")],
        "not a readable",
    ),
}


@pytest.mark.parametrize("damage", STORES)
def test_a_damaged_store(copy: Path, damage: str) -> None:
    break_, words = STORES[damage]
    break_(copy / "store")
    found = look(copy / "store")
    assert found.kind == "store"
    assert any(words in f.text and f.severity == DAMAGED for f in found.findings), found.findings
    told = json.loads(call("audit", copy / "store", "--json", code=1))
    assert told["damaged"] is True
    assert {"where", "text", "severity"} == told["findings"][0].keys()


def test_a_pooled_clip_has_one_line(copy: Path) -> None:
    def double(columns: dict[str, list]) -> None:  # type: ignore[type-arg]
        for values in columns.values():
            values.append(values[0])

    altered(shards(copy / "pooled")[0], double)
    assert any("2 lines; pooled by mean it has one" in f.text for f in look(copy / "pooled").findings)


def test_damaged_answers(copy: Path) -> None:
    shards(copy / "answers")[0].write_bytes(b"no parquet")
    assert look(copy / "answers").damaged


# ------------------------------------------------------------------------------------------------- files, caches
def test_a_damaged_file_of_embeddings(copy: Path) -> None:
    file = copy / "file.npz"
    file.write_bytes(file.read_bytes()[:2000])
    assert look(file).damaged
    assert "a file of embeddings, damaged" in call("audit", file, code=1)


def _kept(cache: Path) -> list[Path]:
    return sorted(cache.rglob("*.npy"))


def _save(file: Path, array: object) -> None:
    with file.open("wb") as out:
        np.save(out, array, allow_pickle=False)


CACHES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no header": (lambda c: _kept(c)[0].write_bytes(b"nothing of numpy's"), "cannot be read"),
    "an empty file": (lambda c: _kept(c)[0].write_bytes(b""), "cannot be read"),
    "cut short": (lambda c: _kept(c)[0].write_bytes(_kept(c)[0].read_bytes()[:-4]), "cut short"),
    "too long": (lambda c: _kept(c)[0].write_bytes(_kept(c)[0].read_bytes() + b"1"), "1 bytes more"),
    "another type": (lambda c: _save(_kept(c)[0], np.load(_kept(c)[0]).astype(float)), "float64"),
    "another shape": (lambda c: _save(_kept(c)[0], np.load(_kept(c)[0])[:, 1:]), "the others of its backbone"),
    "one axis": (lambda c: _save(_kept(c)[0], np.load(_kept(c)[0]).ravel()), "two axes"),
    "not finite": (lambda c: _save(_kept(c)[0], np.load(_kept(c)[0]) * np.float32("nan")), "not finite"),
    "a link to nothing": (
        lambda c: [_kept(c)[0].unlink(), _kept(c)[0].with_name("0" * 62 + ".npy").symlink_to("x")],
        "cannot be read",
    ),
    "hashes": (lambda c: _spoilt(c / "hashes.sqlite"), "is damaged"),
}


def _spoilt(file: Path) -> None:
    for beside in file.parent.glob("hashes.sqlite-*"):
        beside.unlink()
    file.write_bytes(b"no sqlite, and long enough to be looked at" * 100)


@pytest.mark.parametrize("damage", CACHES)
def test_a_damaged_cache(copy: Path, damage: str) -> None:
    break_, words = CACHES[damage]
    break_(copy / "cache")
    found = look(copy / "cache")
    assert found.kind == "cache"
    assert [words in f.text and f.severity == DAMAGED for f in found.findings] == [True], found.findings
    assert "a cache, damaged" in call("audit", copy / "cache", code=1)


def test_what_a_kill_left_in_a_cache_is_a_note(copy: Path) -> None:
    (_kept(copy / "cache")[0].parent / ".abc123.part").write_bytes(b"half")
    (found,) = look(copy / "cache").findings
    assert found.severity == NOTE
    assert "whole" in call("audit", copy / "cache")


def test_a_cache_in_use_is_left_as_it_is(copy: Path) -> None:
    with sqlite3.connect(copy / "cache" / "hashes.sqlite") as table:
        table.execute("INSERT INTO hashes VALUES ('x', 1, 1, 'y')")
        assert not look(copy / "cache").damaged
    table.close()


# ------------------------------------------------------------------------------------------------- what is written
def test_the_check_is_written_where_nothing_of_the_users_lies(copy: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    call("audit", copy / "model", "-o", out)
    told = json.loads((out / "integrity.json").read_text())
    assert told["kind"] == "model"
    assert not told["damaged"]
    call("audit", copy / "store", "-o", out)  # its own may be replaced
    assert json.loads((out / "integrity.json").read_text())["kind"] == "store"
    (out / "integrity.json").write_text("mine")
    assert "Nothing of yours is overwritten" in call("audit", copy / "model", "-o", out, code=1)
    assert "is what is read here" in call("audit", copy / "model", "-o", copy / "model", code=1)

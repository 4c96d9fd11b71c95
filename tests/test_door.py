"""One door: every source with every function and command works, with the numbers of the plain folder, or is refused in one
sentence."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import earmark
from earmark.audits import audit
from earmark.backbones.base import load_backbone
from earmark.core import paths, storage
from earmark.data.cache import Cache
from earmark.data.load import load_dataset as load_sounds
from earmark.embeddings.files import write
from earmark.embeddings.shards import write_store
from earmark.errors import EarmarkError
from earmark.studies.curve import curve
from earmark.studies.ladder import ladder
from earmark.studies.stress import stress
from earmark.studies.tune import tune

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra 'train')")
import pyarrow.csv  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

LABELLED = (
    "folder", "path", "csv", "tsv", "parquet", "arrow", "pandas", "polars", "lazy", "name:folder", "name:table", "data",
    "file folder", "file table", "file quoted", "s3 folder", "s3 table", "s3 absolute",
)  # fmt: skip
UNLABELLED = ("list", "tuple", "generator", "uris", "s3 list")
EMBEDDED = (
    "npz", "parquet embeddings", "csv embeddings", "pattern", "files", "folder of files", "store", "embedded",
    "file npz", "file store", "s3 npz", "s3 files", "s3 store",
)  # fmt: skip
EVERY = (*LABELLED, *UNLABELLED, *EMBEDDED)


@dataclass(frozen=True)
class Place:
    """Where the same twelve sounds lie in every form, and what the plain folder gives."""

    folder: Path
    bucket: str
    cache: Cache
    expected: dict[str, Any]

    @property
    def sounds(self) -> Path:
        return self.folder / "sounds"

    def of(self, name: str) -> Any:
        """The source of that name, made anew."""
        there, s3 = self.folder, lambda key: paths.joined(self.bucket, key)
        if name in ("pandas", "polars", "lazy"):
            pytest.importorskip("pandas" if name == "pandas" else "polars", reason="no such DataFrame is installed")
        files = sorted(map(str, self.sounds.rglob("*.wav")))
        made: dict[str, Callable[[], Any]] = {
            "folder": lambda: str(self.sounds),
            "path": lambda: self.sounds,
            "csv": lambda: str(there / "clips.csv"),
            "tsv": lambda: there / "clips.tsv",
            "parquet": lambda: str(there / "clips.parquet"),
            "arrow": lambda: self.table(absolute=True),
            "pandas": lambda: self.table(absolute=True).to_pandas().set_index("label", drop=False),
            "polars": lambda: pytest.importorskip("polars").from_arrow(self.table(absolute=True)),
            "lazy": lambda: pytest.importorskip("polars").from_arrow(self.table(absolute=True)).lazy(),
            "name:folder": lambda: f"folder:{self.sounds}",
            "name:table": lambda: f"table:{there / 'clips.csv'}",
            "data": lambda: earmark.load_dataset(self.sounds),
            "file folder": lambda: f"file://{self.sounds}",
            "file table": lambda: (there / "clips.csv").as_uri(),
            "file quoted": lambda: (
                there.joinpath("file:/", str(there / "a table.csv")) and f"file://{there}/a%20table.csv"
            ),
            "s3 folder": lambda: s3("door/sounds"),
            "s3 table": lambda: s3("door/clips.csv"),
            "s3 absolute": lambda: s3("door/absolute.csv"),
            "list": lambda: files,
            "tuple": lambda: tuple(map(Path, files)),
            "generator": lambda: (Path(f) for f in files),
            "uris": lambda: [Path(f).as_uri() for f in files],
            "s3 list": lambda: [s3(f"door/sounds/{Path(f).relative_to(self.sounds).as_posix()}") for f in files],
            "npz": lambda: str(there / "made.npz"),
            "parquet embeddings": lambda: there / "made.parquet",
            "csv embeddings": lambda: str(there / "made.csv"),
            "pattern": lambda: str(there / "files" / "*.npz"),
            "files": lambda: sorted((there / "files").glob("*.npz")),
            "folder of files": lambda: there / "files",
            "store": lambda: str(there / "store"),
            "embedded": lambda: earmark.load_dataset(there / "made.npz"),
            "file npz": lambda: (there / "made.npz").as_uri(),
            "file store": lambda: f"file://{there}/store",
            "s3 npz": lambda: s3("door/made.npz"),
            "s3 files": lambda: s3("door/files"),
            "s3 store": lambda: s3("door/store"),
        }
        return made[name]()

    def table(self, *, absolute: bool = False) -> Any:
        data = load_sounds(self.sounds)
        found = [str(c.path) if absolute else f"sounds/{c.id}" for c in data.clips]
        return pa.table({"path": found, "label": data.labels.tolist()})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, s3: str) -> Iterator[Place]:
    folder, draw = tmp_path_factory.mktemp("door"), np.random.default_rng(0)
    for k, label in enumerate(("cat", "dog")):
        (folder / "sounds" / label).mkdir(parents=True)
        for number in range(6):
            tone = np.sin(np.arange(8000) * (0.05 + 0.06 * k + 0.01 * number))
            soundfile.write(
                folder / "sounds" / label / f"{number}.wav", 0.1 * tone + 0.1 * draw.standard_normal(8000), 8000
            )
    there = Place(folder, s3, Cache(folder / "cache"), {})
    table = there.table()
    pq.write_table(table, folder / "clips.parquet")
    for name, mark in (("clips.csv", ","), ("a table.csv", ","), ("clips.tsv", "\t")):
        pyarrow.csv.write_csv(table, folder / name, pyarrow.csv.WriteOptions(delimiter=mark))
    data, backbone = load_sounds(folder / "sounds"), load_backbone("mfcc")
    made = earmark.embed(data, backbone)
    for ending in ("npz", "parquet", "csv"):
        write(folder / f"made.{ending}", made, data, backbone)
    (folder / "files").mkdir()
    for name, ids in (("a", range(5)), ("b", range(5, 12))):
        write(folder / "files" / f"{name}.npz", made[list(ids)], data[list(ids)], backbone)
    write_store(folder / "store", made, data, backbone)
    pyarrow.csv.write_csv(there.table(absolute=True), folder / "absolute.csv")
    for file in folder.rglob("*"):
        if file.is_file() and "cache" not in file.relative_to(folder).parts:
            name = file.relative_to(folder).as_posix()
            storage.place(paths.joined(s3, f"door/{name}")).put(file)
    earmark.train(folder / "sounds", "mfcc/lda", folder / "model", folds=2, cache=there.cache)
    yield there
    shutil.rmtree(folder, ignore_errors=True)


# ------------------------------------------------------------------------------------------------- functions
def recipe(source: Any) -> str:
    """A file of CSV does not say what made it: there, and in general, recipes say embeddings/HEAD."""
    return "embeddings/lda" if str(source).endswith("made.csv") else "mfcc/lda"


def _compare(place: Place, source: Any) -> Any:
    return earmark.compare(source, [recipe(source)], folds=2, cache=place.cache).runs[0].proba


def _train(place: Place, source: Any) -> Any:
    model = earmark.train(source, recipe(source), folds=2, cache=place.cache)
    assert model.card.recipe == "mfcc/lda"
    return list(model.predict(str(place.sounds / "cat" / "0.wav")).scores.values())


def _evaluate(place: Place, source: Any) -> Any:
    found = earmark.evaluate(earmark.load_model(place.folder / "model"), source, cache=place.cache)
    return found.runs[0].proba


def _curve(place: Place, source: Any) -> Any:
    found = curve(source, recipe(source), sizes=[2], draws=1, folds=2, cache=place.cache)
    return [p.accuracy.value for p in found.points]


def _ladder(place: Place, source: Any) -> Any:
    found = ladder(source, recipe(source), rungs=["clips"], folds=2, cache=place.cache)
    return [r.clips.value for r in found.rungs]


def _tune(place: Place, source: Any) -> Any:
    return (
        tune(source, recipe(source), trials=2, folds=2, inner=2, cache=place.cache).evaluation.scores["log_loss"].value
    )


def _stress(place: Place, source: Any) -> Any:
    found = stress("mfcc/lda", source, changes=["gain(db=-6)"], folds=2, cache=place.cache)
    return [found.plain.value, *(c.accuracy.value for c in found.conditions)]


def _audit(place: Place, source: Any) -> Any:
    found = audit(source, groups=False, labels=False, confounds=False, cache=place.cache)
    assert not any(f.error for f in found.facts)
    return [f.rms for f in found.facts] if hasattr(found.facts[0], "rms") else [f.seconds for f in found.facts]


def _embed(place: Place, source: Any) -> Any:
    made = earmark.embed(source, "mfcc", cache=place.cache)
    assert not made.excluded
    return made.X


def _predict(place: Place, source: Any) -> Any:
    found = list(earmark.load_model(place.folder / "model").predict_many(source))
    return [list(one.scores.values()) for one in found]


LEARN: dict[str, Callable[[Place, Any], Any]] = {
    "compare": _compare,
    "train": _train,
    "evaluate": _evaluate,
    "curve": _curve,
    "ladder": _ladder,
    "tune": _tune,
    "stress": _stress,
}
LISTEN: dict[str, Callable[[Place, Any], Any]] = {"audit": _audit, "embed": _embed, "predict_many": _predict}
NO_LABELS = {"evaluate": "found the labels none, which the model does not know"}


def expected(place: Place, name: str) -> Any:
    if name not in place.expected:
        place.expected[name] = {**LEARN, **LISTEN}[name](place, str(place.sounds))
    return place.expected[name]


def refused(function: Callable[[Place, Any], Any], place: Place, source: Any, why: str) -> None:
    with pytest.raises(EarmarkError, match=why) as error:
        function(place, source)
    assert "\n" not in str(error.value)
    assert "wanted" in str(error.value).lower() or "It knows" in str(error.value)


@pytest.mark.parametrize("name", LEARN)
@pytest.mark.parametrize("source", EVERY)
def test_what_learns_or_evaluates(place: Place, source: str, name: str) -> None:
    given, function = place.of(source), LEARN[name]
    if source in UNLABELLED:
        refused(function, place, given, NO_LABELS.get(name, "none of the 12 sounds has a label"))
    elif source in EMBEDDED and name == "stress":
        refused(function, place, given, "found .*embeddings, and this needs sounds: wanted a folder")
    elif source == "csv embeddings" and name in ("train", "evaluate"):  # CSV does not say what made it
        refused(function, place, given, "does not say which backbone|made by an unknown backbone")
    else:
        np.testing.assert_allclose(function(place, given), expected(place, name), atol=1e-5)


@pytest.mark.parametrize("name", LISTEN)
@pytest.mark.parametrize("source", EVERY)
def test_what_listens(place: Place, source: str, name: str) -> None:
    given, function = place.of(source), LISTEN[name]
    if source == "files" and name == "predict_many":  # a list of paths: each is told by itself
        model = earmark.load_model(place.folder / "model")
        assert {one.reason[:10] for one in model.predict_many(given)} == {"unreadable"}
    elif source in EMBEDDED:
        refused(function, place, given, "found .*embeddings, and this needs sounds: wanted a folder")
    else:
        np.testing.assert_allclose(function(place, given), expected(place, name), atol=1e-5)

"""One door: every source with every function and command works, with the numbers of the plain folder, or is refused in one
sentence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

import earmark
from earmark.audits import audit
from earmark.backbones.base import load_backbone
from earmark.cli import main
from earmark.core import paths, storage
from earmark.data.annotations import Annotation, Span
from earmark.data.cache import Cache
from earmark.data.load import load_dataset as load_sounds
from earmark.data.targets import Task
from earmark.embeddings.files import write
from earmark.embeddings.shards import write_store
from earmark.errors import DataError, EarmarkError
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


SLOW = {"tune": ("folder", "arrow", "file table", "s3 absolute", "list", "csv embeddings", "s3 npz", "store")}


@pytest.mark.parametrize(("source", "name"), [(s, n) for s in EVERY for n in LEARN if s in SLOW.get(n, EVERY)])
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


# ------------------------------------------------------------------------------------------------- commands
def call(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def said(result: Result, *, code: int = 0) -> str:
    """What a command said; of one that refused, one line and no traceback."""
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    if code == 1:
        (line,) = [one for one in result.output.splitlines() if one.startswith("Error: ")]
        return line
    return result.stdout


SHELL = ("folder", "csv", "name:folder", "file table", "s3 folder", "s3 absolute")
SHELL_EMBEDDED = ("npz", "folder of files", "file store", "s3 files", "s3 store")


@pytest.fixture
def shell(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return place.cache.folder


def accuracy(text: str) -> float:
    return float(json.loads(text)["recipes"][0]["accuracy"]["value"])


@pytest.mark.parametrize("source", ["file table", "s3 absolute", "folder of files", "s3 store"])
def test_the_way_of_a_source_in_the_shell(place: Place, shell: Path, source: str) -> None:
    """compare, its rerun, train, evaluate and the studies: the same numbers, whatever is named."""
    given, cached = place.of(source), ("--cache", shell)
    done = said(call("compare", given, "-r", "mfcc/lda", "--folds", 2, "-o", "out", "--json", *cached))
    plain = earmark.compare(place.sounds, ["mfcc/lda"], folds=2, cache=place.cache)
    assert accuracy(done) == plain.runs[0].evaluation.scores["accuracy"].value
    where = json.loads(done)["source"]
    assert where == [str(given)]
    assert "The same: all" in said(call("rerun", "out", *cached))
    assert "earmark-" not in Path("out/predictions.csv").read_text().replace("earmark-sounds", "")
    said(call("train", given, "-r", "mfcc/lda", "--folds", 2, "-o", "model", *cached))
    told = [
        earmark.load_model(m).predict(place.sounds / "dog" / "1.wav").scores for m in ("model", place.folder / "model")
    ]
    assert told[0] == pytest.approx(told[1], abs=1e-5)
    said(call("evaluate", place.folder / "model", given, "--json", *cached))
    said(call("study", "ladder", given, "-r", "mfcc/lda", "--folds", 2, "--rung", "clips", *cached))
    said(call("study", "curve", given, "-r", "mfcc/lda", "--folds", 2, "--sizes", 2, "--draws", 1, *cached))


@pytest.mark.parametrize("source", SHELL)
def test_sounds_in_the_shell(place: Place, shell: Path, source: str) -> None:
    given, cached = place.of(source), ("--cache", shell)
    said(call("audit", given, "-o", "audit", "--no-groups", "--no-labels", "--no-confounds", *cached))
    lines = Path("audit/clips.csv").read_text().splitlines()
    assert len(lines) == 13
    again = load_sounds("audit/clips.csv")  # the table that an audit writes names the sounds, wherever they lie
    assert all(storage.at_hand(c.path).is_file() for c in again.clips)
    assert "12 embeddings" in said(call("embed", given, "-b", "mfcc", "-o", "made.npz", *cached))
    assert "12 lines from 12 clips" in said(call("embed", given, "-b", "mfcc", "-o", "made/"))
    made = [earmark.load_dataset(name) for name in ("made.npz", "made/")]
    for one in made:
        np.testing.assert_allclose(one.X, expected(place, "embed"), atol=1e-5)
    answers = said(call("predict", place.folder / "model", given)).splitlines()
    assert len(answers) == 13
    assert "earmark-" not in "".join(answers).replace("earmark-sounds", "")


@pytest.mark.parametrize("source", SHELL_EMBEDDED)
def test_embeddings_where_sounds_are_needed(place: Place, shell: Path, source: str) -> None:
    given = place.of(source)
    for words in (
        ("embed", given, "-b", "mfcc", "-o", "made.npz"),
        ("embed", given, "-b", "mfcc", "-o", "made/"),
        ("predict", place.folder / "model", given),
        ("study", "stress", "mfcc/lda", given),
        ("review", given, "-o", "review"),
    ):
        assert "embeddings, and this needs sounds" in said(call(*words), code=1), words
    if source not in ("folder of files", "s3 files"):  # these have no checksums or shards to look at
        whole = call("audit", given)
        assert ("whole" in whole.output) or "embeddings, and this needs" in call("audit", given, "-o", "out").output


@pytest.mark.parametrize("source", ["npz", "store", "s3 store"])
def test_a_table_says_more_of_embeddings(place: Place, shell: Path, source: str) -> None:
    """--embeddings takes what DATA takes, and DATA is then a table with other labels."""
    given, swapped = place.of(source), Path("swapped.csv")
    ids = earmark.load_dataset(given).ids
    swapped.write_text("id,label\n" + "".join(f"{name},{'odd' if i % 2 else 'even'}\n" for i, name in enumerate(ids)))
    for table in (swapped, swapped.absolute().as_uri()):
        found = said(call("compare", table, "--embeddings", given, "-r", "embeddings/lda", "--folds", 2, "--json"))
        assert list(json.loads(found)["dataset"]["class_counts"]) == ["even", "odd"]
    said(call("train", swapped, "--embeddings", given, "-r", "embeddings/lda", "--folds", 2, "-o", "model"))
    assert earmark.load_model("model").classes == ("even", "odd")
    found = said(call("compare", "--embeddings", given, "-r", "embeddings/lda", "--folds", 2, "--json"))
    assert list(json.loads(found)["dataset"]["class_counts"]) == ["cat", "dog"]
    assert "found sounds; wanted embeddings" in said(
        call("compare", swapped, "--embeddings", place.sounds, "-r", "embeddings/lda"), code=1
    )


# ------------------------------------------------------------------------------------------------- what the door gives
def test_what_is_given(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = earmark.load_dataset(place.sounds)
    assert isinstance(data, earmark.Dataset)
    assert earmark.load_dataset(data) is data
    for source in EMBEDDED:
        found = earmark.load_dataset(place.of(source))
        assert isinstance(found, earmark.Embedded), source
        assert found.ids == tuple(c.id for c in data.clips)
        assert found.y.tolist() == data.labels.tolist()
        assert found.groups is None
        assert found.X.shape == expected(place, "embed").shape
        some = found[[1, 7]]
        assert (some.ids, some.y.tolist()) == ((data.clips[1].id, data.clips[7].id), ["cat", "dog"])
        np.testing.assert_array_equal(some.X, found.X[[1, 7]])
        assert found[found.labels == "dog"].ids == found.ids[6:]
        assert "\n" not in repr(found)
        assert len(repr(found)) < 120
    monkeypatch.chdir(place.folder)
    frame = earmark.load_dataset(place.table())  # relative to the working folder
    assert [(c.id, c.label) for c in frame.clips] == [(f"sounds/{c.id}", c.label) for c in data.clips]
    assert all(c.path.is_file() for c in frame.clips)


def test_a_store_is_drawn_from(place: Place) -> None:
    found = earmark.load_dataset(place.folder / "store", memory=1500, seed=1)
    assert 2 <= len(found) < 12
    assert "clips of" in found.notes[0]
    assert "were drawn" in found.notes[0]
    compared = earmark.compare(place.folder / "store", ["embeddings/lda"], folds=2, memory=1500, seed=1)
    assert len(compared.dataset) == len(found)
    assert found.notes[0] in compared.notes


class TestFrames:
    """Cells are what a table would say."""

    def test_cells(self) -> None:
        given = pa.table(
            {
                "path": ["a, b.wav", 'say "hi".wav', "c\td.wav"],
                "label": pa.array([1, 2, None]),
                "group": pa.array(["x", None, "y"]).dictionary_encode(),
                "start": pa.array([0.5, float("nan"), None]),
            }
        )
        clips = earmark.load_dataset(given).clips
        assert [c.path for c in clips] == [Path("a, b.wav"), Path('say "hi".wav'), Path("c\td.wav")]
        assert [c.label for c in clips] == ["1", "2", None]
        assert [c.group for c in clips] == ["x", None, "y"]
        assert [c.start for c in clips] == [0.5, 0, 0]

    def test_pandas(self) -> None:
        pandas = pytest.importorskip("pandas", reason="pandas is not installed (extra 'pandas')")
        given = pandas.DataFrame(
            {
                "path": [Path("a.wav"), "b.wav"],
                "label": pandas.Categorical(["x", None]),
                "group": np.array([3, 4], np.int8),
            },
            index=[7, 7],
        )
        clips = earmark.load_dataset(given).clips
        assert [(c.id, c.label, c.group) for c in clips] == [("a.wav", "x", "3"), ("b.wav", None, "4")]
        missing = pandas.DataFrame({"path": ["a.wav"], "label": pandas.array([pandas.NA], dtype="Int64")})
        assert earmark.load_dataset(missing).clips[0].label is None

    def test_one_column_and_none(self) -> None:
        assert [c.id for c in earmark.load_dataset(pa.table({"path": ["a,b;c.wav"]})).clips] == ["a,b;c.wav"]
        with pytest.raises(DataError, match=r"the Table \(pyarrow\): no sounds found"):
            earmark.load_dataset(pa.table({"path": pa.array([], pa.string())}))
        with pytest.raises(DataError, match=r"the Table \(pyarrow\), line 2: .*start is 'soon'; wanted seconds"):
            earmark.load_dataset(pa.table({"path": ["a.wav"], "start": ["soon"]}))

    def test_columns_that_cannot_be_read(self) -> None:
        uneven = SimpleNamespace(columns=["path", "label"], path=["a.wav"])
        with pytest.raises(DataError, match="whose columns cannot be read; wanted a folder"):
            earmark.load_dataset(uneven)


class TestPlaces:
    """URIs and names."""

    @pytest.mark.parametrize(
        ("uri", "path"),
        [
            ("file:///x/t.csv", "/x/t.csv"),
            ("file://localhost/x/t.csv", "/x/t.csv"),
            ("FILE:///x/t.csv", "/x/t.csv"),
            (Path("file:///x/t.csv"), "/x/t.csv"),
            ("file:///x/a%20b.csv", "/x/a b.csv"),
            ("file:///C:/x/t.csv", "C:/x/t.csv"),
        ],
    )
    def test_a_file_uri_is_a_path(self, uri: str | Path, path: str) -> None:
        assert paths.located(uri) == Path(path)

    def test_a_name_with_a_percent_sign(self, tmp_path: Path) -> None:
        (tmp_path / "a%20b").mkdir()
        assert paths.located(f"file://{tmp_path}/a%20b") == tmp_path / "a%20b"
        assert paths.located("s3://b/a%20b") == "s3://b/a%20b"
        assert paths.located("a%20b") == "a%20b"

    def test_nothing_there_is_told_by_its_uri(self, place: Place) -> None:
        with pytest.raises(DataError, match=r"there is nothing at file:///no/such/t.csv"):
            earmark.load_dataset("file:///no/such/t.csv")
        with pytest.raises(DataError, match="is opened in a folder on this machine"):
            earmark.load_dataset("gtzan:s3://bucket/genres")
        with pytest.raises(DataError, match="no sounds found"):
            earmark.load_dataset(paths.joined(place.bucket, "door/none"))

    def test_a_table_at_a_uri_with_paths_above_it(self, place: Place) -> None:
        (place.folder / "up.csv").write_text("path,label\n../sounds/cat/0.wav,cat\n")
        storage.place(paths.joined(place.bucket, "door/tables/t.csv")).put(place.folder / "up.csv")
        (clip,) = earmark.load_dataset(paths.joined(place.bucket, "door/tables/t.csv")).clips
        assert storage.at_hand(clip.path).read_bytes() == (place.sounds / "cat" / "0.wav").read_bytes()

    def test_one_sound_that_is_not_there_ends_nothing(self, place: Place) -> None:
        (place.folder / "gap.csv").write_text(
            (place.folder / "clips.csv").read_text() + f"{paths.joined(place.bucket, 'door/none.wav')},cat\n"
        )
        found = earmark.compare(place.folder / "gap.csv", ["mfcc/lda"], folds=2, cache=place.cache)
        (gone,) = found.dataset.excluded
        assert "No such file" in gone.reason
        assert len(found.dataset) == 12


def test_sounds_in_memory_have_no_labels() -> None:
    tone = np.sin(np.arange(8000) * 0.1)
    for source in ([(tone, 8000)], [(tone, 8000), (tone, 8000)]):
        for use in (
            earmark.load_dataset,
            lambda s: earmark.compare(s, ["mfcc/lda"]),
            lambda s: earmark.train(s, "mfcc/lda"),
        ):
            with pytest.raises(DataError, match=r"found sounds in memory.*wanted labelled sounds"):
                use(source)


def test_files_that_were_not_made_alike(place: Place, tmp_path: Path) -> None:
    data = load_sounds(place.sounds)
    other = load_backbone("mfcc(coefficients=12)")
    write(tmp_path / "a.npz", earmark.embed(data[:6], other), data[:6], other)
    write(tmp_path / "b.npz", earmark.embed(data[6:], "mfcc"), data[6:], load_backbone("mfcc"))
    with pytest.raises(DataError, match="not made alike"):
        earmark.load_dataset(tmp_path)
    model = earmark.load_model(place.folder / "model")
    with pytest.raises(DataError, match="this model cannot evaluate; wanted sounds, or windows of mfcc"):
        earmark.evaluate(model, tmp_path / "a.npz")
    trained = earmark.train(place.folder / "made.npz", "embeddings/lda", folds=2)
    assert trained.card.recipe == "mfcc/lda"


def test_a_backbone_with_parameters_is_found_again(place: Place, tmp_path: Path) -> None:
    data, backbone = load_sounds(place.sounds), load_backbone("mfcc(coefficients=12)")
    write(tmp_path / "a.npz", earmark.embed(data, backbone), data, backbone)
    model = earmark.train(tmp_path / "a.npz", "embeddings/lda", folds=2)
    assert next(iter(model.backbones)) == backbone.fingerprint


class TestAnnotations:
    """Annotations make the task multi-label; reading those of other programs is another matter."""

    def test_of_a_table_or_at_hand(self, place: Place, tmp_path: Path) -> None:
        file = tmp_path / "a.csv"
        file.write_text("recording,start,end,label\ncat/0.wav,0.1,0.3,bark\ndog/1.wav,0,0.5,miaow\n")
        for given in (file, [Annotation("cat/0.wav", 0.1, 0.3, "bark"), Annotation("dog/1.wav", 0, 0.5, "miaow")]):
            found = earmark.load_dataset(place.sounds, given, "all")
            assert isinstance(found, earmark.Dataset)
            assert (found.task, found.annotated) == (Task.MULTI, "all")
            assert [(a.path, a.label) for a in found.annotations] == [("cat/0.wav", "bark"), ("dog/1.wav", "miaow")]
        assert earmark.load_dataset(place.sounds, file, [Span("cat/0.wav")]).annotated == (Span("cat/0.wav"),)
        with pytest.raises(DataError, match="one label a clip"):
            earmark.compare(found, ["mfcc/lda"])

    def test_what_cannot_be_read_is_refused(self, place: Place, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"recordings that the data do not have, e.g. 'none.wav'"):
            earmark.load_dataset(place.sounds, [Annotation("none.wav", 0, 1, "x")])
        with pytest.raises(DataError, match="found no table of annotations there; wanted a CSV"):
            earmark.load_dataset(place.sounds, tmp_path / "a.raven.txt")
        with pytest.raises(DataError, match="annotations speak of sounds, and found embeddings"):
            earmark.load_dataset(place.folder / "store", [Annotation("cat/0.wav", 0, 1, "x")])


def test_a_table_of_the_data_is_the_data(place: Place) -> None:
    """to_frame names sounds as they are named, those in object stores too."""
    pandas = pytest.importorskip("pandas", reason="pandas is not installed (extra 'pandas')")
    for source in ("csv", "s3 table"):
        data = earmark.load_dataset(place.of(source))
        frame = data.to_frame()
        assert isinstance(frame, pandas.DataFrame)
        again = earmark.load_dataset(frame)
        assert [(c.path, c.label) for c in again.clips] == [(c.path, c.label) for c in data.clips]

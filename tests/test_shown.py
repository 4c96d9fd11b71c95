"""Values show themselves in one line and as a small table, go to DataFrames, and are cut by numbers and masks."""

from __future__ import annotations

import builtins
import re
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import earmark
import fuzzing
from earmark.audits.integrity import check
from earmark.core import renderers
from earmark.core.errors import DataError, MissingExtraError
from earmark.data.annotations import Annotation
from earmark.data.clips import Clip, Dataset, Excluded
from earmark.data.targets import Targets
from earmark.embeddings import ready
from earmark.metrics.calibration import Calibration
from earmark.metrics.out_of_distribution import Novelty
from earmark.models.branch import Prediction
from earmark.models.predictions import Predictions
from earmark.models.prepare import open_data

LONG = "<b>" + "x" * 5000 + "\n" + "y" * 5000


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shown")
    fuzzing.prepare(folder)
    return folder


@pytest.fixture(scope="module")
def found(tools: Path) -> earmark.Comparison:
    return earmark.compare(tools / "clips.csv", ["mfcc/lda", "mfcc:mean/knn"], folds=2)


@pytest.fixture(scope="module")
def shown(tools: Path, found: earmark.Comparison) -> dict[str, Any]:
    data = earmark.load_dataset(tools / "clips.csv")
    model = earmark.load_model(tools / "model")
    many = {f"class {i}": 1 / 5000 for i in range(5000)}
    return {
        "data": data,
        "much data": Dataset(LONG, tuple(Clip(f"{i}{LONG}", Path(f"{i}.wav"), LONG + str(i)) for i in range(300))),
        "no data": Dataset("none", ()),
        "embeddings": earmark.embed(data, "mfcc"),
        "embeddings of images": earmark.embed(data, "logmel(seconds=0.5)"),
        "no embeddings": earmark.embed(data, "mfcc")[[]],
        "model": model,
        "comparison": found,
        "run": found.runs[0],
        "evaluation": found.runs[0].evaluation,
        "prediction": model.predict(tools / "good.wav"),
        "a long prediction": Prediction(LONG, LONG, 0.5, many, tuple(many), True, 0.0, 1.5),
        "predictions": model.predict([tools / "good.wav"] * 30),
        "excluded": Predictions([Excluded(LONG, LONG)] * 3),
        "no predictions": Predictions(),
        "one excluded": Excluded(LONG, LONG),
        "a clip": Clip(LONG, Path(LONG), LONG, LONG),
        "a recipe": replace(earmark.Recipe.parse("mfcc/lda"), title=LONG, about=LONG),
        "a long recipe": earmark.Recipe.parse(",".join(["mfcc(n_mfcc=13):mean+std/logreg(C=1)"] * 50)),
        "a cache": earmark.Cache(tools / "cache"),
        **studied(tools, found),
        **held(tools, data, model),
    }


def studied(tools: Path, found: earmark.Comparison) -> dict[str, Any]:
    """A result of each study, as small as it can be."""
    table, how = tools / "clips.csv", {"folds": 2}
    found.save(tools / "saved")
    return {
        "curve": earmark.curve(table, "mfcc/lda", sizes=[2], draws=1, **how),
        "ladder": earmark.ladder(table, "mfcc/lda", **how),
        "stress": earmark.stress("mfcc/lda", table, changes=["gain(db=-20)"], **how),
        "tuned": earmark.tune(table, "mfcc/lda", trials=2, inner=2, **how),
        "audit": earmark.audit(table, groups=False, labels=False, confounds=False),
        "rerun": earmark.rerun(tools / "saved", source=table),
        "a rerun that differs": earmark.rerun(tools / "saved", source=earmark.load_dataset(table)[:8]),
    }


def held(tools: Path, data: Dataset, model: earmark.Model) -> dict[str, Any]:
    """What results are made of, and what models hold."""
    near = np.random.default_rng(0).normal(size=(12, 5))
    read_back = ready.read(tools / "embeddings.npz")
    return {
        "calibration": Calibration(("a", "b"), 1.0, -9.0, (0.1,), 3, measured={"log_loss": 0.5}),
        "novelty": Novelty.fit(near, ["a", "b"] * 6, None),
        "prepared": open_data(data, [earmark.Recipe.parse("mfcc/lda")]),
        "ready": read_back,
        "embeddings of a file": read_back.embeddings["embeddings"],
        "card": model.card,
        "targets": Targets.single(data.labels),
        "windows": read_back.embeddings["embeddings"].windows,
        "annotation": Annotation(LONG, 0.0, 1.0, LONG),
        "a recorder": earmark.RecordingInfo(LONG, LONG, note=LONG),
        "integrity": check(str(tools / "embeddings.npz"), load=earmark.load_model),
    }


def names() -> list[str]:
    return [
        "data", "much data", "no data", "embeddings", "embeddings of images", "no embeddings", "model", "comparison", "run",
        "evaluation", "prediction", "a long prediction", "predictions", "excluded", "no predictions", "one excluded",
        "a clip", "a recipe", "a long recipe", "a cache", "curve", "ladder", "stress", "tuned", "audit", "rerun",
        "a rerun that differs", "calibration", "novelty", "prepared", "ready", "embeddings of a file", "card", "targets",
        "windows", "annotation", "a recorder", "integrity",
    ]  # fmt: skip


REPORTS = {
    "comparison": "report.html",
    "curve": "curve.html",
    "ladder": "ladder.html",
    "stress": "stress.html",
    "tuned": "recipe.toml",
    "audit": "audit.html",
    "rerun": "report.html",
}
TABLES = {"run": 13, "evaluation": 13, "curve": 2, "ladder": 2, "stress": 1, "tuned": 3, "audit": 12, "rerun": 0}


@pytest.mark.parametrize("name", names())
def test_a_value_shows_itself_in_one_line(name: str, shown: dict[str, Any]) -> None:
    said = repr(shown[name])
    assert said.startswith(f"{type(shown[name]).__name__}(")
    assert said.isprintable()
    assert 10 < len(said) <= 200


@pytest.mark.parametrize("name", names())
def test_a_value_shows_a_small_table_in_a_notebook(name: str, shown: dict[str, Any]) -> None:
    for page in (shown[name]._repr_html_(), renderers.plain(shown[name])):
        assert len(page) < 20_000
        assert page.count("<tr>") <= 15
        assert "<b>" not in page  # escaped
        for tag in ("table", "tr", "td", "th", "p", "thead", "tbody"):
            assert len(re.findall(f"<{tag}>", page)) == page.count(f"</{tag}>")


def test_all_values_are_tried(shown: dict[str, Any]) -> None:
    assert list(shown) == names()
    others = {"EarmarkError", "Embedder", "SoundClassifier", "SoundKFold"}  # scikit-learn shows estimators
    kinds = {kind for name in set(earmark.__all__) - others if isinstance(kind := getattr(earmark, name), type)}
    assert len(kinds) > 15
    assert kinds <= {type(value) for value in shown.values()}


TEXTS = st.text(min_size=1, max_size=400) | st.sampled_from([LONG, "\udcff.wav", "a\u2028b\x85c\x1b[31m", "<script>"])


@given(TEXTS, TEXTS)
@settings(max_examples=60, deadline=None)
def test_names_of_any_kind_are_shown_in_one_line(name: str, other: str) -> None:
    clip = Clip(name, Path(name.replace("\0", "")), other, other)
    for value in (
        clip,
        Dataset(name, (clip,)),
        Excluded(name, other),
        Prediction(name, other, 0.5, {other: 0.5}),
        Predictions([Prediction(name, other, 0.5, {other: 0.5}), Excluded(name, other)]),
        replace(earmark.Recipe.parse("mfcc/lda"), title=name, about=other),
    ):
        said, page = repr(value), value._repr_html_()
        assert said.isprintable()
        assert len(said) <= 200
        page.encode()
        assert set(re.findall("<(\\w+)", page)) <= {"p", "table", "thead", "tbody", "tr", "th", "td"}


@pytest.mark.parametrize("name", REPORTS)
def test_a_result_saves_its_report(name: str, shown: dict[str, Any], tmp_path: Path) -> None:
    page = shown[name].save(str(tmp_path / "out"))
    assert page == tmp_path / "out" / REPORTS[name]
    assert page.is_file()
    assert list((tmp_path / "out").glob("*.json"))


def test_a_report_replaces_its_own_and_nothing_else(shown: dict[str, Any], tmp_path: Path) -> None:
    page = shown["audit"].save(tmp_path)
    assert shown["audit"].save(tmp_path) == page
    page.write_text("mine")
    with pytest.raises(DataError, match="not written by an audit"):
        shown["audit"].save(tmp_path)
    assert page.read_text() == "mine"
    assert shown["audit"].save(tmp_path, force=True).read_text("utf-8") != "mine"


def test_whatever_has_a_report_is_tried(shown: dict[str, Any]) -> None:
    import_module("earmark.report.written")
    known = {kind.__name__ for kind in renderers._WRITERS}
    assert known - {"Reproduction"} == {type(shown[name]).__name__ for name in REPORTS}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_goes_to_a_frame(name: str, shown: dict[str, Any]) -> None:
    pytest.importorskip("pandas")
    made = earmark.to_frame(shown[name])
    assert len(made) == TABLES[name]
    assert list(made.columns) == list(shown[name]._columns())


def test_embeddings_of_files_know_their_labels(shown: dict[str, Any], tools: Path) -> None:
    emb = shown["embeddings of a file"]
    assert emb.y.tolist() == shown["embeddings"].y.tolist()
    table = tools / "told.csv"
    table.write_text("id,label,group\n" + "".join(f"{i},{'ab'[k % 2]},g{k % 3}\n" for k, i in enumerate(emb.ids)))
    told = ready.read(tools / "embeddings.csv").told(table).embeddings["embeddings"]
    assert told.y.tolist() == ["a", "b"] * 6
    assert told.groups is not None
    assert told.groups.tolist() == ["g0", "g1", "g2"] * 4


def test_what_lines_say(shown: dict[str, Any]) -> None:
    assert repr(shown["data"][:1]).endswith(", 1 clip of 1 class)")
    assert repr(shown["embeddings"]).startswith("Embeddings(12 windows of 12 clips, 60 numbers each)")
    assert repr(shown["comparison"]).startswith("Comparison(2 recipes on 12 clips, best 'mfcc")
    assert repr(shown["predictions"]) == "Predictions(30 sounds: 30 high)"
    assert "…" in shown["predictions"]._repr_html_()


def test_a_better_table_can_be_registered(monkeypatch: pytest.MonkeyPatch, found: earmark.Comparison) -> None:
    assert "(95 %)" in found._repr_html_()  # the report's
    monkeypatch.setattr(renderers, "_MAKERS", {})
    assert "accuracy_low" in found._repr_html_()  # the core's own
    renderers.register(earmark.Comparison, lambda value: f"<p>{value.folds}</p>")
    assert found._repr_html_() == "<p>2</p>"
    renderers.register(renderers.Shown, lambda value: "all")
    assert (found._repr_html_(), found.runs[0]._repr_html_()) == ("<p>2</p>", "all")


# Parts


PARTS = {
    "numbers": ([3, 0], [3, 0]),
    "a number": (2, [2]),
    "the last": (-1, [11]),
    "numpy's": (np.array([5, 6]), [5, 6]),
    "numpy's number": (np.int64(4), [4]),
    "a mask": (np.arange(12) % 4 == 0, [0, 4, 8]),
    "a mask of a list": ([True] + [False] * 11, [0]),
    "a slice": (slice(None, None, 5), [0, 5, 10]),
    "none": ([], []),
    "an empty mask": (np.zeros(12, bool), []),
    "a range": (range(2), [0, 1]),
}


@pytest.mark.parametrize("how", PARTS)
def test_a_part_by_numbers_and_masks(how: str, shown: dict[str, Any]) -> None:
    index, wanted = PARTS[how]
    data, emb = shown["data"], shown["embeddings of images"]
    assert data[index].clips == tuple(data.clips[i] for i in wanted)
    assert data[index].excluded == data.excluded
    part = emb[index]
    assert part.ids == tuple(emb.ids[i] for i in wanted)
    assert part.labels == tuple(emb.labels[i] for i in wanted)
    assert part.digest == tuple(emb.digest[i] for i in wanted)
    for place, i in enumerate(wanted):
        assert np.array_equal(part.X[part.clip == place], emb.X[emb.clip == i])
        assert np.array_equal(part.start[part.clip == place], emb.start[emb.clip == i])
    assert len(part.X) == sum(np.count_nonzero(emb.clip == i) for i in wanted)


@pytest.mark.parametrize("index", [12, -13, [0, 12], [True, False], 0.5, "0", None, (1, 2), [[0.5]]])
def test_what_is_no_part_is_told(index: Any, shown: dict[str, Any]) -> None:
    for whole in (shown["data"], shown["embeddings"]):
        with pytest.raises(IndexError, match="wanted"):
            whole[index]


def test_a_data_set_is_gone_through(shown: dict[str, Any]) -> None:
    data = shown["data"]
    assert (len(data), list(data)) == (12, list(data.clips))
    assert bool(shown["no data"])
    assert data[data.labels == "low"].classes == ("low",)
    with pytest.raises(DataError, match="listed more than once"):
        data[[0, 0]]
    assert earmark.compare(data[:8], "mfcc/lda", folds=2).dataset.clips == data.clips[:8]


def test_labels_and_groups_of_windows(shown: dict[str, Any], tools: Path) -> None:
    emb = shown["embeddings of images"]
    assert emb.y.tolist() == [emb.labels[i] for i in emb.clip]
    assert emb.groups is None
    clips = [Clip(str(i), tools / f"{i}.wav", "ab"[i % 2], ["x", "y", None][i % 3]) for i in range(6)]
    emb = earmark.embed(clips, "logmel(seconds=0.5)")
    assert emb.groups is not None
    assert [emb.groups[emb.clip == i][0] for i in range(6)] == ["x", "y", "only 2", "x", "y", "only 5"]
    pooled = emb.pooled("mean+std")
    assert np.array_equal(pooled.X, emb.vectors("mean+std"))
    assert pooled.y.tolist() == list("ababab")
    assert len(pooled.X) == len(pooled.clip) == len(pooled.start) == len(pooled.ids)
    assert pooled[[1]].y.tolist() == ["b"]
    unknown = earmark.embed([tools / "0.wav"], "mfcc")
    with pytest.raises(DataError, match="not every clip has a label"):
        _ = unknown.y


# DataFrames


@pytest.fixture
def no_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **more: Any) -> Any:
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name="pandas")
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without)


def test_without_pandas_what_to_install_is_named(no_pandas: None, shown: dict[str, Any]) -> None:
    for name in ("data", "embeddings", "comparison", "predictions", "prediction", *TABLES):
        with pytest.raises(MissingExtraError, match=r"pip install 'earmark\[pandas\]'"):
            earmark.to_frame(shown[name])


def test_columns_of_predictions(shown: dict[str, Any]) -> None:
    columns = shown["predictions"]._columns()
    assert list(columns) == ["path", "label", "unknown", "score", "set", "high", "low"]
    mixed = Predictions([Prediction("a", "path", 1.0, {"path": 1.0}, (), False, 0.0, 2.0), Excluded("b", "empty")])
    assert {k: list(v) for k, v in mixed._columns().items()} == {
        "path": ["a", "b"],
        "label": ["path", None],
        "score": [1.0, None],
        "unknown": [False, None],
        "set": ["", None],
        "start": [0.0, None],
        "end": [2.0, None],
        "excluded": [None, "empty"],
        "score of path": [1.0, None],
    }


def test_columns_are_of_one_length(shown: dict[str, Any]) -> None:
    for value in shown.values():
        assert len({len(c) for c in value._columns().values()}) <= 1


def test_frames(shown: dict[str, Any], tools: Path) -> None:
    pytest.importorskip("pandas")
    for name, lines in (("data", 12), ("embeddings", 12), ("comparison", 2), ("predictions", 30), ("prediction", 1)):
        assert len(earmark.to_frame(shown[name])) == lines
    model = shown["model"]
    made = earmark.to_frame(model.predict_many([tools / "good.wav", tools / "none.wav"]))
    assert made["label"].tolist()[0] == "high"
    assert made["excluded"].tolist()[1].startswith("unreadable")
    emb = shown["embeddings"].to_frame()
    assert emb["x0"].dtype == np.float32
    assert np.array_equal(emb.filter(regex="^x").to_numpy(), shown["embeddings"].X)
    assert shown["comparison"].to_frame()["recipe"].tolist() == ["mfcc/lda", "mfcc:mean/knn"]
    assert len(earmark.to_frame([])) == 0

"""The formats: what is written comes back equal, by every reader and writer; what 0.1 wrote is read, or refused in words."""

from __future__ import annotations

import csv
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from earmark.backbones.base import About, Backbone
from earmark.cli import main
from earmark.core import legacy, marks, records
from earmark.core.errors import BundleError, DataError
from earmark.core.spec import Part
from earmark.data.annotations import Annotation, Span
from earmark.data.clips import Clip, Dataset
from earmark.data.load import load_dataset
from earmark.data.targets import Targets, Task
from earmark.data.windows import Windows
from earmark.embeddings.embedded import Embedded
from earmark.embeddings.files import write
from earmark.embeddings.make import Embeddings, embed
from earmark.embeddings.ready import read
from earmark.embeddings.shards import Embedding, left, write_store
from earmark.embeddings.store import open_store
from earmark.models.card import ModelCard
from earmark.models.load import load_model
from earmark.models.prepare import open_data
from earmark.models.train import train
from earmark.recipes.recipe import find
from earmark.studies.compare import compare
from earmark.studies.rerun import rerun
from earmark.studies.results import metrics, predictions_csv

OLD = Path(__file__).parent / "golden" / "v0.1"
nan = math.nan
FILES = ("a.npz", "a.parquet", "a.csv")
CLASSES = ("Cisticola, pale", "dog", 'he said "no"')


def fake(name: str = "fake") -> Backbone:
    def front(samples: Any) -> Any:
        raise AssertionError("nothing is heard here")

    return Backbone(name, 16000, 16000, 8000, (2, 3), front, about=About("none", "nothing", "none", ""))


@pytest.fixture
def several() -> tuple[Dataset, Embeddings]:
    """Two recordings and a cut of one, five windows, several labels a window, some of them not looked at."""
    clips = (
        Clip("night/a.wav", Path("night/a.wav"), group="site 1", fold="1"),
        Clip("b.wav", Path("b.wav"), group="site 2"),
        Clip("b.wav#3+1.5", Path("b.wav"), start=3.0, duration=1.5),
    )
    annotations = (
        Annotation("night/a.wav", 0.25, 1.125, "dog", 200.0, 8000.5, "Ada", "2025-05-01T04:30"),
        Annotation("b.wav", 0.0, 0.1, CLASSES[0]),
    )
    annotated = (Span("night/a.wav", 0.0, 2.0), Span("b.wav", 0.0, math.inf, "dog"))
    data = Dataset("several", clips, task=Task.MULTI, annotations=annotations, annotated=annotated)
    values = [[1, 1, 0], [0, 0, 0], [nan, 1, nan], [nan, nan, nan], [1, 0, nan]]
    draw = np.random.default_rng(3)
    made = Embeddings(
        X=draw.standard_normal((5, 2, 3)).astype(np.float32),
        clip=np.array([0, 0, 1, 2, 2]),
        ids=tuple(c.id for c in clips),
        start=np.array([0.0, 0.5, 0.1 + 0.2, 3.0, 3.5]),
        end=np.array([1.0, 1.5, 1.3, 4.0, 4.5]),
        recordings=("night/a.wav", "b.wav", "b.wav"),
        digest=("1", "2", "3"),
        fingerprint=fake().fingerprint,
        excluded={},
        targets=Targets(CLASSES, np.array(values)),
    )
    return data, made


def check_equal(found: Embedded, data: Dataset, made: Embeddings) -> None:
    back = found.embeddings["embeddings"].select(made.ids)
    assert back.targets == made.targets
    assert back.windows == made.windows
    assert back.ids == made.ids
    np.testing.assert_array_equal(back.X.reshape(len(made.X), -1), made.X.reshape(len(made.X), -1))
    assert found.dataset.task is data.task
    assert sorted(found.dataset.annotations, key=repr) == sorted(data.annotations, key=repr)
    assert found.dataset.annotated == data.annotated
    told = {c.id: (c.label, c.group, c.fold) for c in found.dataset.clips}
    assert told == {c.id: (c.label, c.group, c.fold) for c in data.clips}


# ------------------------------------------------------------------------------------------------- there and back
@pytest.mark.parametrize("name", FILES)
def test_several_labels_a_window_through_files(name: str, several: tuple[Dataset, Embeddings], tmp_path: Path) -> None:
    data, made = several
    assert write(tmp_path / name, made, data, fake()) == 5
    check_equal(read(tmp_path / name), data, made)
    if name != "a.csv":
        assert read(tmp_path / name).embeddings["fake"].X.shape == (5, 2, 3)


@pytest.mark.parametrize("name", FILES)
def test_what_was_read_can_be_written_again(name: str, several: tuple[Dataset, Embeddings], tmp_path: Path) -> None:
    data, made = several
    write(tmp_path / "first.parquet", made, data, fake())
    found = read(tmp_path / "first.parquet")
    write(tmp_path / name, found.embeddings["fake"], found.dataset, found.backbones["fake"])
    check_equal(read(tmp_path / name), data, made)


@pytest.mark.parametrize("shards", [1, 256])
def test_several_labels_a_window_through_a_store(
    shards: int, several: tuple[Dataset, Embeddings], tmp_path: Path
) -> None:
    data, made = several
    write_store(tmp_path / "s", made, data, fake())
    write_store(tmp_path / "s", made, data, fake())  # is there
    folder = open_store(tmp_path / "s")
    check_equal(folder.read()[0], data, made)
    facts = json.loads((tmp_path / "s" / "earmark.json").read_text())
    assert (facts["format"], facts["task"], facts["classes"]) == (2, "multi-label", list(CLASSES))
    names = {p.name for p in (tmp_path / "s").iterdir()}
    assert names == {"earmark.json", "embeddings", "recordings", "targets", "annotations", "annotated"}


def test_everything_was_looked_at(several: tuple[Dataset, Embeddings], tmp_path: Path) -> None:
    data, made = several
    data = replace(data, annotated="all")
    for name in FILES:
        write(tmp_path / name, made, data, fake())
        assert read(tmp_path / name).dataset.annotated == "all"
    write_store(tmp_path / "s", made, data, fake())
    assert open_store(tmp_path / "s").annotated == "all"


@pytest.mark.parametrize("name", FILES)
def test_one_label_a_clip_is_as_it_was(name: str, sounds: Path, tmp_path: Path) -> None:
    clips = load_dataset(sounds).clips[:6]
    cut = Clip(f"{clips[0].id}#0.25+0.5", clips[0].path, "cut", start=0.25, duration=0.5)
    data = Dataset("one", (*clips, cut))
    made = embed(data, "mfcc")
    assert made.recordings[-1] == clips[0].id
    from earmark.backbones.base import load_backbone

    write(tmp_path / name, made, data, load_backbone("mfcc"))
    found = read(tmp_path / name)
    check_equal(found, data, made)
    assert found.dataset.task is Task.SINGLE
    assert marks.embeddings(tmp_path / name)
    if name == "a.npz":
        with np.load(tmp_path / name) as arrays:
            assert not {"targets", "classes"} & set(arrays.files)


def test_pooled_targets_know_what_they_do_not_know() -> None:
    found = Targets(("a", "b", "c"), [[1, 0, nan], [nan, 0, 0], [0, 0, 0]])
    wanted = Targets(("a", "b", "c"), [[1, 0, nan], [0, 0, 0], [nan, nan, nan]])
    assert found.pooled(np.array([0, 0, 1]), 3) == wanted


def test_pooled_vectors_have_the_targets_of_their_clip(several: tuple[Dataset, Embeddings], tmp_path: Path) -> None:
    data, made = several
    for name in FILES:
        write(tmp_path / name, made, data, fake(), "mean")
        found = read(tmp_path / name).embeddings["embeddings"]
        assert found.targets == Targets(CLASSES, [[1, 1, 0], [nan, 1, nan], [1, nan, nan]])
    write_store(tmp_path / "s", made, data, fake(), "mean")
    there = open_store(tmp_path / "s").read()[0].embeddings["embeddings"].select(made.ids)
    assert there.targets == found.targets
    assert (
        there.windows == found.windows == Windows(["night/a.wav", "b.wav", "b.wav"], [0, 0.1 + 0.2, 3], [1.5, 1.3, 4.5])
    )


def test_annotations_of_what_lay_there_before_do_not_stay(several: tuple[Dataset, Embeddings], tmp_path: Path) -> None:
    data, made = several
    write(tmp_path / "a.npz", made, data, fake())
    write(tmp_path / "a.npz", made, replace(data, annotations=(), annotated=None), fake())
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]
    (tmp_path / "a.npz.annotations.csv").write_text("mine\n")
    with pytest.raises(DataError, match="was not written by embed"):
        write(tmp_path / "a.npz", made, data, fake())
    write(tmp_path / "a.npz", made, replace(data, annotations=(), annotated=None), fake())
    assert (tmp_path / "a.npz.annotations.csv").read_text() == "mine\n"


def test_a_pattern_passes_over_the_tables_beside(several: tuple[Dataset, Embeddings], tmp_path: Path) -> None:
    data, made = several
    write(tmp_path / "x-1.csv", made, data, fake())
    check_equal(read(str(tmp_path / "x-*.csv")), data, made)


# ------------------------------------------------------------------------------------------------- refusals
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"classes": None}, "no classes"),
        ({"classes": np.array(["a", "b"])}, r"wanted \(n, 2\)"),
        ({"classes": np.array(["a", "a", "b"])}, "each once"),
        ({"targets": np.full((5, 3), 0.5, np.float32)}, "found the target 0.5"),
        ({"targets": np.zeros((4, 3), np.float32)}, "4 lines of targets for 5 windows"),
        ({"targets": None}, "has no targets"),
        ({"recording": np.array(["a", "b", "c", "d", "e"])}, "more than one recording"),
    ],
)
def test_files_that_are_refused(
    change: dict[str, Any], told: str, several: tuple[Dataset, Embeddings], tmp_path: Path
) -> None:
    data, made = several
    write(tmp_path / "a.npz", made, data, fake())
    with np.load(tmp_path / "a.npz") as file:
        arrays = {k: file[k] for k in file.files}
    if "classes" in change:
        arrays["facts"] = np.array("{}")
    kept = {k: v for k, v in {**arrays, **change}.items() if v is not None}
    np.savez(tmp_path / "b.npz", **kept)
    with pytest.raises(DataError, match=told):
        read(tmp_path / "b.npz")


def test_several_labels_are_refused_in_words_where_one_is_wanted(
    several: tuple[Dataset, Embeddings], tmp_path: Path
) -> None:
    data, made = several
    write(tmp_path / "a.npz", made, data, fake())
    write_store(tmp_path / "s", made, data, fake())
    for source in (tmp_path / "a.npz", tmp_path / "s", data):
        with pytest.raises(DataError, match="the task is multi-label"):
            open_data(source, [find("mfcc/lda" if source is data else "embeddings/lda")])
    found = CliRunner().invoke(main, ["compare", str(tmp_path / "a.npz"), "-r", "embeddings/lda"])
    assert found.exit_code == 1
    assert "the task is multi-label" in found.output
    with pytest.raises(DataError, match="wanted targets of each window"):
        write(tmp_path / "b.npz", replace(made, targets=None), data, fake())
    with pytest.raises(DataError, match="wanted targets of each window"):
        write(tmp_path / "b.npz", made, replace(data, task=Task.SINGLE), fake())


def test_files_of_different_classes_are_not_joined(several: tuple[Dataset, Embeddings], tmp_path: Path) -> None:
    data, made = several
    write(tmp_path / "x-train.npz", made, data, fake())
    write(tmp_path / "x-test.npz", replace(made, targets=Targets(("a", "b", "c"), made.targets.values)), data, fake())
    with pytest.raises(DataError, match="different classes"):
        read(str(tmp_path / "x-*.npz"))


def test_stores_that_are_refused(several: tuple[Dataset, Embeddings], tmp_path: Path) -> None:
    data, made = several
    write_store(tmp_path / "s", made, data, fake())
    for table, told in (("recordings", "nothing in recordings/ tells"), ("targets", "not a readable shard")):
        copy = shutil.copytree(tmp_path / "s", tmp_path / table)
        shutil.rmtree(copy / table)
        with pytest.raises(DataError, match=told):
            open_store(copy).read()
    two = sorted((tmp_path / "s" / "targets").iterdir())[:2]
    two[0].write_bytes(two[1].read_bytes())
    with pytest.raises(DataError, match="not of the windows"):
        open_store(tmp_path / "s").read()
    for change, told in (
        ({"format": 3}, "format 3"),
        ({"task": "numbers"}, "found the task"),
        ({"classes": None}, "names no"),
    ):
        facts = json.loads((copy / "earmark.json").read_text())
        (copy / "earmark.json").write_text(json.dumps({**facts, **change}))
        with pytest.raises(DataError, match=told):
            open_store(copy)
        (copy / "earmark.json").write_text(json.dumps(facts))


# ------------------------------------------------------------------------------------------------- types
@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"start": -1.0}, "start is -1.0"),
        ({"end": nan}, "end is nan"),
        ({"end": math.inf}, "end is inf"),
        ({"start": 2.0, "end": 2.0}, "not after the start"),
        ({"start": True}, "start is True"),
        ({"start": "0"}, "start is '0'"),
        ({"label": " "}, "found the label"),
        ({"label": 3}, "found the label 3"),
        ({"path": ""}, "found the path ''"),
        ({"low": 5.0, "high": 4.0}, "is empty"),
        ({"high": math.inf}, "high is inf"),
        ({"by": ""}, "who it is by"),
        ({"when": "yesterday"}, "date or time"),
    ],
)
def test_annotations_are_checked(how: dict[str, Any], told: str) -> None:
    with pytest.raises(DataError, match=told):
        Annotation(**{"path": "a.wav", "start": 0.0, "end": 1.0, "label": "dog", **how})


def test_annotations_take_paths_and_numbers_of_numpy() -> None:
    assert Annotation(Path("x/a.wav"), np.float32(0.5), 1, "dog") == Annotation("x/a.wav", 0.5, 1.0, "dog")  # type: ignore[arg-type]


def test_targets() -> None:
    one = Targets.single(["b", "a", "b"])
    assert one.classes == ("a", "b")
    assert one.labels.tolist() == ["b", "a", "b"]
    assert one[[2, 0]].labels.tolist() == ["b", "b"]
    assert one[np.array([False, True, False])] == Targets.single(["a"], ["a", "b"])
    assert one[1:] == one[np.array([1, 2])]
    assert len(one[[]]) == 0
    assert one != Targets(one.classes, one.values)  # another task
    several = Targets(("a", "b"), [[1, nan], [0, 1]])
    assert several == Targets(("a", "b"), [[1, nan], [0, 1]]) != Targets(("a", "b"), [[1, 0], [0, 1]])
    assert several.looked_at.tolist() == [[True, False], [True, True]]
    with pytest.raises(DataError, match="no single labels"):
        _ = several.labels
    with pytest.raises(ValueError, match="read-only"):
        several.values[0, 0] = 0
    for values in ([[1, 1]], [[0, 0]], [[1, nan]]):
        with pytest.raises(DataError, match="exactly one 1"):
            Targets(("a", "b"), np.array(values), Task.SINGLE)
    for labels, told in ((["a", ""], "none empty"), ([1, 2], "none empty"), (["c"], "none of the classes")):
        with pytest.raises(DataError, match=told):
            Targets.single(labels, ["a", "b"])
    for values in ([[2, 0]], [[1e-50, 0]], [[math.inf, 0]]):
        with pytest.raises(DataError, match="wanted 1"):
            Targets(("a", "b"), np.array(values))


def test_windows_are_checked() -> None:
    made = Windows(["a", "b"], [0, 1], [1, nan])
    assert made[[1]] == Windows(["b"], [1], [nan])
    for start, end in (([1.0], [1.0]), ([-1.0], [1.0]), ([0.0, 1.0], [1.0])):
        with pytest.raises(DataError):
            Windows(["a"], start, end)


def test_cuts_of_a_file_are_of_one_recording(tmp_path: Path) -> None:
    times = [(0.0, 1.5), (0.0, 2.0), (1234.5601, 2.0), (1234.5602, 2.0)]  # six digits do not tell the last two apart
    lines = [f"a#1.wav,{start!r},{duration!r},x" for start, duration in times]
    (tmp_path / "clips.csv").write_text("\n".join(["path,start,duration,label", *lines, "b#1,,,y", "c.wav,2,,y"]))
    data = load_dataset(tmp_path / "clips.csv")
    assert len({c.id for c in data.clips}) == 6
    assert [c.recording_id for c in data.clips] == ["a#1.wav"] * 4 + ["b#1", "c.wav"]


def test_a_data_set_knows_its_task(several: tuple[Dataset, Embeddings]) -> None:
    data, _ = several
    assert data.classes == tuple(sorted({CLASSES[0], "dog"}))
    assert Dataset("x", data.clips).task is Task.SINGLE
    assert Dataset("x", data.clips, task="multi-label").task is Task.MULTI  # type: ignore[arg-type]
    assert data.without([], ["b.wav"]).annotations == data.annotations  # a cut of it is still there
    assert data.without([], ["b.wav", "b.wav#3+1.5"]).annotations == data.annotations[:1]
    for annotated in ("some", ("all",)):
        with pytest.raises(DataError, match="annotated"):
            Dataset("x", (), annotated=annotated)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="wanted single-label or multi-label"):
        Dataset("x", (), task="numbers")  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------- cards and reports
def test_a_card_comes_back_equal(sounds: Path, tmp_path: Path) -> None:
    made = train(sounds, "mfcc:mean/lda", tmp_path / "model", folds=2)
    kept = load_model(tmp_path / "model")
    assert replace(kept.card, files={}) == replace(made.card, files={})
    assert kept.card.format == 2
    assert kept.card.task is Task.SINGLE
    assert kept.card.thresholds is None
    assert ModelCard.from_json(json.loads(json.dumps(kept.card.to_json()))) == kept.card


@pytest.mark.parametrize(
    ("where", "value", "told"),
    [
        (("measured", "clips"), "36", "measured.clips is '36'; wanted a whole number"),
        (("measured", "clips"), True, "wanted a whole number"),
        (("measured", "scores", "accuracy"), 1.0, "measured.scores.accuracy is 1.0; wanted an object"),
        (("branches", 0, "backbones", 0, "hop"), "x", r"branches\[0\].backbones\[0\].hop is 'x'; wanted a number"),
        (("data", "excluded"), [1], r"data.excluded\[0\] is 1"),
        (("task",), "numbers", "wanted 'single-label' or 'multi-label'"),
        (("thresholds",), {"a": 0.5}, "one for each class"),
        (("title",), None, "title is None; wanted a text"),
        (("format",), 3, "format 3, this Earmark reads 2 and 1. Use a newer Earmark"),
        (("format",), "2", "Train the model again"),
        (("calibration", "groups"), None, "calibration of this model is damaged"),
    ],
)
def test_a_damaged_card_is_told_in_one_line(where: tuple[Any, ...], value: Any, told: str, tmp_path: Path) -> None:
    folder = shutil.copytree(OLD / "model", tmp_path / "m")
    card = load_model(folder).card.to_json()
    inside = card
    for key in where[:-1]:
        inside = inside[key]
    inside[where[-1]] = value
    (folder / "earmark.json").write_text(json.dumps(card))
    with pytest.raises(BundleError, match=told) as error:
        load_model(folder)
    assert str(error.value).startswith(str(folder))
    assert "\n" not in str(error.value)


def test_records_say_what_is_missing() -> None:
    with pytest.raises(ValueError, match="measured is missing"):
        records.from_json(ModelCard, {"recipe": "x", "branches": [], "combine": "mean"})


def test_tables_of_a_comparison_say_the_task(sounds: Path) -> None:
    found = compare(sounds, ["mfcc:mean/lda"], folds=2)
    assert metrics(found)["task"] == "single-label"
    lines = list(csv.DictReader(predictions_csv(found).splitlines()))
    assert {line["task"] for line in lines} == {"single-label"}
    assert set(found.runs[0].classes) <= lines[0].keys()


# ------------------------------------------------------------------------------------------------- what 0.1 wrote
@pytest.mark.parametrize("name", ["rows.npz", "rows.parquet", "rows.csv"])
def test_files_of_0_1_are_read(name: str) -> None:
    found = read(OLD / name)
    assert (len(found.dataset.clips), found.dataset.task, found.dataset.classes) == (
        18,
        Task.SINGLE,
        ("high", "low", "mid"),
    )
    made = found.embeddings["embeddings"]
    assert made.X.shape == (18, 60)
    assert made.targets is None
    assert made.windows == Windows(made.ids, np.zeros(18), np.full(18, 2.995374149659864))
    assert marks.embeddings(OLD / name)


def test_stores_of_0_1_are_read_and_not_added_to() -> None:
    folder = open_store(OLD / "store")
    ready, note = folder.read()
    assert note == ""
    wanted = read(OLD / "rows.npz").embeddings["embeddings"]
    found = ready.embeddings["embeddings"].select(wanted.ids)
    np.testing.assert_array_equal(found.X, wanted.X)
    assert found.windows == wanted.windows
    assert open_data(OLD / "store", [find("embeddings/lda")]).dataset.classes == ("high", "low", "mid")
    assert folder.backbone()[1] == "windows"
    with pytest.raises(DataError, match=r"written by Earmark 0\.1"):
        left(Embedding.of(Part.parse("mfcc")), str(OLD / "store"), folder.clips)


def test_models_of_0_1_are_read(tmp_path: Path, sounds: Path) -> None:
    model = load_model(OLD / "model")
    assert model.card.recipe == "mfcc/lda"
    assert model.card.branches[0].pool == model.branches[0].pool == "windows"
    assert model.card.measured.scores["accuracy"].value == 1.0
    assert model.calibration is not None
    clip = load_dataset(sounds).clips[0]
    said = model.predict(clip.path)
    model.save(tmp_path / "again")
    assert json.loads((tmp_path / "again" / "earmark.json").read_text())["format"] == 2
    assert load_model(tmp_path / "again").predict(clip.path) == said


def test_reports_of_0_1_are_done_again(tmp_path: Path) -> None:
    found = rerun(OLD / "report-rows", source=OLD / "rows.npz")
    assert found.data == found.numbers == ()
    assert found.compared > 50
    assert found.comparison.runs[0].recipe.short == "embeddings/lda"


def test_a_report_with_other_intervals_is_compared_by_what_is_made_as_then() -> None:
    then = {
        "recipes": [{"recipe": "a", "macro_f1": {"value": 0.5, "low": 0.4, "high": 0.6}, "accuracy": {"low": 0.4}}],
        "pairs": [{"a": "a", "b": "b", "difference": 0.1, "low": 0.0, "p": 0.04, "clips_needed": 62}],
    }
    now = {
        "best_of_many": None,
        "recipes": [{**then["recipes"][0], "macro_f1": {"value": 0.5, "low": 0.2, "high": 0.7}, "ranking": {}}],
        "pairs": [{"a": "a", "b": "b", "difference": 0.1, "low": -0.1, "p": 0.06, "detectable": 0.2}],
    }
    one, two = legacy.comparable(then, now)
    assert one == two
    assert one["recipes"][0]["accuracy"] == {"low": 0.4}
    assert one["pairs"][0]["difference"] == 0.1
    assert legacy.comparable(now, now) == (now, now)
    assert legacy.comparable({"recipes": [], "pairs": None}, {"recipes": [1]} | now)[0] == {
        "recipes": [],
        "pairs": None,
    }


def test_reports_of_0_1_are_known_as_ours() -> None:
    for name in (
        "report/metrics.json",
        "ladder/ladder.json",
        "curve/curve.json",
        "audit/audit.json",
        "audit/clips.csv",
        "report/predictions.csv",
    ):
        assert marks.by_name(OLD / name, Path(name).name), name
    assert len(load_dataset(OLD / "audit" / "clips.csv").clips) == 18


def test_a_cache_of_0_1_moves_to_its_new_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from earmark.data.cache import Cache

    monkeypatch.setenv("EARMARK_HOME", str(tmp_path))
    kept = tmp_path / "rows" / "mfcc-0123456789ab" / "00" / "x.npy"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"kept")
    assert Cache().folder == tmp_path / "embeddings"
    assert (tmp_path / "embeddings" / "mfcc-0123456789ab" / "00" / "x.npy").read_bytes() == b"kept"
    assert not (tmp_path / "rows").exists()

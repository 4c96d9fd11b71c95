"""The very first contact: a handful of clips. Every command gives an answer or one sentence, and says what it did."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from earmark.cli import main
from earmark.data.load import load_dataset
from earmark.models.fit import fit
from earmark.models.prepare import prepare
from earmark.recipes.recipe import Recipe

RATE = 8000
STACK = "stack(mfcc:mean/lda,mfcc/knn)"
Column = Callable[[int, int], str]  # class, number of the clip -> a cell


def table(folder: Path, sizes: list[int], **columns: Column) -> Path:
    """A table of that many clips of each class, all of them different."""
    folder.mkdir(exist_ok=True)
    draw, time = np.random.default_rng(0), np.arange(RATE // 2) / RATE
    lines = [",".join(["path", "label", *columns])]
    for c, size in enumerate(sizes):
        for i in range(size):
            tone = 0.3 * np.sin(2 * np.pi * (200 * (c + 1) + 13 * i) * time) + 0.03 * draw.standard_normal(len(time))
            soundfile.write(folder / f"c{c}-{i}.wav", tone, RATE)
            lines.append(",".join([f"c{c}-{i}.wav", f"c{c}", *(cell(c, i) for cell in columns.values())]))
    (folder / "clips.csv").write_text("\n".join(lines) + "\n")
    return folder / "clips.csv"


def call(*args: object, code: int = 0) -> str:
    """What a command says. No traceback, and one line where it refuses."""
    done = CliRunner().invoke(main, [str(a) for a in args])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == code, done.output
    if code:
        assert done.output.startswith("Error: ")
        assert done.output.count("\n") == 1
    return " ".join(done.output.split())


@pytest.fixture
def cache(tmp_path: Path) -> tuple[str, Path]:
    return "--cache", tmp_path / "cache"


@pytest.mark.parametrize("each", [2, 3, 4])
def test_a_few_clips_a_class_are_judged_by_every_command(each: int, cache: tuple[str, Path], tmp_path: Path) -> None:
    data, out, model = table(tmp_path / "data", [each, each]), tmp_path / "out", tmp_path / "model"
    told = f"Evaluated in {each} folds, not 5: the data allow no better, with {each} clips a class."
    few = f"Few clips ('c0' {each} and 'c1' {each}): so little can show "
    said = call("compare", data, "-r", "mfcc/lda", "-r", STACK, "-o", out / "compare", *cache)
    assert told in said
    assert said.count(few) == 1
    assert told in call("compare", data, "-r", "mfcc/lda", "--protocol", "windows", "--seeds", 2, *cache)
    assert told in call("train", data, "-r", STACK, "-o", model, *cache)
    assert told in (model / "README.md").read_text()
    assert few in (model / "README.md").read_text()
    assert "c0" in call("predict", model, data.parent / "c0-0.wav")
    assert few in call("evaluate", model, data, "-o", out / "evaluate", *cache)
    assert told in call("study", "stress", model, data, "--change", "gain(db=-20)", "-o", out / "stress", *cache)
    assert told in call("study", "curve", data, "-r", "mfcc/lda", "-o", out / "curve", *cache)
    assert told in call("study", "ladder", data, "-r", "mfcc/lda", "-o", out / "ladder", *cache)
    assert few in call("audit", data, "-o", out / "audit", *cache)
    for name in ("stress", "curve", "ladder"):
        assert told in " ".join(json.loads((out / name / f"{name}.json").read_text())["notes"])
        assert told in (out / name / f"{name}.html").read_text()
    said = call("study", "tune", data, "-r", "mfcc/knn", "--trials", 2, "-o", out / "tune", *cache)
    assert told in said
    assert ("In 2 of 2 folds a class has one clip (or group) to learn from" in said) == (each == 2)
    assert said.count("not searched") == (2 if each == 2 else 0)
    metrics = [(name, "metrics.json", "report.html") for name in ("compare", "evaluate")]
    pages = [(name, f"{name}.json", f"{name}.html") for name in ("stress", "curve", "ladder", "audit")]
    for name, numbers, page in (*metrics, *pages):
        notes = json.loads((out / name / numbers).read_text())["notes"]
        assert sum(note.startswith(few) for note in notes) == 1, (name, notes)
        assert html.unescape((out / name / page).read_text()).count(few) == 1, name
    assert few in " ".join(json.loads((out / "tune" / "tune.json").read_text())["notes"])


@pytest.mark.parametrize("sizes", [[1], [3]])
@pytest.mark.parametrize("command", ["compare", "train", "curve", "ladder", "tune", "stress"])
def test_one_clip_or_one_class_is_one_sentence(
    sizes: list[int], command: str, cache: tuple[str, Path], tmp_path: Path
) -> None:
    data = table(tmp_path / "data", sizes)
    args = ["mfcc/knn", data, "--change", "gain(db=-20)"] if command == "stress" else [data, "-r", "mfcc/knn"]
    out = ["-o", tmp_path / "out"] if command == "train" else []
    verb = (command,) if command in ("compare", "train") else ("study", command)
    assert "found the one class 'c0'; wanted two or more" in call(*verb, *args, *out, *cache, code=1)


@pytest.mark.parametrize("folds", [2, 3, 4, 5, 6, 9])
def test_any_number_of_folds_works(folds: int, cache: tuple[str, Path], tmp_path: Path) -> None:
    data, out = table(tmp_path / "data", [4, 6], group=lambda c, i: f"g{c}{i // 2}"), tmp_path / "out"
    call("compare", data, "-r", "mfcc/lda", "--folds", folds, "-o", out, *cache)
    found = json.loads((out / "metrics.json").read_text())
    assert found["folds"] == min(folds, 5)  # five groups
    assert any("folds, not" in note for note in found["notes"]) == (folds > 5)
    assert "The same: all" in call("rerun", out, *cache)


def test_a_stacked_recipe_takes_the_mean_where_nothing_can_be_spared(tmp_path: Path) -> None:
    recipe = Recipe.parse(STACK)
    data = prepare(load_dataset(table(tmp_path / "data", [2, 2])), [recipe])
    units = np.array([c.id for c in data.dataset.clips])
    assert fit(recipe, data, np.array([0, 2]), units).combiner is None
    assert fit(recipe, data, np.arange(4), units).combiner is not None


def test_groups_decide_where_folds_cut_them(cache: tuple[str, Path], tmp_path: Path) -> None:
    cut = table(tmp_path / "data", [6, 6], group=lambda c, i: f"g{c}{i // 2}", fold=lambda _, i: str(i % 2 + 1))
    said = call("compare", cut, "-r", "mfcc/lda", "--folds", 3, *cache)
    assert "protocol groups" in said
    assert "not used: they put 6 of 6 groups on both sides of a split, e.g. 'g00'" in said
    said = call("compare", cut, "-r", "mfcc/lda", "--protocol", "published", "-o", tmp_path / "out", *cache)
    assert "The protocol 'published' puts 6 of 6 groups on both sides of a split, e.g. 'g00'" in said
    assert "The same: all" in call("rerun", tmp_path / "out", *cache)
    assert "Note: The folds that came with the data were not used" in call(
        "train", cut, "-r", "mfcc/lda", "-o", tmp_path / "model", "--folds", 3, *cache
    )


def test_folds_that_keep_groups_are_taken_without_a_word(cache: tuple[str, Path], tmp_path: Path) -> None:
    whole = table(tmp_path / "data", [6, 6], group=lambda c, i: f"g{c}{i % 2}", fold=lambda _, i: str(i % 2 + 1))
    said = call("compare", whole, "-r", "mfcc/lda", *cache)
    assert "protocol published" in said
    assert "fold" not in said.partition("Note")[2]


@pytest.mark.parametrize("nothing", ["", "nan", "None"])
def test_one_empty_cell_takes_nothing_else_away(nothing: str, cache: tuple[str, Path], tmp_path: Path) -> None:
    groups = table(tmp_path / "g", [6, 6], group=lambda c, i: nothing if (c, i) == (0, 2) else f"g{c}{i % 3}")
    said = call("compare", groups, "-r", "mfcc/lda", "--folds", 2, *cache)
    assert "protocol groups" in said
    assert "1 of 12 clips has no group, e.g. c0-2.wav: each counts as a group of its own" in said
    folds = table(tmp_path / "f", [6, 6], fold=lambda c, i: nothing if (c, i) == (0, 2) else f"{i % 3 + 1}.0")
    said = call("compare", folds, "-r", "mfcc/lda", *cache)
    assert "11 clips evaluated" in said
    assert "1 of 12 clips has no fold, e.g. c0-2.wav: neither learnt from nor evaluated" in said
    model = tmp_path / "model"
    call("train", groups, "-r", "mfcc/lda", "-o", model, "--folds", 2, *cache)
    for args in (
        ("evaluate", model, groups),
        ("study", "stress", model, groups, "--change", "gain(db=-20)"),
        ("study", "ladder", groups, "-r", "mfcc/lda"),
        ("study", "curve", groups, "-r", "mfcc/lda"),
        ("audit", groups, "-o", tmp_path / "audit"),
    ):
        assert "1 of 12 clips has no group" in call(*args, *cache)


def test_a_model_is_stressed_on_sounds_that_know_no_groups(cache: tuple[str, Path], tmp_path: Path) -> None:
    known = table(tmp_path / "data", [4, 4], group=lambda c, i: f"g{c}{i}")
    call("train", known, "-r", "mfcc/lda", "-o", tmp_path / "model", *cache)
    bare = table(tmp_path / "data", [4, 4])
    said = call("study", "stress", tmp_path / "model", bare, "--change", "gain(db=-20)", *cache)
    assert "No groups are known" in said


def test_a_rerun_is_not_another_for_new_notes(cache: tuple[str, Path], tmp_path: Path) -> None:
    data, out = table(tmp_path / "data", [4, 4]), tmp_path / "out"
    call("compare", data, "-r", "mfcc/lda", "--folds", 3, "-o", out, *cache)
    found = json.loads((out / "metrics.json").read_text())
    (out / "metrics.json").write_text(json.dumps(found | {"notes": []}))
    said = call("rerun", out, *cache)
    assert "The same: all" in said
    assert "Note, not in the report: No groups are known" in said

"""Users' words beside ours: on terminals, in columns of tables, in titles of recipes, in names of clips."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from earmark.cli import main
from earmark.core import columns, marks, terminal
from earmark.data.clips import Excluded
from earmark.data.load import load_dataset
from earmark.models.branch import Prediction
from earmark.models.predictions import Predictions
from earmark.models.train import train
from earmark.recipes.recipe import Recipe, distinct
from earmark.studies.compare import compare

SOURCE = Path(terminal.__file__).parents[1]
WORDS = ("[laughter]", "[/noise]", "[red]x[/red]", ":bell:", "a[b].wav", "[link=x]y", "\\[z]", "[/]")
LABELS = ("unknown", "label", "score", "Path", "a,b", "two words", "=1+1", "score of x", "a|b", 'q"q', "set", "'=x")
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), min_size=1, max_size=12)


# ------------------------------------------------------------------------------------------------- terminals
def test_only_one_place_makes_a_console() -> None:
    made = [p.relative_to(SOURCE) for p in SOURCE.rglob("*.py") if re.search(r"\bConsole\(|from_markup", p.read_text())]
    assert made == [Path("core/terminal.py")]


@pytest.mark.parametrize("word", WORDS)
def test_words_are_shown_as_they_are(word: str) -> None:
    out = io.StringIO()
    console = terminal.console(out)
    table = terminal.table()
    table.add_column(word)
    table.add_row(word)
    console.print(table)
    console.print(word, f"in {word}")
    assert out.getvalue().count(word) == 4


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of six sounds a class, with labels and names of files that look like markup."""
    folder, rng = tmp_path_factory.mktemp("[b]tones"), np.random.default_rng(0)
    lines = ["path,label,group"]
    for k, label in enumerate(("[laughter]", "[/noise]", "unknown")):
        for i in range(6):
            sound = np.sin(2 * np.pi * 300 * 2**k * np.arange(8000) / 16000) + rng.normal(0, 0.2, 8000)
            soundfile.write(folder / f"[b]{k}{i}[b].wav", 0.3 * sound, 16000)
            lines.append(f"[b]{k}{i}[b].wav,{label},[g{i}]")
    (folder / "clips.csv").write_text("\n".join(lines) + "\n")
    return folder / "clips.csv"


def _run(*args: object, code: int | None = 0) -> str:
    found = CliRunner().invoke(main, list(map(str, args)), env={"COLUMNS": "200"})
    assert code is None or found.exit_code == code, found.output
    return found.output


def test_commands_print_what_users_name(tones: Path, tmp_path: Path) -> None:
    model = tmp_path / "[m]odel"
    _run("train", tones, "-r", "mfcc/lda", "--folds", 2, "-o", model)
    told = _run("predict", model, tones.parent / "[b]00[b].wav", tones.parent / "[b]10[b].wav", "--format", "table")
    assert all(word in told for word in ("[laughter]", "[/noise]", "[b]00[b].wav"))
    recipe = tmp_path / "r.toml"
    recipe.write_text('title = "[/best]"\nrecipe = "mfcc/lda"\n')
    (tones.parent / "no.wav").write_text("no sound")
    told = _run("compare", tones, "-r", recipe, "-r", "mfcc/knn", "--folds", 2, "-o", tmp_path / "[o]ut")
    assert "[/best]" in told
    assert "[o]ut" in told
    for study in ("ladder",):
        told = _run("study", study, tones, "-r", recipe, code=None)
        assert "[/best]" in told or "Error" in told, told  # some need more groups; none ends in a traceback
        assert "MarkupError" not in told


# ------------------------------------------------------------------------------------------------- columns
@given(st.lists(texts | st.sampled_from(LABELS) | st.sampled_from(sorted(columns.OURS)), unique=True, min_size=1))
def test_columns_of_classes_are_apart_and_read_back(labels: list[str]) -> None:
    named = [columns.column_of(label) for label in labels]
    assert len({*named}) == len(labels)
    assert not {n.strip().casefold() for n in named} & columns.OURS
    assert [columns.class_of(n) for n in named] == labels
    assert columns.parted(columns.joined(labels)) == tuple(labels)
    assert len({columns.no_formula(n) for n in named}) == len(labels)
    assert not any(columns.no_formula(n)[0] in "=+-@\t\n" for n in named)


def test_the_page_has_the_same_columns() -> None:
    script = (SOURCE / "serve" / "page" / "serve.js").read_text()
    assert {*re.search(r'OURS = "([\w ]+)"', script)[1].split()} == columns.OURS  # type: ignore[index]


@pytest.mark.parametrize("timeline", [False, True])
def test_a_csv_of_answers_has_each_column_once(timeline: bool, tmp_path: Path) -> None:
    folder, rng = tmp_path / "sounds", np.random.default_rng(0)
    folder.mkdir()
    with (folder / "clips.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["path", "label"])
        for k, label in enumerate(LABELS[:9]):
            for i in range(3):
                sound = np.sin(2 * np.pi * 150 * 1.5**k * np.arange(16000) / 16000) + rng.normal(0, 0.2, 16000)
                soundfile.write(folder / f"{k}-{i}.wav", 0.3 * sound, 16000)
                out.writerow([f"{k}-{i}.wav", label])
    data = load_dataset(folder / "clips.csv")
    model = train(data, "mfcc/lda", tmp_path / "model", folds=2, protocol="clips")
    assert {*model.classes} == {*LABELS[:9]}
    out_file = tmp_path / "answers.csv"
    command = ["predict", tmp_path / "model", folder, "-o", out_file, *(["--timeline"] if timeline else [])]
    _run(*command)
    with out_file.open(newline="") as opened:
        head, *lines = csv.reader(opened)
    assert len({*head}) == len(head)
    own = [n for n in head if n not in columns.OURS]
    assert [columns.class_of(n) for n in own] == list(model.classes)
    label, score = head.index("label"), head.index("score")
    for line in lines:
        scores = {columns.class_of(n): float(v) for n, v in zip(head, line, strict=True) if n in own}
        assert scores[line[label]] == max(scores.values()) == float(line[score])
    assert marks.answers(out_file)
    _run(*command)  # known as ours, it is replaced without force


def test_frames_go_by_the_same_rule() -> None:
    scores = dict.fromkeys(LABELS, 1 / len(LABELS))
    found = Predictions([Prediction("a", "label", 0.1, scores, ("a|b", "set")), Excluded("b", "empty")])._columns()
    assert [columns.class_of(n) for n in found if n not in columns.OURS] == list(LABELS)
    assert columns.parted(found["set"][0]) == ("a|b", "set")


# ------------------------------------------------------------------------------------------------- titles
def test_two_recipes_with_one_title_are_two(sounds: Path) -> None:
    one, two = replace(Recipe.parse("mfcc/lda"), title="best"), replace(Recipe.parse("mfcc/knn"), title="best")
    assert [r.name for r in distinct([one, two, one])] == ["best (mfcc/lda)", "best (mfcc/knn)"]
    assert len({r.name for r in distinct([one, replace(one, about="again"), two, "mfcc/lda"])}) == 4
    assert [r.name for r in distinct(["mfcc/lda", "mfcc/knn"])] == ["mfcc/lda", "mfcc/knn"]
    found = compare(sounds, [one, two, replace(Recipe.parse("mfcc/svm"), title="mfcc/lda"), "mfcc/lda"], folds=2)
    assert len(found.pairs) == 6
    alone = compare(sounds, ["mfcc/knn"], folds=2)
    accuracy = {r.recipe.name: r.evaluation.scores["accuracy"].value for r in found.runs}
    assert accuracy["best (mfcc/knn)"] == alone.runs[0].evaluation.scores["accuracy"].value


# ------------------------------------------------------------------------------------------------- names of clips
def _wav(path: Path, hertz: float, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).normal(0, 0.02, 16000)
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * hertz * np.arange(16000) / 16000) + noise, 16000)
    return path


@pytest.mark.parametrize("command", ["embed", "predict"])
def test_what_is_done_is_done_for_that_sound_alone(command: str, sounds: Path, tmp_path: Path) -> None:
    if command == "predict":
        train(load_dataset(sounds), "mfcc/lda", tmp_path / "model", folds=2)
    out, model = f"{tmp_path}/out/", tmp_path / "model"

    def run(folder: Path, code: int = 0) -> str:
        tail = ["-b", "mfcc", "-o", out] if command == "embed" else ["-o", out]
        return _run(command, *([model] if command == "predict" else []), folder, *tail, code=code)

    _wav(tmp_path / "A" / "x.wav", 300)
    (tmp_path / "A" / "bad.wav").write_text("no sound")
    run(tmp_path / "A", code=0 if command == "embed" else 1)
    assert "were there already" in run(tmp_path / "A")
    _wav(tmp_path / "B" / "x.wav", 600)
    assert "another sound" in run(tmp_path / "B", code=1)
    (tmp_path / "A").rename(tmp_path / "moved")  # the same sounds elsewhere are done
    assert "were there already" in run(tmp_path / "moved")
    before = (tmp_path / "moved" / "x.wav").stat()
    _wav(tmp_path / "moved" / "x.wav", 300, seed=1)
    assert (tmp_path / "moved" / "x.wav").stat().st_size == before.st_size
    told = run(tmp_path / "moved", code=1)
    assert "done again" in told
    for file in (tmp_path / "out" / ("embeddings" if command == "embed" else "answers")).iterdir():
        file.unlink()  # as the message says
    _wav(tmp_path / "moved" / "bad.wav", 500)  # mended: tried again
    assert "from 2 clips" in run(tmp_path / "moved")

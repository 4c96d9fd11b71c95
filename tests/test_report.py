"""The report: strict JSON, safe CSV, well-formed pages, words that say what the numbers say."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")
from matplotlib.colors import to_rgb

from earmark.core import manifest
from earmark.data.clips import Clip, Dataset, Excluded
from earmark.metrics.evaluation import evaluate, majority_baseline
from earmark.metrics.intervals import Interval
from earmark.metrics.paired import compare as pairs
from earmark.models.results import Comparison, Run
from earmark.recipes.recipe import Recipe
from earmark.report import page, sections, trust, words
from earmark.report.compare import write
from earmark.report.figures.confusion import confusion, confusions
from earmark.report.figures.reliability import bins
from earmark.report.sounds import link, player
from earmark.report.style import PALETTE, SHADE, draw
from earmark.studies.results import metrics, metrics_json, predictions_csv

NASTY = ("<script>alert(1)</script>", '🐸 frog, "tree"', "=1+1", "$x_1$ & co", "line\nbreak")


@dataclass(frozen=True)
class Made:
    """A comparison made of random scores. Only for looking at layout and testing: nothing is learnt here."""

    classes: tuple[str, ...]
    recipes: tuple[str, ...]
    clips: int
    seeds: int = 1
    groups: bool = True
    seed: int = 0
    notes: tuple[str, ...] = ()
    folder: Path = Path("sounds")
    excluded: tuple[Excluded, ...] = ()
    skill: float = 0.9

    def build(self) -> Comparison:
        rng = np.random.default_rng(self.seed)
        k = len(self.classes)
        y = np.arange(self.clips) % k
        groups = np.array([f"artist {i // 3}" for i in range(self.clips)])
        clips = tuple(
            Clip(
                f"c{i}.wav",
                self.folder / f"c{i}.wav",
                self.classes[y[i]],
                str(groups[i]) if self.groups else None,
                duration=2.0 + (i * 7 % 29),
            )
            for i in range(self.clips)
        )
        runs = tuple(self.run(rng, name, self.skill + 0.4 * j, y, groups, clips) for j, name in enumerate(self.recipes))
        return Comparison(
            dataset=Dataset("made up", clips, "CC BY-NC 4.0", "Nobody 2020", self.excluded),
            protocol="groups",
            folds=5,
            seeds=self.seeds,
            seed=self.seed,
            command="earmark compare sounds --recipe a/b",
            seconds=61.0,
            runs=runs,
            pairs=pairs(y, {r.recipe.name: r.proba for r in runs}, groups, resamples=999),
            baseline=majority_baseline(y, k),
            versions={"numpy": "2.0"},
            notes=self.notes,
            fingerprint="ab" * 32,
        )

    def run(self, rng: Any, name: str, skill: float, y: np.ndarray, groups: np.ndarray, clips: Any) -> Run:
        k = len(self.classes)
        logits = rng.normal(size=(self.seeds, len(y), k))
        logits[:, np.arange(len(y)), y] += skill + 0.3 * np.log(k)
        logits[:, np.arange(len(y)), (y + 1) % k] += skill / 2
        proba = np.exp(logits * 1.6)
        proba /= proba.sum(-1, keepdims=True)
        t = np.arange(1, 25)
        history = [
            {
                "train_loss": list(1.8 * np.exp(-t / 8) + 0.02 * rng.normal(size=24) + 0.3),
                "valid_loss": list(1.7 * np.exp(-t / 10) + 0.04 * rng.normal(size=24) + 0.7),
                "train_accuracy": list(0.95 - 0.7 * np.exp(-t / 6)),
                "valid_accuracy": list(0.7 - 0.5 * np.exp(-t / 6) + 0.02 * rng.normal(size=24)),
            }
            for _ in range(5)
        ]
        facts = {"name": name.split("/")[0], "licence": "Apache-2.0", "trained_on": "AudioSet", "citation": "X 2019"}
        return Run(
            recipe=Recipe((), title=name),
            classes=self.classes,
            ids=tuple(c.id for c in clips),
            y=y,
            groups=groups,
            fold=np.arange(len(y)) % 5,
            proba=proba,
            evaluation=evaluate(y, proba, self.classes, groups, resamples=99),
            window_accuracy=0.5,
            seconds={"embed": 12.0 * skill, "fit": 0.4, "predict": 0.01},
            history=tuple(history if "cnn" in name else ()),
            backbones=(facts,),
        )


FOUR = ("mfcc/svm", "logmel/cnn", "yamnet:mean/logreg", "musicnn/logreg")
TEN = tuple(f"class {i}" for i in range(10))


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> tuple[Comparison, Path]:
    """Four recipes on ten classes with real little sounds, written."""
    import soundfile

    sounds = tmp_path_factory.mktemp("sounds")
    rng = np.random.default_rng(0)
    for i in range(60):
        soundfile.write(sounds / f"c{i}.wav", 0.1 * rng.normal(size=8000), 8000)
    made = Made(TEN, FOUR, 60, folder=sounds, notes=("Mind this.",), excluded=(Excluded("bad.wav", "silent"),)).build()
    clips = tuple(replace(clip, duration=None) for clip in made.dataset.clips)
    made = replace(made, dataset=replace(made.dataset, clips=clips))
    return made, write(made, tmp_path_factory.mktemp("out"))


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Comparison, Path]:
    """Names that break careless pages, on clips whose sounds are not there."""
    made = Made(NASTY, ("<i>/b", "c/d"), 60, seeds=2, excluded=(Excluded("<b>.wav", "silent & sad"),)).build()
    return made, write(made, tmp_path_factory.mktemp("out"))


class Reader(HTMLParser):
    """Reads a page as a browser would and notes what is not well formed."""

    VOID = frozenset({"meta", "link", "br", "wbr", "img", "input", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.faults: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}, open: {self.open[-3:]}")
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


# ---------------------------------------------------------------------------------------------------- the page
@pytest.mark.parametrize("case", ["four", "nasty"])
def test_page_is_well_formed_accessible_and_self_contained(case: str, request: pytest.FixtureRequest) -> None:
    _, path = request.getfixturevalue(case)
    page = Reader(path.read_text(encoding="utf-8"))
    assert page.faults == []
    assert page.open == []
    ids = Counter(a["id"] for _, a in page.tags if a.get("id"))
    assert [i for i, n in ids.items() if n > 1] == []
    links = [a["href"] for t, a in page.tags if t in ("a", "use") and (a.get("href") or "").startswith("#")]
    links += [a["xlink:href"] for t, a in page.tags if t == "use" and a.get("xlink:href")]
    assert {link[1:] for link in links} <= set(ids)
    tags = [t for t, _ in page.tags]
    assert (tags.count("h1"), tags.count("main"), tags.count("header")) == (1, 1, 1)
    assert all(a.get("scope") in ("col", "row") for t, a in page.tags if t == "th")
    drawn = [a for t, a in page.tags if t == "svg" and a.get("role") == "img"]
    assert len(drawn) >= 6
    assert all(a["aria-label"] for a in drawn)
    # Nothing is loaded from anywhere: no outer scripts, styles, fonts, pictures.
    for tag, attrs in page.tags:
        if tag in ("script", "img", "link", "image", "iframe"):
            source = attrs.get("src") or attrs.get("href") or attrs.get("xlink:href") or "data:"
            assert source.startswith("data:"), (tag, source[:80])


def test_page_says_what_was_found(four: tuple[Comparison, Path]) -> None:
    comparison, path = four
    text = Reader(path.read_text(encoding="utf-8")).text.replace(words.NBSP, " ")
    best = max(comparison.runs, key=lambda run: run.evaluation.scores["accuracy"].value)
    accuracy = best.evaluation.scores["accuracy"]
    assert f"gets {100 * accuracy.value:.1f} % of the clips right" in text
    assert f"between {100 * accuracy.low:.1f} % and {100 * accuracy.high:.1f} %" in text
    for wanted in (
        "baseline",
        "Mind this.",
        "bad.wav",
        "silent",
        "Not for commercial use.",
        comparison.fingerprint,
        comparison.command,
        "Reliability",
        "Surest mistakes",
        "Learning curves",
        "whole groups",
    ):
        assert wanted in text, wanted


def test_names_are_escaped(nasty: tuple[Comparison, Path]) -> None:
    _, path = nasty
    page = Reader(path.read_text(encoding="utf-8"))
    assert sum(tag == "script" for tag, _ in page.tags) == 1  # the page's own
    assert not any(tag == "b.wav" or (tag == "i" and a) for tag, a in page.tags)
    for name in ("<script>alert(1)</script>", '🐸 frog, "tree"', "=1+1", "$x_1$ & co", "<b>.wav", "<i>/"):
        assert name in page.text, name


def test_svgs_hold_names_as_text_and_are_whole(nasty: tuple[Comparison, Path]) -> None:
    import xml.etree.ElementTree as ET

    _, path = nasty
    for file in sorted((path.parent / "figures").glob("*.svg")):
        text = "".join(ET.fromstring(file.read_text(encoding="utf-8")).itertext())
        if "confusion" in file.name:
            assert "🐸" in text
            assert "$x_1$ & co" in text


def test_same_input_same_bytes(nasty: tuple[Comparison, Path], tmp_path: Path) -> None:
    comparison, first = nasty
    again = write(comparison, tmp_path / "out")
    names = sorted(p.relative_to(again.parent) for p in again.parent.rglob("*") if p.is_file())
    assert names == sorted(p.relative_to(first.parent) for p in first.parent.rglob("*") if p.is_file())
    # Links to the sounds depend on where the page lies; all else must be the same to the byte.
    for name in names:
        one, two = (folder.joinpath(name).read_bytes() for folder in (first.parent, again.parent))
        if name.name == "report.html":
            one, two = (re.sub(rb'src="[^"]*"', b"", page) for page in (one, two))
        if name.name == manifest.NAME:  # all sums but the page's
            one, two = (re.sub(rb'"report.html": [^]]*]', b"", listed) for listed in (one, two))
        assert one == two, name


def test_folder_holds_what_is_promised_and_nothing_half_done(four: tuple[Comparison, Path], tmp_path: Path) -> None:
    _, path = four
    folder = path.parent
    assert {p.name for p in folder.iterdir()} == {
        "report.html",
        "metrics.json",
        "predictions.csv",
        "figures",
        manifest.NAME,
    }
    figures = {p.name for p in (folder / "figures").iterdir()}
    stems = {
        "comparison",
        "class-counts",
        "lengths",
        "example",
        "recipe-1-confusion",
        "recipe-2-loss",
        "recipe-2-accuracy",
    }
    assert {f"{s}.{kind}" for s in stems for kind in ("svg", "png")} <= figures
    assert "recipe-1-loss.png" not in figures  # a support vector machine has no curves


def test_rewriting_removes_old_figures_and_keeps_foreign_files(tmp_path: Path) -> None:
    made = Made(("a", "b"), ("x/cnn",), 12).build()
    write(made, tmp_path, sounds=False)
    (tmp_path / "mine.txt").write_text("keep")
    assert (tmp_path / "figures" / "recipe-1-loss.svg").exists()
    plain = replace(made, runs=(replace(made.runs[0], history=()),))
    write(plain, tmp_path, sounds=False)
    assert not (tmp_path / "figures" / "recipe-1-loss.svg").exists()
    assert (tmp_path / "mine.txt").read_text() == "keep"


def test_a_failed_write_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made(("a", "b"), ("x/svm",), 12).build()
    page = write(made, tmp_path, sounds=False)
    before = page.read_bytes()
    monkeypatch.setattr(Path, "write_bytes", lambda *a: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write(replace(made, command="other"), tmp_path, sounds=False)
    assert page.read_bytes() == before
    assert not list(tmp_path.glob(".unfinished-*"))


def test_sounds_false_links_to_none(tmp_path: Path) -> None:
    html = write(Made(("a", "b"), ("x/svm", "y/svm"), 30).build(), tmp_path, sounds=False).read_text(encoding="utf-8")
    assert "<audio" not in html
    assert ".wav" not in html.replace("Surest", "")


def test_one_recipe_two_classes_and_a_held_out_model(tmp_path: Path) -> None:
    made = Made(("cat", "dog"), ("x/logreg",), 20, groups=False).build()
    held_out = replace(made, protocol="held out", folds=1, runs=(replace(made.runs[0], window_accuracy=float("nan")),))
    text = Reader(write(held_out, tmp_path, sounds=False).read_text(encoding="utf-8")).text
    assert "Which differences are real" not in text
    assert "nan" not in text.lower().split()
    assert json.loads((tmp_path / "metrics.json").read_text())["recipes"][0]["window_accuracy"] is None


@pytest.mark.slow
def test_two_hundred_classes_and_twelve_recipes(tmp_path: Path) -> None:
    made = Made(tuple(f"species {i}" for i in range(200)), tuple(f"r{i}/svm" for i in range(12)), 600).build()
    page = Reader(write(made, tmp_path).read_text(encoding="utf-8"))
    assert page.faults == []


def test_many_classes_give_a_matrix_without_numbers() -> None:
    k = 40
    drawing = confusion("m", np.eye(k) * 7, [f"c{i}" for i in range(k)])
    assert drawing.scroll
    assert ">7<" not in drawing.svg
    assert ">c39<" in drawing.svg
    assert ">7<" in confusion("m", np.eye(3) * 7, list("abc")).svg


def test_pairs_read_in_the_order_of_their_verdict(tmp_path: Path) -> None:
    made = Made(TEN, ("weak/svm", "strong/svm"), 200, skill=0.3).build()
    weak, strong = made.runs
    good = replace(strong, proba=np.eye(10)[strong.y][None])
    good = replace(good, evaluation=evaluate(good.y, good.proba, good.classes, good.groups, resamples=99))
    found = pairs(weak.y, {"weak/svm": weak.proba, "strong/svm": good.proba}, weak.groups, resamples=999)
    assert found[0].difference < 0
    html = str(sections.pairs(replace(made, runs=(weak, good), pairs=found)).body)
    assert f"<b>+{-100 * found[0].difference:.1f}</b>" in html  # the best against the other
    assert "better" in html
    three = replace(made, runs=(weak, good), pairs=(found[0], found[0]))  # two pairs: the table shows too
    text = Reader(str(sections.pairs(three).body)).text
    assert text.count(f"+{-100 * found[0].difference:.1f}") >= 2
    assert f"−{-100 * found[0].difference:.1f}" not in text


# --------------------------------------------------------------------------------------------------- the numbers
def test_metrics_have_the_promised_shape_and_are_strict(four: tuple[Comparison, Path]) -> None:
    comparison, path = four
    found = json.loads((path.parent / "metrics.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert found == json.loads(json.dumps(metrics(comparison), allow_nan=False))
    assert found["dataset"]["excluded"] == [{"path": "bad.wav", "reason": "silent"}]
    assert (found["dataset"]["clips"], found["dataset"]["classes"], found["dataset"]["groups"]) == (60, 10, 20)
    assert found["baseline"]["accuracy"] == pytest.approx(0.1)
    assert [r["recipe"] for r in found["recipes"]] == list(FOUR)
    first = found["recipes"][0]
    for name in ("accuracy", "macro_f1", "log_loss"):
        assert set(first[name]) == {"value", "low", "high"}
    assert set(first["seconds"]) == {"embed", "fit", "predict"}
    assert first["labels"] == list(TEN)
    assert set(first["per_class"]["class 0"]) == {"precision", "recall", "f1", "support"}
    assert np.array(first["confusion"]).sum() == 60
    assert len(found["pairs"]) == 6
    assert {"a", "b", "difference", "low", "high", "p"} <= set(found["pairs"][0])


def test_json_has_no_nan_whatever_comes() -> None:
    made = Made(("a", "b"), ("x/svm",), 12).build()
    scores = {**made.runs[0].evaluation.scores, "odd": Interval(float("nan"), float("-inf"), float("inf"))}
    odd = replace(made, runs=(replace(made.runs[0], evaluation=replace(made.runs[0].evaluation, scores=scores)),))
    found = json.loads(metrics_json(odd), parse_constant=pytest.fail)
    assert found["recipes"][0]["odd"] == {"value": None, "low": None, "high": None}


def test_predictions_come_back(nasty: tuple[Comparison, Path]) -> None:
    comparison, path = nasty
    text = (path.parent / "predictions.csv").read_bytes().decode()
    assert text == predictions_csv(comparison)
    embeddings = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(embeddings) == 2 * 60 * 2  # recipes, clips, seeds
    run = comparison.runs[0]
    safe = [f"'{c}" if c.startswith("=") else c for c in run.classes]
    mine = [r for r in embeddings if r["recipe"] == run.recipe.name and r["seed"] == "1"]
    assert [r["id"] for r in mine] == list(run.ids)
    scores = np.array([[float(r[c]) for c in safe] for r in mine])
    np.testing.assert_allclose(scores, run.proba[1], atol=1e-6)
    assert [r["predicted"] for r in mine] == [safe[i] for i in run.proba[1].argmax(1)]
    assert [r["correct"] for r in mine] == [str(int(ok)) for ok in run.proba[1].argmax(1) == run.y]
    assert not any(cell.startswith(("=", "+", "@")) for r in embeddings for cell in r.values())


def test_a_class_named_like_a_column_keeps_its_own() -> None:
    header = predictions_csv(Made(("label", "score"), ("x/svm",), 6).build()).splitlines()[0].split(",")
    assert len(header) == len(set(header))
    assert header[-2:] == ["score of label", "score of score"]


# ----------------------------------------------------------------------------------------------------- the words
def test_summary_names_what_cannot_be_told_apart() -> None:
    made = Made(TEN, ("x/svm",), 100).build()
    run = made.runs[0]
    twin = replace(run, recipe=Recipe((), title="twin"))
    bad = replace(run, recipe=Recipe((), title="bad"), proba=np.roll(run.proba, 5, axis=2))
    bad = replace(bad, evaluation=evaluate(bad.y, bad.proba, bad.classes, bad.groups, resamples=99))
    runs = (run, twin, bad)
    found = pairs(run.y, {r.recipe.name: r.proba for r in runs}, run.groups, resamples=999)
    text = " ".join(words.summary(replace(made, runs=runs, pairs=found)))
    assert "x/svm cannot be told apart from twin." in text
    assert "x/svm is better than bad, beyond what chance explains." in text
    assert "10.0" in text  # the baseline
    assert "slightly flattering" in text


def test_summary_says_when_nothing_was_learnt() -> None:
    assert any("no learning yet" in line for line in words.summary(Made(TEN, ("x/svm",), 40, skill=-0.8).build()))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.014, "0.01 s"),
        (0.44, "0.4 s"),
        (59.4, "59 s"),
        (59.7, "1 min 0 s"),
        (75, "1 min 15 s"),
        (7300, "2 h 1 min"),
        (float("nan"), "–"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert words.duration(seconds).replace(words.NBSP, " ") == text


def test_lists_read_like_sentences() -> None:
    assert words.listed([]) == ""
    assert words.listed("a") == "a"
    assert words.listed("ab") == "a and b"
    assert words.listed("abc") == "a, b and c"
    assert words.listed("abcdefgh", most=4) == "a, b, c and 5 more"


@pytest.mark.parametrize(
    ("licence", "warns"),
    [
        ("CC BY-NC 4.0", "commercial"),
        ("unknown", "No licence"),
        ("none stated", "No licence"),
        ("Apache-2.0", ""),
        ("CC BY-SA 4.0", "Share alike"),
        ("AGPL-3.0, research use only", "commercial"),
    ],
)
def test_licences_that_need_a_warning(licence: str, warns: str) -> None:
    note = words.licence_note(licence)
    assert warns in note
    assert bool(note) == bool(warns)


# -------------------------------------------------------------------------------------------------- the drawings
def luminance(colour: np.ndarray) -> float:
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: np.ndarray, two: np.ndarray) -> float:
    """Contrast of two colours as the Web Content Accessibility Guidelines 2.2 define it."""
    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_can_be_read_on_every_ground(theme: int) -> None:
    colour = {name: np.array(to_rgb(pair[theme])) for name, pair in PALETTE.items()}
    for ground in ("paper", "card"):
        for text in ("ink", "muted", "accent", "second", "third", "bad"):
            assert contrast(colour[text], colour[ground]) >= 4.5, (text, ground)
        shaded = SHADE * colour["fill"] + (1 - SHADE) * colour[ground]
        assert contrast(colour["ink"], shaded) >= 4.5


def test_inline_figures_follow_the_theme_and_share_no_ids() -> None:
    def paint(sheet: Any) -> None:
        axes = sheet.subplots()
        axes.plot([0, 1], color=PALETTE["accent"][0], clip_on=True)
        axes.set_title("a title")

    inline = str(draw("one", paint, size=(2, 2), alt='a "line"').inline)
    assert "var(--accent)" in inline
    assert not any(f": {light}" in inline for light, _ in PALETTE.values())
    assert 'aria-label="a &#34;line&#34;"' in inline
    ids = re.findall(r' id="([^"]+)"', inline)
    assert ids
    assert all(i.startswith("one-") for i in ids)


def test_reliability_bins() -> None:
    proba = np.array([[0.95, 0.05], [0.95, 0.05], [0.4, 0.6], [1.0, 0.0]])
    assert bins(np.array([0, 1, 1, 0]), proba) == [(0.6, 1.0, 1), (pytest.approx(2.9 / 3), pytest.approx(2 / 3), 3)]


def test_most_frequent_confusions() -> None:
    matrix = np.array([[5, 3, 0], [1, 9, 0], [0, 4, 6]])
    assert confusions(matrix, "abc", most=2) == [("c", "b", 4, 0.4), ("a", "b", 3, 3 / 8)]
    assert confusions(np.eye(3), "abc") == []


@pytest.mark.parametrize(
    ("low", "high", "bounds"), [(0.1, 0.83, (0, 1)), (0.98, 1.0, (0, 1)), (-0.03, 0.04, (-1, 1)), (0.5, 0.5, None)]
)
def test_axes_are_round_and_hold_everything(low: float, high: float, bounds: tuple[float, float] | None) -> None:
    start, end, ticks = page.axis(low, high, bounds)
    assert start <= low <= high <= end
    assert 2 <= len(ticks) <= 12
    assert all(start - 1e-9 <= t <= end + 1e-9 for t in ticks)


def test_links_to_sounds_are_relative_quoted_and_cut(tmp_path: Path) -> None:
    clip = Clip("x", tmp_path / "a folder" / "so#und?.wav", "a", start=1.5, duration=2.0)
    assert link(clip, tmp_path / "out") == "../a%20folder/so%23und%3F.wav#t=1.5,3.5"
    assert "<audio" in player(clip, tmp_path)
    assert "<audio" not in player(replace(clip, path=tmp_path / "x.aiff"), tmp_path)


def test_another_report_needs_only_sections() -> None:
    table = page.table(["class", "clips"], [["<rock>", (0.5, "49")]], foot=[["all", "49"]])
    html = page.render("<Audit>", [page.Section("data", "The data", table)], kicker="Audit", lead=["Two & two."])
    found = Reader(html)
    assert found.faults == []
    for text in ("<Audit>", "Two & two.", "<rock>", "49"):
        assert text in found.text


def test_page_corrects_the_best_for_the_picking_and_says_how_much_groups_differ(four: tuple[Comparison, Path]) -> None:
    comparison, path = four
    text = Reader(path.read_text(encoding="utf-8")).text.replace(words.NBSP, " ")
    picked, between = comparison.picked, comparison.runs[0].evaluation.between
    assert picked
    assert picked.accuracy.value < picked.showed
    assert f"corrected for that it is {100 * picked.accuracy.value:.1f} %" in text
    assert f"expect between {100 * picked.accuracy.low:.1f} % and {100 * picked.accuracy.high:.1f} %" in text
    told = json.loads((path.parent / "metrics.json").read_text(encoding="utf-8"))
    assert told["best_of_many"]["accuracy"] == picked.accuracy.to_dict()
    assert told["recipes"][0]["between_groups"]["worst"] == between.worst
    assert f"The worst is {between.worst}: {between.worst_right:g} of {between.worst_clips} clips right" in text
    assert "would show" in text
    ranked = comparison.runs[0].evaluation.ranking["macro_auroc"]
    assert f"{100 * ranked.low:.1f} – {100 * ranked.high:.1f} %" in text


def test_of_two_classes_the_page_says_where_acting_on_scores_pays() -> None:
    run = Made(("bat", "none"), ("a/b",), clips=90, skill=3.0).build().runs[0]
    pays = trust.lines(run)[-1]
    assert "Acting on its scores for bat pays more than acting always, or never" in pays
    least, most = (float(pays.split("costs from ")[1].split()[k]) for k in (0, 2))
    assert least < 1 < most
    blind = replace(run, proba=np.full_like(run.proba, 0.5))
    assert "is not shown to pay" in trust.lines(blind)[-1]
    assert not any("Acting" in line for line in trust.lines(Made(("a", "b", "c"), ("a/b",), clips=30).build().runs[0]))

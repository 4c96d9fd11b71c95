"""Every leak that could flatter a number, planted: it is refused or told, beside the number it would have printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

import earmark
from earmark.audits import audit
from earmark.audits.output import as_json
from earmark.audits.words import findings
from earmark.cli import main
from earmark.core.errors import BundleError, DataError
from earmark.data.cache import Cache
from earmark.models.known import TRAINED_ON
from earmark.models.model import Model
from earmark.report.ladder import lead
from earmark.serve.answers import facts
from earmark.studies.ladder import ladder

RATE = 16000
SESSIONS = "of the same sessions"


def call(*args: object, code: int = 0) -> str:
    done = CliRunner().invoke(main, [str(a) for a in args])
    assert done.exit_code == code, done.output
    return done.output


def take(random: np.random.Generator, pitch: float, timbre: np.ndarray[Any, Any], seconds: float = 1.5) -> Any:
    """Strokes of one timbre at random moments, as nobody plays them twice."""
    sound = 0.01 * random.standard_normal(int(RATE * seconds))
    for start in random.choice(len(sound) - RATE // 8, int(14 * seconds), replace=False):
        time = np.arange(RATE // 8) / RATE
        tones = sum(a * np.sin(2 * np.pi * pitch * (i + 1) * time) for i, a in enumerate(timbre))
        sound[start : start + len(time)] += random.uniform(0.02, 0.1) * tones * np.exp(-time * 30)
    return sound


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes by 16 makers each, two takes: a maker's noise and timbre say more of it than of its class.

    ``clips.csv`` has all, with folds that put the two takes of each maker apart; ``learnt.csv`` the first 8 makers.
    """
    folder, random = tmp_path_factory.mktemp("leaks"), np.random.default_rng(0)
    head = "path,label,group,fold"
    every, learnt, new = [head], [head], [head]
    for k, label in enumerate("ab"):
        for maker in range(16):
            timbre, pitch = random.uniform(0, 1, 4), random.uniform(300, 900) + 120 * k
            for number in range(2):
                name = f"{label}-{maker}-{number}.wav"
                soundfile.write(folder / name, take(random, pitch, timbre), RATE)
                line = f"{name},{label},maker {label}{maker},{number + 1}"
                every.append(line)
                (learnt if maker < 8 and number == 0 else new).append(line)
    for name, lines in (("clips.csv", every), ("learnt.csv", learnt), ("new.csv", new)):
        (folder / name).write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def model(made: Path, cache: Cache) -> Model:
    return earmark.train(made / "learnt.csv", "mfcc/knn(k=1)", protocol="groups", folds=4, cache=cache)


def changed(kind: str, samples: Any) -> tuple[Any, dict[str, str]]:
    if kind == "cut":
        return samples[RATE // 4 :], {}
    return (samples * 0.3, {}) if kind == "quiet" else (samples, {"format": kind})


@pytest.mark.parametrize("kind", ["FLAC", "OGG", "MP3", "quiet", "cut"])
def test_training_sounds_in_another_form_are_told(
    kind: str, made: Path, model: Model, cache: Cache, tmp_path: Path
) -> None:
    lines, copied, new = ["path,label,group"], 0, 0
    for line in (made / "learnt.csv").read_text().splitlines()[1:]:
        name, label, *_ = line.split(",")
        samples, form = changed(kind, soundfile.read(made / name)[0])
        file = f"copy {name}".replace("wav", form["format"].lower() if form else "wav")
        soundfile.write(tmp_path / file, samples, RATE, **form, **({"compression_level": 0.0} if kind == "MP3" else {}))
        lines.append(f"{file},{label},somebody {copied}")
        copied += 1
    for line in (made / "new.csv").read_text().splitlines()[1:]:
        name, label, group, fold = line.split(",")
        if fold == "2" and int(name.split("-")[1]) >= 8:
            lines.append(f"{made / name},{label},{group}")
            new += 1
    (tmp_path / "clips.csv").write_text("\n".join(lines) + "\n")
    found = earmark.evaluate(model, tmp_path / "clips.csv", cache=cache)
    assert found.held_out is not None
    assert {i.split()[0].rsplit("/")[-1] for i in found.held_out.copies} == {"copy"}
    assert len(found.held_out.copies) == copied == 16
    assert found.held_out.known_groups == ()
    flattered = found.runs[0].evaluation.scores["accuracy"].value
    without = found.held_out.without
    assert without is not None
    assert without.n_clips == new
    honest = without.scores["accuracy"].value
    assert flattered > honest + 0.08  # what would have been printed
    assert any("16 of these 32 clips are sounds that the model was trained on" in n for n in found.notes)
    assert any(f"on {new} clips: accuracy {100 * honest:.1f}" in n.replace("\u00a0", " ") for n in found.notes)


def test_groups_that_were_learnt_from_are_told(made: Path, model: Model, cache: Cache, tmp_path: Path) -> None:
    """Other takes of makers that were learnt from, by name; the bundle holds no name, and goes through a folder."""
    model.save(tmp_path / "m")
    assert b"maker" not in (tmp_path / "m" / TRAINED_ON).read_bytes()
    found = earmark.evaluate(earmark.load_model(tmp_path / "m"), made / "new.csv", cache=cache)
    assert found.held_out is not None
    assert found.held_out.copies == ()
    assert len(found.held_out.known_groups) == 16
    assert found.held_out.without is not None
    assert found.held_out.without.n_clips == 32
    y, proba, ids = found.runs[0].y, found.runs[0].proba[0], found.runs[0].ids
    known = np.isin(ids, found.held_out.known_groups)
    right = proba.argmax(axis=1) == y
    assert right[known].mean() > 0.9 > right[~known].mean()
    assert found.held_out.without.scores["accuracy"].value == right[~known].mean()
    assert any("16 of these 48 clips are of groups that the model learnt from" in n for n in found.notes)
    told = call("evaluate", tmp_path / "m", made / "new.csv", "--cache", cache.folder, "--json")
    assert len(json.loads(told)["held_out"]["known_groups"]) == 16


def test_groups_that_are_not_known_are_told(made: Path, model: Model, cache: Cache, tmp_path: Path) -> None:
    lines = [line.split(",")[:2] for line in (made / "new.csv").read_text().splitlines()]
    (tmp_path / "clips.csv").write_text("\n".join(f"{made / p if i else p},{c}" for i, (p, c) in enumerate(lines)))
    found = earmark.evaluate(model, tmp_path / "clips.csv", cache=cache)
    assert any("whether the model learnt from their artists" in n for n in found.notes)


def test_parts_of_one_file_are_one_session(cache: Cache, tmp_path: Path) -> None:
    """Of each file the first second is learnt from: its third second is no copy, and no new recording either."""
    random, lines = np.random.default_rng(1), {"train": [], "test": []}
    for k, label in enumerate("ab"):
        for file in range(4):
            soundfile.write(
                tmp_path / f"{label}{file}.wav", take(random, 300 + 300 * k, random.uniform(0, 1, 4), 3.0), RATE
            )
            lines["train"].append(f"{label}{file}.wav,{label},0,1")
            lines["test"].append(f"{label}{file}.wav,{label},2,1")
    for name, of in lines.items():
        (tmp_path / f"{name}.csv").write_text("\n".join(["path,label,start,duration", *of]) + "\n")
    model = earmark.train(tmp_path / "train.csv", "mfcc/lda", folds=2, cache=cache)
    found = earmark.evaluate(model, tmp_path / "test.csv", cache=cache)
    assert found.held_out is not None
    assert (len(found.held_out.copies), len(found.held_out.known_groups)) == (0, 8)
    same = earmark.evaluate(model, tmp_path / "train.csv", cache=cache)
    assert same.held_out is not None
    assert (len(same.held_out.copies), same.held_out.without) == (8, None)


def test_embeddings_of_training_sounds_are_told(made: Path, model: Model, cache: Cache, tmp_path: Path) -> None:
    call("embed", made / "clips.csv", "-b", "mfcc", "-o", tmp_path / "all.npz", "--cache", cache.folder)
    found = earmark.evaluate(model, tmp_path / "all.npz")
    assert found.held_out is not None
    assert (len(found.held_out.copies), len(found.held_out.known_groups)) == (16, 16)


def test_what_is_damaged_in_a_bundle_is_named(made: Path, model: Model, cache: Cache) -> None:
    from dataclasses import replace

    for broken in (b"sound x !!", b"sound x AAAA", b"\xff\xfe", b"sound x AQAAAAAAAAABAAAAAAAAAA=="):
        bad = replace(model, extra={**model.extra, TRAINED_ON: broken})
        with pytest.raises(BundleError, match="damaged"):
            earmark.evaluate(bad, made / "new.csv", cache=cache)


def test_training_under_windows_is_refused(made: Path, cache: Cache, tmp_path: Path) -> None:
    recipe = "mfcc(seconds=0.5)/knn(k=1)"
    scores = [
        earmark.compare(made / "clips.csv", [recipe], protocol=p, folds=4, cache=cache).runs[0].window_accuracy
        for p in ("windows", "groups")
    ]
    assert scores[0] > scores[1] + 0.1  # what calibration and sets would have been fitted on
    with pytest.raises(DataError, match=r"'windows' leaks, and calibration, sets .* take clips, groups or published"):
        earmark.train(made / "clips.csv", recipe, protocol="windows", cache=cache)
    told = call(
        "train", made / "clips.csv", "-r", recipe, "--protocol", "windows", "-o", tmp_path / "m", "--no-cache", code=1
    )
    assert "leaks" in told
    assert not (tmp_path / "m").exists()
    with pytest.raises(DataError, match="leaks"):
        earmark.SoundClassifier("mfcc/lda", protocol="windows").fit(
            [made / "a-0-0.wav", made / "b-0-0.wav"], ["a", "b"]
        )


def test_published_folds_that_cut_groups_are_named(made: Path, cache: Cache) -> None:
    found = audit(made / "clips.csv", groups=False, labels=False, confounds=False, cache=cache)
    assert any("The published folds put 32 of 32 groups on both sides" in line for line in findings(found))
    assert as_json(found)["counts"]["groups_cut_by_folds"] == 32
    steps = ladder(made / "clips.csv", "mfcc/knn(k=1)", rungs=["groups", "published"], folds=4, cache=cache)
    by = {r.name: r.clips.value for r in steps.rungs}
    assert by["published"] > by["groups"] + 0.1
    line = next(line for line in lead(steps) if "32 of 32 groups" in line)
    assert f"{100 * (by['published'] - by['groups']):.1f} points" in line.replace("+", "")
    assert "leakage" in line


def test_twins_cut_by_folds_in_files_of_embeddings_are_told(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    X = np.float32(random.normal(size=(20, 6)))
    X[10:] = X[:10]  # every clip a second time, in the other fold: labels have nothing to do with them
    np.savez(
        tmp_path / "twins.npz",
        X=X,
        ids=[f"clip{i}" for i in range(20)],
        labels=[*"abababbaab"] * 2,
        folds=["1"] * 10 + ["2"] * 10,
    )
    found = earmark.compare(tmp_path / "twins.npz", ["embeddings/knn(k=1)"], protocol="published")
    assert found.runs[0].evaluation.scores["accuracy"].value == 1.0  # what it prints: chance is .5
    assert any("puts 10 of these recordings on both sides of a split" in n for n in found.notes)
    apart = earmark.compare(tmp_path / "twins.npz", ["embeddings/knn(k=1)"], protocol="clips", folds=5)
    assert apart.runs[0].evaluation.scores["accuracy"].value < 0.9
    assert "puts 10 of these recordings on both sides" in call("audit", tmp_path / "twins.npz")


@pytest.mark.parametrize("how", ["no groups", "not kept", "cut by folds", "kept"])
def test_without_whole_groups_figures_are_of_the_same_sessions(
    how: str, made: Path, cache: Cache, tmp_path: Path
) -> None:
    table = made / "learnt.csv" if how != "cut by folds" else made / "clips.csv"
    if how == "no groups":
        lines = [line.split(",")[:2] for line in table.read_text().splitlines()]
        table = made / "alone.csv"
        table.write_text("\n".join(map(",".join, lines)) + "\n")
    protocol = {"no groups": "clips", "not kept": "clips", "cut by folds": "published", "kept": "groups"}[how]
    rest = ["--folds", 2, "-o", tmp_path / "m", "--cache", cache.folder]
    told = call("train", table, "-r", "mfcc/lda", "--protocol", protocol, *rest)
    model = earmark.load_model(tmp_path / "m")
    said = call("predict", tmp_path / "m", made / "a-0-0.wav")
    card, page = (tmp_path / "m" / "README.md").read_text(), facts("m", model)["notes"]
    expected = how != "kept"
    assert model.card.measured.new_groups is not expected
    for text in (told, card, said, " ".join(page)):
        assert (SESSIONS in text) is expected
    for note in model.card.data.notes:  # whatever a comparison says of such figures
        assert note in told
        assert note in card
        assert note in page
    found = earmark.compare(table, ["mfcc/lda"], protocol=protocol, folds=2, cache=cache)
    assert {*found.notes, *found.runs[0].evaluation.notes} <= set(model.card.data.notes)

"""The road end to end on small made sounds: embed, compare, train, predict; the command line; what users see."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

import earmark
from earmark.backbones.base import load_backbone
from earmark.cli import main
from earmark.core.errors import AudioError, BundleError, DataError, RecipeError
from earmark.data.cache import Cache
from earmark.embeddings.make import embedding_blocks
from earmark.models import cross_validate, prepare

RATE = 16000


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of noisy tones by six makers each, two sounds a maker, and three files that cannot be used."""
    folder = tmp_path_factory.mktemp("tones")
    draw = np.random.default_rng(0)
    lines = ["path,label,group"]
    for k, label in enumerate(("low", "mid", "high")):
        for maker in range(6):
            for take in range(2):
                seconds = draw.uniform(0.8, 2.0)
                time = np.arange(int(RATE * seconds)) / RATE
                pitch = 200 * 3**k * (1 + 0.1 * maker)
                sound = 0.3 * np.sin(2 * np.pi * pitch * time) + 0.05 * draw.standard_normal(len(time))
                name = f"{label}/{maker}-{take}.wav"
                (folder / label).mkdir(exist_ok=True)
                soundfile.write(folder / name, sound, RATE)
                lines.append(f"{name},{label},maker {k}.{maker}")
    (folder / "low" / "broken.wav").write_bytes(b"RIFF, or so it says")
    soundfile.write(folder / "low" / "quiet.wav", np.zeros(RATE), RATE)
    lines += ["low/broken.wav,low,maker 9", "low/quiet.wav,low,maker 9", "low/gone.wav,low,maker 9"]
    (folder / "clips.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def model(tones: Path, cache: Cache, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "tones"
    earmark.train(tones / "clips.csv", "mfcc/logreg", out, folds=3, cache=cache)
    return out


def test_rows_do_not_depend_on_how_the_sound_is_cut_into_blocks(tmp_path: Path) -> None:
    sound = np.random.default_rng(1).standard_normal(RATE * 70).astype(np.float32) * 0.1
    soundfile.write(tmp_path / "long.wav", sound, RATE, subtype="FLOAT")
    built = load_backbone("mfcc")
    parts = list(embedding_blocks(tmp_path / "long.wav", built))
    assert len(parts) > 1
    embeddings = np.concatenate(parts)
    whole = built.embed(earmark.audio.load(tmp_path / "long.wav", built.sample_rate))  # type: ignore[attr-defined]
    assert len(embeddings) == len(whole)
    np.testing.assert_allclose(embeddings, whole, atol=1e-3)


def test_cache_is_keyed_by_content_and_spares_the_audio(
    tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    folder = tmp_path / "sounds"
    shutil.copytree(tones / "high", folder)
    cache = Cache(tmp_path / "cache")
    first = earmark.embed(folder, "mfcc", cache=cache)
    monkeypatch.setattr("earmark.audio.blocks", lambda *a, **k: pytest.fail("the audio was read again"))
    monkeypatch.setattr("earmark.data.cache.sha256_of", lambda p: pytest.fail("the file was hashed again"))
    again = earmark.embed(folder, "mfcc", cache=cache)
    np.testing.assert_array_equal(first.X, again.X)
    monkeypatch.undo()
    (folder / "0-0.wav").rename(folder / "renamed.wav")
    monkeypatch.setattr("earmark.audio.blocks", lambda *a, **k: pytest.fail("a renamed file was read again"))
    assert earmark.embed(folder, "mfcc", cache=cache).ids[-1] == "renamed.wav"


def test_a_damaged_or_read_only_cache_costs_time_not_the_run(tones: Path, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    first = earmark.embed(tones / "high", "mfcc", cache=cache)
    for file in cache.folder.rglob("*.npy"):
        file.write_bytes(file.read_bytes()[:50])
    (cache.folder / "hashes.sqlite").write_bytes(b"no data base")
    again = earmark.embed(tones / "high", "mfcc", cache=Cache(tmp_path / "cache"))
    np.testing.assert_array_equal(first.X, again.X)
    blocked = tmp_path / "file"
    blocked.write_text("a file where the folder should be")
    np.testing.assert_array_equal(earmark.embed(tones / "high", "mfcc", cache=Cache(blocked)).X, first.X)


def test_compare_tells_what_it_left_out_and_repeats_itself(tones: Path, cache: Cache) -> None:
    recipes = ["mfcc/logreg", "mfcc:mean+std/knn", "mfcc:mean/logreg,mfcc/lda", "stack(mfcc:mean/logreg,mfcc/lda)"]
    found = earmark.compare(tones / "clips.csv", recipes, folds=3, cache=cache)
    assert found.protocol == "groups"
    assert {e.path: e.reason.split(":")[0] for e in found.dataset.excluded} == {
        "low/broken.wav": "unreadable",
        "low/quiet.wav": "silent",
        "low/gone.wav": "unreadable",
    }
    for run in found.runs:
        assert len(run.ids) == 36
        np.testing.assert_allclose(run.proba.sum(axis=2), 1, atol=1e-6)
        accuracy = run.evaluation.scores["accuracy"]
        assert accuracy.low <= accuracy.value <= accuracy.high
        assert accuracy.value > 0.8, run.recipe.name
    again = earmark.compare(tones / "clips.csv", recipes, folds=3, cache=cache)
    for a, b in zip(found.runs, again.runs, strict=True):
        np.testing.assert_array_equal(a.proba, b.proba)
    assert found.fingerprint == again.fingerprint


def test_permuted_labels_give_chance(tones: Path, cache: Cache) -> None:
    """The strongest test against leaks: with labels that mean nothing there is nothing to learn."""
    from dataclasses import replace

    dataset = earmark.load_dataset(tones / "clips.csv")
    owners = sorted({str(c.group) for c in dataset.clips})
    scores = []
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(owners))
        label = {g: ("a", "b")[order[i] % 2] for i, g in enumerate(owners)}
        shuffled = replace(dataset, clips=tuple(replace(c, label=label[str(c.group)]) for c in dataset.clips))
        run = earmark.compare(shuffled, ["mfcc/logreg"], protocol="groups", folds=3, cache=cache).runs[0]
        scores.append(run.evaluation.scores["accuracy"].value)
    assert np.mean(scores) < 0.7


def test_rows_protocol_flatters(tones: Path, cache: Cache) -> None:
    embeddings = earmark.compare(tones / "clips.csv", ["mfcc/knn"], protocol="windows", folds=3, cache=cache)
    assert embeddings.runs[0].window_accuracy > 0.8
    assert any("windows" in note for note in embeddings.notes)
    with pytest.raises(DataError, match="stacked recipe cannot be evaluated"):
        earmark.compare(tones / "clips.csv", ["stack(mfcc/knn,mfcc/lda)"], protocol="windows", folds=3, cache=cache)


def test_training_never_sees_a_test_clip(tones: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[str]] = []
    original = cross_validate.fit

    def spy(recipe, data, clips, units, *, seed=0, watch=None):  # type: ignore[no-untyped-def]
        seen.append(set(units[clips]))
        return original(recipe, data, clips, units, seed=seed, watch=watch)

    monkeypatch.setattr(cross_validate, "fit", spy)
    run = earmark.compare(tones / "clips.csv", ["mfcc/logreg"], folds=3, cache=cache).runs[0]
    assert len(seen) == 3
    for k, learnt in enumerate(seen):
        assert not learnt & set(run.groups[run.fold == k])


def test_model_predicts_the_scores_that_were_evaluated(tones: Path, model: Path, cache: Cache) -> None:
    """A bundle from disk against the fitted heads in memory, and its evaluation against its predictions."""
    loaded = earmark.load_model(model)
    found = earmark.evaluate(loaded, tones / "clips.csv", cache=cache)
    assert "36 of these 36 clips are sounds that the model was trained on" in found.notes[0]
    run = found.runs[0]
    for i in (0, 7, 20):
        answer = loaded.predict(tones / run.ids[i])
        np.testing.assert_allclose([answer.scores[c] for c in run.classes], run.proba[0, i], atol=1e-5)
        assert answer.label in answer.set
    data = prepare.prepare(
        earmark.load_dataset(tones / "clips.csv"), [earmark.Recipe.parse("mfcc/logreg")], cache=cache
    )
    units = cross_validate.split.groups_of(data.dataset, "groups", data.digests)
    fitted = cross_validate.fit(earmark.Recipe.parse("mfcc/logreg"), data, np.arange(36), units)
    scores, _ = fitted.scores(data, np.arange(36))
    assert loaded.calibration is not None
    np.testing.assert_allclose(loaded.calibration.apply(scores), run.proba[0], atol=1e-4)


@pytest.mark.parametrize("recipe", ["mfcc:mean+std/svm,mfcc/lda", "stack(mfcc/logreg,mfcc:max/knn)"])
def test_ensembles_are_bundles_too(recipe: str, tones: Path, cache: Cache, tmp_path: Path) -> None:
    made = earmark.train(tones / "clips.csv", recipe, tmp_path / "m", folds=3, cache=cache)
    loaded = earmark.load_model(tmp_path / "m")
    file = tones / "mid" / "0-0.wav"
    assert loaded.predict(file).scores == pytest.approx(dict(made.predict(file).scores), abs=1e-6)
    assert loaded.predict(file).label == "mid"


def test_timeline(tones: Path, cache: Cache, tmp_path: Path) -> None:
    time = np.arange(RATE * 3) / RATE
    sound = np.concatenate([0.3 * np.sin(2 * np.pi * 220 * time), 0.3 * np.sin(2 * np.pi * 2000 * time)])
    sound += 0.05 * np.random.default_rng(0).standard_normal(len(sound))
    soundfile.write(tmp_path / "two.wav", sound, RATE)
    earmark.train(tones / "clips.csv", "mfcc(seconds=0.5)/logreg", tmp_path / "m", folds=3, cache=cache)
    loaded = earmark.load_model(tmp_path / "m")
    pieces = loaded.timeline(tmp_path / "two.wav", seconds=1.0)
    assert [(p.start, p.end) for p in pieces] == [(float(i), float(i + 1)) for i in range(6)]
    assert [p.label for p in pieces] == ["low"] * 3 + ["high"] * 3
    windows = loaded.timeline(tmp_path / "two.wav")
    assert len(windows) > 12
    assert windows[0].end == pytest.approx(0.5, abs=0.05)


def test_bundles_that_are_refused(model: Path, tmp_path: Path) -> None:
    import shutil

    with pytest.raises(BundleError, match="no readable earmark"):
        earmark.load_model(tmp_path)

    def altered(change) -> Path:  # type: ignore[no-untyped-def]
        copy = tmp_path / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(model, copy)
        card = json.loads((copy / "earmark.json").read_text())
        change(copy, card)
        (copy / "earmark.json").write_text(json.dumps(card))
        return copy

    for change, told in [
        (lambda f, c: (f / "head-1.onnx").write_bytes(b"x"), "sha256 differs"),
        (lambda f, c: (f / "head-1.onnx").unlink(), "missing or not a plain file"),
        (lambda f, c: c["files"].update({"../x": "0"}), "a file called '../x', which no model has"),
        (lambda f, c: c.update(format=99), "found bundle format 99"),
        (lambda f, c: c.pop("branches"), "damaged"),
        (
            lambda f, c: c["branches"][0]["backbones"][0].update(fingerprint="0"),
            "not the one the model was trained with",
        ),
    ]:
        with pytest.raises(BundleError, match=told):
            earmark.load_model(altered(change))
    assert not any(p.suffix in (".pkl", ".pickle", ".joblib", ".pt") for p in model.iterdir())


def test_saving_does_not_overwrite_what_is_no_model(model: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("do not lose me")
    with pytest.raises(BundleError, match="is not a model"):
        earmark.load_model(model).save(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_a_failed_save_leaves_the_old_bundle(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = earmark.load_model(model)
    loaded.save(tmp_path / "m")

    def full(*args: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("earmark.models.model.Model._write", full)
    with pytest.raises(OSError, match="disk full"):
        loaded.save(tmp_path / "m")
    assert earmark.load_model(tmp_path / "m").classes == loaded.classes
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


class TestCommands:
    def call(self, *args: object, code: int = 0) -> str:
        result = CliRunner().invoke(main, [str(a) for a in args])
        assert result.exit_code == code, result.output
        return result.output

    def test_compare_writes_a_report(self, tones: Path, cache: Cache, tmp_path: Path) -> None:
        out = self.call(
            "compare",
            tones / "clips.csv",
            "-r",
            "mfcc/logreg",
            "-r",
            "mfcc/lda",
            "--folds",
            3,
            "-o",
            tmp_path / "out",
            "--cache",
            cache.folder,
        )
        assert "low/broken.wav: unreadable" in out
        assert "protocol groups" in out
        metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
        assert [r["recipe"] for r in metrics["recipes"]] == ["mfcc/logreg", "mfcc/lda"]
        assert {"accuracy", "macro_f1", "log_loss", "seconds", "per_class", "confusion"} <= metrics["recipes"][0].keys()
        assert len(metrics["dataset"]["excluded"]) == 3
        assert metrics["pairs"][0].keys() >= {"a", "b", "difference", "low", "high", "p"}
        assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
        assert (tmp_path / "out" / "predictions.csv").exists()

    def test_predict_in_every_format(self, model: Path, tones: Path, tmp_path: Path) -> None:
        out = self.call("predict", model, tones / "high", "--format", "csv")
        assert "0 of 12 sounds unknown" in out
        lines = [line for line in out.splitlines() if "," in line]
        assert lines[0] == "path,label,unknown,score,set,high,low,mid"
        assert len(lines) == 13
        self.call("predict", model, tones / "low", "--out", tmp_path / "a.jsonl", code=1)
        answers = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
        assert len(answers) == 12
        assert answers[0]["scores"].keys() == {"low", "mid", "high"}
        assert "start,end" in self.call("predict", model, tones / "mid/0-0.wav", "--timeline", "--format", "csv")
        assert "mid" in self.call("predict", model, tones / "mid/0-0.wav", "--format", "table")

    @pytest.mark.parametrize("name", ["embeddings.parquet", "embeddings.npz", "embeddings.csv"])
    def test_embed(self, name: str, tones: Path, tmp_path: Path) -> None:
        out = self.call("embed", tones / "high", "-b", "mfcc", "-o", tmp_path / name, "--no-cache")
        assert "from 12 clips" in out
        assert (tmp_path / name).stat().st_size > 1000
        assert not list(tmp_path.glob("*.part"))

    def test_evaluate_and_lists(self, model: Path, tones: Path, cache: Cache) -> None:
        found = json.loads(self.call("evaluate", model, tones / "clips.csv", "--json", "--cache", cache.folder))
        assert found["recipes"][0]["accuracy"]["value"] > 0.9
        assert "logreg" in self.call("list", "heads")
        assert {h["head"] for h in json.loads(self.call("list", "heads", "--json"))} >= {
            "logreg",
            "lda",
            "svm",
            "knn",
            "forest",
        }
        assert "quick" in self.call("list", "recipes")
        assert "mfcc" in self.call("cache", "info", "--cache", cache.folder)

    @pytest.mark.parametrize(
        ("args", "told"),
        [
            (["compare", "nowhere", "-r", "mfcc/lda"], "there is nothing at nowhere"),
            (["compare", ".", "-r", "mfc/lda"], "no sounds found"),
            (["predict", "nowhere", "x.wav"], "is not a model"),
            (["embed", "x.wav", "-b", "mfc", "-o", "x.npz"], "Did you mean 'mfcc'?"),
            (["embed", "x.wav", "-b", "mfcc", "-o", "x.npz"], "none of the 1 sounds can be used"),
            (["embed", "x.wav", "-b", "mfcc(sec=1)", "-o", "x.npz"], "has no parameter 'sec'"),
        ],
    )
    def test_errors_are_one_clear_line(
        self, args: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        out = self.call(*args, code=1)
        assert out.startswith("Error: ")
        assert told in out
        assert "Traceback" not in out

    def test_a_mistyped_command(self) -> None:
        assert "Did you mean 'compare'?" in self.call("compair", code=2)

    def test_every_command_has_help_with_an_example(self) -> None:
        for name in main.list_commands(None):  # type: ignore[attr-defined]
            text = self.call(name, "--help")
            assert "earmark " + name in text or "Usage" in text
            assert "Example" in text or name in ("heads", "recipes", "backbones"), name


def test_unknown_names_are_told() -> None:
    with pytest.raises(RecipeError, match="Did you mean 'logreg'"):
        earmark.compare(["x.wav"], ["mfcc/logrek"])
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = earmark.nonsense


def test_one_bad_sound_is_an_error_of_its_own(model: Path, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="unreadable"):
        earmark.load_model(model).predict(tmp_path / "nothing.wav")


def test_public_names() -> None:
    assert earmark.__all__ == sorted(earmark.__all__)
    for name in earmark.__all__:
        assert getattr(earmark, name) is not None
    assert set(earmark.__all__) >= {"compare", "train", "load_model", "embed", "evaluate", "Clip", "Dataset", "Recipe"}


def test_predicting_needs_the_core_only(model: Path, tones: Path) -> None:
    """In a fresh process that cannot import the extras."""
    code = (
        "import sys\n"
        "for m in ('torch','sklearn','scipy','skorch','onnx','skl2onnx','matplotlib','jinja2','pyarrow','tensorflow'):\n"
        "    sys.modules[m] = None\n"
        "import earmark\n"
        "print(earmark.load_model(sys.argv[1]).predict(sys.argv[2]).label)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(model), str(tones / "low" / "0-0.wav")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "low", done.stderr

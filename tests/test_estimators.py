"""Earmark inside scikit-learn: sounds in, vectors, classes and folds out."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import soundfile
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

import earmark
from earmark import Embedder, SoundClassifier, SoundKFold
from earmark.core.errors import AudioError, DataError, EarmarkError, RecipeError

RATE = 16000


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], list[str], list[int]]:
    """Twelve sounds of two classes in three groups; each class has two sounds of each group."""
    folder = tmp_path_factory.mktemp("sounds")
    draw, paths = np.random.default_rng(0), []
    for i in range(12):
        sound = 0.3 * np.sin(np.arange(RATE) * (0.05 if i % 2 else 0.3) * (1 + i / 60)) + draw.normal(0, 0.03, RATE)
        paths.append(folder / f"{i}.wav")
        soundfile.write(paths[-1], sound, RATE)
    return paths, ["low" if i % 2 else "high" for i in range(12)], [i // 2 % 3 for i in range(12)]


@pytest.fixture(scope="module")
def fitted(sounds: Any) -> SoundClassifier:
    paths, y, groups = sounds
    return SoundClassifier("mfcc/lda", folds=2).fit(paths, y, groups=groups)


@pytest.fixture
def routed() -> Iterator[None]:
    with config_context(enable_metadata_routing=True):
        yield


def heard(paths: list[Path]) -> list[tuple[Any, int]]:
    return [soundfile.read(p, dtype="int16") for p in paths]


# Embedder


@pytest.mark.parametrize("pool", ["mean", "mean+std", "median"])
def test_vectors_are_those_of_embed(pool: str, sounds: Any) -> None:
    paths = sounds[0]
    made = Embedder("mfcc", pool=pool).transform(paths)
    assert made.dtype == np.float32
    assert np.array_equal(made, earmark.embed(paths, "mfcc").vectors(pool))
    for given in (list(map(str, paths)), heard(paths), np.array(paths), np.array(list(map(str, paths)))[:, None]):
        assert np.array_equal(Embedder("mfcc", pool=pool).fit_transform(given), made)
    made[0] = 0  # the caller's own


def test_an_embedder_needs_no_fit_and_keeps_the_order_of_repeated_sounds(sounds: Any) -> None:
    paths = sounds[0]
    made = Embedder("mfcc")
    check_is_fitted(made)
    assert np.array_equal(made.transform([paths[3], paths[0], paths[3]]), made.transform(paths)[[3, 0, 3]])
    assert made.transform([]).shape == (0, len(made.get_feature_names_out()))


def test_names_of_columns(sounds: Any) -> None:
    names = Embedder("mfcc", pool="mean+std").get_feature_names_out()
    made = Embedder("mfcc", pool="mean+std").transform(sounds[0])
    assert len(set(names.tolist())) == made.shape[1]
    assert (names[0], names[-1]) == ("mfcc_mean_0", f"mfcc_std_{made.shape[1] // 2 - 1}")


def test_set_output(sounds: Any) -> None:
    pandas = pytest.importorskip("pandas")
    made = Embedder("mfcc").set_output(transform="pandas").transform(sounds[0][:3])
    assert isinstance(made, pandas.DataFrame)
    assert list(made.columns) == Embedder("mfcc").get_feature_names_out().tolist()
    column = pandas.DataFrame({"path": [str(p) for p in sounds[0][:3]]}, index=[7, 8, 9])
    for given in (column, column["path"]):
        again = Embedder("mfcc").set_output(transform="pandas").transform(given)
        assert again.index.tolist() == [7, 8, 9]
        assert np.array_equal(again.to_numpy(), made.to_numpy())


def test_set_output_takes_what_an_embedder_tells(sounds: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.utils import _set_output

    monkeypatch.setattr(_set_output, "check_library_installed", lambda library: None, raising=False)
    made = Embedder("mfcc").set_output(transform="default")
    assert isinstance(made.transform(sounds[0][:2]), np.ndarray)
    assert made._sklearn_output_config == {"transform": "default"}


def test_an_embedder_is_cloned_pickled_and_set(sounds: Any, tmp_path: Path) -> None:
    made = Embedder("mfcc", pool="std", cache=earmark.Cache(tmp_path / "cache"))
    wanted = made.transform(sounds[0][:2])
    for other in (clone(made), pickle.loads(pickle.dumps(made)), joblib.hash(made) and made):
        assert np.array_equal(other.transform(sounds[0][:2]), wanted)
    assert any((tmp_path / "cache").rglob("*.npy"))
    assert made.set_params(pool="mean").get_params()["pool"] == "mean"
    assert np.array_equal(Embedder("mfcc", "std", cache=str(tmp_path / "cache")).transform(sounds[0][:2]), wanted)


def test_a_pipeline_of_embeddings(sounds: Any, tmp_path: Path) -> None:
    paths, y, groups = sounds
    pipeline = make_pipeline(Embedder("mfcc", cache=tmp_path), StandardScaler(), LogisticRegression())
    search = GridSearchCV(pipeline, {"embedder__pool": ["mean", "mean+std"]}, cv=SoundKFold(3))
    assert search.fit(paths, y, groups=groups).best_score_ == 1
    assert search.predict(heard(paths[:2])).tolist() == y[:2]


@pytest.mark.parametrize("pool", ["windows", "image(31)", "mode"])
def test_a_pooling_that_makes_no_vector_is_refused(pool: str, sounds: Any) -> None:
    with pytest.raises(RecipeError):
        Embedder("mfcc", pool=pool).fit(sounds[0])
    with pytest.raises(RecipeError):
        Embedder("mfcc", pool=pool).transform(sounds[0])


WRONG = ["a.wav", b"RIFF", (np.zeros(9), 8000), 3, None, [1, 2], [None], [""], np.zeros((3, 4)), np.zeros(3)]


@pytest.mark.parametrize("given", WRONG, ids=lambda g: type(g).__name__)
def test_what_is_no_list_of_sounds_is_told(given: Any, fitted: SoundClassifier) -> None:
    for call in (Embedder("mfcc").transform, Embedder("mfcc").fit, fitted.predict, fitted.predict_proba):
        with pytest.raises(DataError, match="wanted a list of sounds") as told:
            call(given)
        assert "\n" not in str(told.value)


def test_a_sound_that_cannot_be_used_is_told(sounds: Any, fitted: SoundClassifier, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    with pytest.raises(DataError, match=r"1 of 13 sounds cannot be used, e.g. sound 12 .*silent"):
        Embedder("mfcc").transform([*sounds[0], tmp_path / "silent.wav"])
    with pytest.raises(AudioError, match="silent"):
        fitted.predict([*sounds[0], tmp_path / "silent.wav"])


# SoundClassifier


LABELS = {
    "text": ["low", "high"],
    "whole numbers": [10, 2],
    "negative": [-1, 1],
    "truth": [True, False],
    "uint8": np.array([200, 3], np.uint8),
    "objects": np.array(["b", "a"], object),
    "floats": [1.0, 2.0],
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_keep_their_kind(kind: str, sounds: Any) -> None:
    one, two = LABELS[kind]
    y = np.array([one if i % 2 else two for i in range(12)], dtype=np.asarray(LABELS[kind]).dtype)
    made = SoundClassifier("mfcc/lda", folds=2).fit(sounds[0], y)
    assert made.classes_.dtype == y.dtype
    assert made.classes_.tolist() == sorted({one, two})
    said = made.predict(sounds[0])
    assert said.dtype == y.dtype
    assert said.tolist() == y.tolist()
    assert made.score(sounds[0], y) == 1
    assert np.array_equal(made.classes_[made.predict_proba(sounds[0]).argmax(axis=1)], y)


def test_a_classifier_says_what_train_would(fitted: SoundClassifier, sounds: Any) -> None:
    paths = sounds[0]
    scores = fitted.predict_proba(paths)
    assert scores.shape == (12, 2)
    assert np.allclose(scores.sum(axis=1), 1)
    assert np.array_equal(fitted.predict_proba(heard(paths)), scores)
    assert scores[0].tolist() == [fitted.model_.predict(paths[0]).scores[c] for c in fitted.classes_]
    assert fitted.model_.card.measured.groups == 3
    assert fitted.excluded_ == ()
    assert is_classifier(fitted)
    assert fitted.predict_proba([]).shape == (0, 2)


def test_classes_that_sort_otherwise_as_text(sounds: Any) -> None:
    y = [(2, 10, 100)[i % 3] for i in range(12)]
    made = SoundClassifier("mfcc/lda", folds=2).fit(sounds[0], y)
    assert made.classes_.tolist() == [2, 10, 100]
    for path, scores in zip(sounds[0], made.predict_proba(sounds[0]), strict=True):
        assert scores.tolist() == [made.model_.predict(path).scores[str(c)] for c in made.classes_]


def test_it_learns_from_sounds_in_memory(fitted: SoundClassifier, sounds: Any) -> None:
    paths, y, groups = sounds
    made = SoundClassifier("mfcc/lda", folds=2).fit(heard(paths), y, groups=groups)
    assert np.allclose(made.predict_proba(paths), fitted.predict_proba(paths))
    mixed = [p if i % 3 else p.read_bytes() for i, p in enumerate(paths)]
    assert SoundClassifier("mfcc/lda", folds=2).fit(mixed, y).predict(mixed).tolist() == y


def test_it_is_saved_as_a_model(fitted: SoundClassifier, sounds: Any, tmp_path: Path) -> None:
    assert fitted.save(tmp_path / "model") == tmp_path / "model"
    assert earmark.load_model(tmp_path / "model").predict(sounds[0][0]).label == "high"
    fitted.save(tmp_path / "model")  # again, over its own
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("x")
    with pytest.raises(EarmarkError):
        fitted.save(tmp_path / "mine")


def test_before_it_is_fitted(sounds: Any, tmp_path: Path) -> None:
    made = SoundClassifier("mfcc/lda")
    for call in (
        made.predict,
        made.predict_proba,
        lambda X: made.score(X, sounds[1]),
        lambda X: made.save(tmp_path / "m"),
    ):
        with pytest.raises(NotFittedError):
            call(sounds[0])
    assert not (tmp_path / "m").exists()


def test_it_is_cloned_pickled_and_dumped(fitted: SoundClassifier, sounds: Any, tmp_path: Path) -> None:
    wanted = fitted.predict_proba(sounds[0])
    joblib.dump(fitted, tmp_path / "made.joblib")
    for other in (pickle.loads(pickle.dumps(fitted)), joblib.load(tmp_path / "made.joblib")):
        assert np.array_equal(other.predict_proba(sounds[0]), wanted)
        assert other.classes_.tolist() == fitted.classes_.tolist()
    fresh = clone(fitted)
    assert fresh.get_params() == fitted.get_params()
    assert not hasattr(fresh, "classes_")
    assert clone(SoundClassifier(earmark.Recipe.parse("mfcc/lda"))).recipe == earmark.Recipe.parse("mfcc/lda")


def test_it_is_searched(sounds: Any) -> None:
    paths, y, groups = sounds
    made = make_pipeline(SoundClassifier("mfcc/lda", folds=2))
    grid = {"soundclassifier__recipe": ["mfcc/lda", "mfcc:mean/knn"]}
    search = GridSearchCV(made, grid, cv=SoundKFold(3)).fit(paths, y, groups=groups)
    assert search.best_estimator_.predict(paths).tolist() == y
    assert len(search.cv_results_["params"]) == 2
    assert made.set_params(soundclassifier__folds=3).get_params()["soundclassifier__folds"] == 3


def test_cross_validation_of_sounds_in_memory(sounds: Any) -> None:
    paths, y, groups = sounds
    made = SoundClassifier("mfcc/lda", folds=2)
    assert cross_val_score(made, heard(paths), y, cv=2).tolist() == [1, 1]
    said = cross_val_predict(made, paths, y, groups=groups, cv=SoundKFold(3), method="predict_proba")
    assert said.shape == (12, 2)


def test_processes_side_by_side(sounds: Any) -> None:
    paths, y, groups = sounds
    made = SoundClassifier("mfcc/lda", folds=2)
    with joblib.parallel_config("multiprocessing", n_jobs=2):
        assert cross_val_score(made, paths, y, groups=groups, cv=SoundKFold(3)).tolist() == [1, 1, 1]


def test_groups_are_routed(routed: None, sounds: Any) -> None:
    paths, y, groups = sounds
    made = SoundClassifier("mfcc/lda", folds=2).set_fit_request(groups=True)
    found = cross_validate(made, paths, y, params={"groups": groups}, cv=SoundKFold(3), return_estimator=True)
    assert [e.model_.card.measured.groups for e in found["estimator"]] == [2, 2, 2]
    search = GridSearchCV(make_pipeline(made), {"soundclassifier__seed": [0, 1]}, cv=SoundKFold(3))
    best = search.fit(paths, y, groups=groups).best_estimator_[-1]
    assert best.model_.card.measured.groups == 3


@pytest.mark.parametrize("recipe", ["mfcc/logreg", "mfcc:mean/svm", "stack(mfcc/lda,mfcc:mean/knn)"])
def test_what_a_program_has_set_for_its_own_estimators_changes_nothing(recipe: str, routed: None, sounds: Any) -> None:
    made = SoundClassifier(recipe, folds=2).fit(sounds[0], sounds[1])
    with config_context(enable_metadata_routing=False):
        wanted = SoundClassifier(recipe, folds=2).fit(sounds[0], sounds[1])
    assert np.array_equal(made.predict_proba(sounds[0]), wanted.predict_proba(sounds[0]))


def test_sounds_that_cannot_be_learnt_from_are_told(sounds: Any, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    paths, y, _ = sounds
    with pytest.warns(UserWarning, match="1 of 13 sounds could not be learnt from, e.g. sound 12 .*silent"):
        made = SoundClassifier("mfcc/lda", folds=2).fit([*paths, tmp_path / "silent.wav"], [*y, "low"])
    assert [e.reason.split(":")[0] for e in made.excluded_] == ["silent"]
    with pytest.raises(DataError, match="no sound of the class 'none'"):
        SoundClassifier("mfcc/lda", folds=2).fit([*paths, tmp_path / "silent.wav"], [*y, "none"])


def test_labels_and_groups_that_do_not_fit_are_told(sounds: Any) -> None:
    paths, y, groups = sounds
    made = SoundClassifier("mfcc/lda", folds=2)
    with pytest.raises(ValueError, match="inconsistent"):
        made.fit(paths, y[:-1])
    with pytest.raises(ValueError, match="inconsistent"):
        made.fit(paths, y, groups=groups[:-1])
    with pytest.raises(DataError, match="y is None"):
        made.fit(paths, None)
    with pytest.raises(DataError, match="read the same"):
        made.fit(paths, np.array([1.0] * 6 + ["1.0"] * 5 + [""], object).astype(str))
    with pytest.raises(DataError, match="one class"):
        made.fit(paths, ["a"] * 12)


# SoundKFold


def test_folds_keep_groups_whole_and_are_found_again(sounds: Any) -> None:
    paths, y, groups = sounds
    folds = list(SoundKFold(3).split(paths, y, groups))
    assert len(folds) == SoundKFold(3).get_n_splits(paths, y, groups) == 3
    assert sorted(np.concatenate([test for _, test in folds]).tolist()) == list(range(12))
    for train, test in folds:
        assert not {groups[i] for i in train} & {groups[i] for i in test}
        assert {y[i] for i in train} == {"low", "high"}
    for again in (SoundKFold(3).split(paths, y, groups), SoundKFold(3).split(list(map(str, paths)), y, groups)):
        assert [test.tolist() for _, test in again] == [test.tolist() for _, test in folds]


def test_folds_are_drawn_by_random_state(sounds: Any) -> None:
    paths, y, _ = sounds
    drawn = [
        [t.tolist() for _, t in SoundKFold(2, protocol="clips", random_state=r).split(paths, y)] for r in (0, 0, 1, 2)
    ]
    assert drawn[0] == drawn[1]
    assert len({str(d) for d in drawn}) > 1


def test_copies_stay_together(tmp_path: Path) -> None:
    """The same bytes, and the same music louder and cut, are on one side though their groups differ."""
    draw = np.random.default_rng(1)
    paths = []
    for i in range(8):
        notes = draw.uniform(200, 4000, 24)
        sound = np.concatenate([0.4 * np.sin(np.arange(RATE // 4) / RATE * 2 * np.pi * f) for f in notes])
        sound = sound + draw.normal(0, 0.01, len(sound))
        paths.append(tmp_path / f"{i}.wav")
        soundfile.write(paths[-1], sound, RATE)
        if i == 0:
            (tmp_path / "same.wav").write_bytes(paths[0].read_bytes())
            soundfile.write(tmp_path / "louder.wav", 1.7 * sound[RATE:], RATE)
    X: list[Any] = [*paths, tmp_path / "same.wav", tmp_path / "louder.wav", soundfile.read(paths[0], dtype="int16")]
    y = ["a", "b"] * 4 + ["a", "a", "a"]
    groups = list(range(len(X)))
    for folds in (SoundKFold(3).split(X, y, groups), SoundKFold(3, protocol="clips").split(X, y)):
        for train, test in folds:
            assert len({0, 8, 9, 10} & set(train.tolist())) in (0, 4)
            assert len({0, 8, 9, 10} & set(test.tolist())) in (0, 4)


def test_folds_that_cannot_be_made_are_refused(sounds: Any) -> None:
    paths, y, groups = sounds
    with pytest.raises(DataError, match=r"take that") as told:
        list(SoundKFold(5).split(paths, y, groups))
    assert "SoundKFold(3)" in str(told.value)
    with pytest.raises(DataError, match="needs groups="):
        list(SoundKFold(2).split(paths, y))
    with pytest.raises(DataError, match="protocol='windows'"):
        list(SoundKFold(2, protocol="windows").split(paths, y, groups))
    with pytest.raises(DataError, match="y is None"):
        list(SoundKFold(2).split(paths, None, groups))
    with pytest.raises(DataError, match="one class"):
        list(SoundKFold(2).split(paths, ["a"] * 12, groups))


def test_a_splitter_is_cloned_and_pickled(sounds: Any) -> None:
    made = SoundKFold(2, protocol="clips", random_state=3)
    for other in (clone(made), pickle.loads(pickle.dumps(made))):
        assert other.get_params() == made.get_params()


def test_random_states_are_those_of_scikit_learn(sounds: Any) -> None:
    paths, y, _ = sounds

    def drawn(**how: Any) -> str:
        return str([t.tolist() for _, t in SoundKFold(2, protocol="clips", **how).split(paths, y)])

    assert drawn(shuffle=False) == drawn(shuffle=False, random_state=5) == drawn(random_state=0)
    assert drawn(random_state=np.random.RandomState(3)) == drawn(random_state=np.random.RandomState(3))
    assert len({drawn(random_state=None) for _ in range(8)}) > 1
    with pytest.raises(ValueError, match="seed"):
        drawn(random_state="x")


def test_folds_in_a_search(sounds: Any) -> None:
    """Each fold of a search by paths keeps groups whole; a pipeline's parameters are set by name."""
    paths, y, groups = sounds
    pipeline = make_pipeline(Embedder("mfcc"), StandardScaler(), LogisticRegression())
    assert cross_val_score(pipeline, paths, y, groups=groups, cv=SoundKFold(3)).tolist() == [1, 1, 1]
    assert cross_val_score(pipeline, [str(p) for p in paths], y, cv=SoundKFold(2, protocol="clips")).min() > 0.8
    pipeline.set_params(embedder__backbone="mfcc(coefficients=13)", embedder__pool="std")
    assert clone(pipeline).get_params()["embedder__backbone"] == "mfcc(coefficients=13)"


# Bare arrays


def test_bare_arrays_with_their_rate(sounds: Any, fitted: SoundClassifier) -> None:
    paths, y, groups = sounds
    bare = [samples for samples, _ in heard(paths)]
    wanted = Embedder("mfcc").transform(paths)
    for given in (bare, np.stack(bare)):
        assert np.array_equal(Embedder("mfcc", rate=RATE).fit_transform(given), wanted)
    assert np.array_equal(earmark.embed(bare, "mfcc", rate=RATE).vectors("mean"), wanted)
    assert np.array_equal(earmark.embed(bare[0], "mfcc", rate=RATE).vectors("mean"), wanted[:1])
    model = fitted.model_
    assert model.predict(bare[0], rate=RATE).scores == model.predict(paths[0]).scores
    assert [p.label for p in model.predict(bare, rate=RATE)] == [p.label for p in model.predict(paths)]
    made = clone(fitted).set_params(rate=RATE).fit(np.stack(bare), y, groups=groups)
    assert np.array_equal(made.predict_proba(bare), fitted.predict_proba(paths))
    folds = [test.tolist() for _, test in SoundKFold(3, rate=RATE).split(bare, y, groups)]
    assert folds == [test.tolist() for _, test in SoundKFold(3).split(paths, y, groups)]


def test_bare_arrays_without_a_rate_are_told(sounds: Any, fitted: SoundClassifier) -> None:
    bare, _ = heard(sounds[0][:1])[0]
    for call in (
        lambda: fitted.model_.predict(bare),
        lambda: fitted.model_.predict([bare]),
        lambda: earmark.embed(bare, "mfcc"),
        lambda: earmark.embed([bare], "mfcc"),
        lambda: Embedder("mfcc").transform([bare]),
        lambda: fitted.predict([bare]),
    ):
        with pytest.raises(DataError, match=r"rate=16000") as told:
            call()
        assert "\n" not in str(told.value)


# What is imported


def test_to_import_earmark_imports_none_of_the_heavy_ones() -> None:
    script = (
        "import sys, earmark; dir(earmark); "
        "print(sorted({'sklearn', 'torch', 'pandas', 'scipy', 'numpy', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_scikit_learn_the_extra_is_named() -> None:
    script = (
        "import sys; sys.modules['sklearn'] = None; import earmark\n"
        "for name in ('Embedder', 'SoundClassifier', 'SoundKFold'):\n"
        "    try: getattr(earmark, name)\n"
        "    except earmark.EarmarkError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.count("pip install 'earmark[train]'") == 3


def test_the_page_on_scikit_learn(sounds: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths, y, groups = sounds
    page = Path(__file__).parent.parent / "docs" / "scikit-learn.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    for path, label in zip(paths, y, strict=True):
        (tmp_path / "my-sounds" / label).mkdir(parents=True, exist_ok=True)
        (tmp_path / "my-sounds" / label / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"BACKBONE": "mfcc", "paths": paths, "y": y, "groups": groups}
    exec(code, names)
    assert names["search"].best_score_ == 1
    for folder in ("my-model", "my-classifier"):
        assert earmark.load_model(folder).predict(paths[0]).label == "high"

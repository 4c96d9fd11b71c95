"""Classifiers of scikit-learn as heads of recipes: compared, trained, saved, and refused in a sentence."""

from __future__ import annotations

import multiprocessing
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, LogisticRegressionCV, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC

import earmark
from earmark import Recipe
from earmark.core.errors import BundleError, RecipeError
from earmark.heads import _given
from earmark.studies.curve import curve
from earmark.studies.results import metrics
from earmark.studies.tune import tune
from earmark.testing import _heads as contract

RATE = 16000
LOGISTIC = Recipe("mfcc:mean", make_pipeline(StandardScaler(), LogisticRegression(C=0.1)))


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-four sounds of two classes that overlap, in class folders."""
    folder, draw = tmp_path_factory.mktemp("sounds"), np.random.default_rng(0)
    for i in range(24):
        (folder / ("low" if i % 2 else "high")).mkdir(exist_ok=True)
        sound = 0.3 * np.sin(np.arange(RATE // 2) * draw.normal(0.1 if i % 2 else 0.2, 0.05))
        path = folder / ("low" if i % 2 else "high") / f"{i}.wav"
        soundfile.write(path, sound + draw.normal(0, 0.03, len(sound)), RATE)
    return folder


def test_a_recipe_takes_backbone_and_head_apart() -> None:
    assert Recipe("mfcc", "svm(C=1)") == Recipe.parse("mfcc/svm(C=1)") == Recipe("mfcc/svm(C=1)")
    assert LOGISTIC.name == "mfcc:mean/Pipeline(StandardScaler(), LogisticRegression(C=0.1))"
    assert Recipe.parse(LOGISTIC.short) == LOGISTIC  # by its name, which is all that a text can hold
    assert pickle.loads(pickle.dumps(LOGISTIC)) == LOGISTIC
    assert hash(Recipe("mfcc", GaussianNB())) == hash(Recipe("mfcc", GaussianNB()))
    assert Recipe("mfcc", GaussianNB(), title="Bayes").name == "Bayes"


LONG = [
    Recipe("mfcc", KNeighborsClassifier(metric=f)).name for f in (lambda a, b: abs(a - b).max(), lambda a, b: 0.0)
] + [Recipe("mfcc", GridSearchCV(LogisticRegression(), {"C": np.linspace(1, n, 50)})).name for n in (2, 3)]


def test_names_are_short_and_tell_one_from_another() -> None:
    assert len(set(LONG)) == 4
    for name in LONG:
        assert len(name) < 100
        assert "\n" not in name
        assert " at 0x" not in name
        assert Recipe.parse(name).name == name


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (LogisticRegression, "call it, LogisticRegression()"),
        (LinearRegression(), "wanted a classifier"),
        (StandardScaler(), "wanted a classifier"),
        (3, "found a int as a head"),
        (StackingClassifier([("a", GaussianNB())], RidgeClassifier()), "CalibratedClassifierCV"),
        (GridSearchCV(SVC(), {"C": [1, 2]}), "no predict_proba"),
    ],
    ids=lambda v: str(v)[:30],
)
def test_what_is_no_head_is_refused(head: Any, said: str) -> None:
    with pytest.raises(RecipeError) as told:
        Recipe("mfcc", head)
    assert said in str(told.value)
    assert "\n" not in str(told.value)


HEADS = [
    LogisticRegression(C=0.1),
    make_pipeline(StandardScaler(), RandomForestClassifier(20)),
    make_pipeline(MinMaxScaler(), SVC()),
    make_pipeline(PCA(8), LinearSVC()),
    RidgeClassifier(),
    KNeighborsClassifier(3),
    CalibratedClassifierCV(LinearSVC(), cv=3),
    GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}),
    make_pipeline(
        StandardScaler(), LogisticRegressionCV(Cs=3, use_legacy_attributes=False, l1_ratios=(0.0,), scoring="accuracy")
    ),
]


@pytest.mark.parametrize("classes", [2, 10])
@pytest.mark.parametrize("given", HEADS, ids=lambda h: _given.shown(h)[:40])
def test_heads_give_probabilities_and_are_saved(given: Any, classes: int) -> None:
    X, y, groups = contract.sounds(contract.SHAPES["vectors"], classes)
    params = repr(given.get_params())
    head = _given.head(given, seed=3).fit(X, y, groups=groups)
    assert repr(given.get_params()) == params  # the one that was given stays as it was
    assert not hasattr(given, "classes_")
    proba = head.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)
    assert (head.predict(X) == y).mean() > 0.8
    assert np.array_equal(_given.head(given, seed=3).fit(X, y, groups=groups).predict_proba(X), proba)
    for learn, look in head.splits_:
        assert not set(groups[learn]) & set(groups[look])
    assert _given.saved(head, X)


def test_they_are_compared_beside_others(sounds: Path) -> None:
    plain = Recipe("mfcc:mean", RandomForestClassifier(10))
    found = earmark.compare(sounds, [LOGISTIC, "mfcc:mean/lda", plain], folds=2)
    assert [r.recipe.name for r in found.runs] == [LOGISTIC.name, "mfcc:mean/lda", plain.name]
    again = earmark.compare(sounds, [LOGISTIC, plain], folds=2)
    assert np.array_equal(again.runs[0].proba, found.runs[0].proba)
    assert np.array_equal(again.runs[1].proba, found.runs[2].proba)  # random_state is the run's
    other = earmark.compare(sounds, [plain], folds=2, seed=1)
    assert not np.array_equal(other.runs[0].proba, found.runs[2].proba)
    said = metrics(found)["recipes"]
    assert (said[0]["short"], said[0]["toml"]) == (LOGISTIC.name, None)


def test_a_report_of_one_is_not_run_again_but_told(sounds: Path, tmp_path: Path) -> None:
    from earmark.studies.results import metrics_json

    found = earmark.compare(sounds, [LOGISTIC], folds=2)
    (tmp_path / "metrics.json").write_text(metrics_json(found), "utf-8")
    with pytest.raises(RecipeError, match=r"a classifier that a program gave.*earmark.Recipe"):
        earmark.rerun(tmp_path)


def test_no_file_holds_one() -> None:
    with pytest.raises(RecipeError, match="a file cannot hold a head"):
        LOGISTIC.to_toml()


def test_studies_take_them(sounds: Path) -> None:
    found = tune(sounds, Recipe("mfcc", GaussianNB()), trials=3, folds=2)
    assert found.recipe.short.endswith("/GaussianNB()")
    assert curve(sounds, LOGISTIC, folds=2, sizes=(2, 4)).recipe == LOGISTIC


def _label(given: tuple[Any, str]) -> Any:
    return given[0].predict(given[1])


def test_they_are_trained_saved_and_sent(sounds: Path, tmp_path: Path) -> None:
    model = earmark.train(sounds, LOGISTIC, tmp_path / "model", folds=2)
    path = str(next(iter((sounds / "low").iterdir())))
    wanted = model.predict(path)
    assert earmark.load_model(tmp_path / "model").predict(path) == wanted
    assert model.card.recipe == LOGISTIC.short
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(_label, [(model, path)]) == [wanted]
    assert earmark.evaluate(model, sounds).runs[0].recipe.name == LOGISTIC.name


def test_what_cannot_be_saved_is_told_before_the_work(sounds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("earmark.models.train.open_data", lambda *a, **k: pytest.fail("work was done"))
    with pytest.raises(BundleError, match="cannot be saved") as told:
        earmark.train(sounds, Recipe("mfcc", DummyClassifier()), folds=2)
    assert "\n" not in str(told.value)


def test_an_estimator_takes_one(sounds: Path) -> None:
    paths = sorted(sounds.rglob("*.wav"))
    y = np.array([int(p.parent.name == "low") for p in paths])
    made = earmark.SoundClassifier(LOGISTIC, folds=2).fit(paths, y)
    assert made.predict(paths).dtype == y.dtype
    assert made.score(paths, y) > 0.7

"""The scikit-learn heads, held to scikit-learn's own numbers where these exist."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, RadiusNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_info, threadpool_limits

from earmark.core import plugins
from earmark.core.errors import BundleError, DataError, RecipeError
from earmark.heads._export import to_onnx
from earmark.heads._flat import Flat
from earmark.heads._scale import Scaler
from earmark.heads._tempered import Tempered
from earmark.heads.knn import Neighbours
from earmark.heads.lda import SHRINKAGES, Discriminant
from earmark.heads.logreg import STRENGTHS
from earmark.heads.svm import Margins


def embeddings(n: int, d: int, classes: int, seed: int = 0) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Overlapping classes: embeddings (n, d), codes (n,), groups (n,)."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    centres = np.random.default_rng(7).normal(size=(classes, d))
    X = rng.normal(size=(n, d)) + 0.6 * centres[y]
    return X.astype(np.float32), y, rng.integers(0, n // 3, n)


@pytest.mark.parametrize(("n", "d"), [(60, 200), (200, 20)])  # solved among the embeddings, among the columns
@pytest.mark.parametrize("shrinkage", [0.1, 0.8, 1.0])
def test_discriminant_is_scikit_learns(n: int, d: int, shrinkage: float) -> None:
    X, y, _ = embeddings(n, d, 4)
    ours = Discriminant(shrinkage).fit(X, y)
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(X.astype(np.float64), y)
    difference = ours.decision_function(X) - theirs.decision_function(X.astype(np.float64))
    np.testing.assert_allclose(difference - difference.mean(axis=1, keepdims=True), 0, atol=1e-5)


def test_discriminant_counts_rows_by_weight() -> None:
    X, y, _ = embeddings(90, 12, 3)
    twice = np.concatenate([np.arange(90), np.flatnonzero(y == 1)])
    copied = Discriminant(0.3).fit(X[twice], y[twice]).decision_function(X)
    weighed = Discriminant(0.3).fit(X, y, 1.0 + (y == 1)).decision_function(X)
    np.testing.assert_allclose(weighed, copied, atol=1e-6)


def test_shrinkage_is_found_inside_the_training_side() -> None:
    X, y, groups = embeddings(120, 300, 4)
    head = plugins.build("heads", "lda").fit(X, y, groups=groups)
    assert head.fitted_.best_params_["discriminant__shrinkage"] in SHRINKAGES
    assert len(head.splits_) == 3
    for wrong in (0, 2, "most"):
        with pytest.raises(RecipeError, match="shrinkage"):
            plugins.build("heads", "lda", shrinkage=wrong).fit(X, y)
    assert 0 < Discriminant("ledoit-wolf").fit(X, y).shrinkage_ <= 1


@pytest.mark.parametrize("classes", [2, 3, 6])
@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_margins_are_smooth_votes_of_libsvms_pairs(classes: int, kernel: str) -> None:
    X, y, _ = embeddings(120, 15, classes)
    machine = SVC(C=2.0, kernel=kernel, decision_function_shape="ovo").fit(X, y)
    pairs = machine.decision_function(X).reshape(len(X), -1)
    if classes == 2:
        pairs = -pairs  # for two classes scikit-learn's sign says the second
    wanted = np.zeros((len(X), classes))
    first, second = np.triu_indices(classes, 1)
    for p, (i, j) in enumerate(zip(first, second, strict=True)):
        vote = np.tanh(Margins.SHARPNESS * pairs[:, p]) / (classes - 1)
        wanted[:, i] += vote
        wanted[:, j] -= vote
    np.testing.assert_allclose(Margins(2.0, kernel=kernel).fit(X, y).decision_function(X), wanted, atol=1e-5)


def test_temperature_makes_probabilities_likelier_and_no_decision_other() -> None:
    X, y, _ = embeddings(150, 100, 3)
    new, truth, _ = embeddings(150, 100, 3, seed=1)
    X, new = X + 6 * embeddings(150, 100, 1, seed=2)[0], new + 6 * embeddings(150, 100, 1, seed=3)[0]
    part = np.arange(150) // 3 % 3
    splits = [(np.flatnonzero(part != i), np.flatnonzero(part == i)) for i in range(3)]
    plain = Tempered(Discriminant(0.05)).fit(X, y)
    tempered = Tempered(Discriminant(0.05), cv=splits).fit(X, y)
    before, after = plain.predict_proba(new), tempered.predict_proba(new)
    assert (before.argmax(axis=1) == after.argmax(axis=1)).all()
    loss = [-np.log(np.maximum(p[np.arange(150), truth], 1e-12)).mean() for p in (before, after)]
    assert loss[1] < 0.8 * loss[0]


def test_strength_is_found_by_the_likelihood_of_held_out_rows() -> None:
    X, y, groups = embeddings(120, 200, 3)
    head = plugins.build("heads", "logreg", C="auto").fit(X, y, groups=groups)
    chosen = head.fitted_.best_params_["logisticregression__C"]
    assert chosen in STRENGTHS
    assert chosen < 1  # 120 embeddings of 200 columns want a penalty
    fixed = plugins.build("heads", "logreg", C=chosen).fit(X, y, groups=groups)
    assert (fixed.predict(X) == head.predict(X)).all()
    assert fixed.classes_.tolist() == [0, 1, 2]  # in the kind they came in


def test_rows_of_a_long_recording_do_not_drown_the_rest() -> None:
    """200 near-equal embeddings of one recording of class b lie nearer to a; counted one by one they turn all round."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(-1, 1, (30, 2)), rng.normal(1, 1, (30, 2))
    long = rng.normal(-0.7, 0.05, (200, 2))
    X = np.concatenate([a, b, long]).astype(np.float32)
    y = np.array(["a"] * 30 + ["b"] * 230)
    groups = np.array([*range(60), *[60] * 200])
    counted = plugins.build("heads", "logreg", C=1.0).fit(X, y, groups=groups)
    plain = plugins.build("heads", "logreg", C=1.0, balanced=False).fit(X, y, groups=groups)
    assert (counted.predict(a.astype(np.float32)) == "a").mean() > 0.75
    assert (plain.predict(a.astype(np.float32)) == "a").mean() < 0.5


@pytest.mark.parametrize("weights", ["distance", "uniform"])
def test_neighbours_are_scikit_learns(weights: str) -> None:
    X, y, _ = embeddings(90, 8, 3)
    new = embeddings(40, 8, 3, seed=1)[0]
    ours = Neighbours(7, metric="cosine", weights=weights).fit(X, y).predict_proba(new)
    say = "uniform" if weights == "uniform" else lambda far: 1 / (far + 1e-3)
    unit = [x / np.linalg.norm(x.astype(np.float64), axis=1, keepdims=True) for x in (X, new)]
    theirs = KNeighborsClassifier(7, weights=say, algorithm="brute").fit(unit[0], y).predict_proba(unit[1])
    np.testing.assert_allclose(ours, (7 * theirs + 1 / 3) / 8, atol=1e-4)


def test_joined_blocks_have_equal_say() -> None:
    X = np.random.default_rng(0).normal(size=(500, 110)).astype(np.float32)
    scaled = Scaler([100, 10], limit=9.0).fit(X).transform(X)
    assert scaled[:, :100].var(axis=0).sum() == pytest.approx(scaled[:, 100:].var(axis=0).sum(), rel=1e-3)
    assert scaled.var(axis=0).sum() == pytest.approx(110, rel=1e-3)
    with pytest.raises(DataError, match="do not add up to 110"):
        plugins.build("heads", "logreg", widths=(100, 9)).fit(X, np.arange(500) % 2)
    for name in ("logreg", "lda", "svm", "knn"):
        head = plugins.build("heads", name, widths=(100, 10)).fit(X, np.arange(500) % 2)
        session = ort.InferenceSession(to_onnx(head, (110,)), providers=["CPUExecutionProvider"])
        np.testing.assert_allclose(session.run(None, {"rows": X})[0], head.predict_proba(X), atol=1e-5)


def test_a_column_that_was_nearly_always_0_is_limited() -> None:
    X = np.zeros((100, 2), np.float32)
    X[:, 1] = np.arange(100)
    X[0, 0] = 0.01
    assert np.abs(Scaler().fit(X).transform(np.array([[5.0, 50.0]], np.float32))).max() == 3


@pytest.mark.parametrize(
    "classifier",
    [
        make_pipeline(StandardScaler(), GaussianNB()),
        QuadraticDiscriminantAnalysis(reg_param=0.5),
        GridSearchCV(make_pipeline(Scaler(), LogisticRegression()), {"logisticregression__C": [0.01, 0.1]}),
    ],
    ids=["bayes", "quadratic", "search"],
)
def test_any_scikit_learn_classifier_makes_a_head(classifier: Any) -> None:
    X, y, groups = embeddings(90, 12, 3)
    X = X.reshape(90, 4, 3)
    head = Flat(classifier).fit(X, y, groups=groups)
    session = ort.InferenceSession(to_onnx(head, (4, 3)), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"rows": X})[0], head.predict_proba(X), atol=1e-5)


def test_what_cannot_be_saved_is_told() -> None:
    X, y, _ = embeddings(30, 6, 2)
    with pytest.raises(BundleError, match="not fitted"):
        to_onnx(plugins.build("heads", "logreg"), (6,))
    head = plugins.build("heads", "logreg").fit(X, y)
    with pytest.raises(BundleError, match="wanted one for"):
        to_onnx(head, (7,))
    with pytest.raises(BundleError, match="scores of a QuadraticDiscriminantAnalysis"):
        to_onnx(Flat(Tempered(QuadraticDiscriminantAnalysis(reg_param=0.5))).fit(X, y), (6,))
    with pytest.raises(
        BundleError, match=r"HistGradientBoostingClassifier cannot be saved|RadiusNeighborsClassifier cannot"
    ):
        to_onnx(Flat(RadiusNeighborsClassifier(9.0, metric=lambda a, b: abs(a - b).max())).fit(X, y), (6,))


@pytest.mark.parametrize(
    ("name", "params", "said"),
    [
        ("logreg", {"C": -1.0}, "C"),
        ("logreg", {"C": "much"}, "C"),
        ("svm", {"kernel": "round"}, "kernel"),
        ("knn", {"k": 0}, "k=0"),
        ("knn", {"metric": "taxi"}, "taxi"),
        ("forest", {"trees": 0}, "n_estimators"),
    ],
)
def test_unusable_parameters_are_told(name: str, params: dict[str, Any], said: str) -> None:
    X, y, _ = embeddings(30, 6, 2)
    with pytest.raises(RecipeError, match=said):
        plugins.build("heads", name, **params).fit(X, y)


@pytest.mark.slow
def test_a_thousand_clips_of_yamnet_take_seconds() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(1000) % 10, 62)
    X = np.maximum(rng.standard_normal((62000, 1024), np.float32) + 0.2 * rng.normal(size=(10, 1024))[y], 0)
    X = X.astype(np.float32)
    began = time.process_time()
    plugins.build("heads", "logreg").fit(X, y.astype(str), groups=np.repeat(np.arange(1000), 62))
    assert time.process_time() - began < 15  # processor seconds; 5 s by the clock on two free cores


def test_products_take_one_thread_while_a_head_is_fitted() -> None:
    """With a thread per processor, many small products wait for each other."""
    seen: list[set[int]] = []

    def threads() -> set[int]:
        return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}

    class Looking(LinearDiscriminantAnalysis):  # type: ignore[misc, unused-ignore]
        def fit(self, X: np.ndarray, y: np.ndarray) -> Any:
            seen.append(threads())
            return super().fit(X, y)

    random = np.random.default_rng(0)
    with threadpool_limits(2, user_api="blas"):
        before = threads()
        Flat(Looking()).fit(random.standard_normal((40, 3)), np.repeat(["a", "b"], 20))
        assert threads() == before
    assert seen == [{1}]

"""Calibrated scores, sets of labels and "unknown" keep their promises on sounds they had not met."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.core.errors import BundleError, DataError
from earmark.metrics import out_of_distribution
from earmark.metrics.calibration import Calibration, cross_fitted, error_floor
from earmark.metrics.clips import METRICS
from earmark.metrics.out_of_distribution import Novelty

pytest.importorskip("scipy", reason="fitting a calibration needs the train extra")


def made(seed: int, clips: int = 1000, k: int = 5, sure: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, classes drawn from them (so: perfectly calibrated at ``sure`` 1), groups of two."""
    random = np.random.default_rng(seed)
    logits = 2.0 * random.normal(size=(clips, k))
    proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = (random.random((clips, 1)) >= proba.cumsum(axis=1)).sum(axis=1).clip(max=k - 1)
    warm = proba**sure
    return warm / warm.sum(axis=1, keepdims=True), y, np.arange(clips) // 2


def names(k: int) -> list[str]:
    return [f"class {i:03}" for i in range(k)]


# ------------------------------------------------------------------------------------------------ temperature
@pytest.mark.parametrize("sure", [0.4, 1.0, 3.0])
def test_finds_the_temperature_that_was_put_in(sure):
    proba, y, groups = made(0, clips=4000, sure=sure)
    found = Calibration.fit(proba, y, names(5), groups)
    assert found.temperature == pytest.approx(sure, rel=0.15)
    assert found.measured["log_loss_after"] <= found.measured["log_loss_before"] + 0.002
    after = METRICS["calibration_error"](y, found.apply(proba))
    assert after <= 0.03


def test_takes_away_that_anything_is_impossible():
    """A head that says 0 or 1 and is wrong in one of five: log loss falls from 7 to that of an honest answer."""
    random = np.random.default_rng(1)
    y = random.integers(0, 4, 500)
    says = np.where(random.random(500) < 0.8, y, (y + random.integers(1, 4, 500)) % 4)
    found = Calibration.fit(np.eye(4)[says], y, names(4), None)
    honest = -(0.8 * np.log(0.8) + 0.2 * np.log(0.2 / 3))
    assert found.measured["log_loss_before"] > 6
    assert found.measured["log_loss_after"] == pytest.approx(honest, abs=0.08)
    assert found.measured["calibration_error_after"] < 0.05
    assert found.apply(np.eye(4)).min() > 0.02


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(2, 12), temperature=st.floats(0.1, 10), floor=st.floats(0, 0.5))
def test_applied_scores_are_probabilities_in_the_same_order(seed, k, temperature, floor):
    proba = np.random.default_rng(seed).dirichlet(np.full(k, 0.3), 20)
    found = Calibration(tuple(names(k)), temperature, floor, (0.0,), 1).apply(proba)
    assert found.shape == proba.shape
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found >= 0).all()
    best = proba.argmax(axis=1)
    np.testing.assert_allclose(found[np.arange(20), best], found.max(axis=1))
    np.testing.assert_allclose(
        Calibration(tuple(names(k)), temperature, floor, (0.0,), 1).apply(proba[0]), found[0], rtol=1e-12
    )


def test_worked_example():
    # (.9 + .1, .1 + .1) to the power 1/2: 1 and .447, so .691 and .309.
    found = Calibration(("a", "b"), 2.0, 0.1, (0.0,), 1).apply([[0.9, 0.1]])
    np.testing.assert_allclose(found, [[0.69098, 0.30902]], atol=1e-5)


def test_judged_by_calibrations_that_had_not_met_the_group():
    """Scores of a group do not depend on the labels of that group."""
    proba, y, groups = made(2, clips=300, sure=2.0)
    other = y.copy()
    other[groups == 7] = (y[groups == 7] + 1) % 5
    one, two = cross_fitted(proba, y, groups), cross_fitted(proba, other, groups)
    np.testing.assert_array_equal(one[groups == 7], two[groups == 7])
    assert (one != two).any()
    np.testing.assert_array_equal(one, cross_fitted(proba, y, groups))


def test_floor_of_the_calibration_error_is_what_a_calibrated_model_shows():
    shown = [float(METRICS["calibration_error"](y, p)) for p, y, _ in (made(s, clips=300) for s in range(30))]
    assert error_floor(made(99, clips=300)[0]) == pytest.approx(np.mean(shown), rel=0.15)
    assert error_floor(made(99, clips=20_000)[0]) < 0.01


@pytest.mark.parametrize("k", [2, 200])
def test_few_and_many_classes(k):
    proba, y, groups = made(3, clips=600, k=k, sure=2.0)
    found = Calibration.fit(proba, y, names(k), groups)
    assert found.measured["log_loss_after"] < found.measured["log_loss_before"]
    assert min(map(len, found.sets(found.apply(proba)))) >= 1


# ------------------------------------------------------------------------------------------------------- sets
@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.2])
@pytest.mark.parametrize("sure", [0.5, 3.0])
def test_sets_hold_the_true_label_as_often_as_asked(alpha, sure):
    held, size = [], []
    for seed in range(8):
        proba, y, groups = made(seed, clips=1200, sure=sure)
        found = Calibration.fit(proba[:800], y[:800], names(5), groups[:800], alpha=alpha)
        sets = found.sets(found.apply(proba[800:]))
        held += [names(5)[t] in s for t, s in zip(y[800:], sets, strict=True)]
        size += map(len, sets)
    assert np.mean(held) == pytest.approx(1 - alpha, abs=0.02)
    assert 1 <= np.mean(size) < 4


def test_sets_hold_when_clips_of_a_group_share_their_fate():
    """40 groups of 10 clips that are hard or easy together, 50 data sets: what was asked, or a little more."""
    random, held = np.random.default_rng(0), []
    for _ in range(50):
        group = np.repeat(np.arange(140), 10)
        logits = 2 * random.normal(size=(len(group), 4)) + 1.5 * random.normal(size=(140, 4))[group]
        proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        hard = random.random(140)[group] < 0.2
        y = np.where(hard, random.integers(0, 4, len(group)), proba.argmax(axis=1))
        seen = group < 40
        found = Calibration.fit(proba[seen], y[seen], names(4), group[seen], alpha=0.1)
        sets = found.sets(found.apply(proba[~seen]))
        held += [names(4)[t] in s for t, s in zip(y[~seen], sets, strict=True)]
    assert 0.895 <= np.mean(held) <= 0.93


def test_sets_are_ordered_nested_and_never_empty():
    proba, y, groups = made(4, clips=400)
    found = Calibration.fit(proba, y, names(5), groups)
    warm = found.apply(proba)
    small, large = found.sets(warm, 0.3), found.sets(warm, 0.05)
    assert found.sets(warm) == found.sets(warm, 0.1)
    for best, one, two in zip(warm.argmax(axis=1), small, large, strict=True):
        assert one[0] == two[0] == names(5)[best]
        assert set(one) <= set(two)


def test_a_head_that_is_right_more_often_than_asked_gives_single_labels():
    y = np.arange(200) % 4
    proba = np.full((200, 4), 0.1)
    proba[np.arange(200), y] = 0.7
    found = Calibration.fit(proba, y, names(4), None)
    assert set(map(len, found.sets(found.apply(proba)))) == {1}


def test_too_few_data_are_said_to_be_too_few():
    proba, y, _ = made(5, clips=30)
    found = Calibration.fit(proba, y, names(5), np.arange(30) % 4)
    np.testing.assert_array_equal(found.apply(proba), proba)
    assert "Only 30 clips" in found.notes[0]
    assert "Only 4 groups" in found.notes[1]
    assert all(len(s) == 5 for s in found.sets(proba))
    assert not Calibration.fit(*made(5)[:2], names(5), None).notes


# ----------------------------------------------------------------------------------------------------- bundles
def test_survives_json_and_is_applied_without_scipy(tmp_path):
    proba, y, groups = made(6, clips=3000, sure=2.0)
    found = Calibration.fit(proba, y, names(5), groups)
    text = json.dumps(found.to_dict(), allow_nan=False)
    assert len(text) < 20_000
    back = Calibration.from_dict(json.loads(text))
    assert back == found
    (tmp_path / "calibration.json").write_text(text)
    code = (
        "import json, sys; from pathlib import Path; from earmark.metrics.calibration import Calibration;"
        f"c = Calibration.from_dict(json.loads(Path({str(tmp_path / 'calibration.json')!r}).read_text()));"
        "print(c.sets(c.apply([[.9, .1, 0, 0, 0]]))); assert not {'scipy', 'sklearn', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_damaged_facts_are_told():
    facts = Calibration.fit(*made(7)[:2], names(5), None).to_dict()
    with pytest.raises(BundleError, match="damaged"):
        Calibration.from_dict({k: v for k, v in facts.items() if k != "nonconformity"})
    with pytest.raises(BundleError, match="damaged"):
        Calibration.from_dict({**facts, "temperature": "hot"})


def test_says_what_does_not_fit():
    proba, y, groups = made(8, clips=100)
    with pytest.raises(DataError, match=r"wanted \(n, 4\)"):
        Calibration.fit(proba, y, names(4), groups)
    with pytest.raises(DataError, match=r"error rate 1\.5"):
        Calibration.fit(proba, y, names(5), groups, alpha=1.5)
    with pytest.raises(DataError, match="one group per clip"):
        Calibration.fit(proba, y, names(5), groups[:9])


# ---------------------------------------------------------------------------------------------------- unknown
def space(seed: int, groups: int = 60, classes: int = 4, d: int = 50) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors of clips: a class mean, an offset per group along few directions, noise."""
    random = np.random.default_rng(seed)
    means = 3 * np.abs(np.random.default_rng(0).normal(size=(classes, d)))
    wide = np.random.default_rng(1).normal(size=(3, d))
    group = np.repeat(np.arange(groups), 5)
    y = group % classes
    vectors = means[y] + (random.normal(size=(groups, 3)) @ wide)[group] + 0.7 * random.normal(size=(len(group), d))
    return vectors, np.array(names(classes))[y], group


def test_tells_strange_sounds_from_known_ones_at_the_rate_asked():
    vectors, labels, groups = space(2)
    found = Novelty.fit(vectors, labels, groups, rate=0.05)
    known = np.concatenate([space(s)[0] for s in range(10, 20)])
    random = np.random.default_rng(3)
    strange = 3 * np.abs(random.normal(size=(200, 50)))
    assert found.is_unknown(known).mean() <= 0.09
    assert found.is_unknown(strange).mean() == 1
    assert found.score(strange).min() > found.score(known).max()
    assert found.is_unknown(np.zeros((1, 50))).all()
    assert not found.note


def test_loudness_of_the_vector_does_not_matter():
    vectors, labels, groups = space(4)
    found = Novelty.fit(vectors, labels, groups)
    np.testing.assert_allclose(found.score(vectors), found.score(7 * vectors), rtol=1e-9)


def test_distance_is_the_textbooks_mahalanobis_distance():
    """All directions kept (d < 128): the same as inverting the shrunk covariance."""
    vectors, labels, groups = space(5)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    classes, y = np.unique(labels, return_inverse=True)
    means = np.stack([unit[y == c].mean(axis=0) for c in range(len(classes))])
    inside = (unit - means[y]).T @ (unit - means[y]) / len(unit)
    ball = np.trace(inside) / 50
    inverse = np.linalg.inv(0.2 * inside + 0.8 * ball * np.eye(50)) * 0.8 * ball
    wanted = np.sqrt(np.min([np.einsum("ij,jk,ik->i", unit - m, inverse, unit - m) for m in means], axis=0))
    np.testing.assert_allclose(Novelty.fit(vectors, labels, groups).score(vectors), wanted, rtol=1e-4)


def test_novelty_survives_a_file(tmp_path):
    vectors, labels, groups = space(6)
    found = Novelty.fit(vectors, labels, groups)
    found.save(tmp_path / "novelty.npz")
    back = Novelty.load(tmp_path / "novelty.npz")
    np.testing.assert_array_equal(back.score(vectors), found.score(vectors))
    assert (back.limit, back.rate, back.note) == (found.limit, found.rate, found.note)
    (tmp_path / "broken.npz").write_bytes((tmp_path / "novelty.npz").read_bytes()[:200])
    for name in ("broken.npz", "missing.npz"):
        with pytest.raises(BundleError, match="damaged"):
            Novelty.load(tmp_path / name)


@pytest.mark.parametrize(("classes", "groups"), [(2, 8), (200, 400)])
def test_novelty_with_few_and_many_classes(classes, groups):
    vectors, labels, group = space(7, groups=groups, classes=classes)
    found = Novelty.fit(vectors, labels, group)
    assert found.means.shape == (classes, 50)
    assert found.is_unknown(vectors).mean() < 0.1


def test_novelty_says_when_data_are_too_few():
    vectors, labels, _ = space(8)
    one_group_each = Novelty.fit(vectors, labels, labels)
    assert "No class has two groups" in one_group_each.note
    assert np.isfinite(one_group_each.limit)
    single = Novelty.fit(vectors[:1], labels[:1], None)
    assert "nothing can be called unknown" in single.note
    assert not single.is_unknown(100 * vectors).any()
    assert "rough" in Novelty.fit(vectors[:12], np.repeat("a", 12), None).note


def test_novelty_says_what_does_not_fit():
    vectors, labels, groups = space(9)
    with pytest.raises(DataError, match="wanted finite"):
        Novelty.fit(vectors, labels[:5], groups)
    with pytest.raises(DataError, match="wanted finite"):
        Novelty.fit(np.full((4, 3), np.nan), ["a"] * 4, None)
    with pytest.raises(DataError, match="between 0 and 1"):
        Novelty.fit(vectors, labels, groups, rate=5)
    with pytest.raises(DataError, match=r"wanted \(n, 50\)"):
        Novelty.fit(vectors, labels, groups).score(vectors[:, :9])


def test_novelty_needs_no_decomposition_that_may_fail(monkeypatch):
    """``svd`` may not converge, after all folds were fitted; eigenvalues of symmetric matrices do."""

    def fails(*_: object, **__: object) -> None:
        raise np.linalg.LinAlgError("SVD did not converge")

    wanted = {}
    for d in (50, 700):  # more clips than numbers, and fewer
        vectors, labels, groups = space(5, d=d)
        wanted[d] = Novelty.fit(vectors, labels, groups).score(vectors)
    monkeypatch.setattr(np.linalg, "svd", fails)
    for d, scores in wanted.items():
        vectors, labels, groups = space(5, d=d)
        np.testing.assert_array_equal(Novelty.fit(vectors, labels, groups).score(vectors), scores)


@pytest.mark.parametrize("d", [50, 700])
def test_strong_directions_are_those_of_the_singular_values(d):
    rest = space(6, d=d)[0] - 3
    values, axes = out_of_distribution._strongest(rest)
    _, singular, wanted = np.linalg.svd(rest, full_matrices=False)
    np.testing.assert_allclose(values, singular[: len(values)] ** 2, rtol=1e-6)
    np.testing.assert_allclose(np.abs((axes[:10] * wanted[:10]).sum(axis=1)), 1, atol=1e-5)


def test_novelty_of_clips_that_are_all_alike():
    found = Novelty.fit(np.ones((40, 30)), np.repeat(["a", "b"], 20), np.arange(40))
    assert not found.is_unknown(np.ones((1, 30)))[0]
    assert found.is_unknown(-np.ones((1, 30)))[0]


def test_novelty_counts_groups_where_groups_count():
    vectors, labels, groups = space(9, groups=12, classes=2)  # 60 clips of 12 groups
    assert "Only 12 groups" in Novelty.fit(vectors, labels, groups).note
    assert "Only 12 clips" in Novelty.fit(vectors[::5], labels[::5], None).note
    vectors, labels, groups = space(9, groups=24, classes=2)
    assert not Novelty.fit(vectors, labels, groups).note

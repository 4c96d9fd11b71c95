"""Figures of classes and of groups, and how far they can be trusted."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.metrics.by_class import by_class, share
from earmark.metrics.by_group import between_groups
from earmark.metrics.calibration import debiased_error, error_floor
from earmark.metrics.clips import METRICS, per_class
from earmark.metrics.evaluation import evaluate
from earmark.metrics.intervals import Groups
from earmark.metrics.ranking import auroc, average_precision, optimism, ranking
from earmark.metrics.shares import difference


def made(random: np.random.Generator, groups: int, shares: list[float], skill: float = 2.0, seeds: int = 1):
    """Classes (rare ones among them), scores of each seed, groups of 1 to 6 clips that are hard together."""
    group = np.repeat(np.arange(groups), random.integers(1, 7, groups))
    y = random.choice(len(shares), len(group), p=shares)
    logits = 0.5 * random.normal(size=(groups, len(shares)))[group] + random.normal(size=(seeds, len(y), len(shares)))
    logits[:, np.arange(len(y)), y] += skill
    raised = np.exp(logits)
    return y, raised / raised.sum(axis=2, keepdims=True), group


# ------------------------------------------------------------------------------------------------- classes
def test_a_share_of_single_clips_has_wilsons_interval():
    stats = pytest.importorskip("scipy.stats", reason="reference")
    hits = np.repeat([1.0, 0.0], [320, 80])
    found, _ = share(hits, np.ones(400), Groups.of(None, 400), 0.95)
    known = stats.binomtest(320, 400).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((known.low, known.high), abs=2e-3)


def test_clips_that_go_together_tell_less_of_a_class():
    hits = np.repeat(np.tile([1.0, 1.0, 1.0, 0.0], 10), 5)
    together, _ = share(hits, np.ones(200), Groups.of(np.repeat(np.arange(40), 5), 200), 0.95)
    alone, _ = share(hits, np.ones(200), Groups.of(None, 200), 0.95)
    assert together.high - together.low > 1.8 * (alone.high - alone.low)


def test_three_clips_that_are_right_are_not_surely_always_right():
    y = np.repeat([0, 1], [97, 3])
    found = evaluate(y, np.eye(2)[y], ["often", "rare"], None, resamples=50)
    rare, often = (found.class_intervals[name]["recall"] for name in ("rare", "often"))
    assert rare.low < 0.5 < 0.95 < often.low
    assert rare.high == often.high == 1
    # The mean of both cannot be surer than a quarter of what is not known of the rare one.
    for name in ("balanced_accuracy", "macro_recall", "macro_f1", "macro_precision"):
        assert found.scores[name].low < 0.8
    assert found.scores["accuracy"].low > 0.95


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), groups=st.integers(1, 30), seeds=st.integers(1, 3), skill=st.floats(-1, 6))
def test_intervals_hold_the_figures_of_the_table(seed, groups, seeds, skill):
    y, proba, group = made(np.random.default_rng(seed), groups, [0.7, 0.25, 0.05], skill, seeds)
    found = evaluate(y, proba, "abc", group, resamples=20)
    table = per_class(np.tile(y, seeds), proba.reshape(-1, 3))
    for name in ("precision", "recall", "f1"):
        of_class = [found.class_intervals[label][name] for label in "abc"]
        assert [i.value for i in of_class] == pytest.approx(table[name].tolist())
        assert all(0 <= i.low <= i.value <= i.high <= 1 for i in of_class)
    for name, score in found.scores.items():
        assert score.low <= score.value <= score.high, name
    json.dumps(found.to_dict(), allow_nan=False)


def test_intervals_of_means_over_classes_hold_where_one_is_rare():
    random, shares = np.random.default_rng(0), [0.6, 0.3, 0.07, 0.03]
    crowd, scores, _ = made(random, 20_000, shares, 3.5)
    table = per_class(crowd, scores[0])
    held = dict.fromkeys(("precision", "recall", "f1"), 0)
    for _ in range(150):
        y, proba, group = made(random, 40, shares, 3.5)
        units, occur = Groups.of(group, len(y)), np.unique(y).tolist()
        figures = by_class(y, proba, units, 0.95)
        for name in held:
            mean = float(np.mean([figures[name].intervals[c].value for c in occur]))
            wide = figures[name].widened(type(figures[name].intervals[0])(mean, mean, mean), occur)
            held[name] += wide.low <= table[name].mean() <= wide.high
    assert min(held.values()) / 150 >= 0.91, held


# ------------------------------------------------------------------------------------------------- ranking
@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), clips=st.integers(2, 80), ties=st.sampled_from([2, 10, 1000]))
def test_ranking_agrees_with_scikit_learn_and_its_influence_with_leaving_out(seed, clips, ties):
    metrics = pytest.importorskip("sklearn.metrics", reason="reference")
    random = np.random.default_rng(seed)
    own = random.random(clips) < 0.4
    own[:2] = True, False
    score = random.integers(0, ties, clips) / ties
    assert average_precision(own, score)[0] == pytest.approx(metrics.average_precision_score(own, score))
    assert auroc(own, score)[0] == pytest.approx(metrics.roc_auc_score(own, score))
    for function in (average_precision, auroc):
        value, influence = function(own, score)
        assert influence.sum() == pytest.approx(0, abs=1e-9)
        if clips > 40 and ties == 1000:
            left = np.array([function(np.delete(own, i), np.delete(score, i))[0] for i in range(clips)])
            assert np.std(left - value) == pytest.approx(np.std(influence), rel=0.25)


def test_a_class_that_is_not_there_or_all_there_is_has_no_ranking():
    y, proba = np.array([0, 0, 1, 1]), np.full((1, 4, 3), 1 / 3)
    found = ranking(y, proba, Groups.of(None, 4), 0.95)
    assert found["auroc"][0].value == 0.5
    assert np.isnan(found["auroc"][1].intervals[2].value)
    alone = evaluate(np.zeros(4, int), np.ones((4, 1)), ["a"], None, resamples=5).to_dict()
    assert alone["ranking"]["macro_auroc"] == {"value": None, "low": None, "high": None}


def test_average_precision_of_few_clips_is_flattered_by_as_much_as_is_said():
    random, shown, said = np.random.default_rng(8), [], []
    own = np.repeat([True, False], [50_000, 450_000])
    true, _ = average_precision(own, random.normal(size=len(own)) + 1.5 * own)
    own = np.repeat([True, False], [8, 72])
    for _ in range(400):
        score = random.normal(size=80) + 1.5 * own
        shown.append(average_precision(own, score)[0])
        said.append(optimism(own, score))
    assert np.mean(shown) - true > 0.02
    assert np.mean(said) == pytest.approx(np.mean(shown) - true, abs=0.02)


def test_intervals_of_rankings_hold():
    random, held = np.random.default_rng(1), {"average_precision": 0, "auroc": 0}
    crowd, scores, _ = made(random, 20_000, [0.6, 0.3, 0.1], 2.0)
    true = {
        name: np.mean([function(crowd == c, scores[0][:, c])[0] for c in range(3)])
        for name, function in (("average_precision", average_precision), ("auroc", auroc))
    }
    for _ in range(150):
        y, proba, group = made(random, 40, [0.6, 0.3, 0.1], 2.0)
        for name, (mean, _) in ranking(y, proba, Groups.of(group, len(y)), 0.95).items():
            held[name] += mean.low <= true[name] <= mean.high
    assert min(held.values()) / 150 >= 0.91, held


# ------------------------------------------------------------------------------------------------- groups
def test_equal_groups_have_no_spread_and_unequal_ones_have_theirs():
    random = np.random.default_rng(2)
    group = np.repeat(np.arange(300), random.integers(2, 12, 300))
    equal = between_groups(random.random(len(group)) < 0.8, group)
    assert equal.spread.low == 0
    assert equal.spread.value < 0.08
    assert equal.worst_accuracy > 0.6 > equal.worst_right / equal.worst_clips  # looks bad by chance
    easy = random.beta(0.8 * 4, 0.2 * 4, 300)[group]  # standard deviation √(.16 / 5)
    unlike = between_groups(random.random(len(group)) < easy, group)
    assert unlike.spread.value == pytest.approx((0.16 / 5) ** 0.5, rel=0.15)
    assert unlike.spread.low < (0.16 / 5) ** 0.5 < unlike.spread.high
    assert unlike.worst_accuracy < 0.4


def test_the_worst_group_is_named_and_groups_of_one_clip_tell_nothing():
    hits = np.array([1] * 10 + [0] * 9 + [1] + [1] * 10 + [0])
    names = np.array(["a"] * 10 + ["site b"] * 10 + ["c"] * 10 + ["d"])
    found = between_groups(hits, names)
    assert (found.worst, found.worst_right, found.worst_clips) == ("site b", 1, 10)
    assert between_groups(hits, np.arange(31)) is None
    assert between_groups(hits, None) is None


# ------------------------------------------------------------------------------------------------- calibration
@pytest.mark.parametrize("clips", [60, 400])
def test_the_calibration_error_of_a_calibrated_model_is_its_floor_and_near_nothing_without_bias(clips):
    random, plain, floor, debiased = np.random.default_rng(3), [], [], []
    for run in range(60):
        proba = random.dirichlet(np.full(5, 0.7), clips)
        y = (random.random((clips, 1)) >= proba.cumsum(axis=1)[:, :-1]).sum(axis=1)
        plain.append(float(METRICS["calibration_error"](y, proba)))
        floor.append(error_floor(proba, draws=10, seed=run))
        debiased.append(debiased_error(y, proba))
    assert np.mean(plain) == pytest.approx(np.mean(floor), rel=0.1)
    assert np.mean(debiased) < 0.65 * np.mean(plain)


def test_the_debiased_error_keeps_what_is_wrong():
    random = np.random.default_rng(4)
    proba = np.tile([0.95, 0.05], (4000, 1))
    y = (random.random(4000) > 0.7).astype(int)
    assert debiased_error(y, proba) == pytest.approx(0.25, abs=0.02)


# ------------------------------------------------------------------------------------------------- differences of shares
@pytest.mark.parametrize("windows", [1, 7])
def test_a_difference_of_shares_is_in_doubt_where_few_clips_differ(windows):
    right, total = np.full(100, float(windows)), np.full(100, float(windows))
    fewer, groups = right.copy(), np.arange(100).astype(str)
    fewer[0] = 0
    found = difference((right, total), (fewer, total), groups)
    assert found.value == pytest.approx(0.01)
    assert found.low < -0.015
    assert found.high > 0.045
    assert difference((fewer, total), (right, total), groups).low == pytest.approx(-found.high, abs=2e-3)


def test_differences_of_shares_hold_where_few_clips_differ():
    random, held = np.random.default_rng(7), 0
    group = np.repeat(np.arange(30), 4)
    for run in range(150):
        own = np.where(random.random(120) < 0.3, random.random(30)[group], random.random(120))
        other = np.where(random.random(120) < 0.3, own, random.random(120))
        a, b = (own < 0.99).astype(float), (other < 0.96).astype(float)
        found = difference((a, np.ones(120)), (3 * b, np.full(120, 3.0)), group.astype(str), seed=run)
        held += found.low <= 0.03 <= found.high
    assert held / 150 >= 0.92

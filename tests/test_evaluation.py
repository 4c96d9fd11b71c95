"""Intervals hold what they promise, comparisons raise no false alarms (small simulations; bench/intervals.py is the large one)."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.core.errors import DataError
from earmark.metrics.clips import METRICS
from earmark.metrics.evaluation import Evaluation, evaluate, majority_baseline
from earmark.metrics.intervals import Groups, interval, t_quantile, unseen
from earmark.metrics.paired import compare


def made(seed: int, groups: int = 40, k: int = 3, skill: float = 1.5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Classes, scores, groups of unequal size; clips of a group are easy or hard together."""
    random = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), random.geometric(0.3, groups))
    y = random.integers(0, k, len(group))
    logits = random.normal(size=(len(y), k))
    logits[np.arange(len(y)), y] += skill + random.normal(size=groups)[group]
    proba = np.exp(logits)
    return y, proba / proba.sum(axis=1, keepdims=True), group


def one_hot(hits: np.ndarray) -> np.ndarray:
    return np.stack([hits, 1 - hits], axis=-1).astype(float)


# ------------------------------------------------------------------------------------------------- evaluation
def test_says_all_that_a_report_needs():
    y, proba, group = made(0)
    found = evaluate(y, proba, ["a", "b", "c"], group, resamples=200)
    assert set(found.scores) == set(METRICS)
    assert found.n_clips == len(y)
    assert found.n_groups == 40
    assert found.confusion.sum() == len(y)
    assert found.confusion.trace() / len(y) == pytest.approx(found.scores["accuracy"].value)
    assert found.per_class["b"]["recall"] == pytest.approx(found.confusion[1, 1] / found.per_class["b"]["support"])
    assert not found.spread
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["accuracy"] == found.scores["accuracy"].to_dict()
    assert told["labels"] == ["a", "b", "c"]
    for score in found.scores.values():
        assert score.low <= score.value <= score.high


def test_same_seed_same_numbers_and_groups_may_have_any_names():
    y, proba, group = made(1)
    names = [f"artist {g}" for g in group]
    one, two = (evaluate(y, proba, ["a", "b", "c"], names, resamples=100, seed=7) for _ in range(2))
    assert one.to_dict() == two.to_dict()
    assert evaluate(y, proba, "abc", group, resamples=100).n_groups == one.n_groups
    other = evaluate(y, proba, ["a", "b", "c"], names, resamples=100, seed=8)
    assert other.scores["macro_f1"] != one.scores["macro_f1"]


def test_seeds_are_averaged_and_their_spread_told():
    y, first, group = made(2)
    _, second, _ = made(2, skill=0.5)
    both = evaluate(y, np.stack([first, second]), "abc", group, resamples=100)
    alone = [evaluate(y, p, "abc", group, resamples=100).scores["accuracy"].value for p in (first, second)]
    assert both.scores["accuracy"].value == pytest.approx(np.mean(alone))
    assert both.spread["accuracy"] == pytest.approx(np.std(alone, ddof=1))
    assert both.confusion.sum() == 2 * len(y)
    assert sum(embedding["support"] for embedding in both.per_class.values()) == len(y)


def test_clips_that_go_together_give_longer_intervals():
    y, proba, group = made(3)
    together, alone = (evaluate(y, proba, "abc", g, resamples=300).scores["accuracy"] for g in (group, None))
    assert together.high - together.low > 1.2 * (alone.high - alone.low)


def test_agrees_with_the_textbook_where_there_is_one():
    # 400 clips of their own, 80 % right: the Wilson interval (a score interval of a share) is [.758, .836].
    hits = np.repeat([1, 0], [320, 80])
    found = evaluate(np.zeros(400, int), one_hot(hits), "ab", None).scores["accuracy"]
    assert (found.low, found.high) == pytest.approx((0.758, 0.836), abs=0.003)


def test_all_right_is_not_surely_all_right():
    y, group = np.tile([0, 1], 50), np.repeat(np.arange(20), 5)
    found = evaluate(y, np.eye(2)[y], "ab", group, resamples=100)
    # 20 groups in a window are right with probability .025 if one in six is wrong.
    assert (found.scores["accuracy"].low, found.scores["accuracy"].high) == pytest.approx((0.025 ** (1 / 20), 1.0))
    assert found.scores["brier"].low == 0 < found.scores["brier"].high
    wrong = evaluate(y, np.eye(2)[1 - y], "ab", group, resamples=100)
    assert wrong.scores["accuracy"].high == pytest.approx(1 - 0.025 ** (1 / 20))


def test_groups_that_score_alike_still_leave_doubt():
    hits = np.tile([1, 1, 1, 0], 10)
    found = evaluate(np.zeros(40, int), one_hot(hits), "ab", np.repeat(np.arange(10), 4), resamples=100)
    assert found.scores["accuracy"].high - found.scores["accuracy"].low > 0.2


def test_too_few_groups_are_said_to_be_too_few():
    y, proba, _ = made(4)
    one = evaluate(y, proba, "abc", np.zeros(len(y)), resamples=50)
    assert (one.scores["accuracy"].low, one.scores["accuracy"].high) == (0, 1)
    assert "one group" in one.notes[0]
    five = evaluate(y, proba, "abc", np.arange(len(y)) % 5, resamples=50)
    assert "Only 5 groups" in five.notes[0]
    assert not evaluate(y, proba, "abc", np.arange(len(y)), resamples=50).notes


@pytest.mark.parametrize("k", [2, 200])
def test_few_and_many_classes(k):
    y, proba, group = made(5, groups=150, k=k)
    found = evaluate(y, proba, [str(i) for i in range(k)], group, resamples=50)
    assert isinstance(found, Evaluation)
    assert found.confusion.shape == (k, k)
    json.dumps(found.to_dict(), allow_nan=False)


def test_says_what_does_not_fit():
    y, proba, group = made(6)
    with pytest.raises(DataError, match="one name per column"):
        evaluate(y, proba, "ab", group)
    with pytest.raises(DataError, match="one group per clip"):
        evaluate(y, proba, "abc", group[:-1])
    with pytest.raises(DataError, match="recipe 'x'"):
        compare(y, {"x": proba[:-1], "y": proba}, group)


def test_majority_baseline_knows_only_how_common_classes_are():
    found = majority_baseline(np.array([0, 0, 0, 1]), 2)
    assert found["accuracy"] == 0.75
    assert found["balanced_accuracy"] == 0.5
    assert found["log_loss"] == pytest.approx(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))
    assert found["calibration_error"] == pytest.approx(0)


# -------------------------------------------------------------------------------------------------- intervals
@settings(max_examples=60, deadline=None)
@given(p=st.sampled_from([0.9, 0.95, 0.975, 0.995]), freedom=st.floats(1, 5000))
def test_t_quantiles_agree_with_scipy(p, freedom):
    stats = pytest.importorskip("scipy.stats", reason="reference")
    assert t_quantile(p, freedom) == pytest.approx(stats.t.ppf(p, freedom), rel=1e-3)


def test_more_than_500_groups_are_left_out_in_lots():
    random = np.random.default_rng(0)
    hits = random.random(3000) < 0.8
    lots = np.concatenate(list(Groups.of(None, 3000).left_out(0)))
    assert lots.shape == (500, 3000)
    assert ((lots == 0).sum(axis=0) == 1).all()
    shares = lots @ hits / lots.sum(axis=1)
    error = np.std(shares) * np.sqrt(499)
    assert error == pytest.approx(np.sqrt(0.16 / 3000), rel=0.12)


@pytest.mark.parametrize(("groups", "alike"), [(20, 0.1), (60, 0.3)])
def test_intervals_hold_the_truth_as_often_as_they_say(groups, alike):
    """600 data sets, groups of 1 to 12 clips, true accuracy .75: 95 % ± 3 (the simulation's own error is ± 1.8)."""
    random, held = np.random.default_rng(1), 0
    drawn = random.multinomial(groups, np.full(groups, 1 / groups), size=300).astype(float)
    for _ in range(600):
        sizes = random.choice([1, 1, 1, 2, 3, 5, 12], groups)
        a = (1 - alike) / alike
        hits = random.binomial(sizes, random.beta(0.75 * a, 0.25 * a, groups))
        units = Groups(np.repeat(np.arange(groups), sizes), sizes)
        left_out = (hits.sum() - hits) / (sizes.sum() - sizes)
        found = interval(hits.sum() / sizes.sum(), (drawn @ hits) / (drawn @ sizes), left_out, units)
        held += found.low <= 0.75 <= found.high
    assert 0.92 <= held / 600 <= 0.98


# -------------------------------------------------------------------------------------------------- comparison
def recipes(random: np.random.Generator, groups: int, count: int, gain: float = 0.0) -> tuple[dict, np.ndarray]:
    """Scores of recipes that find the same groups and clips hard; the first is better by ``gain``."""
    group = np.repeat(np.arange(groups), random.choice([1, 1, 2, 4, 9], groups))
    hard = random.normal(size=groups)[group] + random.normal(size=len(group))
    own = random.normal(size=(count, groups))[:, group] + random.normal(size=(count, len(group)))
    hits = hard + own + 1.0 + gain * (np.arange(count) == 0)[:, None] > 0
    return {f"r{i}": one_hot(h) for i, h in enumerate(hits)}, group


@pytest.mark.parametrize(("groups", "count"), [(12, 2), (30, 5)])
def test_equally_good_recipes_raise_no_alarm(groups, count):
    """400 tables of equally good recipes: at most 5 % hold a pair called better (8 % with the simulation's error)."""
    random, alarms = np.random.default_rng(3), 0
    for run in range(400):
        proba, group = recipes(random, groups, count)
        pairs = compare(np.zeros(len(group), int), proba, group, resamples=499, seed=run)
        assert all(pair.p_adjusted >= pair.p - 1e-12 for pair in pairs)
        alarms += any("is better" in pair.verdict for pair in pairs)
    assert alarms / 400 <= 0.08


def test_a_difference_called_detectable_is_seen_in_four_cases_of_five():
    random = np.random.default_rng(5)
    crowd, _ = recipes(random, 20_000, 2, gain=0.35)
    true = float((crowd["r0"][:, 0] - crowd["r1"][:, 0]).mean())

    def told(groups, runs):
        for run in range(runs):
            proba, group = recipes(random, groups, 2, gain=0.35)
            yield compare(np.zeros(len(group), int), proba, group, resamples=499, seed=run)[0]

    # As many groups as make the true difference the smallest that is told to be detectable.
    groups = round(120 * (np.mean([pair.detectable for pair in told(120, 40)]) / true) ** 2)
    found = list(told(groups, 300))
    assert np.mean([pair.detectable for pair in found]) == pytest.approx(true, rel=0.05)
    assert 0.7 <= np.mean([pair.p <= 0.05 for pair in found]) <= 0.9


def test_interval_leaves_out_zero_exactly_where_p_is_small():
    random = np.random.default_rng(4)
    for run in range(60):
        proba, group = recipes(random, 25, 3, gain=0.5)
        for pair in compare(np.zeros(len(group), int), proba, group, resamples=999, seed=run):
            assert (pair.p <= 0.05) == (pair.low > 0 or pair.high < 0)


def test_a_clear_difference_is_told_in_words():
    proba, group = recipes(np.random.default_rng(0), 200, 2, gain=1.5)
    y = np.zeros(len(group), int)
    (pair,) = compare(y, {"weak": proba["r1"], "strong": proba["r0"]}, group)
    assert pair.verdict.startswith("strong is better than weak by ")
    assert pair.difference < 0
    assert pair.low <= pair.difference <= pair.high < 0
    assert pair.p == pytest.approx(1 / 10_001, rel=5)
    assert json.loads(json.dumps(pair.to_dict()))["a"] == "weak"


def test_what_cannot_be_told_apart_says_what_would_have_shown():
    proba, group = recipes(np.random.default_rng(8), 60, 2, gain=0.1)
    (pair,) = compare(np.zeros(len(group), int), proba, group)
    assert pair.p > 0.05
    assert f"cannot be told apart on these {len(group)} clips (60 groups)" in pair.verdict
    assert pair.detectable > abs(pair.difference)
    assert (
        f"A difference of {100 * pair.detectable:.1f} points or more would have shown here with 80 % power"
        in pair.verdict
    )


def test_what_hardly_differs_is_said_not_to_differ_by_more_than_two_points():
    y, hits = np.zeros(2000, int), np.ones((2, 2000), int)
    hits[0, :6], hits[1, 6:10] = 0, 0
    (pair,) = compare(y, {"a": one_hot(hits[0]), "b": one_hot(hits[1])}, None, resamples=999)
    assert pair.equivalent
    assert pair.difference == pytest.approx(-0.001)
    assert -0.02 < pair.low < pair.difference < pair.high < 0.02
    assert pair.verdict.endswith("They do not differ by more than 2 points")
    (pair,) = compare(y[:200], {"a": one_hot(hits[0][:200]), "b": one_hot(hits[1][:200])}, None, resamples=999)
    assert not pair.equivalent


@pytest.mark.parametrize(("won", "lost", "clips"), [(1, 0, 100), (4, 1, 100), (10, 10, 100), (30, 12, 150), (0, 9, 60)])
def test_the_interval_of_a_difference_is_tangos_where_clips_are_their_own(won, lost, clips):
    """Tango's statistic at both ends, by a likelihood maximized without his formula."""
    optimize = pytest.importorskip("scipy.optimize", reason="reference")
    hits = np.zeros((2, clips), int)
    hits[0, :won], hits[1, won : won + lost] = 1, 1
    (pair,) = compare(np.zeros(clips, int), {"a": one_hot(hits[0]), "b": one_hot(hits[1])}, None)
    # Five flips cannot be told from chance, however they fall: what they reach counts, not Student's t.
    critical = 5**0.5 if won + lost == 5 else t_quantile(0.975, clips - 1)

    def statistic(delta):
        def loss(rate):
            shares = np.array([rate + delta, rate, 1 - 2 * rate - delta])
            return -(np.array([won, lost, clips - won - lost]) * np.log(np.maximum(shares, 1e-12))).sum()

        ends = (max(0, -delta), (1 - delta) / 2)
        rate = optimize.minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 1e-9}).x
        return ((won - lost) / clips - delta) / np.sqrt((2 * rate + delta - delta**2) / clips)

    if pair.p > 0.05:
        assert statistic(pair.low) == pytest.approx(critical, rel=0.02)
    far = pair.high if won >= lost else pair.low
    assert abs(statistic(far)) == pytest.approx(critical, rel=0.02)


def test_one_discordant_clip_of_a_hundred_leaves_doubt():
    hits = np.ones((2, 100), int)
    hits[1, 0] = 0
    (pair,) = compare(np.zeros(100, int), {"a": one_hot(hits[0]), "b": one_hot(hits[1])}, None)
    assert pair.p == 1
    assert (pair.low, pair.high) == pytest.approx((-0.027, 0.056), abs=0.003)  # it was [0, 0.02]
    assert pair.low < 0 < 0.03 < pair.detectable < 0.12


@pytest.mark.parametrize(
    ("groups", "size", "accuracy"), [(20, 5, (0.99, 0.95)), (100, 1, (0.99, 0.97)), (60, 3, (0.8, 0.7))]
)
def test_intervals_of_differences_hold_the_truth_where_few_clips_differ(groups, size, accuracy):
    random, held = np.random.default_rng(2), 0
    group, true = np.repeat(np.arange(groups), size), accuracy[0] - accuracy[1]
    for run in range(300):
        hard = random.random(groups)[group]
        own = np.where(random.random(groups * size) < 0.3, hard, random.random(groups * size))
        proba = {name: one_hot(own < a) for name, a in zip("ab", accuracy, strict=True)}
        (pair,) = compare(np.zeros(len(group), int), proba, group, resamples=199, seed=run)
        held += pair.low <= true <= pair.high
    assert held / 300 >= 0.925


@settings(max_examples=150, deadline=None)
@given(data=st.data(), seeds=st.integers(1, 3), groups=st.integers(1, 40), rare=st.sampled_from([0.01, 0.1, 0.5]))
def test_interval_and_p_agree_whatever_the_clips(data, seeds, groups, rare):
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    group = np.repeat(np.arange(groups), random.integers(1, data.draw(st.sampled_from([2, 8])), groups))
    hits = (random.random((3, seeds, len(group))) > rare * random.random((3, 1, 1))).astype(int)
    proba = {name: one_hot(h) for name, h in zip("abc", hits, strict=True)}
    for pair in compare(np.zeros(len(group), int), proba, group, resamples=data.draw(st.sampled_from([19, 99, 500]))):
        assert (pair.p <= 0.05) == (pair.low > 0 or pair.high < 0)
        assert -1 <= pair.low <= pair.difference <= pair.high <= 1
        assert not (pair.equivalent and pair.high - pair.low > 0.04)
        assert pair.low < pair.high


def test_the_same_answers_are_no_difference():
    y, proba, group = made(0)
    (pair,) = compare(y, {"a": proba, "b": proba}, group)
    assert (pair.difference, pair.p, pair.p_adjusted) == (0, 1, 1)
    assert pair.high == -pair.low == pytest.approx(unseen(40, 0.95))


def test_with_five_groups_nothing_is_sure():
    y, group = np.zeros(50, int), np.repeat(np.arange(5), 10)
    (pair,) = compare(y, {"a": one_hot(np.ones(50)), "b": one_hot(np.zeros(50))}, group)
    assert pair.p > 0.05
    assert "at least 6 are needed" in pair.verdict


def test_one_recipe_makes_no_pair_and_order_does_not_matter():
    proba, group = recipes(np.random.default_rng(1), 50, 3, gain=0.6)
    y = np.zeros(len(group), int)
    assert compare(y, {"r0": proba["r0"]}, group) == ()
    pairs = {(p.a, p.b): p for p in compare(y, proba, group)}
    back = {(p.a, p.b): p for p in compare(y, dict(reversed(proba.items())), group)}
    assert back["r1", "r0"].difference == -pairs["r0", "r1"].difference
    assert back["r1", "r0"].p == pairs["r0", "r1"].p
    assert back["r1", "r0"].p_adjusted == pairs["r0", "r1"].p_adjusted

"""How common classes are in new sound, biases that put the prior back, and what a model is worth to who acts on it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.core.errors import DataError
from earmark.metrics.biased_temperature import BiasedTemperature
from earmark.metrics.clips import METRICS
from earmark.metrics.counts import class_shares, counted_shares, estimated_prior, named_shares, reweighted
from earmark.metrics.decisions import cheapest, cost_threshold, decision_curve

EVEN, RARE = np.full(4, 0.25), np.array([0.9, 0.08, 0.01, 0.01])


def heard(random: np.random.Generator, groups: int, shares: np.ndarray, sure: float = 1.0):
    """Classes, probabilities of a model made for even classes (times ``sure`` on the logarithm), groups of 5."""
    group = np.repeat(np.arange(groups), 5)
    y = random.choice(4, len(group), p=shares)
    sound = 0.5 * random.normal(size=(groups, 4))[group] + 0.87 * random.normal(size=(len(y), 4))
    sound[np.arange(len(y)), y] += 2.2
    raised = np.exp(sure * 2.2 * sound)  # the likelihood ratio of a shift by 2.2 of unit normals
    return y, raised / raised.sum(axis=1, keepdims=True), group


# ------------------------------------------------------------------------------------------------- shares
def test_shares_of_rare_classes_are_estimated_where_counting_sees_too_many():
    y, proba, _ = heard(np.random.default_rng(0), 2000, RARE)
    found, counted = estimated_prior(proba, EVEN), counted_shares(proba)
    assert found == pytest.approx(RARE, abs=0.01)
    assert counted[2] > 0.025
    before = float(METRICS["accuracy"](y, proba))
    assert float(METRICS["accuracy"](y, reweighted(proba, EVEN, found))) > before + 0.05


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(2, 6))
def test_reweighting_is_bayes_rule_and_goes_back(seed, k):
    random = np.random.default_rng(seed)
    proba, old, new = random.dirichlet(np.ones(k), 20), random.dirichlet(np.ones(k)), random.dirichlet(np.ones(k))
    changed = reweighted(proba, old, new)
    assert changed.sum(axis=1) == pytest.approx(np.ones(20))
    assert reweighted(changed, new, old) == pytest.approx(proba, abs=1e-6)
    assert reweighted(proba, old, old) == pytest.approx(proba)
    # The likeliest shares are those that their own probabilities average to.
    shares = estimated_prior(proba, old)
    assert reweighted(proba, old, shares).mean(axis=0) == pytest.approx(shares, abs=1e-3)


def test_intervals_of_shares_hold_and_know_of_both_samples():
    random, held, runs = np.random.default_rng(1), np.zeros(4), 15
    for run in range(runs):
        y, known, group = heard(random, 60, EVEN, sure=2.5)  # surer than it should be: calibration mends that
        _, proba, groups = heard(random, 60, RARE, sure=2.5)
        found = class_shares(proba, groups, (known, y, group), resamples=30, seed=run)
        held += [i.low <= true <= i.high for i, true in zip(found, RARE, strict=True)]
        assert sum(i.value for i in found) == pytest.approx(1)
    assert held.sum() / (4 * runs) >= 0.84
    few = class_shares(proba[:50], groups[:50], (known, y, group), resamples=40)
    assert few[0].high - few[0].low > found[0].high - found[0].low


def test_shares_of_a_table_are_those_of_the_models_classes():
    assert named_shares([("b", 0.3), ("a", 0.7)], ["a", "b"]).tolist() == pytest.approx([0.7, 0.3])
    with pytest.raises(DataError, match="none of b"):
        named_shares([("a", 1.0)], ["a", "b"])
    with pytest.raises(DataError, match="and c, which the model does not know"):
        named_shares([("a", 0.5), ("b", 0.5), ("c", 0.0)], ["a", "b"])
    with pytest.raises(DataError, match=r"add up to 1.2"):
        named_shares([("a", 0.7), ("b", 0.5)], ["a", "b"])
    with pytest.raises(DataError, match="2 lines of 1 labels"):
        named_shares([("a", 0.5), ("a", 0.5)], ["a"])


def test_says_what_does_not_fit():
    with pytest.raises(DataError, match="wanted as many"):
        reweighted(np.ones((2, 3)) / 3, [1, 1], [1, 1])
    with pytest.raises(DataError, match="at least one clip"):
        estimated_prior(np.ones((0, 2)), [1, 1])
    with pytest.raises(DataError, match="wanted a number of 0 or more"):
        estimated_prior(np.ones((2, 2)) / 2, [1, -1])


# ------------------------------------------------------------------------------------------------- biases
def test_a_bias_puts_back_how_common_classes_are():
    y, proba, _ = heard(np.random.default_rng(2), 400, RARE, sure=2.0)
    fitted = BiasedTemperature.fit(proba[:1000], y[:1000])
    after = fitted.apply(proba[1000:])
    prior = np.bincount(y, minlength=4) / len(y)
    known = reweighted(heard(np.random.default_rng(2), 400, RARE)[1][1000:], EVEN, prior)  # nothing is left to learn
    loss = [float(METRICS["log_loss"](y[1000:], p)) for p in (proba[1000:], after, known)]
    assert loss[1] < 0.6 * loss[0]
    assert loss[1] == pytest.approx(loss[2], abs=0.05)
    assert fitted.bias[0] > max(fitted.bias[1:])
    assert sum(fitted.bias) == pytest.approx(0, abs=1e-9)


def test_few_easy_clips_make_no_model_sure_of_everything():
    y = np.array([0, 1, 2] * 4)
    fitted = BiasedTemperature.fit(np.eye(3)[y] * 0.94 + 0.02, y)
    assert fitted.temperature > 0.3
    assert np.abs(fitted.bias).max() < 1e-3


def test_weights_are_clips_that_stand_there_so_often():
    y, proba, _ = heard(np.random.default_rng(3), 40, RARE)
    weights = np.random.default_rng(4).integers(0, 3, len(y))
    one, two = (
        BiasedTemperature.fit(proba, y, weights=weights),
        BiasedTemperature.fit(np.repeat(proba, weights, axis=0), np.repeat(y, weights)),
    )
    assert one.temperature == pytest.approx(two.temperature, rel=1e-3)
    assert one.bias == pytest.approx(two.bias, abs=1e-3)


# ------------------------------------------------------------------------------------------------- decisions
def test_the_cheapest_answer_follows_the_costs():
    proba = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8]])
    assert cheapest(proba, 1 - np.eye(2)).tolist() == [0, 0, 1]
    assert cheapest(proba, [[0, 1], [4, 0]]).tolist() == [0, 1, 1]  # missing class 1 costs four false alarms
    assert cost_threshold(false_alarm=1, miss=4) == 0.2
    assert cheapest(proba, [[0, 9, 0.5], [9, 0, 0.5]]).tolist() == [2, 2, 2]  # asking somebody is cheaper
    with pytest.raises(DataError, match="not both 0"):
        cost_threshold(false_alarm=0, miss=0)
    with pytest.raises(DataError, match="costs of shape"):
        cheapest(proba, np.eye(3))


def test_decision_curves_are_those_of_the_paper():
    y, proba, group = heard(np.random.default_rng(5), 100, EVEN)
    found = decision_curve(y, proba, 1, group, thresholds=[0.1, 0.5])
    for k, threshold in enumerate((0.1, 0.5)):
        acts, own = proba[:, 1] >= threshold, y == 1
        expected = ((acts & own).sum() - (acts & ~own).sum() * threshold / (1 - threshold)) / len(y)
        assert found.benefit[k] == pytest.approx(expected)
    assert found.always.tolist() == pytest.approx([(y == 1).mean() - (y != 1).mean() / 9, 2 * (y == 1).mean() - 1])
    assert found.useful.all()
    assert (found.low < found.benefit).all()
    assert (found.benefit < found.high).all()


def test_a_model_that_knows_nothing_is_of_no_use_and_one_group_tells_nothing():
    y = np.random.default_rng(6).integers(0, 2, 400)
    nothing = decision_curve(y, np.full((400, 2), 0.5), 1, None)
    assert not nothing.useful.any()
    sure = decision_curve(y, np.eye(2)[y], 1, None, thresholds=[0.5])
    assert sure.useful.all()
    assert sure.benefit[0] == pytest.approx(y.mean())
    assert not decision_curve(y, np.eye(2)[y], 1, np.zeros(400)).useful.any()
    with pytest.raises(DataError, match="above 0 and below 1"):
        decision_curve(y, np.eye(2)[y], 1, None, thresholds=[0.0])
    with pytest.raises(DataError, match="wanted one from 0 to 1"):
        decision_curve(y, np.eye(2)[y], 2, None)

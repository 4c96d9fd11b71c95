"""The best of many recipes is worth less than it shows, and the correction says by how much."""

from __future__ import annotations

import json

import numpy as np
import pytest

from earmark.core.errors import DataError
from earmark.metrics.selection import best_of_many


def table(random: np.random.Generator, groups: int, accuracies: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Scores of recipes of these accuracies; groups of 1 to 8 clips are hard for all of them."""
    group = np.repeat(np.arange(groups), random.integers(1, 9, groups))
    ease = random.random(groups)[group]
    own = np.where(
        random.random((len(accuracies), len(group))) < 0.3, ease, random.random((len(accuracies), len(group)))
    )
    hits = (own < accuracies[:, None]).astype(float)
    return {f"r{i}": np.stack([h, 1 - h], axis=1) for i, h in enumerate(hits)}, group


def test_the_best_of_ten_equals_is_as_good_as_any():
    random, error, raw, held = np.random.default_rng(0), [], [], 0
    for run in range(150):
        proba, group = table(random, 40, np.full(10, 0.8))
        found = best_of_many(np.zeros(len(group), int), proba, group, resamples=300, seed=run)
        error.append(found.accuracy.value - 0.8)
        raw.append(found.showed - 0.8)
        held += found.accuracy.low <= 0.8 <= found.accuracy.high
    assert np.mean(raw) > 0.03
    assert abs(np.mean(error)) < 0.01
    assert held / 150 >= 0.93


def test_one_that_is_far_better_is_not_corrected():
    proba, group = table(np.random.default_rng(1), 80, np.array([0.95, 0.5, 0.5]))
    found = best_of_many(np.zeros(len(group), int), proba, group)
    assert (found.recipe, found.among, found.chosen) == ("r0", 3, 1.0)
    assert found.accuracy.value == pytest.approx(found.showed, abs=0.005)
    assert json.loads(json.dumps(found.to_dict()))["accuracy"]["low"] < found.showed


@pytest.mark.parametrize(("recipes", "groups"), [(2, 40), (1, 40), (5, 1)])
def test_nothing_is_corrected_where_nothing_was_picked_or_can_be_drawn(recipes, groups):
    proba, group = table(np.random.default_rng(2), groups, np.full(recipes, 0.8))
    assert best_of_many(np.zeros(len(group), int), proba, group) is None


def test_recipes_are_named_whose_scores_do_not_fit():
    proba, group = table(np.random.default_rng(3), 20, np.full(3, 0.8))
    with pytest.raises(DataError, match="recipe 'r1'"):
        best_of_many(np.zeros(len(group), int), proba | {"r1": proba["r1"][1:]}, group)

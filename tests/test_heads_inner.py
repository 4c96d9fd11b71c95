"""Inner splits and what embeddings count, whatever the labels and groups are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.heads._inner import folds, holdout, weights

labelled = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 12)), min_size=2, max_size=60)


@settings(deadline=None, max_examples=60)
@given(labelled, st.integers(2, 6), st.integers(0, 3), st.booleans())
def test_groups_stay_whole_and_every_class_can_be_learnt(
    embeddings: list[tuple[int, int]], n: int, seed: int, grouped: bool
) -> None:
    codes = np.unique([c for c, _ in embeddings], return_inverse=True)[1]
    groups = np.unique([g for _, g in embeddings], return_inverse=True)[1] if grouped else None
    units = groups if groups is not None else np.arange(len(codes))
    made = folds(codes, groups, n, seed=seed)
    assert len(made) <= n
    for learn, look in [*made, holdout(codes, groups, 0.2, seed=seed)]:
        assert sorted([*learn, *look]) == list(range(len(codes)))
        assert not set(units[learn]) & set(units[look])
        assert set(codes[learn]) == set(codes)
    for _, look in made:
        assert len(look)
    assert len(set(np.concatenate([look for _, look in made]).tolist())) == sum(len(b) for _, b in made) if made else 1


def test_a_split_is_made_wherever_a_group_can_be_spared() -> None:
    # Class 0 has one group, class 1 two: one of these two can be held out, the other and class 0 cannot.
    codes, groups = np.array([0, 0, 1, 1, 1]), np.array([0, 0, 1, 2, 2])
    learn, look = holdout(codes, groups, 0.2, seed=0)
    assert set(groups[look].tolist()) in ({1}, {2})
    assert set(codes[learn]) == {0, 1}
    assert folds(codes, np.array([0, 0, 1, 1, 1]), 5, seed=0) == []  # one group in each class
    assert folds(codes, np.zeros(5, int), 5, seed=0) == []
    assert len(holdout(codes, groups, 0.0, seed=0)[1]) == 0


def test_what_is_held_out_looks_like_the_whole() -> None:
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(10), 60)
    groups = codes * 20 + rng.integers(0, 20, 600)
    learn, look = holdout(codes, groups, 0.15, seed=0)
    assert 0.1 < len(look) / 600 < 0.2
    assert np.bincount(codes[look], minlength=10).min() >= 5
    again = holdout(codes, groups, 0.15, seed=0)
    assert (again[1] == look).all()
    assert (again[0] == learn).all()


def test_rows_count_by_class_and_by_root_of_their_group() -> None:
    # Class 0: a group of 4 embeddings and one of 1; class 1: one embedding. Within class 0: 4 embeddings together count as 2.
    codes, groups = np.array([0, 0, 0, 0, 0, 1]), np.array([0, 0, 0, 0, 1, 2])
    count = weights(codes, groups)
    assert count.mean() == pytest.approx(1)
    assert count[codes == 0].sum() == pytest.approx(count[5])
    assert count[:4].sum() == pytest.approx(2 * count[4])
    # A group that holds both classes counts in each as what it has there.
    count = weights(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 0]))
    np.testing.assert_allclose(count, 1)
    np.testing.assert_allclose(weights(np.array([0, 0, 0, 1]), None), [2 / 3, 2 / 3, 2 / 3, 2])

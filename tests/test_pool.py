"""Rows of a clip -> one vector or one score."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark import pool
from earmark.errors import RecipeError


def test_by_hand() -> None:
    rows = np.array([[1, 10], [3, 30], [5, 5]], np.float32)
    clip = np.array([0, 0, 1])
    np.testing.assert_allclose(pool.pool_vectors(rows, clip, 2, "mean"), [[2, 20], [5, 5]])
    np.testing.assert_allclose(pool.pool_vectors(rows, clip, 2, "mean+std"), [[2, 20, 1, 10], [5, 5, 0, 0]])
    np.testing.assert_allclose(pool.pool_vectors(rows, clip, 2, "max+min"), [[3, 30, 1, 10], [5, 5, 5, 5]])
    np.testing.assert_allclose(pool.pool_scores(rows, clip, 2), [[2, 20], [5, 5]])


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.integers(0, 99))
def test_scores_and_vectors_agree_on_the_mean(lengths: list[int], seed: int) -> None:
    rows = np.random.default_rng(seed).random((sum(lengths), 3)).astype(np.float32)
    clip = np.repeat(np.arange(len(lengths)), lengths)
    means = pool.pool_vectors(rows, clip, len(lengths), "mean")
    np.testing.assert_allclose(pool.pool_scores(rows, clip, len(lengths)), means, atol=1e-6)
    assert means.dtype == np.float32


def test_unknown_statistics_are_told() -> None:
    with pytest.raises(RecipeError, match="no pooling is called 'mode'"):
        pool.pool_vector(np.zeros((1, 2), np.float32), "mean+mode")

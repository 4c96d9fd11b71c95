"""Embeddings of a clip -> one vector or one score."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.core.errors import RecipeError
from earmark.embeddings import pooling


def test_by_hand() -> None:
    embeddings = np.array([[1, 10], [3, 30], [5, 5]], np.float32)
    clip = np.array([0, 0, 1])
    np.testing.assert_allclose(pooling.pool_vectors(embeddings, clip, 2, "mean"), [[2, 20], [5, 5]])
    np.testing.assert_allclose(pooling.pool_vectors(embeddings, clip, 2, "mean+std"), [[2, 20, 1, 10], [5, 5, 0, 0]])
    np.testing.assert_allclose(pooling.pool_vectors(embeddings, clip, 2, "max+min"), [[3, 30, 1, 10], [5, 5, 5, 5]])
    np.testing.assert_allclose(pooling.pool_scores(embeddings, clip, 2), [[2, 20], [5, 5]])


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.integers(0, 99))
def test_scores_and_vectors_agree_on_the_mean(lengths: list[int], seed: int) -> None:
    embeddings = np.random.default_rng(seed).random((sum(lengths), 3)).astype(np.float32)
    clip = np.repeat(np.arange(len(lengths)), lengths)
    means = pooling.pool_vectors(embeddings, clip, len(lengths), "mean")
    np.testing.assert_allclose(pooling.pool_scores(embeddings, clip, len(lengths)), means, atol=1e-6)
    assert means.dtype == np.float32


def test_unknown_statistics_are_told() -> None:
    with pytest.raises(RecipeError, match="no pooling is called 'mode'"):
        pooling.pool_vector(np.zeros((1, 2), np.float32), "mean+mode")


def test_images_by_hand() -> None:
    embeddings = np.arange(1, 8, dtype=np.float32)[:, None]  # 7 embeddings of one number
    made = pooling.images(embeddings, 3)
    assert made.shape == (2, 3, 1)  # the seventh embedding is less than half an image
    np.testing.assert_array_equal(made[..., 0], [[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(pooling.images(embeddings, 5)[..., 0], [[1, 2, 3, 4, 5]])
    np.testing.assert_array_equal(pooling.images(embeddings, 4)[..., 0], [[1, 2, 3, 4], [5, 6, 7, 0]])
    np.testing.assert_array_equal(pooling.images(embeddings[:1], 4)[..., 0], [[1, 0, 0, 0]])


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(1, 6), st.sampled_from([(3,), (2, 2)]))
def test_many_clips_are_seen_as_each_by_itself(lengths: list[int], height: int, shape: tuple[int, ...]) -> None:
    embeddings = np.random.default_rng(0).random((sum(lengths), *shape)).astype(np.float32)
    clip = np.repeat(np.arange(len(lengths)), lengths)
    made, owner = pooling.pool_images(embeddings, clip, len(lengths), height)
    assert made.shape[1:] == pooling.seen_shape([shape], f"image({height})")
    for i in range(len(lengths)):
        np.testing.assert_array_equal(made[owner == i], pooling.seen([embeddings[clip == i]], f"image({height})"))


def test_what_a_head_sees() -> None:
    embeddings = np.ones((5, 2, 2), np.float32)
    assert pooling.seen([embeddings], "windows").shape == (5, *pooling.seen_shape([(2, 2)], "windows"))
    assert pooling.seen([embeddings, embeddings[:3]], "mean+std").shape == (
        1,
        *pooling.seen_shape([(2, 2), (2, 2)], "mean+std"),
    )
    assert pooling.image_windows("image(31)") == 31
    assert not pooling.image_windows("mean")
    with pytest.raises(RecipeError, match="image"):
        pooling.statistics("image")

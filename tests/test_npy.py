"""numpy's files, read by several threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from earmark.core import npy


@settings(max_examples=30)
@given(arrays.arrays(st.sampled_from([np.float32, np.int64]), arrays.array_shapes(max_dims=3, min_side=1)))
def test_what_was_saved_is_read(tmp_path_factory: pytest.TempPathFactory, array: np.ndarray) -> None:
    file = tmp_path_factory.mktemp("npy") / "a.npy"
    np.save(file, array)
    assert npy.about(file) == (array.shape, array.dtype)
    for found in (npy.read(file), np.concatenate(list(npy.blocks(file, 2)))):
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)


def test_many_threads_at_once(tmp_path: Path) -> None:
    """What CPython 3.11.7 now and then fails at with numpy's own reader, too seldom to be waited for here."""
    for i in range(20):
        np.save(tmp_path / f"{i}.npy", np.full((3, 4), i, np.float32))
    with ThreadPoolExecutor(8) as pool:
        embeddings = list(pool.map(lambda k: npy.read(tmp_path / f"{k % 20}.npy")[0, 0], range(2000)))
    assert embeddings == [k % 20 for k in range(2000)]


def test_damage_and_objects_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.npy"
    np.save(file, np.arange(1000.0))
    whole = file.read_bytes()
    for content in (whole[:-1], whole[:50], b"", b"x" * 300, whole[:6] + b"\x09\x00" + whole[8:]):
        file.write_bytes(content)
        with pytest.raises((ValueError, EOFError)):
            npy.read(file)
    np.save(file, np.array([{}, 1], object), allow_pickle=True)
    with pytest.raises(ValueError, match="objects"):
        npy.read(file)

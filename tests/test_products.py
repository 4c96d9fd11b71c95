"""Front ends give the same bits for any number of threads, so that embeddings made anywhere are equal."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.audio.products import product

FRONTS = """
import hashlib, numpy as np
from earmark.audio import mel
from earmark.backbones import aisfx, choi2017, musicnn, panns, vggish, yamnet
from earmark.backbones.base import load_backbone
found = hashlib.sha256()
noise = np.random.default_rng(0).normal(0, 0.1, 44100 * 12).astype("f")
for part in ("mfcc", "mfcc(sample_rate=44100,seconds=1)", "logmel", "logmel(seconds=4,resize=150,log='none')"):
    found.update(np.ascontiguousarray(load_backbone(part).inputs(noise)).tobytes())
for spec in (aisfx.SPEC, choi2017.SPEC, musicnn.SPEC, panns.AT_32K, panns.AT_16K, vggish.SPEC, yamnet.SPEC):
    for length in (spec.samples_of(1), spec.samples_of(97), 16000 * 5, len(noise)):
        found.update(mel.log_mel(noise[:length], spec).tobytes())
print(found.hexdigest())
"""


@pytest.mark.parametrize("kind", ["", "Haswell"])
def test_front_ends_do_not_depend_on_threads(kind: str) -> None:
    """Also with the products of a processor without AVX-512, where YAMNet's mel differed (a Ray worker has one thread)."""
    kinds = {"OPENBLAS_CORETYPE": kind} if kind else {}
    said = set()
    for threads in ("1", "2", "5"):
        env = os.environ | {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads} | kinds
        done = subprocess.run([sys.executable, "-c", FRONTS], env=env, capture_output=True, text=True, check=False)
        if kind and done.returncode < 0:
            pytest.skip(f"this processor is no {kind}")
        assert done.returncode == 0, done.stderr
        said.add(done.stdout)
    assert len(said) == 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 300), st.integers(1, 700), st.integers(1, 140), st.integers(0, 9))
def test_a_product_is_a_product(rows: int, inner: int, columns: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    left, right = (random.normal(size=shape).astype("f") for shape in ((rows, inner), (inner, columns)))
    found = product(left, right)
    assert found.dtype == np.float32
    assert found.shape == (rows, columns)
    np.testing.assert_allclose(found, left.astype(float) @ right.astype(float), atol=2e-3)
    out = np.empty((rows, 2 * columns), np.float32)[:, ::2]
    assert product(left, right, out=out) is out
    np.testing.assert_array_equal(out, found)

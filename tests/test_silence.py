"""Silence at both ends, against librosa's effects.trim."""

from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.audio import silence
from earmark.core import plugins
from earmark.core.errors import RecipeError
from earmark.embeddings.make import embedding_blocks


def sound(seed: int, quiet: tuple[int, int], loud: int) -> np.ndarray:
    """Noise of ``loud`` samples between two stretches of noise 70 dB below."""
    random = np.random.default_rng(seed)
    noise = random.standard_normal(sum(quiet) + loud).astype(np.float32) * 0.1
    noise[: quiet[0]] *= 3e-4
    noise[quiet[0] + loud :] *= 3e-4
    return noise


@settings(deadline=None)
@given(
    st.integers(0, 1000),
    st.tuples(st.integers(0, 9000), st.integers(0, 9000)),
    st.integers(1, 9000),
    st.sampled_from([20.0, 60.0, 100.0]),
)
def test_same_edges_as_librosa(seed: int, quiet: tuple[int, int], loud: int, top_db: float) -> None:
    samples = sound(seed, quiet, loud)
    trimmed, edges = librosa.effects.trim(samples, top_db=top_db)
    assert silence.edges([samples], top_db) == tuple(edges)
    np.testing.assert_array_equal(silence.trim(samples, top_db), trimmed)


@settings(deadline=None)
@given(st.lists(st.integers(0, 5000), max_size=4))
def test_in_blocks_as_in_one(cuts: list[int]) -> None:
    samples = sound(1, (3000, 2500), 4000)
    blocks = np.split(samples, sorted(cuts))
    start, stop = silence.edges(blocks, 60)
    assert (start, stop) == silence.edges([samples], 60)
    np.testing.assert_array_equal(np.concatenate(list(silence.trimmed(blocks, start, stop))), samples[start:stop])


def test_nothing_and_silence() -> None:
    assert silence.edges([], 60) == (0, 0)
    assert silence.edges([np.zeros(3000, np.float32)], 60) == (0, 3000)
    with pytest.raises(ValueError, match="above 0"):
        silence.edges([], 0)


def test_a_backbone_that_trims(tmp_path: Path) -> None:
    """Embeddings of a file in blocks are those of the trimmed sound; the fingerprint tells the two apart."""
    plain = plugins.build("backbones", "vggish", at="patches")
    trims = plugins.build("backbones", "vggish", at="patches", trim=40)
    assert trims.fingerprint != plain.fingerprint
    samples = sound(2, (40_000, 30_000), 60_000)
    soundfile.write(tmp_path / "some.wav", samples, 16000, subtype="FLOAT")
    embeddings = np.concatenate(list(embedding_blocks(tmp_path / "some.wav", trims)))
    np.testing.assert_array_equal(embeddings, plain.embed(silence.trim(samples, 40)))
    np.testing.assert_array_equal(embeddings, trims.embed(samples))
    assert len(embeddings) < len(plain.embed(samples))
    with pytest.raises(RecipeError, match="trim"):
        plugins.build("backbones", "vggish", at="patches", trim=-1)

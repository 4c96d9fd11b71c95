"""The hand-made backbones, logmel and mfcc: against librosa and by head (tests/golden/make_mel.py)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from earmark.backbones import logmel, mfcc
from earmark.core import plugins
from earmark.core.errors import RecipeError
from golden.signals import sweep

STEP = 7


@pytest.fixture(scope="module")
def golden():
    with np.load(Path(__file__).parent / "golden" / "mel.npz") as stored:
        return dict(stored)


# --- mfcc ------------------------------------------------------------------------------------------------------

PAPER = mfcc.mel.MelSpec(sample_rate=22050, n_fft=2048, hop_length=512, n_mels=128)


def test_mfcc_and_slopes_equal_librosas(golden):
    found = mfcc.mfcc(np.pad(sweep(3.0), 1024), PAPER, 20)
    np.testing.assert_allclose(found[::STEP], golden["mfcc"], atol=1e-4)
    np.testing.assert_allclose(mfcc.slopes(found)[::STEP], golden["mfcc_delta"], atol=1e-4)


def test_dct_is_orthonormal():
    square = mfcc.dct(40, 40)
    np.testing.assert_allclose(square @ square.T, np.eye(40), atol=1e-6)
    np.testing.assert_allclose(square[0], 1 / np.sqrt(40), rtol=1e-6)


def test_slopes_of_a_line_by_head():
    line = np.arange(12, dtype=np.float32)[:, None] * [2.0, -0.5] + 7
    np.testing.assert_allclose(mfcc.slopes(line), np.tile([2.0, -0.5], (4, 1)), atol=1e-6)


def test_rows_of_mfcc_are_statistics_of_their_window():
    built = plugins.build("backbones", "mfcc", coefficients=13, seconds=1.0, overlap=0.5)
    sound = sweep(4.0, 22050)
    embeddings = built.embed(sound)
    assert embeddings.shape == (built.embeddings_in(len(sound)), 39)
    part = sound[2 * built.hop_samples :][: built.window_samples]
    found = mfcc.mfcc(part, PAPER, 13)
    moves = mfcc.slopes(found)
    np.testing.assert_allclose(embeddings[2], [*found.mean(axis=0), *found.std(axis=0), *moves.std(axis=0)], atol=1e-3)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"coefficients": 0}, "coefficients=0; wanted 1 to 128"),
        ({"coefficients": 129}, "wanted 1 to 128"),
        ({"seconds": 0.2}, r"seconds=0.2; wanted at least 0.30"),
        ({"overlap": 1.0}, "overlap=1.0; wanted a part of the window"),
    ],
)
def test_mfcc_refuses(params, message):
    with pytest.raises(RecipeError, match=message):
        plugins.build("backbones", "mfcc", **params)


# --- logmel ----------------------------------------------------------------------------------------------------


def test_logmel_rows_are_decibels_below_the_patch_peak():
    librosa = pytest.importorskip("librosa")
    built = plugins.build("backbones", "logmel", seconds=1.0)
    sound = sweep(3.0, 22050)
    embeddings = built.embed(sound)
    assert embeddings.shape == (4, 40, 128)
    assert embeddings.dtype == np.float32
    part = sound[3 * built.hop_samples :][: built.window_samples]
    power = librosa.feature.melspectrogram(y=part, sr=22050, n_fft=2048, hop_length=512, center=False)
    expected = librosa.power_to_db(power, ref=np.max, top_db=80).T / 80 + 1
    np.testing.assert_allclose(embeddings[3], expected, atol=1e-4)
    assert embeddings[3].max() == 1


def test_logmel_does_not_hear_loudness():
    built = plugins.build("backbones", "logmel", seconds=1.0)
    sound = sweep(2.0, 22050)
    np.testing.assert_allclose(built.embed(sound * np.float32(0.1)), built.embed(sound), atol=2e-3)


def test_logmel_as_the_tutorial_ran_it():
    built = plugins.build("backbones", "logmel", seconds=4, overlap=0.5, log="none", resize=(150, 150))
    assert built.shape == (150, 150)
    assert built.window == pytest.approx(4, abs=0.03)
    assert built.hop == pytest.approx(2, abs=0.03)
    embeddings = built.embed(sweep(9.0, 22050))
    assert embeddings.shape == (3, 150, 150)
    assert embeddings.min() >= 0
    assert plugins.build("backbones", "logmel", resize=64).shape == (64, 64)


def test_resizing_by_head():
    """Doubling 2 numbers: centres lie at ¼ and ¾ between them, ends are held."""
    patch = np.array([[[0.0, 4.0]]], np.float32)
    np.testing.assert_array_equal(logmel.resized(patch, (1, 4)), [[[0, 1, 3, 4]]])
    np.testing.assert_array_equal(logmel.resized(patch.transpose(0, 2, 1), (4, 1))[0, :, 0], [0, 1, 3, 4])
    # shrinking 4 to 2 without antialias: the mean of the two nearest
    four = np.array([[[0.0, 2.0, 10.0, 20.0]]], np.float32)
    np.testing.assert_array_equal(logmel.resized(four, (1, 2)), [[[1, 15]]])


@pytest.mark.parametrize("shape", [(150, 150), (64, 200), (10, 10)])
def test_resizing_equals_torchs(shape):
    torch = pytest.importorskip("torch")
    patches = np.random.default_rng(0).random((2, 126, 128)).astype(np.float32)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(patches)[:, None], shape, mode="bilinear", align_corners=False, antialias=False
    )
    np.testing.assert_allclose(logmel.resized(patches, shape), expected[:, 0].numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"log": "ln"}, "log='ln' is unknown; wanted 'db' or 'none'"),
        ({"overlap": -0.1}, "overlap=-0.1"),
        ({"seconds": 0}, r"seconds=0; wanted 0.0929 \(one frame\) to 3600"),
        ({"seconds": float("nan")}, "seconds=nan"),
        ({"resize": (150,)}, "resize=.150,.; wanted two whole numbers"),
        ({"resize": 0}, "wanted two whole numbers"),
    ],
)
def test_logmel_refuses(params, message):
    with pytest.raises(RecipeError, match=message):
        plugins.build("backbones", "logmel", **params)

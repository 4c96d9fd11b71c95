"""Choi et al.'s net with its real weights, against the authors' Keras model (golden/make_choi2017.py)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from earmark.audio import load
from earmark.backbones import weights
from earmark.backbones.base import Backbone
from earmark.backbones.weights.store import Installed
from earmark.core import plugins
from earmark.core.errors import RecipeError
from golden.signals import sweep

KERAS = {"left": 208}  # where Keras's "same" padding puts the frames


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(Path(__file__).parent / "golden" / "choi2017.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def net(request: pytest.FixtureRequest) -> Installed:
    """The weights: from the cache, from beside the repository, or from the authors' own; else skip."""
    if not weights.status("choi2017").present:
        file = Path(__file__).parent.parent.parent / "shared" / "data" / "weights" / "choi2017-keras2.hdf5"
        if file.exists():
            return weights.add("choi2017", file)
        found: Installed = request.getfixturevalue("installed")("choi2017")
        return found
    return weights.require("choi2017")


def test_front(golden: dict[str, np.ndarray]) -> None:
    found = plugins.build("backbones", "choi2017", at="patches", **KERAS).embed(sweep(29.0, 12000))
    assert found.shape == (1, 96, 1360)
    # in standard deviations; the reference sums up a Fourier transform in float32
    assert np.abs(found[0][:, ::20] - golden["front"]).max() < 5e-5


def test_features(golden: dict[str, np.ndarray], net: Installed) -> None:
    embeddings = plugins.build("backbones", "choi2017", **KERAS).embed(sweep(29.0, 12000))
    assert embeddings.shape == (1, 160)
    assert np.abs(embeddings[0] - golden["features"]).max() < 2e-5


def test_loudness_does_not_matter(net: Installed) -> None:
    built = plugins.build("backbones", "choi2017")
    sound = sweep(29.0, 12000)
    assert np.abs(built.embed(sound) - built.embed(0.1 * sound)).max() < 1e-3


def test_silence_has_features(net: Installed) -> None:
    assert np.isfinite(plugins.build("backbones", "choi2017").embed(np.zeros(29 * 12000, np.float32))).all()


def test_known_features_of_real_clips(shared: Path, net: Installed) -> None:
    built: Backbone = plugins.build("backbones", "choi2017")
    with np.load(shared / "data" / "features" / "gtzan-choi2017.npz") as file:
        known = dict(zip(file["ids"].tolist(), file["choi"], strict=True))
    likeness = []
    for path in sorted((shared / "data" / "gtzan").rglob("*.flac")):
        if path.stat().st_size > 500_000:  # the rest are a few seconds of the clip
            sound = load(path, 12000)
            if len(sound) >= 29 * 12000:
                likeness.append(np.corrcoef(built.embed(sound)[0], known[path.stem])[0, 1])
    assert len(likeness) > 20
    assert min(likeness) > 0.99


@pytest.mark.parametrize("wrong", [{"pad": "mirror"}, {"hop": 0.0}, {"left": 500}])
def test_wrong_parameters(wrong: dict[str, object]) -> None:
    with pytest.raises(RecipeError, match=next(iter(wrong))):
        plugins.build("backbones", "choi2017", at="patches", **wrong)


def test_installed_from_the_file(net: Installed, tmp_path: Path, backbone: Callable[..., Backbone]) -> None:
    assert net.shapes == {"embedding": (160,)}
    assert net.facts["made_from"] == {
        "model_best.hdf5": "b5042bd44de1fdd9d757b764d9246e6934f47c8bdc5c15bf13566495f3439d48"
    }

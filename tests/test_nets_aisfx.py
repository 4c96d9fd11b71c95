"""aisfx with its real weights, against Essentia's log-mel and the package's own net (golden/make_aisfx.py)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from earmark.backbones.base import Backbone
from earmark.backbones.nets import aisfx
from earmark.core import plugins
from earmark.core.errors import RecipeError, WeightsError
from golden.signals import sweep


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(Path(__file__).parent / "golden" / "aisfx.npz") as file:
        return dict(file)


def test_log_mel_is_essentias(golden: dict[str, np.ndarray]) -> None:
    patches = plugins.build("backbones", "aisfx", at="patches").embed(sweep(4.0, 44100))
    assert patches.shape == (2, 100, 96)
    frames = np.concatenate([patches[0], patches[1, 50:]])
    assert np.abs(frames[::3] - golden["front"]).max() < 1e-5


def test_embedding(golden: dict[str, np.ndarray], backbone: Callable[..., Backbone]) -> None:
    embeddings = backbone("aisfx").embed(sweep(4.0, 44100))
    assert np.abs(embeddings - golden["embedding"]).max() < 1e-4


def test_cuts(backbone: Callable[..., Backbone]) -> None:
    assert backbone("aisfx", at="block3").embed(sweep(3.0, 44100)).shape == (1, 256, 12, 12)


def test_a_real_clip_finds_its_other_half(shared: Path, backbone: Callable[..., Backbone]) -> None:
    from earmark.audio import load

    built = backbone("aisfx")
    halves = []
    for genre in sorted((shared / "data" / "gtzan").iterdir()):
        if genre.is_dir():
            sound = load(sorted(genre.glob("*.*"))[0], 44100, duration=10.0)
            halves.append([built.embed(half).mean(0) for half in np.array_split(sound, 2)])
    first, second = (np.stack(side) / np.linalg.norm(side, axis=1, keepdims=True) for side in zip(*halves, strict=True))
    assert ((first @ second.T).argmax(1) == np.arange(len(first))).mean() >= 0.7


def test_wrong_files_and_parameters(tmp_path: Path) -> None:
    torch.save(({"embedding_net.x": Path("x")}, {}), tmp_path / "checkpoint.pth")
    with pytest.raises(WeightsError, match="can be read safely"):
        aisfx.convert({"checkpoint.pth": tmp_path / "checkpoint.pth"})
    with pytest.raises(RecipeError, match="mirror"):
        plugins.build("backbones", "aisfx", at="patches", pad="mirror")

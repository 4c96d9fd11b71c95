"""The four nets of musicnn against their own published graphs (golden/make_musicnn.py)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from earmark.audio import mel
from earmark.backbones.base import Backbone
from earmark.backbones.musicnn import FRAMES, SPEC
from earmark.backbones.musicnn_vgg import POOLS
from earmark.backbones.nets import musicnn_vgg
from earmark.backbones.weights.store import Installed
from golden.signals import sweep

HOP = 94


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(Path(__file__).parent / "golden" / "musicnn.npz") as file:
        return dict(file)


def outputs(net: torch.nn.Sequential, patches: np.ndarray) -> dict[str, np.ndarray]:
    """What comes out of each block."""
    found = {}
    with torch.inference_mode():
        embeddings = torch.from_numpy(patches.copy())
        for name, block in net.named_children():
            embeddings = block(embeddings)
            found[name] = embeddings.numpy()
    return found


def test_log_mel(golden: dict[str, np.ndarray]) -> None:
    centred = np.pad(sweep(4.6), (SPEC.n_fft // 2, 0))
    found = mel.log_mel(centred, SPEC)[: FRAMES + HOP]
    assert np.abs(found - golden["log_mel"]).max() < 1e-4


@pytest.mark.parametrize("trained", ["msd", "mtt"])
def test_musicnn(golden: dict[str, np.ndarray], installed: Callable[[str], Installed], trained: str) -> None:
    patches = mel.patches(golden["log_mel"], FRAMES, HOP)
    found = outputs(installed(f"musicnn-{trained}").network(), patches)
    graph = f"{trained.upper()}_musicnn"
    pooled = np.concatenate([golden[f"{graph}/max"], golden[f"{graph}/mean"]], axis=2).reshape(2, -1)
    assert np.abs(found["pooled"] - pooled).max() < 1e-3  # values up to 100
    assert np.abs(found["penultimate"] - golden[f"{graph}/penultimate"]).max() < 1e-4
    assert np.abs(found["logits"] - golden[f"{graph}/logits"]).max() < 1e-3


@pytest.mark.parametrize("trained", ["msd", "mtt"])
def test_vgg(golden: dict[str, np.ndarray], installed: Callable[[str], Installed], trained: str) -> None:
    patches = mel.patches(golden["log_mel"], FRAMES, HOP)
    found = outputs(installed(f"musicnn-vgg-{trained}").network(), patches)
    graph = f"{trained.upper()}_vgg"
    assert np.abs(found["embedding"] - golden[f"{graph}/pool5"].reshape(2, -1)).max() < 1e-4
    assert np.abs(found["logits"] - golden[f"{graph}/logits"]).max() < 1e-3


def test_upstreams_pools_would_be_wrong(golden: dict[str, np.ndarray], installed: Callable[[str], Installed]) -> None:
    """All shapes fit with the other checkpoint's pools: only numbers tell."""
    net = musicnn_vgg.module(pools=POOLS["mtt"])
    params = installed("musicnn-vgg-msd").params()
    net.load_state_dict({name: torch.from_numpy(value) for name, value in params.items()})
    found = outputs(net.eval(), mel.patches(golden["log_mel"], FRAMES, HOP))
    assert np.abs(found["logits"] - golden["MSD_vgg/logits"]).max() > 1


@pytest.mark.parametrize(("name", "at"), [("musicnn", "penultimate"), ("musicnn-vgg", "logits")])
@pytest.mark.parametrize("trained", ["msd", "mtt"])
def test_from_sound(
    golden: dict[str, np.ndarray], backbone: Callable[..., Backbone], name: str, at: str, trained: str
) -> None:
    graph = f"{trained.upper()}_{'vgg' if name == 'musicnn-vgg' else 'musicnn'}/{at}"
    found = backbone(name, at=at, trained=trained, hop=1.5).embed(sweep(4.6))
    assert found.shape == golden[graph].shape
    assert np.abs(found - golden[graph]).max() < 1e-3


def test_tags_of_real_music(
    shared: Path, backbone: Callable[..., Backbone], installed: Callable[[str], Installed]
) -> None:
    from earmark.audio import load

    musicnn = backbone("musicnn", at="logits")
    tags = installed("musicnn-msd").facts["labels"]
    expected = {"metal": {"metal", "heavy metal", "hard rock"}, "hiphop": {"Hip-Hop"}, "jazz": {"jazz"}}
    for genre, wanted in expected.items():
        clips = sorted((shared / "data" / "gtzan" / genre).iterdir())[:6]
        hits = 0
        for clip in clips:
            order = musicnn.embed(load(clip, 16000, duration=3.1)).mean(axis=0).argsort()[::-1]
            hits += bool(wanted & {tags[i] for i in order[:5]})
        assert hits >= 4, genre

"""PANNs against the authors' code, both with the same seeded random weights (golden/make_panns.py).

Random weights are for this comparison alone: nothing they say means anything, and they are never installed.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from earmark.backbones.base import Net
from earmark.backbones.nets import panns
from earmark.backbones.weights.export import to_onnx
from earmark.core import plugins
from earmark.core.errors import RecipeError, WeightsError
from golden.seeded import weights as seeded
from golden.signals import sweep

Arrays = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def golden() -> Arrays:
    with np.load(Path(__file__).parent / "golden" / "panns.npz") as file:
        return dict(file)


def log_mel(net: str) -> np.ndarray:
    built = plugins.build("backbones", "panns", net=net, at="patches")
    patches: np.ndarray = built.embed(sweep(15.0, built.sample_rate))
    return patches


def random_checkpoint(golden: Arrays, net: str, path: Path) -> Path:
    """A file such as Zenodo has, with NumPy's numbers in the sampler's state, but with random weights."""
    model = {name: torch.from_numpy(a) for name, a in seeded(json.loads(str(golden[f"{net}/shapes"]))).items()}
    model["logmel_extractor.melW"] = torch.zeros(513, 64)
    sampler = {"pointers": np.zeros(3, np.int64), "at": np.float64(1.0), "queue": [1, 2]}
    torch.save({"iteration": 1, "model": model, "sampler": sampler}, path)
    return path


@pytest.mark.parametrize("net", ["cnn14", "cnn14-16k"])
def test_log_mel(golden: Arrays, net: str) -> None:
    found = log_mel(net)
    assert found.shape == (2, 1001, 64)
    difference = np.abs(found[:, ::50] - golden[f"{net}/log_mel"])
    # Decibels: the reference sums up a Fourier transform in float32, which shows where a band is nearly empty.
    assert difference.max() < 1e-4
    assert difference.mean() < 5e-6


@pytest.mark.parametrize("net", ["cnn14", "mobilenetv1", "mobilenetv2"])
def test_random_weights_give_what_the_reference_gives(golden: Arrays, net: str, tmp_path: Path) -> None:
    file = random_checkpoint(golden, net, tmp_path / "some.pth")
    params = panns.convert({"some.pth": file}, net=net)
    module = panns.module(net=net).eval()
    module.load_state_dict({name: torch.from_numpy(a) for name, a in params.items()})
    with torch.inference_mode():
        embedding = module[:-1](torch.from_numpy(log_mel(net)))
        scores = module[-1](embedding)
    wanted = golden[f"{net}/embedding"]
    assert np.abs(embedding.numpy() - wanted).max() < 1e-4 * np.abs(wanted).max()
    assert np.abs(scores.numpy() - golden[f"{net}/scores"]).max() < 1e-3


@pytest.mark.parametrize("net", ["mobilenetv2", pytest.param("cnn14", marks=pytest.mark.slow)])
def test_onnx_under_random_weights(golden: Arrays, net: str, tmp_path: Path) -> None:
    params = panns.convert({"some.pth": random_checkpoint(golden, net, tmp_path / "some.pth")}, net=net)
    module = panns.module(net=net).eval()
    module.load_state_dict({name: torch.from_numpy(a) for name, a in params.items()})
    (weight_set,) = (one for one in plugins.module("backbones", "panns").WEIGHTS if one.name == f"panns-{net}")
    exported = to_onnx(module, weight_set.inputs, weight_set.outputs)
    wanted = golden[f"{net}/embedding"]
    assert np.abs(Net(exported, output="embedding")(log_mel(net)) - wanted).max() < 1e-4 * np.abs(wanted).max()
    assert np.abs(Net(exported, output="scores")(log_mel(net)) - golden[f"{net}/scores"]).max() < 1e-3


@pytest.mark.parametrize("net", ["cnn14", "cnn14-16k"])
def test_what_is_told_beforehand_is_true(net: str) -> None:
    about, built = (
        plugins.module("backbones", "panns").ABOUT,
        plugins.build("backbones", "panns", net=net, at="patches"),
    )
    assert (about.window, about.hop, built.shape) == (built.window, built.hop, (1001, 64))


def test_16k_is_the_same_net(golden: Arrays) -> None:
    assert str(golden["cnn14/shapes"]) == str(golden["cnn14-16k/shapes"])
    assert plugins.module("backbones", "panns").WEIGHTS[1].options == {"net": "cnn14"}


def test_wrong_files_are_refused(golden: Arrays, tmp_path: Path) -> None:
    file = random_checkpoint(golden, "mobilenetv1", tmp_path / "some.pth")
    with pytest.raises(WeightsError, match="not the weights of mobilenetv2"):
        panns.convert({"some.pth": file}, net="mobilenetv2")
    torch.save({"model": Path("x")}, tmp_path / "evil.pth")
    with pytest.raises(WeightsError, match="can be read safely"):
        panns.convert({"evil.pth": tmp_path / "evil.pth"}, net="mobilenetv2")


def test_without_weights_it_says_what_to_put_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARMARK_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match=r"MobileNetV2_mAP=0\.383\.pth, from https://zenodo\.org"):
        plugins.build("backbones", "panns", net="mobilenetv2")
    with pytest.raises(WeightsError, match="panns-cnn14"):
        plugins.build("backbones", "panns")
    with pytest.raises(RecipeError, match="cnn14"):
        plugins.build("backbones", "panns", net="cnn15")

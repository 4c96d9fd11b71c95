"""VGGish against the torchvggish port, both with the same seeded random weights (golden/make_vggish.py).

Random weights are for this comparison alone: nothing they say means anything, and they are never installed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from earmark.backbones import weights
from earmark.backbones.base import Backbone, Net
from earmark.backbones.nets import vggish
from earmark.backbones.weights.export import to_onnx
from earmark.core import plugins
from earmark.core.errors import RecipeError, WeightsError
from golden.seeded import weights as seeded
from golden.signals import sweep

Arrays = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def golden() -> Arrays:
    with np.load(Path(__file__).parent / "golden" / "vggish.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def random_params(golden: Arrays) -> Arrays:
    return vggish.from_port(seeded(json.loads(str(golden["shapes"]))))


@pytest.fixture(scope="module")
def after(golden: Arrays, random_params: Arrays) -> Arrays:
    """What comes out of every block for the golden patches, under random weights."""
    random = np.random.Generator(np.random.PCG64(1))
    vectors = random.standard_normal((128, 128)).astype(np.float32) / 8
    pca = {"pca.vectors": vectors, "pca.means": random.standard_normal(128).astype(np.float32)}
    embeddings = torch.from_numpy(golden["log_mel"])
    net = vggish.module(pca=True).eval()
    net.load_state_dict({name: torch.from_numpy(a) for name, a in (random_params | pca).items()})
    found = {}
    with torch.inference_mode():
        for name, block in net.named_children():
            embeddings = block(embeddings)
            found[name] = embeddings.numpy()
    return found


def test_log_mel(golden: Arrays) -> None:
    patches = plugins.build("backbones", "vggish", at="patches").embed(sweep(2.0))
    assert patches.shape == (2, 96, 64)
    assert np.abs(patches - golden["log_mel"]).max() < 1e-5


@pytest.mark.parametrize(("block", "name"), [("pool3", "pool3"), ("embedding", "raw")])
def test_random_weights_give_what_torchvggish_gives(golden: Arrays, after: Arrays, block: str, name: str) -> None:
    found = after[block][:, ::16, ::3, ::3] if block == "pool3" else after[block]
    assert np.abs(found - golden[name]).max() < 1e-4 * np.abs(golden[name]).max()


def test_torchvggish_ends_on_a_relu_that_vggish_lacks(golden: Arrays, after: Arrays) -> None:
    assert golden["raw"].min() < 0
    assert (golden["relu"] >= 0).all()
    raw = torch.from_numpy(after["embedding"])
    relu = dict(vggish.module().named_children())["rectified"](raw).numpy()
    assert np.abs(relu - golden["relu"]).max() < 1e-4 * np.abs(golden["relu"]).max()


def test_whitened_and_quantised(golden: Arrays, after: Arrays) -> None:
    found = after["pca"]
    assert (found == np.floor(found)).all()
    assert found.min() >= 0
    assert found.max() <= 255
    # the AudioSet release cuts fractions off, so a value beside a whole number may fall on its other side
    assert np.abs(found - golden["pca"]).max() <= 1
    assert (found == golden["pca"]).mean() > 0.99


def test_tensorflow_names_and_axes(random_params: Arrays, monkeypatch: pytest.MonkeyPatch) -> None:
    slim: Arrays = {}
    for ours, theirs, _ in vggish.LAYERS:
        weight = random_params[f"{ours}.weight"]
        slim[f"vggish/{theirs}/weights"] = weight.transpose(2, 3, 1, 0) if weight.ndim == 4 else weight.T
        slim[f"vggish/{theirs}/biases"] = random_params[f"{ours}.bias"]
    numbered = {f"_variables/{i}/.ATTRIBUTES/VARIABLE_VALUE": array for i, array in enumerate(slim.values())}
    monkeypatch.setattr(vggish.readers, "tensorflow_v1", lambda _: slim | {"global_step": np.zeros(1)})
    monkeypatch.setattr(vggish.readers, "tensorflow", lambda *_: numbered)
    nowhere = dict.fromkeys(("vggish_model.ckpt", "variables.index", "variables.data-00000-of-00001"), Path())
    for found in (vggish.convert(nowhere), vggish.from_tfhub(nowhere)):
        assert found.keys() == random_params.keys()
        assert all(np.array_equal(found[name], random_params[name]) for name in found)


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "vggish-10086976.pth").write_bytes(b"something else")
    with pytest.raises(WeightsError, match="wanted 10086976"):
        vggish.from_torchvggish({"vggish-10086976.pth": tmp_path / "vggish-10086976.pth"})
    with pytest.raises(WeightsError, match="not VGGish's weights"):
        vggish.from_slim({"conv1/weights": np.zeros(1)})
    np.savez(tmp_path / "vggish_pca_params.npz", other=np.zeros(1))
    with pytest.raises(WeightsError, match="pca_eigen_vectors"):
        vggish.whitening({"vggish_pca_params.npz": tmp_path / "vggish_pca_params.npz"}, pca=True)


def test_without_weights_it_says_what_to_put_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARMARK_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match="earmark weights add vggish"):
        plugins.build("backbones", "vggish")
    with pytest.raises(WeightsError, match=r"vggish_pca_params\.npz"):
        plugins.build("backbones", "vggish", output="pca")
    with pytest.raises(RecipeError, match="'raw', 'relu', 'pca'"):
        plugins.build("backbones", "vggish", output="pcs")


@pytest.mark.slow
@pytest.mark.parametrize("pca", [False, True])
def test_onnx_under_random_weights(golden: Arrays, random_params: Arrays, after: Arrays, pca: bool) -> None:
    net = vggish.module(pca=pca).eval()
    net.load_state_dict({name: torch.from_numpy(a) for name, a in random_params.items()}, strict=False)
    (weight_set,) = (one for one in plugins.module("backbones", "vggish").WEIGHTS if one.options["pca"] == pca)
    exported = to_onnx(net, weight_set.inputs, weight_set.outputs)
    for output in weight_set.outputs:
        found = Net(exported, output=output)(golden["log_mel"])
        assert found.shape == (2, 128)
        if output != "pca":
            wanted = np.maximum(after["embedding"], 0) if output == "rectified" else after["embedding"]
            assert np.abs(found - wanted).max() < 1e-4 * np.abs(wanted).max()


def test_weights_of_the_paper() -> None:
    """3 x 3 convolutions and three dense layers: the count that the AudioSet release has."""
    assert sum(p.numel() for p in vggish.module().parameters()) == 72_141_184


@pytest.mark.parametrize(
    ("name", "output", "mean", "deviation"),
    [("vggish", "raw", 0.000657, 0.343), ("vggish-pca", "pca", 126.0, 89.3)],
)
def test_published_smoke_test(
    backbone: Callable[..., Backbone], name: str, output: str, mean: float, deviation: float
) -> None:
    """vggish_smoke_test.py of the AudioSet models, figures of 2023-07-25: 3 s of 1 kHz, within 10 %."""
    if not weights.status(name).present:
        pytest.skip(f"the weights {name!r} are not installed: {weights.status(name).how}")
    tone = np.sin(2 * np.pi * 1000 * np.arange(3 * 16000) / 16000).astype(np.float32)
    tone = np.concatenate([tone, tone[:240]])  # the reference's third patch ends with the sound
    embeddings = backbone("vggish", output=output).embed(tone)
    assert embeddings.shape == (3, 128)
    assert embeddings.mean() == pytest.approx(mean, rel=0.1)
    assert embeddings.std() == pytest.approx(deviation, rel=0.1)


def test_what_is_told_beforehand_is_true() -> None:
    about, built = plugins.module("backbones", "vggish").ABOUT, plugins.build("backbones", "vggish", at="patches")
    assert (about.sample_rate, about.window, about.hop) == (built.sample_rate, built.window, built.hop)

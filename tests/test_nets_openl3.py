"""OpenL3 against torchopenl3, both with the same seeded random weights (golden/make_openl3.py).

Random weights are for this comparison alone: nothing they say means anything, and they are never installed.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from earmark.backbones.base import Net
from earmark.backbones.nets import openl3
from earmark.backbones.weights.export import to_onnx
from earmark.core import plugins
from earmark.core.errors import RecipeError, WeightsError
from golden.seeded import weights as seeded
from golden.signals import sweep

Arrays = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def golden() -> Arrays:
    with np.load(Path(__file__).parent / "golden" / "openl3.npz") as file:
        return dict(file)


def log_mel(mels: int) -> np.ndarray:
    patches: np.ndarray = plugins.build("backbones", "openl3", mels=mels, at="patches").embed(sweep(1.5, 48000))
    return patches


def random_port(golden: Arrays, mels: int, path: Path) -> Path:
    """A file as torchopenl3 has them, but with random weights."""
    drawn = seeded(json.loads(str(golden[f"mel{mels}/shapes"])))
    torch.save({name: torch.from_numpy(a) for name, a in drawn.items()}, path)
    return path


@pytest.mark.parametrize("mels", [128, 256])
def test_log_mel(golden: Arrays, mels: int) -> None:
    found = log_mel(mels)
    assert found.shape == (2, mels, 199)
    difference = np.abs(found[:, :, ::10] - golden[f"mel{mels}/log_mel"])
    # Decibels: the reference sums up a Fourier transform in float32, which shows where a band is nearly empty.
    assert difference.max() < 2e-3
    assert difference.mean() < 2e-5


@pytest.mark.parametrize("mels", [128, 256])
def test_random_weights_give_what_torchopenl3_gives(golden: Arrays, mels: int, tmp_path: Path) -> None:
    params = openl3.from_torchopenl3({"some": random_port(golden, mels, tmp_path / "some.pth.tar")}, mels=mels)
    net = openl3.module(mels=mels).eval()
    net.load_state_dict({name: torch.from_numpy(a) for name, a in params.items()})
    with torch.inference_mode():
        large = net[:-1](torch.from_numpy(log_mel(mels)))
        small = net[-1](large)
    (weight_set,) = (w for w in plugins.module("backbones", "openl3").WEIGHTS if w.name == f"openl3-mel{mels}-env")
    exported = to_onnx(net, weight_set.inputs, weight_set.outputs)
    onnx = [Net(exported, output=output)(log_mel(mels)) for output in ("large", "small")]
    for size, found in ((6144, large.numpy()), (512, small.numpy()), (6144, onnx[0]), (512, onnx[1])):
        wanted = golden[f"mel{mels}/{size}"]
        assert np.abs(found[:, :: max(1, size // 1024)] - wanted).max() < 1e-4 * np.abs(wanted).max()


@pytest.mark.parametrize("packed", [False, True])
def test_keras_file(golden: Arrays, tmp_path: Path, packed: bool) -> None:
    """Layers in any naming, a front end's arrays between them, plain or packed: the same params."""
    wanted = openl3.from_torchopenl3({"some": random_port(golden, 128, tmp_path / "some.pth.tar")}, mels=128)
    path = tmp_path / "openl3_audio_mel128_music.h5"
    with h5py.File(path, "w") as file:
        layers: list[str] = []

        def layer(name: str, arrays: Arrays) -> None:
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"{name}/{key}" for key in arrays]
            for key, array in arrays.items():
                group[f"{name}/{key}"] = array
            layers.append(name)

        layer("melspectrogram_7", {"real": np.zeros((2048, 1, 1, 1025)), "freq2mel": np.zeros((1025, 128))})
        for i in range(9):
            if i:
                kernel = wanted[f"conv{i}.conv.weight"].transpose(2, 3, 1, 0)
                layer(f"conv2d_{i + 20}", {"kernel:0": kernel, "bias:0": wanted[f"conv{i}.conv.bias"]})
                layer(f"activation_{i}", {})
            if i < 8:
                ours = f"conv{i}.norm" if i else "bn0"
                names = ("weight", "bias", "running_mean", "running_var")
                layer(f"batch_normalization_{i + 30}", {f"{n}:0": wanted[f"{ours}.{n}"] for n in names})
        file.attrs["layer_names"] = layers
    if packed:
        path = path.with_name("openl3_audio_mel128_music-v0_4_0.h5.gz")
        path.write_bytes(gzip.compress(path.with_name("openl3_audio_mel128_music.h5").read_bytes(), 1))
    found = openl3.convert({path.name: path}, mels=128)
    assert found.keys() == wanted.keys()
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1)}, tmp_path / "some.pth.tar")
    with pytest.raises(WeightsError, match="audio_embedding_layer"):
        openl3.from_torchopenl3({"some": tmp_path / "some.pth.tar"})
    with h5py.File(tmp_path / "some.h5", "w") as file:
        file.attrs["layer_names"] = []
    with pytest.raises(WeightsError, match="found 0 3x3 convolutions"):
        openl3.convert({"some": tmp_path / "some.h5"})
    (tmp_path / "text.h5").write_text("not HDF5")
    with pytest.raises(WeightsError, match="not a Keras weights file"):
        openl3.convert({"some": tmp_path / "text.h5"})


def test_without_weights_it_says_what_to_put_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARMARK_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match=r"openl3_audio_mel128_env\.h5"):
        plugins.build("backbones", "openl3", mels=128, content="env")
    for wrong in ({"mels": 64}, {"content": "speech"}, {"size": 1024}, {"pad": "none"}, {"hop": 0}):
        with pytest.raises(RecipeError):
            plugins.build("backbones", "openl3", **wrong)

"""Nets in 8 bits: the graph work keeps the function, what is kept is used again, and what is not good is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from earmark.backbones import runtimes
from earmark.backbones.base import Net
from earmark.backbones.check_onnx import refusal
from earmark.backbones.quantize import calibration, equalize, int8
from earmark.backbones.weights.export import to_onnx
from earmark.backbones.weights.record import Record
from earmark.backbones.weights.store import Installed
from earmark.core.errors import WeightsError


def made_net(*, spread: float = 1.0) -> nn.Sequential:
    """Two separable layers behind a first convolution, whose channels differ in size ``spread`` times."""
    torch.manual_seed(0)

    def separable(inputs: int, outputs: int) -> list[nn.Module]:
        return [
            nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs),
            nn.ReLU(),
            nn.Conv2d(inputs, outputs, 1),
            nn.ReLU(),
        ]

    body = nn.Sequential(
        nn.Unflatten(1, (1, 16)),
        nn.Conv2d(1, 256, 3, stride=4, padding=1),
        nn.ReLU(),
        *separable(256, 256),
        *separable(256, 32),
    )
    with torch.no_grad():
        first = body[1]
        assert isinstance(first, nn.Conv2d)
        first.weight *= torch.logspace(0, -np.log10(spread), 256)[torch.randperm(256)][:, None, None, None]
    return nn.Sequential(
        *[nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten())],
    )


@pytest.fixture(scope="module")
def embeddings() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((160, 16, 16)).astype(np.float32)


@pytest.fixture(scope="module")
def net() -> bytes:
    return to_onnx(made_net(spread=300.0), (16, 16), ["0"])


@pytest.fixture(autouse=True)
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the processor: without the instructions these small nets are only slow."""
    monkeypatch.setattr(runtimes, "unsupported", lambda precision: None)
    monkeypatch.setattr(int8, "GAIN", 0.0)


def test_evening_keeps_the_function(net: bytes, embeddings: np.ndarray) -> None:
    model = onnx.load_from_string(net)
    wanted = Net(net)(embeddings)
    before = [equalize.weights_of(model)[n.input[1]].copy() for n in model.graph.node if n.op_type == "Conv"]
    equalize.even(model, int8._extremes(model, "rows", embeddings, by_channel=True)[1])
    after = [equalize.weights_of(model)[n.input[1]] for n in model.graph.node if n.op_type == "Conv"]
    assert not any(np.allclose(a, b) for a, b in zip(before, after, strict=True))
    assert np.abs(Net(model.SerializeToString())(embeddings) - wanted).max() < 1e-5 * np.abs(wanted).max()
    by_work = sorted(equalize.work(onnx.shape_inference.infer_shapes(model)).values())
    assert by_work == [256 * 9 * 16, 256 * 9 * 16, 256 * 9 * 16, 256 * 32 * 16, 256 * 256 * 16]


def test_a_net_in_8_bits_agrees_and_is_one_that_bundles_may_hold(net: bytes, embeddings: np.ndarray) -> None:
    found = int8.quantise(net, "0", embeddings)
    assert found.cosine >= int8.GOOD
    assert 0 < found.lowest <= found.cosine
    assert len(found.net) < 0.5 * len(net)
    assert refusal(found.net) is None
    assert any(n.op_type == "DequantizeLinear" for n in onnx.load_from_string(found.net).graph.node)
    new = np.random.default_rng(1).standard_normal((40, 16, 16)).astype(np.float32)
    small = Net(found.net, precision="int8")
    assert int8._cosines(Net(net)(new), small(new)).mean() >= int8.GOOD
    assert np.array_equal(small(new, 1), small(new, 8)), "a window depends on its batch"
    assert int8.quantise(net, "0", embeddings).net == found.net, "the same embeddings give the same net"


def test_a_net_that_does_not_agree_is_refused(
    net: bytes, embeddings: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(int8, "GOOD", 0.999999)
    with pytest.raises(
        WeightsError, match=r"mean cosine of \d\.\d{4} to the float net's on \d+ embeddings; wanted 0.999999"
    ):
        int8.quantise(net, "0", embeddings)
    monkeypatch.setattr(int8, "GOOD", 0.9)
    monkeypatch.setattr(int8, "GAIN", 1e6)
    with pytest.raises(WeightsError, match=r"is \d+\.\d\d times as fast as the float net on this processor; wanted"):
        int8.quantise(net, "0", embeddings)
    with pytest.raises(WeightsError, match="found 31 embeddings"):
        int8.quantise(net, "0", embeddings[:31])


def test_made_once_and_kept(tmp_path: Path, net: bytes, embeddings: np.ndarray) -> None:
    (tmp_path / "net.onnx").write_bytes(net)
    weights = Installed("made", tmp_path, Record(inputs=(), outputs=("0",), sha256={}, shapes={"0": (32,)}))
    calls: list[int] = []

    def inputs() -> np.ndarray:
        calls.append(1)
        return embeddings

    first = int8.installed(weights, "0", inputs, "noise")
    assert int8.installed(weights, "0", inputs, "noise") == first
    assert len(calls) == 1
    told = json.loads(first.path.with_suffix(".json").read_text())
    assert (told["calibrated_on"], told["cosine"]) == ("noise", first.cosine)
    first.path.write_bytes(b"damaged")
    assert int8.installed(weights, "0", inputs, "noise") == first
    int8.installed(weights, "0", inputs, "noise", again=True)
    assert len(calls) == 3


def test_calibration_sounds_are_the_same_and_loud_enough() -> None:
    first, again = (next(iter(calibration.sounds(16000))) for _ in range(2))
    assert np.array_equal(first, again)
    assert first.dtype == np.float32
    assert len(first) == 16000 * calibration.SECONDS
    assert 0.05 < np.abs(first).max() <= 1.5

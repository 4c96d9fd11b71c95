"""The backbone of a net that the user brings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, save

from earmark.audio import mel
from earmark.core import plugins
from earmark.core.errors import RecipeError
from golden.signals import sweep

FRONT = {"n_fft": 256, "hop_length": 80, "n_mels": 16, "log": "ln", "offset": 0.01}
FACTS: dict[str, Any] = {"sample_rate": 8000, "frames": 20, "hop": 0.1, "front": FRONT}
SPEC = mel.MelSpec(sample_rate=8000, **FRONT)


def net(folder: Path, sides: list[Any], axes: list[int], out: list[Any]) -> Path:
    """A net that takes means over axes, and the negative of them as its second output."""
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["windows", "axes"], ["mean"], keepdims=0),
            helper.make_node("Neg", ["mean"], ["negative"]),
        ],
        "mean",
        [helper.make_tensor_value_info("windows", TensorProto.FLOAT, sides)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, out) for name in ("mean", "negative")],
        [helper.make_tensor("axes", TensorProto.INT64, [len(axes)], axes)],
    )
    path = folder / "net.onnx"
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


def build(path: Path, **params: Any) -> Any:
    return plugins.build("backbones", "onnx", file=str(path), **params)


@pytest.mark.parametrize(
    ("sides", "axes", "more"),
    [
        (["n", 20, 16], [1], {}),
        (["n", 1, 20, 16], [1, 2], {}),
        (["n", 16, 20], [2], {"transpose": True}),
        (["n", 1, 16, "t"], [1, 3], {"transpose": True}),
    ],
)
def test_log_mel_nets(tmp_path: Path, sides: list[Any], axes: list[int], more: dict[str, Any]) -> None:
    built = build(net(tmp_path, sides, axes, ["n", 16]), facts={**FACTS, **more})
    found = built.embed(sweep(1.0, 8000))
    frames = mel.log_mel(sweep(1.0, 8000), SPEC)
    wanted = mel.patches(frames, 20, 10).mean(axis=1)[: len(found)]
    assert found.shape == (built.embeddings_in(8000), 16) == (8, 16)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_centred(tmp_path: Path) -> None:
    built = build(net(tmp_path, ["n", 20, 16], [1], ["n", 16]), facts={**FACTS, "centred": True})
    frames = mel.log_mel(np.pad(sweep(1.0, 8000), (128, 0)), SPEC)
    np.testing.assert_allclose(built.embed(sweep(1.0, 8000))[0], frames[:20].mean(axis=0), atol=1e-4)


@pytest.mark.parametrize("sides", [["n", 4000], ["n", 1, 4000]])
def test_nets_of_samples(tmp_path: Path, sides: list[Any]) -> None:
    facts = {"sample_rate": 8000, "window": 0.5, "hop": 0.25, "output": "negative"}
    path = net(tmp_path, sides, [len(sides) - 1], ["n"] if len(sides) == 2 else ["n", 1])
    found = build(path, facts=facts).embed(sweep(1.0, 8000))
    wanted = [-sweep(1.0, 8000)[start : start + 4000].mean() for start in (0, 2000, 4000)]
    np.testing.assert_allclose(found.ravel(), wanted, atol=1e-6)


def test_facts_beside_the_net(tmp_path: Path) -> None:
    path = net(tmp_path, ["n", 20, 16], [1], ["n", 16])
    with pytest.raises(RecipeError, match=r"facts could not be read from .*net\.toml"):
        build(path)
    path.with_suffix(".json").write_text(json.dumps(FACTS))
    from_json = build(path)
    toml = "sample_rate = 8000\nframes = 20\nhop = 0.1\n[front]\nn_fft = 256\nhop_length = 80\nn_mels = 16\n"
    path.with_suffix(".toml").write_text(toml + 'log = "ln"\noffset = 0.01\n')
    assert build(path).fingerprint == from_json.fingerprint
    assert build(path, output="negative").fingerprint != from_json.fingerprint
    assert build(path, hop=0.2).hop == 0.2


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"hop": 0.1}, "lack sample_rate, window"),
        ({**FACTS, "colour": 1}, "unknown here"),
        ({**FACTS, "frames": 30}, "takes float32 ..n., 20, 16., but its facts make float embeddings"),
        ({**FACTS, "front": {**FRONT, "mels": 3}}, "not a log-mel"),
        ({**FACTS, "output": "nothing"}, "has no output 'nothing'. It has: mean, negative"),
    ],
)
def test_wrong_facts(tmp_path: Path, facts: dict[str, Any], reason: str) -> None:
    with pytest.raises(RecipeError, match=reason):
        build(net(tmp_path, ["n", 20, 16], [1], ["n", 16]), facts=facts)


def test_wrong_nets(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="found no net"):
        build(tmp_path / "nothing.onnx", facts=FACTS)
    with pytest.raises(RecipeError, match="first side must be free"):
        build(net(tmp_path, [1, 20, 16], [1], [1, 16]), facts=FACTS)
    with pytest.raises(RecipeError, match="only the first side may be free"):
        build(net(tmp_path, ["n", "t", 16], [2], ["n", "t"]), facts=FACTS)

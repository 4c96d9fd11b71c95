"""What every backbone promises. A new file in backbones/ is covered unasked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from earmark.backbones import weights
from earmark.backbones.base import Backbone
from earmark.core import plugins
from earmark.testing import _backbones as contract
from golden.signals import sweep

NAMES = plugins.names("backbones")
NETS = tuple(weights.known())


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest, own_net: dict[str, object]) -> str:
    part: str = request.param
    return part


@pytest.fixture
def build(name: str, backbone: Callable[..., Backbone], own_net: dict[str, object]) -> Callable[..., Backbone]:
    def get(**params: object) -> Backbone:
        return backbone(name, **({**own_net, **params} if name == "onnx" else params))

    return get


@pytest.fixture(scope="session")
def own_net(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """A net for the backbone `onnx`: the mean over frames of a log-mel patch."""
    from onnx import TensorProto, helper, save

    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["windows", "axes"], ["mean"], keepdims=0)],
        "mean",
        [helper.make_tensor_value_info("windows", TensorProto.FLOAT, ["n", 20, 16])],
        [helper.make_tensor_value_info("mean", TensorProto.FLOAT, ["n", 16])],
        [helper.make_tensor("axes", TensorProto.INT64, [1], [1])],
    )
    path = tmp_path_factory.mktemp("net") / "mean.onnx"
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    front = {"n_fft": 256, "hop_length": 80, "n_mels": 16}
    return {"file": str(path), "facts": {"sample_rate": 8000, "frames": 20, "hop": 0.1, "front": front}}


@pytest.fixture
def case(name: str, build: Callable[..., Backbone], own_net: dict[str, object]) -> contract.Case:
    return contract.Case(plugins.module("backbones", name), name, own_net if name == "onnx" else {})


@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
def test_contract(case: contract.Case, check: Callable[[contract.Case], None], build: Callable[..., Backbone]) -> None:
    if check not in (contract.about, contract.keyword_parameters):
        build()  # fetches missing weights, or skips where they cannot be had
    check(case)


@pytest.mark.parametrize("known", NETS)
def test_onnx_is_the_torch_net(known: str, installed: Callable[[str], weights.Installed]) -> None:
    """For all known weights: net.onnx gives what the torch net gives, at each output and for any batch."""
    import torch

    one = installed(known)
    embeddings = np.random.default_rng(0).standard_normal((3, *one.facts.inputs)).astype(np.float32)
    names = list(one.shapes)
    net = one.network()
    from earmark.backbones.base import Net

    for output in one.facts.outputs:
        with torch.inference_mode():
            wanted = net[: names.index(output) + 1](torch.from_numpy(embeddings)).numpy()
        found = Net(one.onnx(), output=output)(embeddings, batch=2)
        assert found.shape[1:] == one.shapes[output]
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 * max(1.0, float(np.abs(wanted).max())))


@pytest.mark.parametrize(
    ("part", "cut", "shape"), [("yamnet", "layer12", (512, 6, 4)), ("musicnn-vgg", "pool3", (128, 23, 12))]
)
def test_cut(
    part: str,
    cut: str,
    shape: tuple[int, ...],
    backbone: Callable[..., Backbone],
    installed: Callable[[str], weights.Installed],
) -> None:
    """Embeddings at a cut, sent through the rest of the net, are what the whole net gives."""
    import torch

    frozen, whole, raw = backbone(part, at=cut), backbone(part), backbone(part, at="patches")
    sound = sweep(3.6)
    embeddings = frozen.embed(sound)
    assert embeddings.shape[1:] == frozen.shape == shape
    one = installed(plugins.module("backbones", part).ABOUT.weights)
    after = one.network(after=cut)
    names = [name for name, _ in after.named_children()]
    with torch.inference_mode():
        found = after[: names.index("embedding") + 1](torch.from_numpy(embeddings)).numpy()
        entire = one.network()[: list(one.shapes).index("embedding") + 1](torch.from_numpy(raw.embed(sound))).numpy()
    np.testing.assert_allclose(found, whole.embed(sound), atol=2e-5)
    np.testing.assert_allclose(entire, whole.embed(sound), atol=2e-5)


def test_short_sounds_repeat_or_get_zeros(backbone: Callable[..., Backbone]) -> None:
    sound = sweep(1.0)
    repeated = backbone("musicnn", at="patches").embed(sound)
    zeros = backbone("musicnn", at="patches", pad="zero").embed(sound)
    np.testing.assert_array_equal(repeated[0, :60], zeros[0, :60])
    assert zeros[0, 70:].max() == 0
    # After 62.5 frames the sound begins again; 125 frames later the frames fall on the same samples.
    np.testing.assert_allclose(repeated[0, 130:180], repeated[0, 5:55], atol=1e-4)

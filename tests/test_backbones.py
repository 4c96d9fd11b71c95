"""What every backbone promises. A new file in backbones/ is covered unasked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from earmark.backbones import weights
from earmark.backbones.base import About, Backbone
from earmark.core import plugins
from earmark.core.errors import RecipeError
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


def test_about(name: str) -> None:
    about = plugins.module("backbones", name).ABOUT
    assert isinstance(about, About)
    assert about.summary
    assert about.trained_on
    assert about.licence
    if about.weights:  # then the rest must be told before anything can be built
        assert about.weights in weights.known()
        assert about.shape
        assert about.sample_rate
        assert about.window
        assert about.hop


def test_parameters_are_keywords_with_defaults(name: str) -> None:
    for parameter in inspect.signature(plugins.module("backbones", name).build).parameters.values():
        assert parameter.kind is parameter.KEYWORD_ONLY
        assert parameter.default is not parameter.empty
    with pytest.raises(RecipeError, match="has no parameter"):
        plugins.build("backbones", name, nonsense=1)


def test_what_is_told_beforehand_is_true(name: str, build: Callable[..., Backbone]) -> None:
    about, built = plugins.module("backbones", name).ABOUT, build()
    assert built.name == name
    if about.weights is None:
        return  # it can be built at any time, so nothing needs to be told
    assert (about.shape, about.sample_rate) == (built.shape, built.sample_rate)
    assert about.window == pytest.approx(built.window, rel=0.01)
    assert about.hop == pytest.approx(built.hop, rel=0.01)


def lengths(built: Backbone) -> Iterator[int]:
    """Shorter than a window, a window, one sample less than two embeddings, two embeddings and a bit."""
    window, hop, left = built.window_samples, built.hop_samples, built.pad_left
    yield from (max(1, window // 3), window - left, window - left + hop - 1, window - left + hop + hop // 3)


def test_rows(build: Callable[..., Backbone]) -> None:
    built = build()
    sound = sweep(2 + (built.window_samples + 2 * built.hop_samples) / built.sample_rate, built.sample_rate)
    for length, embeddings in zip(lengths(built), (1, 1, 1, 2), strict=True):
        found = built.embed(sound[:length])
        assert found.shape == (built.embeddings_in(length), *built.shape), length
        assert len(found) == embeddings
        assert found.dtype == np.float32
        assert found.flags.c_contiguous
        assert np.isfinite(found).all()
    np.testing.assert_array_equal(found, built.embed(sound[:length].copy()))  # deterministic


def test_a_row_looks_at_its_window_and_nothing_else(build: Callable[..., Backbone]) -> None:
    """What makes reading in blocks right: a window can be had from its own samples alone."""
    built = build()
    samples = built.window_samples + 2 * built.hop_samples
    sound = sweep(samples / built.sample_rate + 0.1, built.sample_rate)[: samples - built.pad_left]
    embeddings = built.embed(sound)
    assert len(embeddings) == 3
    padded = np.concatenate([np.zeros(built.pad_left, np.float32), sound])
    alone = replace(built, pad_left=0)
    for i in (0, 2):
        piece = padded[i * built.hop_samples :][: built.window_samples]
        np.testing.assert_allclose(
            alone.embed(piece)[0], embeddings[i], rtol=1e-4, atol=1e-4 * np.abs(embeddings).max()
        )


def test_quiet_and_silent_sound_is_finite(build: Callable[..., Backbone]) -> None:
    built = build()
    for level in (0.0, 1e-6):
        sound = level * sweep(0.05 + built.window, built.sample_rate)
        assert np.isfinite(built.embed(sound.astype(np.float32))).all()


def test_rebuilt_from_its_parameters(name: str, build: Callable[..., Backbone]) -> None:
    built = build()
    again = build(**built.params)
    assert again.fingerprint == built.fingerprint
    if built.net is not None:  # as a model bundle does it: with a copy of the net
        given = plugins.build("backbones", name, **built.params, weights=built.net.content)
        assert given.fingerprint == built.fingerprint
        assert given.shape == built.shape


def test_other_parameters_are_another_backbone(name: str, build: Callable[..., Backbone]) -> None:
    """The fingerprint keys the cache: it must tell apart whatever changes embeddings."""
    built = build()
    seen = {built.fingerprint}
    if "hop" in plugins.parameters("backbones", name):
        seen.add(build(hop=2 * built.hop).fingerprint)
    if "pad" in plugins.parameters("backbones", name):
        seen.add(build(pad="zero").fingerprint)
        with pytest.raises(RecipeError, match="pad"):
            build(pad="nonsense")
    assert len(seen) == 1 + ("hop" in plugins.parameters("backbones", name)) + (
        "pad" in plugins.parameters("backbones", name)
    )


@pytest.mark.parametrize("known", NETS)
def test_onnx_is_the_torch_net(known: str, installed: Callable[[str], weights.Installed]) -> None:
    """For all known weights: net.onnx gives what the torch net gives, at each output and for any batch."""
    import torch

    one = installed(known)
    embeddings = np.random.default_rng(0).standard_normal((3, *one.facts["inputs"])).astype(np.float32)
    names = list(one.shapes)
    net = one.network()
    from earmark.backbones.base import Net

    for output in one.facts["outputs"]:
        with torch.inference_mode():
            wanted = net[: names.index(output) + 1](torch.from_numpy(embeddings)).numpy()
        found = Net(one.onnx(), output=output)(embeddings, batch=2)
        assert found.shape[1:] == one.shapes[output]
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 * max(1.0, float(np.abs(wanted).max())))


@pytest.mark.parametrize(
    ("part", "cut", "shape"), [("yamnet", "layer12", (512, 6, 4)), ("musicnn-vgg", "pool3", (128, 23, 12))]
)
def test_cut(
    part: str, cut: str, shape: tuple[int, ...], backbone: Callable[..., Backbone],
    installed: Callable[[str], weights.Installed],
) -> None:  # fmt: skip
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

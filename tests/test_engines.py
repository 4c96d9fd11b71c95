"""Engines: the same net in each of them, from many threads, and clear words where one is not to be had."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

import earmark
from earmark.backbones import runtimes
from earmark.backbones.base import Net
from earmark.backbones.weights.export import to_onnx
from earmark.core import plugins
from earmark.core.errors import BundleError, MissingExtraError, RecipeError, WeightsError
from earmark.core.spec import Part
from earmark.embeddings.recalibrate import recalibrate


@pytest.fixture(scope="module")
def net() -> bytes:
    torch.manual_seed(0)
    layers = [nn.Unflatten(1, (1, 16)), nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 64, 1), nn.ReLU()]
    return to_onnx(nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), (16, 24), ["6"])


@pytest.fixture(scope="module")
def embeddings() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((40, 16, 24)).astype(np.float32)


def test_a_net_does_not_say_where_it_was_made(net: bytes) -> None:
    model = onnx.load_from_string(net)
    assert not any(n.metadata_props or n.doc_string for n in (*model.graph.node, *model.graph.value_info))
    for told in (str(Path(torch.__file__).parents[1]), str(Path(earmark.__file__).parents[1]), "site-packages", ".py"):
        assert told.encode() not in net, told


def test_engines_agree(net: bytes, embeddings: np.ndarray) -> None:
    plain, halves = Net(net), Net(net, precision="bf16")
    wanted, found = plain(embeddings), halves(embeddings)
    assert plain.engine.inputs == halves.engine.inputs == {"rows": (("n", 16, 24), runtimes.FLOATS)}
    assert plain.engine.outputs == halves.engine.outputs
    assert found.dtype == np.float32
    assert np.abs(found - wanted).max() < 0.01 * np.abs(wanted).max()
    assert np.array_equal(halves(embeddings, 1), halves(embeddings, 13)), "a window depends on its batch"
    assert np.array_equal(halves(embeddings[::2]), found[::2]), "what is not contiguous is read wrongly"
    kept = found.copy()
    halves(embeddings[::-1])
    assert np.array_equal(found, kept), "embeddings that were given out are written over"


def test_many_threads_get_the_same_rows(net: bytes, embeddings: np.ndarray) -> None:
    halves = Net(net, precision="bf16")
    wanted = halves(embeddings)
    with ThreadPoolExecutor(6) as pool:
        assert all(np.array_equal(found, wanted) for found in pool.map(lambda _: halves(embeddings), range(60)))


def test_precision_is_part_of_what_the_numbers_depend_on(net: bytes) -> None:
    assert Net(net).facts == [Net(net).sha256, None]
    assert Net(net, precision="bf16").facts == [Net(net).sha256, None, "bf16"]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_what_is_no_net_and_rows_that_do_not_fit(precision: str, net: bytes) -> None:
    with pytest.raises(BundleError, match=r"the given net: cannot be loaded \(.+\)"):
        Net(b"no net", precision=precision)(np.zeros((1, 2), np.float32))
    with pytest.raises(BundleError, match=r"fails on inputs of shape \(2, 3, 4\) \(.+\)"):
        Net(net, precision=precision)(np.zeros((2, 3, 4), np.float32))


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "unsupported", lambda precision: None)
    monkeypatch.setitem(sys.modules, "openvino", None)
    runtimes._openvino.cache_clear()
    with pytest.raises(MissingExtraError, match=r"a net in bf16 or int8 needs the 'fast' extra"):
        runtimes.check("bf16")
    runtimes.check("fp32")


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_processors_without_the_instructions_are_told(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "unsupported", lambda precision: "this processor has no instructions for that")
    for name in ("yamnet", "musicnn", "musicnn-vgg", "vggish"):
        with pytest.raises(WeightsError, match=r"no instructions for that\. Use precision='fp32'"):
            plugins.build("backbones", name, precision=precision)


@pytest.mark.parametrize(
    ("flags", "able"),
    [
        ("fpu avx2 avx512_vnni", {"int8"}),
        ("fpu avx2 avx512_vnni amx_bf16", {"int8", "bf16"}),
        ("fpu avx2 avx512f", set()),
        ("", set()),
    ],
)
def test_the_processor_is_asked(flags: str, able: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes.platform, "system", lambda: "Linux")
    monkeypatch.setattr(Path, "read_text", lambda *_: f"processor: 0\nflags\t: {flags}\n")
    runtimes.unsupported.cache_clear()
    try:
        assert {p for p in ("bf16", "int8") if runtimes.unsupported(p) is None} == able
    finally:
        runtimes.unsupported.cache_clear()


def test_an_unknown_precision_is_told() -> None:
    with pytest.raises(RecipeError, match="precision='int4' is unknown; wanted 'fp32' or 'bf16' or 'int8'"):
        plugins.build("backbones", "yamnet", precision="int4")
    with pytest.raises(RecipeError, match="precision='int8' is unknown; wanted 'fp32' or 'bf16'"):
        plugins.build("backbones", "soundnet", precision="int8")


def test_no_word_of_it_leaves_the_machine(tmp_path: Path) -> None:
    """OpenVINO reports that it was imported, if a certain package is there."""
    package = tmp_path / "openvino_telemetry"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('it would be told')\n")
    code = "import sys\nfrom earmark.backbones import runtimes\nruntimes._openvino()\nassert 'openvino_telemetry' not in sys.modules\n"
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("name", ["soundnet", "choi2017", "onnx", "mfcc"])
def test_only_nets_that_can_be_calibrated_are(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runtimes, "unsupported", lambda precision: None)
    with pytest.raises(RecipeError, match=r"has no net in 8 bits|'int8' is unknown; wanted 'fp32' or 'bf16'"):
        recalibrate(Part(name), str(tmp_path))


def test_an_unknown_precision_is_told_also_before_the_net() -> None:
    with pytest.raises(RecipeError, match="yamnet: precision='int4' is unknown"):
        plugins.build("backbones", "yamnet", at="patches", precision="int4")

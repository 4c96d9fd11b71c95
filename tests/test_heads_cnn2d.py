"""The deep net on images: its size, its start, its place on the road, and a model that predicts the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from earmark.backbones.nets import ten_convolutions
from earmark.core import plugins
from earmark.core.errors import DataError
from earmark.data.load import load_dataset
from earmark.models.cross_validate import run
from earmark.models.fit import branch_inputs, fit
from earmark.models.plan import planned
from earmark.models.prepare import prepare
from earmark.models.train import bundle
from earmark.recipes.recipe import Recipe


@pytest.fixture(scope="module")
def noises(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of noise, six sounds each, of 1 to 2 s."""
    folder = tmp_path_factory.mktemp("noises")
    draw = np.random.default_rng(0)
    for label, smooth in (("bright", 1), ("dull", 9)):
        (folder / label).mkdir()
        for i in range(6):
            sound = np.convolve(draw.standard_normal(16000 + 3200 * i), np.ones(smooth) / smooth, "same")
            soundfile.write(folder / label / f"{i}.wav", 0.2 * sound, 16000)
    return folder


def test_has_the_parameters_of_the_net_that_was_run() -> None:
    net = ten_convolutions.module(31, 128, 10)
    assert sum(p.numel() for p in net.parameters()) == 12_712_058
    assert net(torch.zeros(2, 31, 128)).shape == (2, 10)


@pytest.mark.parametrize(("height", "width"), [(150, 150), (31, 200), (5, 9), (1, 1)])
def test_takes_images_of_any_size_and_keeps_the_signal(height: int, width: int) -> None:
    torch.manual_seed(0)
    net = ten_convolutions.module(height, width, 4).eval()
    convolutions = [p for p in net if isinstance(p, torch.nn.Conv2d)]
    assert [p.out_channels for p in convolutions] == [32, 32, 64, 64, 128, 128, 256, 256, 512, 512]
    with torch.inference_mode():
        out = net(torch.randn(8, height, width))
    assert out.shape == (8, 4)
    if height > 10:
        assert 0.3 < out.std() < 10  # under PyTorch's own start it is a thousand times smaller


def test_says_how_to_make_images_of_vectors() -> None:
    head = plugins.build("heads", "cnn2d", epochs=1)
    with pytest.raises(DataError, match=r"yamnet:image\(31\)/cnn2d"):
        head.fit(np.zeros((4, 8), np.float32), ["a", "a", "b", "b"])


def test_a_model_sees_the_images_that_were_learnt_from(noises: Path) -> None:
    recipe = Recipe.parse("mfcc(seconds=0.4, overlap=0.5):image(4)/cnn2d(epochs=2, lr=0.001)")
    data = prepare(load_dataset(noises), [recipe])
    every = np.arange(len(data.labels))
    X, clip = branch_inputs(recipe.branches[0], data, every)
    assert X.shape[1] == 4
    assert np.bincount(clip).max() > 1  # the longer sounds are two images
    plan = planned(data, "clips", 2, 0, recipes=[recipe])
    evaluated = run(recipe, data, protocol="clips", folds=2)
    fitted = fit(recipe, data, every, plan.groups)
    model = bundle(fitted, data, evaluated, plan, seed=0)
    wanted, _ = fitted.scores(data, every)
    embeddings = data.embeddings[recipe.backbones[0]]
    known_as = model.branches[0].backbones[0].fingerprint
    found = np.stack([model.clip_scores({known_as: embeddings.X[embeddings.clip == i]}) for i in every])
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert len(model.timeline(data.dataset.clips[-1].path)) > 1

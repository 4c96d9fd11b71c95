"""What is unlike the training sounds is told by every backbone of a model, not by the first alone."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from pathlib import Path

import numpy as np
import pytest

import earmark as em
from earmark.core.errors import BundleError
from earmark.metrics.out_of_distribution import Novelty
from earmark.models.novelty import compared


@pytest.fixture(scope="module")
def model(sounds: Path) -> em.Model:
    return em.train(sounds, "stack(mfcc/lda,mfcc(coefficients=8)+mfcc(coefficients=12):mean/lda)", folds=2)


def test_every_backbone_is_heard(model: em.Model, sounds: Path, tmp_path: Path) -> None:
    sizes = {key: prod(b.shape) for key, b in model.backbones.items()}
    assert len(sizes) == 3
    heard = [key for key, size in sizes.items() if size <= 4096]
    assert len(heard) == 3
    assert model.novelty is not None
    assert model.novelty.means.shape[1] == sum(sizes[key] for key in heard)
    for key in heard:  # whichever of them finds a sound strange, the sum does
        sound = model.embeddings(next(sounds.parent.rglob("*.wav")))
        known = model.predict_embeddings(sound)
        strange = model.predict_embeddings({**sound, key: -sound[key]})
        assert (known.unknown, strange.unknown) == (False, True)
    back = em.load_model(model.save(tmp_path / "model"))
    found = next(sounds.parent.rglob("*.wav"))
    assert back.predict(found) == model.predict(found)


def test_older_models_hear_their_first_backbone(model: em.Model, sounds: Path, tmp_path: Path) -> None:
    assert model.novelty is not None
    width = prod(next(iter(model.backbones.values())).shape)
    cut = replace(model.novelty, means=model.novelty.means[:, :width], axes=model.novelty.axes[:, :width])
    assert compared(model.backbones, width) == tuple(model.backbones)[:1]
    old = em.load_model(replace(model, novelty=cut).save(tmp_path / "old"))
    assert isinstance(old.novelty, Novelty)
    old.predict(next(sounds.parent.rglob("*.wav")))
    wrong = replace(
        cut,
        means=np.zeros((2, width + 1), np.float32),
        axes=np.zeros((1, width + 1), np.float32),
        relief=cut.relief[:1],
    )
    with pytest.raises(BundleError, match=f"about vectors of {width + 1} numbers"):
        em.load_model(replace(model, novelty=wrong).save(tmp_path / "wrong"))

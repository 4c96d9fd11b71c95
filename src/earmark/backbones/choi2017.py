"""choi2017: music, one embedding of 160 numbers per 29 s, a small convnet trained to tag songs.

The front end is that of the authors' Keras 2 model (kapre 0.1): 12 kHz, FFT 512, hop 256, 96 Slaney mel bands of the
power from 0 to 6000 Hz, decibels at most 80 below the clip's peak, standardised per clip. Whatever is longer than
29 s gives a window for every whole 29 s.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np

from earmark.audio.mel import MelSpec, below_peak, log_mel
from earmark.backbones.base import About, Backbone, Floats
from earmark.backbones.weights.sets import File, Form, WeightSet
from earmark.core.errors import RecipeError

from . import _windows

ABOUT = About(
    summary="music; five layers of a small convnet side by side",
    trained_on="Million Song Dataset, Last.fm tags",
    licence="none stated",
    citation="Choi, Fazekas, Sandler and Cho, Transfer learning for music classification and regression tasks, "
    "ISMIR 2017, https://arxiv.org/abs/1703.09179",
    weights="choi2017",
    shape=(160,),
    sample_rate=12000,
    window=29.0,
    hop=29.0,
)
SPEC = MelSpec(sample_rate=12000, n_fft=512, hop_length=256, n_mels=96, fmax=6000.0, log="db")
WINDOW = 29 * SPEC.sample_rate
FRAMES = -(-WINDOW // SPEC.hop_length)  # "same": as many frames as hops begin
PADDING = SPEC.samples_of(FRAMES) - WINDOW  # zeros before and after the window together
WEIGHTS = (
    WeightSet(
        name="choi2017",
        net="choi2017",
        inputs=(SPEC.n_mels, FRAMES),
        outputs=("embedding",),
        licence=ABOUT.licence,
        trained_on=ABOUT.trained_on,
        homepage="https://github.com/keunwoochoi/transfer_learning_music",
        forms=(
            Form(
                (
                    File(
                        "model_best.hdf5",
                        "b5042bd44de1fdd9d757b764d9246e6934f47c8bdc5c15bf13566495f3439d48",
                        url="https://github.com/keunwoochoi/transfer_learning_music/raw/master/keras2_model/model_best.hdf5",
                    ),
                )
            ),
        ),
    ),
)


def front(window: Floats, left: int) -> Floats:
    """A window of samples -> standardised decibels (96, frames); ``left`` zeros go before it."""
    decibels = below_peak(log_mel(np.pad(window, (left, PADDING - left)), SPEC))
    standardised: Floats = (decibels - decibels.mean()) / (decibels.std() + np.float32(1e-10))
    return standardised.T


def build(
    *,
    at: str = "embedding",
    hop: float = 29.0,
    pad: str = "repeat",
    left: int = SPEC.n_fft // 2,
    precision: str = "fp32",
    weights: Path | str | bytes | None = None,
) -> Backbone:
    """One embedding per 29 s, every ``hop`` seconds.

    ``at``: "embedding" (160) or "patches" (the net's input, 96 x 1360). ``pad``: sounds shorter than 29 s are
    repeated ("repeat") or get zeros ("zero", as the authors do). ``left``: of the 416 zeros around a window, how many
    go before it: 256 centre the frames, as the features that are passed around were made; 208 are what "same" means
    to Keras on TensorFlow (the embeddings of the two correlate at .997). ``precision``: "fp32", or "bf16" on processors made
    for it. ``weights``: an ONNX file to use instead of the installed one.
    """
    if not 0 <= left <= PADDING:
        raise RecipeError(f"choi2017: left={left!r}: wanted a number of samples from 0 to {PADDING}")
    hop_samples = _windows.samples_in(hop, SPEC.sample_rate, "choi2017")
    inputs = (SPEC.n_mels, FRAMES)
    return _windows.build(
        "choi2017",
        sample_rate=SPEC.sample_rate,
        window=WINDOW,
        hop=hop_samples,
        inputs=inputs,
        at=at,
        pad=pad,
        front=_windows.each(WINDOW, hop_samples, inputs, lambda window: front(window, left)),
        weights_name="choi2017",
        weights=weights,
        about=ABOUT,
        facts={"front": asdict(SPEC), "left": left},
        precision=precision,
        params={"at": at, "hop": hop, "pad": pad, "left": left, "precision": precision},
    )

"""aisfx: sound effects, 512 numbers per 2.3 s, trained on libraries of recorded effects.

The front end is Essentia's, as in the paper: 44.1 kHz, FFT 2048, hop 1024, frames centred on their time, a
*symmetric* Hann window, 96 HTK mel bands up to 22050 Hz whose weights add up to one, log10(1 + 10000 x) of the power,
scaled by the largest value met in training. An embedding is a patch of 100 frames (2.3 s), every 50 frames.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np

from earmark.audio.mel import MelSpec, filters, log_mel, patches
from earmark.backbones.base import About, Backbone, Floats
from earmark.backbones.weights.sets import File, Form, Package, WeightSet

from . import _patches, _windows

ABOUT = About(
    summary="sound effects; CNN on log-mel",
    trained_on="sound-effect libraries",
    licence="CC BY 4.0",
    citation="Ma, Zhang, Kum, McFee, Representation Learning for the Automatic Indexing of Sound Effects Libraries, "
    "ISMIR 2022, https://arxiv.org/abs/2208.09096",
    weights="aisfx",
    shape=(512,),
    sample_rate=44100,
    window=2.345,
    hop=1.161,
)
# The symmetric Hann window of 2048 points ends on a zero; without it it is the periodic one of 2047.
SPEC = MelSpec(
    sample_rate=44100,
    n_fft=2048,
    win_length=2047,
    hop_length=1024,
    n_mels=96,
    scale="htk",
    triangles="mel",
    norm=None,
    power=2,
    log="none",
)
FRAMES = 100
LARGEST = 9.457798957824707  # of the training data
WEIGHTS = (
    WeightSet(
        name="aisfx",
        net="aisfx",
        inputs=(FRAMES, SPEC.n_mels),
        outputs=("embedding",),
        licence=ABOUT.licence,
        trained_on=ABOUT.trained_on,
        homepage="https://github.com/alisonbma/aiSFX",
        forms=(
            Form(
                (
                    File(
                        "checkpoint.pth",
                        "499ea75909c932a2f94c35fa722fa4fabc5bcb7e84917209cc5f7402627b7eb5",
                        member="aisfx/models/checkpoint.pth",
                    ),
                ),
                package=Package("aisfx==0.1.2", "bfe219950715af179e9a1653e7117cc1852baef267cd6596c42cad74afe1d194"),
            ),
        ),
    ),
)


def front(samples: Floats, hop_frames: int) -> Floats:
    """Samples -> scaled log-mel patches (windows, 100, 96)."""
    areas = filters(SPEC).sum(axis=1)
    mel = log_mel(samples, SPEC) / areas
    scaled = np.log10(mel * np.float32(10000) + 1) / np.float32(LARGEST)
    return np.ascontiguousarray(patches(scaled.astype(np.float32, copy=False), FRAMES, hop_frames))


def build(
    *,
    at: str = "embedding",
    hop: float = 1.161,
    pad: str = "repeat",
    precision: str = "fp32",
    weights: Path | str | bytes | None = None,
) -> Backbone:
    """Embeddings every ``hop`` seconds (whole frames of 23 ms; 1.161 s is half a window, as in the paper).

    ``at``: "embedding" (512), a block of the net such as "block3", or "patches" (its input, 100 x 96). ``pad``:
    sounds shorter than 2.3 s are repeated ("repeat") or get zeros ("zero"). ``precision``: "fp32", or "bf16" on
    processors made for it. ``weights``: an ONNX file to use instead of the installed one.
    """
    hop_frames = _patches.whole_frames(hop, SPEC)
    return _windows.build(
        "aisfx",
        sample_rate=SPEC.sample_rate,
        window=SPEC.samples_of(FRAMES),
        hop=hop_frames * SPEC.hop_length,
        inputs=(FRAMES, SPEC.n_mels),
        front=lambda samples: front(samples, hop_frames),
        at=at,
        pad=pad,
        weights_name="aisfx",
        weights=weights,
        about=ABOUT,
        pad_left=SPEC.n_fft // 2,
        facts={"front": asdict(SPEC), "areas": "one", "largest": LARGEST},
        precision=precision,
        params={"at": at, "hop": hop, "pad": pad, "precision": precision},
    )

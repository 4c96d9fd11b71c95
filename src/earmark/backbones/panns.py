"""panns: general sound, 2048 or 1024 numbers per 10 s, trained on all of AudioSet.

The log-mel is torchlibrosa's: FFT 1024 (16 kHz: 512), hop 10 ms, frames centred with the window's ends mirrored, 64
Slaney mel bands of the power from 50 Hz, decibels. An embedding is a window of 10 s, as in training. The weights are on
Zenodo; they cannot be had through the Python package index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from earmark.audio.mel import MelSpec, log_mel
from earmark.backbones.base import About, Backbone, Floats
from earmark.backbones.weights.sets import File, Form, WeightSet
from earmark.core.errors import RecipeError

from . import _windows

ABOUT = About(
    summary="general sound; CNN14 or a MobileNet on log-mel",
    trained_on="AudioSet",
    licence="CC BY 4.0",
    citation="Kong, Cao, Iqbal, Wang, Wang, Plumbley, PANNs: Large-Scale Pretrained Audio Neural Networks for Audio "
    "Pattern Recognition, 2020, https://arxiv.org/abs/1912.10211",
    weights="panns-cnn14",
    shape=(2048,),
    sample_rate=32000,
    window=10.0,
    hop=5.0,
)
SECONDS = 10
AT_32K = MelSpec(sample_rate=32000, n_fft=1024, hop_length=320, n_mels=64, fmin=50.0, fmax=14000.0, log="db")
AT_16K = MelSpec(sample_rate=16000, n_fft=512, hop_length=160, n_mels=64, fmin=50.0, fmax=8000.0, log="db")
SPECS: Mapping[str, MelSpec] = {"cnn14": AT_32K, "cnn14-16k": AT_16K, "mobilenetv1": AT_32K, "mobilenetv2": AT_32K}
FRAMES = 1 + SECONDS * AT_32K.sample_rate // AT_32K.hop_length
ZENODO = "https://zenodo.org/records/3987831"


def _set(net: str, published: str, sha256: str | None = None) -> WeightSet:
    # Only a file whose sha256 is known is fetched; the others a user brings, and what is found is written down.
    url = f"{ZENODO}/files/{published.replace('=', '%3D')}?download=1" if sha256 else None
    return WeightSet(
        name=f"panns-{net}",
        net="panns",
        inputs=(FRAMES, 64),
        outputs=("embedding", "scores"),
        licence=ABOUT.licence,
        trained_on=ABOUT.trained_on,
        homepage=ZENODO,
        forms=(Form((File(published, sha256, url=url),)),),
        options={"net": net.removesuffix("-16k")},
    )


WEIGHTS = (
    _set("cnn14", "Cnn14_mAP=0.431.pth", "0dc499e40e9761ef5ea061ffc77697697f277f6a960894903df3ada000e34b31"),
    _set("cnn14-16k", "Cnn14_16k_mAP=0.438.pth", "e2ee543a27919542c2ea03eabaa70b24dcd4e6c8e05621de6b67a94e4c5058e6"),
    _set("mobilenetv1", "MobileNetV1_mAP=0.389.pth"),
    _set("mobilenetv2", "MobileNetV2_mAP=0.383.pth"),
)


def front(window: Floats, spec: MelSpec) -> Floats:
    """A window of 10 s -> decibels (1001, 64)."""
    return log_mel(np.pad(window, spec.n_fft // 2, mode="reflect"), spec)


def build(
    *,
    net: str = "cnn14",
    at: str = "embedding",
    hop: float = 5.0,
    pad: str = "repeat",
    precision: str = "fp32",
    weights: Path | str | bytes | None = None,
) -> Backbone:
    """Embeddings of windows of 10 s, every ``hop`` seconds.

    ``net``: "cnn14" (2048 numbers), "cnn14-16k" (the same for sound of 16 kHz), "mobilenetv1" or "mobilenetv2"
    (1024). ``at``: "embedding", "scores" (527 AudioSet classes), a block of the net such as "block5",
    or "patches" (its input, 1001 x 64). ``pad``: sounds shorter than 10 s are repeated ("repeat") or get zeros ("zero").
    ``precision``: "fp32", or "bf16" on processors made for it. ``weights``: an ONNX file to use instead of the installed
    one.
    """
    if net not in SPECS:
        raise RecipeError(f"panns: net={net!r} is unknown; wanted one of {', '.join(SPECS)}")
    spec = SPECS[net]
    window, hop_samples = SECONDS * spec.sample_rate, _windows.samples_in(hop, spec.sample_rate, "panns")
    inputs = (FRAMES, spec.n_mels)
    return _windows.build(
        "panns",
        sample_rate=spec.sample_rate,
        window=window,
        hop=hop_samples,
        inputs=inputs,
        at=at,
        pad=pad,
        front=_windows.each(window, hop_samples, inputs, lambda samples: front(samples, spec)),
        weights_name=f"panns-{net}",
        weights=weights,
        about=ABOUT,
        facts={"front": asdict(spec), "net": net},
        precision=precision,
        params={"net": net, "at": at, "hop": hop, "pad": pad, "precision": precision},
    )

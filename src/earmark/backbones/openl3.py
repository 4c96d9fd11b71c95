"""OpenL3: music or environmental sound, 512 or 6144 numbers per second, learnt by matching sound and picture.

The log-mel is that of the original OpenL3 (kapre 0.1): 48 kHz, FFT 2048, hop 242, "same" padding within the window,
128 or 256 HTK mel bands (Slaney's area norm) of the power, square root, decibels as of a power, at most 80 below the
window's peak. (openl3 0.4 builds its front end from a later kapre; that one was not compared.) An embedding is a window of
1 s. The weights are in openl3's repository; they cannot be had through the Python package index.
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
    summary="music or environmental sound; learnt from videos without labels",
    trained_on="AudioSet videos of music (music) or of the environment (env)",
    licence="CC BY 4.0",
    citation="Cramer, Wu, Salamon, Bello, Look, Listen and Learn More: Design Choices for Deep Audio Embeddings, "
    "ICASSP 2019, https://github.com/marl/openl3",
    weights="openl3-mel256-music",
    shape=(512,),
    sample_rate=48000,
    window=1.0,
    hop=0.5,
)
SAMPLE_RATE = WINDOW = 48000
HOP_LENGTH = 242
FRAMES = -(-WINDOW // HOP_LENGTH)
CONTENTS, MELS, SIZES = ("music", "env"), (128, 256), {512: "small", 6144: "large"}
KNOWN = {"openl3_audio_mel256_music-v0_4_0.h5.gz": "e379f41e880b78e157c199ebddac80d3764e6a46282bcccdbe875bcf538f9afd"}


def spec_of(mels: int) -> MelSpec:
    """The front end. The decibels of the amplitude taken as a power: 5 log10 of the power."""
    return MelSpec(
        sample_rate=SAMPLE_RATE, n_fft=2048, hop_length=HOP_LENGTH, n_mels=mels, scale="htk", norm="slaney", log="none"
    )


def _set(content: str, mels: int) -> WeightSet:
    plain = f"openl3_audio_mel{mels}_{content}.h5"
    packed = f"openl3_audio_mel{mels}_{content}-v0_4_0.h5.gz"
    sha256 = KNOWN.get(packed)
    url = f"https://github.com/marl/openl3/raw/models/{packed}" if sha256 else None
    port = (f"torchopenl3_mel{mels}_{content}_{size}.pth.tar" for size in SIZES)  # the same weights in both
    return WeightSet(
        name=f"openl3-mel{mels}-{content}",
        net="openl3",
        inputs=(mels, FRAMES),
        outputs=tuple(SIZES.values()),
        licence=ABOUT.licence,
        trained_on=f"AudioSet, videos of {'music' if content == 'music' else 'the environment'}",
        homepage="https://github.com/marl/openl3",
        forms=(
            Form((File(packed, sha256, url=url),)),
            Form((File(plain),)),
            *(Form((File(name),), convert="from_torchopenl3") for name in port),
        ),
        options={"mels": mels},
    )


WEIGHTS = tuple(_set(content, mels) for content in CONTENTS for mels in MELS)


def front(window: Floats, spec: MelSpec) -> Floats:
    """A window of 1 s -> decibels below its peak (mels, 199)."""
    padding = spec.samples_of(FRAMES) - WINDOW
    amplitude = np.sqrt(log_mel(np.pad(window, (padding // 2, padding - padding // 2)), spec))
    return below_peak(10 * np.log10(np.maximum(amplitude, np.float32(1e-10)))).T


def build(
    *,
    content: str = "music",
    mels: int = 256,
    size: int = 512,
    at: str | None = None,
    hop: float = 0.5,
    pad: str = "repeat",
    precision: str = "fp32",
    weights: Path | str | bytes | None = None,
) -> Backbone:
    """Embeddings of windows of 1 s, every ``hop`` seconds.

    ``content``: trained on "music" or "env". ``mels``: 128 or 256. ``size``: 512 or 6144 numbers. ``at``: instead,
    a block of the net such as "conv6", or "patches" (its input, mels x 199). ``pad``: sounds shorter than 1 s are
    repeated ("repeat") or get zeros ("zero", as the reference does). ``precision``: "fp32", or "bf16" on processors
    made for it. ``weights``: an ONNX file to use instead of the installed one.
    """
    for name, value, choices in (("content", content, CONTENTS), ("mels", mels, MELS), ("size", size, tuple(SIZES))):
        if value not in choices:
            raise RecipeError(f"openl3: {name}={value!r} is unknown; wanted {' or '.join(map(repr, choices))}")
    spec, block, inputs = spec_of(mels), at or SIZES[size], (mels, FRAMES)
    hop_samples = _windows.samples_in(hop, SAMPLE_RATE, "openl3")
    return _windows.build(
        "openl3",
        sample_rate=SAMPLE_RATE,
        window=WINDOW,
        hop=hop_samples,
        inputs=inputs,
        at=block,
        pad=pad,
        front=_windows.each(WINDOW, hop_samples, inputs, lambda window: front(window, spec)),
        weights_name=f"openl3-mel{mels}-{content}",
        weights=weights,
        about=ABOUT,
        facts={"front": asdict(spec), "content": content},
        precision=precision,
        params={
            "content": content,
            "mels": mels,
            "size": size,
            "at": at,
            "hop": hop,
            "pad": pad,
            "precision": precision,
        },
    )

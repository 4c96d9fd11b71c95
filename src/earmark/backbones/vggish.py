"""VGGish: general sound, 128 numbers per 0.96 s, trained on a preliminary YouTube-8M.

The log-mel is that of AudioSet's vggish: 16 kHz, frames of 25 ms every 10 ms, FFT 512, 64 HTK mel bands from 125 to
7500 Hz of the magnitude, ln(x + 0.01). An embedding is a patch of 96 frames (0.96 s), patches do not overlap. Google
publishes the weights, but they cannot be had through the Python package index.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from earmark.backbones.base import About, Backbone
from earmark.backbones.weights.sets import File, Form, WeightSet
from earmark.core.errors import RecipeError

from . import _patches
from .yamnet import FRAMES
from .yamnet import SPEC as YAMNET

ABOUT = About(
    summary="general sound; VGG on log-mel",
    trained_on="YouTube-8M (preliminary)",
    licence="Apache-2.0",
    citation="Hershey et al., CNN Architectures for Large-Scale Audio Classification, ICASSP 2017, "
    "https://arxiv.org/abs/1609.09430",
    weights="vggish",
    shape=(128,),
    sample_rate=16000,
    window=0.975,
    hop=0.96,
)
SPEC = replace(YAMNET, offset=0.01)  # the rest is alike
OUTPUTS = {"raw": "embedding", "relu": "rectified", "pca": "pca"}
_CKPT = File(
    "vggish_model.ckpt",
    "0962b1914e3e053922d957c45bc84a78c985765641dc6bceeeb3a7d8dfecfdf6",
    url="https://storage.googleapis.com/audioset/vggish_model.ckpt",
)
_PCA = File(
    "vggish_pca_params.npz",
    "4d878af3e306defbfb37095365aa7e5a6cecb86bad13e859e626151c4e6a8b9d",
    url="https://storage.googleapis.com/audioset/vggish_pca_params.npz",
)
# Of these two no full sha256 is published: what is found is written down.
_PORT = File("vggish-10086976.pth")
_TFHUB = (File("variables.index"), File("variables.data-00000-of-00001"))


def _set(name: str, output: str, *more: File) -> WeightSet:
    return WeightSet(
        name=name,
        net="vggish",
        inputs=(FRAMES, SPEC.n_mels),
        outputs=("embedding", output),
        licence=ABOUT.licence,
        trained_on=ABOUT.trained_on,
        homepage="https://github.com/tensorflow/models/tree/master/research/audioset/vggish",
        forms=(
            Form((_CKPT, *more)),
            Form((_PORT, *more), convert="from_torchvggish"),
            Form((*_TFHUB, *more), convert="from_tfhub"),
        ),
        options={"pca": output == "pca"},
    )


WEIGHTS = (_set("vggish", "rectified"), _set("vggish-pca", "pca", _PCA))


def build(
    *,
    output: str = "raw",
    at: str | None = None,
    hop: float = 0.96,
    pad: str = "repeat",
    trim: float | None = None,
    precision: str = "fp32",
    weights: Path | str | bytes | None = None,
) -> Backbone:
    """Embeddings of VGGish every ``hop`` seconds (whole frames of 10 ms).

    ``output``: "raw" (128, before any activation), "relu" (what the torchvggish port gives), or "pca" (whitened,
    clipped to ±2 and quantised to 0 … 255 like the features of AudioSet; needs the weights "vggish-pca").
    ``at``: instead, a block of the net such as "pool3" (256 x 12 x 8), or "patches" (its input, 96 x 64).
    ``pad``: sounds shorter than 0.975 s are repeated ("repeat") or get zeros ("zero"). ``trim``: decibels;
    what lies further below the loudest moment at both ends is excluded first (librosa's ``effects.trim``; 60 is
    usual), and the embeddings' times count from there. ``precision``: "fp32", or "bf16" or "int8" on processors made
    for them. ``weights``: an ONNX net to use instead of the installed one.
    """
    if output not in OUTPUTS:
        raise RecipeError(f"vggish: output={output!r} is unknown; wanted {', '.join(map(repr, OUTPUTS))}")
    return _patches.build(
        "vggish",
        spec=SPEC,
        frames=FRAMES,
        hop=hop,
        at=at or OUTPUTS[output],
        pad=pad,
        weights_name="vggish-pca" if output == "pca" else "vggish",
        weights=weights,
        about=ABOUT,
        trim=trim,
        batch=32,
        precision=precision,
        params={"output": output, "at": at, "hop": hop, "pad": pad, "trim": trim, "precision": precision},
    )

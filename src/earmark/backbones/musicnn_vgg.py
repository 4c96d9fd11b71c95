"""musicnn-vgg: music, 256 numbers per 3 s, a VGG trained to tag songs. The log-mel is musicnn's."""

from __future__ import annotations

from pathlib import Path

from earmark.backbones.base import About, Backbone
from earmark.backbones.weights.sets import WeightSet

from . import _patches
from .musicnn import FRAMES, PAD_LEFT, SPEC, TAGS, TRAINED_ON, checkpoint, trained_weights

ABOUT = About(
    summary="music; a VGG",
    trained_on="Million Song Dataset tags (msd) or MagnaTagATune (mtt)",
    licence="ISC",
    citation="Pons and Serra, musicnn, 2019, https://arxiv.org/abs/1909.06654",
    weights="musicnn-vgg-msd",
    shape=(256,),
    sample_rate=16000,
    window=3.008,
    hop=1.504,
)
# Size and stride of the five max pools, (time, frequency): as the graphs beside the checkpoints have them.
POOLS = {
    "msd": (((4, 1), (4, 1)), ((1, 4), (1, 4)), ((2, 2), (2, 2)), ((2, 2), (2, 2)), ((4, 4), (4, 4))),
    "mtt": (((4, 1), (2, 2)), ((2, 2), (2, 2)), ((2, 2), (2, 2)), ((2, 2), (2, 2)), ((4, 4), (4, 4))),
}


def _set(trained: str, index: str, data: str) -> WeightSet:
    return WeightSet(
        name=f"musicnn-vgg-{trained}",
        net="musicnn_vgg",
        inputs=(FRAMES, SPEC.n_mels),
        outputs=("embedding", "logits"),
        licence=ABOUT.licence,
        trained_on=TRAINED_ON[trained],
        homepage="https://github.com/jordipons/musicnn",
        forms=checkpoint(f"{trained.upper()}_vgg", index, data),
        options={"pools": POOLS[trained]},
        facts={"labels": TAGS[trained]},
    )


WEIGHTS = (
    _set(
        "msd",
        "50e499238457558bba9f34f8b84d4afb8279afd43520cdf0a4fdf805a49c9ca3",
        "9683d756b8311146534f333502ebf4a2a78a3e320c54ab0411dff6186d8375fc",
    ),
    _set(
        "mtt",
        "4b0d3d2d02bbe0919c063c1fb74bfa9018ac3517e362d681b07444d4207a5f5f",
        "458f5c8bcecc086a3bba3dce83809df6da6e0a3560a59ddd84711bf3d5fd8303",
    ),
)


def build(
    *,
    at: str = "embedding",
    trained: str = "msd",
    hop: float = 1.5,
    pad: str = "repeat",
    precision: str = "fp32",
    weights: Path | str | bytes | None = None,
) -> Backbone:
    """Embeddings of the VGG every ``hop`` seconds (whole frames of 16 ms).

    ``at``: "embedding" (256: the last pool), "logits" (50 tags), a block of the net such as "pool3", or "patches"
    (its input, 187 x 96). ``trained``: "msd" or "mtt". ``pad``: sounds shorter than 3 s are repeated ("repeat") or
    get zeros ("zero"). ``precision``: "fp32", or "bf16" or "int8" on processors made for them. ``weights``: an ONNX
    net to use instead of the installed one.
    """
    return _patches.build(
        "musicnn-vgg",
        spec=SPEC,
        frames=FRAMES,
        hop=hop,
        at=at,
        pad=pad,
        weights=weights,
        about=ABOUT,
        pad_left=PAD_LEFT,
        precision=precision,
        weights_name=trained_weights("musicnn-vgg", trained),
        params={"at": at, "trained": trained, "hop": hop, "pad": pad, "precision": precision},
    )

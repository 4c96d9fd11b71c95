"""musicnn: music, 200 numbers per 3 s, trained to tag songs.

The log-mel is librosa's: 16 kHz, FFT 512, hop 256, centred frames, 96 Slaney mel bands of the power,
log10(1 + 10000 x). An embedding is a patch of 187 frames (3 s).
"""

from __future__ import annotations

from pathlib import Path

from earmark.audio.mel import MelSpec
from earmark.backbones.base import About, Backbone
from earmark.backbones.weights.sets import File, Form, Package, WeightSet
from earmark.core.errors import RecipeError

from . import _patches

ABOUT = About(
    summary="music; filters shaped by timbre and rhythm",
    trained_on="Million Song Dataset tags (msd) or MagnaTagATune (mtt)",
    licence="ISC",
    citation="Pons and Serra, musicnn, 2019, https://arxiv.org/abs/1909.06654",
    weights="musicnn-msd",
    shape=(200,),
    sample_rate=16000,
    window=3.008,
    hop=1.504,
)
SPEC = MelSpec(
    sample_rate=16000,
    n_fft=512,
    hop_length=256,
    n_mels=96,
    scale="slaney",
    norm="slaney",
    power=2,
    log="log10",
    gain=10000.0,
    offset=1.0,
)
FRAMES = 187
PAD_LEFT = SPEC.n_fft // 2  # centred frames
PACKAGE = Package("musicnn==0.1.0", "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa")
TRAINED_ON = {"msd": "Million Song Dataset, Last.fm tags", "mtt": "MagnaTagATune"}
# The 50 tags in the order of the logits (musicnn/configuration.py upstream).
TAGS = {
    "msd": (  # noqa: SIM905 (a list of quoted words is three times as long)
        "rock,pop,alternative,indie,electronic,female vocalists,dance,00s,alternative rock,jazz,beautiful,metal,"
        "chillout,male vocalists,classic rock,soul,indie rock,Mellow,electronica,80s,folk,90s,chill,instrumental,"
        "punk,oldies,blues,hard rock,ambient,acoustic,experimental,female vocalist,guitar,Hip-Hop,70s,party,country,"
        "easy listening,sexy,catchy,funk,electro,heavy metal,Progressive rock,60s,rnb,indie pop,sad,House,happy"
    ).split(","),
    "mtt": (  # noqa: SIM905
        "guitar,classical,slow,techno,strings,drums,electronic,rock,fast,piano,ambient,beat,violin,vocal,synth,female,"
        "indian,opera,male,singing,vocals,no vocals,harpsichord,loud,quiet,flute,woman,male vocal,no vocal,pop,soft,"
        "sitar,solo,man,classic,choir,voice,new age,dance,male voice,female vocal,beats,harp,cello,no voice,weird,"
        "country,metal,female voice,choral"
    ).split(","),
}


def checkpoint(folder: str, index: str, data: str) -> tuple[Form, ...]:
    """The two files of a TensorFlow checkpoint in the wheel."""
    files = (
        File(".index", index, member=f"musicnn/{folder}/.index"),
        File(".data-00000-of-00001", data, member=f"musicnn/{folder}/.data-00000-of-00001"),
    )
    return (Form(files, PACKAGE),)


def _set(trained: str, index: str, data: str) -> WeightSet:
    return WeightSet(
        name=f"musicnn-{trained}",
        net="musicnn",
        inputs=(FRAMES, SPEC.n_mels),
        outputs=("pooled", "penultimate", "logits"),
        licence=ABOUT.licence,
        trained_on=TRAINED_ON[trained],
        homepage="https://github.com/jordipons/musicnn",
        forms=checkpoint(f"{trained.upper()}_musicnn", index, data),
        facts={"labels": TAGS[trained]},
    )


WEIGHTS = (
    _set(
        "msd",
        "87f3e0f3550c8d3bafc840374003e5c8af5eeb5ecf6add61af09a7822d3282c8",
        "8579734ee6388f799ed0def4bbd0d1fdcbeaf213ef2a9dc860917bd76a303de6",
    ),
    _set(
        "mtt",
        "da2d7bb670b2b31e9bc441bb1bd75eca31b5b061f963cc1f9630c1aff3238f57",
        "041f3935e981a65cea739842d30c188d3a7d2adf4410955c8668eb3de4a5acab",
    ),
)


def trained_weights(name: str, trained: str) -> str:
    """Name of the weights of backbone ``name``. Raises RecipeError unless ``trained`` is known."""
    if trained not in TRAINED_ON:
        raise RecipeError(f"{name}: trained={trained!r} is unknown; wanted {' or '.join(map(repr, TRAINED_ON))}")
    return f"{name}-{trained}"


def build(
    *,
    at: str = "penultimate",
    trained: str = "msd",
    hop: float = 1.5,
    pad: str = "repeat",
    precision: str = "fp32",
    weights: Path | str | bytes | None = None,
) -> Backbone:
    """Embeddings of musicnn every ``hop`` seconds (whole frames of 16 ms).

    ``at``: "penultimate" (200), "pooled" (1506: maximum and mean over time of 753 channels), "logits" (50 tags), a
    block of the net such as "front" (561 x 187), or "patches" (its input, 187 x 96). ``trained``: "msd" or "mtt".
    ``pad``: sounds shorter than 3 s are repeated ("repeat") or get zeros ("zero"). ``precision``: "fp32", or "bf16" or
    "int8" on processors made for them. ``weights``: an ONNX net to use instead of the installed one.
    """
    return _patches.build(
        "musicnn",
        spec=SPEC,
        frames=FRAMES,
        hop=hop,
        at=at,
        pad=pad,
        weights=weights,
        about=ABOUT,
        pad_left=PAD_LEFT,
        precision=precision,
        weights_name=trained_weights("musicnn", trained),
        params={"at": at, "trained": trained, "hop": hop, "pad": pad, "precision": precision},
    )

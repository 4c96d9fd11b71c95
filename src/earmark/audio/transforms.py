"""What can be done to a sound: exact changes by name, for augmented copies and for tests of robustness.

Each function takes samples (n,) float32 mono, their rate in Hz, a random generator (only ``noise`` uses it) and its
parameters, and gives float32 samples. Pitch, tempo and filters are audiomentations' (Signalsmith's stretch, Butterworth
filters), run with fixed parameters: the library draws from global random state, which no thread here may touch.
Codecs go through FFmpeg (PyAV), in memory.
"""

from __future__ import annotations

import hashlib
import inspect
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from ..core.errors import MissingExtraError, RecipeError
from ..core.spec import Part

Floats = NDArray[np.float32]
Random = np.random.Generator
REVISION = 1  # raise it when an effect's numbers change: it is part of the cache's key

_MP3_RATES = (16000, 22050, 24000, 32000, 44100, 48000)
_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)


@dataclass(frozen=True)
class Change:
    """A change with its parameters. The same ``key`` and the same clip give the same samples."""

    key: str
    apply: Callable[[Floats, int, Random], Floats]

    def __call__(self, samples: Floats, rate: int, clip: str) -> Floats:
        """Samples (n,) of the clip with the content key ``clip``, changed."""
        seed = hashlib.sha256(f"{self.key} {clip}".encode()).digest()[:8]
        changed = self.apply(samples, rate, np.random.default_rng(int.from_bytes(seed)))
        return np.ascontiguousarray(changed, np.float32)


def exact(part: Part) -> Change:
    """The effect that a part names, e.g. ``mp3(kbps=32)``. Raises RecipeError if there is none, or no such parameter."""
    check(part, EFFECTS, "effect")
    return Change(
        f"effect {REVISION} {part}", lambda x, rate, random: EFFECTS[part.name](x, rate, random, **part.kwargs)
    )


def check(part: Part, known: Mapping[str, Callable[..., Any]], kind: str) -> None:
    """Raise RecipeError unless ``known`` has the part and it takes its parameters."""
    if part.name not in known:
        raise RecipeError(f"no {kind} is called {part.name!r}. There are: {', '.join(known)}")
    takes = {
        p.name: p.default
        for p in inspect.signature(known[part.name]).parameters.values()
        if p.kind is inspect.Parameter.KEYWORD_ONLY
    }
    for key, value in part.params:
        if key not in takes:
            raise RecipeError(f"{kind} {part.name!r} has no parameter {key!r}. It takes: {', '.join(takes) or 'none'}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise RecipeError(f"{kind} {part}: {key}={value!r}; wanted a number")
    missing = [k for k, default in takes.items() if default is inspect.Parameter.empty and k not in part.kwargs]
    if missing:
        raise RecipeError(f"{kind} {part}: {missing[0]} is missing, e.g. {part.name}({missing[0]}=…)")


def pitch(x: Floats, rate: int, random: Random, *, semitones: float) -> Floats:  # noqa: ARG001
    """Higher or lower by ``semitones``, as long as before."""
    return _library("PitchShift", x, rate, num_semitones=semitones)


def tempo(x: Floats, rate: int, random: Random, *, factor: float) -> Floats:  # noqa: ARG001
    """``factor`` times as fast, at the same pitch."""
    return _library("TimeStretch", x, rate, options={"leave_length_unchanged": False}, rate=factor)


def gain(x: Floats, rate: int, random: Random, *, db: float) -> Floats:  # noqa: ARG001
    """Louder or softer; what goes beyond full scale is cut off, as a recorder does."""
    return np.asarray(np.clip(x * np.float32(10 ** (db / 20)), -1, 1), np.float32)


def noise(x: Floats, rate: int, random: Random, *, snr: float) -> Floats:  # noqa: ARG001
    """White noise, ``snr`` dB below the power of the whole sound."""
    level = float(np.sqrt(np.square(x, dtype=np.float64).mean())) * 10 ** (-snr / 20)
    return x + random.standard_normal(len(x), np.float32) * np.float32(level)


def lowpass(x: Floats, rate: int, random: Random, *, hz: float) -> Floats:  # noqa: ARG001
    """Nothing above ``hz`` (48 dB per octave)."""
    return x if hz >= 0.49 * rate else _library("LowPassFilter", x, rate, cutoff_freq=hz, rolloff=48)


def highpass(x: Floats, rate: int, random: Random, *, hz: float) -> Floats:  # noqa: ARG001
    """Nothing below ``hz`` (48 dB per octave)."""
    return _library("HighPassFilter", x, rate, cutoff_freq=hz, rolloff=48)


def bandpass(x: Floats, rate: int, random: Random, *, low: float, high: float) -> Floats:
    """Only what lies between ``low`` and ``high`` Hz."""
    return highpass(lowpass(x, rate, random, hz=high), rate, random, hz=low)


def telephone(x: Floats, rate: int, random: Random) -> Floats:
    """A telephone line: 300 to 3400 Hz at 8 kHz, eight bits by the μ-law (ITU-T G.711)."""
    narrow = bandpass(_at(x, rate, 8000), 8000, random, low=300.0, high=3400.0)
    folded = np.sign(narrow) * np.log1p(255 * np.minimum(np.abs(narrow), 1)) / np.log(256)
    steps = np.round(folded * 127) / 127
    line = np.sign(steps) * np.expm1(np.abs(steps) * np.log(256)) / 255
    return _length(_at(line.astype(np.float32), 8000, rate), len(x))


def mp3(x: Floats, rate: int, random: Random, *, kbps: float) -> Floats:  # noqa: ARG001
    """Encoded as MP3 at ``kbps`` kilobits per second (mono) and decoded again."""
    return _coded(x, rate, "mp3", "libmp3lame", kbps, _MP3_RATES)


def opus(x: Floats, rate: int, random: Random, *, kbps: float) -> Floats:  # noqa: ARG001
    """Encoded as Opus at ``kbps`` kilobits per second (mono) and decoded again."""
    return _coded(x, rate, "ogg", "libopus", kbps, _OPUS_RATES)


def excerpt(x: Floats, rate: int, random: Random, *, seconds: float) -> Floats:  # noqa: ARG001
    """The ``seconds`` in the middle; a shorter sound stays whole."""
    n = round(seconds * rate)
    start = max(0, (len(x) - n) // 2)
    return x[start : start + n]


EFFECTS: dict[str, Callable[..., Floats]] = {
    f.__name__: f for f in (pitch, tempo, gain, noise, lowpass, highpass, bandpass, telephone, mp3, opus, excerpt)
}


def _library(
    name: str, x: Floats, rate_hz: int, options: Mapping[str, Any] | None = None, **parameters: float
) -> Floats:
    """One of audiomentations' transforms with fixed parameters."""
    try:
        import audiomentations
    except ModuleNotFoundError as error:
        raise MissingExtraError("changing sounds (package 'audiomentations')", "train") from error
    transform = getattr(audiomentations, name)(p=1.0, **(options or {}))
    transform.parameters = {"should_apply": True, **parameters}
    transform.freeze_parameters()
    changed: Floats = transform(x, rate_hz)
    return changed


def _coded(x: Floats, rate: int, container: str, codec: str, kbps: float, rates: tuple[int, ...]) -> Floats:
    """Through an encoder and back, at the nearest rate that the codec has; as long as before."""
    import av

    at = min((r for r in rates if r >= rate), default=rates[-1])
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream: Any = out.add_stream(codec, rate=at)
        stream.bit_rate = round(kbps * 1000)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.clip(_at(x, rate, at), -1, 1)[None], format="flt", layout="mono")
        frame.sample_rate = at
        fitting = av.AudioResampler(format=stream.format, layout="mono", rate=at, frame_size=stream.frame_size or 0)
        for piece in [*fitting.resample(frame), *fitting.resample(None)]:
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r") as back:
        audio = back.streams.audio[0]
        plain = av.AudioResampler(format="flt", layout="mono", rate=at)
        frames = [f for packet in back.demux(audio) for f in packet.decode()]
        pieces = [p.to_ndarray()[0] for f in frames for p in plain.resample(f)]
        pieces += [p.to_ndarray()[0] for p in plain.resample(None)]
    return _length(_at(np.concatenate(pieces), at, rate), len(x))


def _at(x: Floats, rate: int, wanted: int) -> Floats:
    changed: Floats = x if rate == wanted else soxr.resample(x, rate, wanted, quality="HQ")
    return changed


def _length(x: Floats, n: int) -> Floats:
    return np.pad(x[:n], (0, max(0, n - len(x))))

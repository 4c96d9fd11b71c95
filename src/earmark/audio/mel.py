"""Mel spectrograms: plain functions on arrays, float32 throughout, numpy only.

One ``MelSpec`` describes the front end of any net. Frames are not centred: frame ``i`` looks at the samples
``[i * hop_length, i * hop_length + win_length)`` and nothing else, so a stream can be cut anywhere. For
librosa's ``center=True, pad_mode="constant"`` put ``n_fft // 2`` zeros on both sides of the signal first (with
a window shorter than the FFT: ``win_length // 2``).

The work goes through in blocks that stay in a core's cache (64 frames for the FFT, up to 512 for the product with
the filters, see ``products``), only those bins are kept that a filter looks at, and a triangle is not multiplied with the bins far
from it: the filters go in four groups, each with the bins it looks at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .products import product

Floats = NDArray[np.float32]

_BLOCK = 64  # frames worked on at a time: 64 x 512 x 4 bytes and its spectrum fit a 2 MB cache


@dataclass(frozen=True, slots=True)
class MelSpec:
    """The numbers of a mel spectrogram.

    A frame of ``win_length`` samples, under a periodic Hann window, gets an FFT of ``n_fft`` (zeros are added);
    its magnitudes to the ``power`` 1 or 2 go through ``n_mels`` triangles between ``fmin`` and ``fmax`` Hz.

    ``scale`` places the triangles: "htk" (2595 log10(1 + f/700)) or "slaney" (linear below 1 kHz). ``triangles``
    says where their sides are straight: in "hz" (librosa) or on the "mel" axis (TensorFlow, VGGish; they leave
    bin 0 out). ``norm="slaney"`` gives every triangle the same area.

    ``log`` is the compression of a mel value x:
    "none" x · "ln" ln(gain x + offset) · "log10" log10(gain x + offset) · "db" decibels of the power,
    10 log10(max(x, amin)), with power 1: 20 log10(max(x, amin)). "db" equals librosa's ``power_to_db(ref=1,
    top_db=None)`` or ``amplitude_to_db``; for ``ref=np.max`` and ``top_db`` see ``below_peak``.
    """

    sample_rate: int
    n_fft: int
    hop_length: int
    n_mels: int
    win_length: int | None = None  # None: n_fft
    fmin: float = 0.0
    fmax: float | None = None  # None: half the sample rate
    scale: Literal["htk", "slaney"] = "slaney"
    triangles: Literal["hz", "mel"] = "hz"
    norm: Literal["slaney"] | None = "slaney"
    power: Literal[1, 2] = 2
    log: Literal["none", "ln", "log10", "db"] = "db"
    gain: float = 1.0
    offset: float = 0.0
    amin: float = 1e-10

    @property
    def frame_length(self) -> int:
        """Samples that one frame looks at."""
        return self.win_length or self.n_fft

    def frames_in(self, samples: int) -> int:
        """How many frames ``samples`` samples give."""
        return max(0, 1 + (samples - self.frame_length) // self.hop_length)

    def samples_of(self, frames: int) -> int:
        """How many samples ``frames`` frames look at."""
        return (frames - 1) * self.hop_length + self.frame_length if frames else 0


def hz_to_mel(hz: NDArray[np.floating[Any]], scale: str = "slaney") -> NDArray[np.floating[Any]]:
    """Frequencies on the mel scale, "htk" or "slaney" (Auditory Toolbox: linear to 1 kHz, then logarithmic)."""
    if scale == "htk":
        return np.asarray(2595.0 * np.log10(1.0 + hz / 700.0))
    return np.where(hz < 1000.0, hz * 0.015, 15.0 + 27.0 * np.log(np.maximum(hz, 1e-9) / 1000.0) / np.log(6.4))


def mel_to_hz(mel: NDArray[np.floating[Any]], scale: str = "slaney") -> NDArray[np.floating[Any]]:
    """The inverse of ``hz_to_mel``."""
    if scale == "htk":
        return np.asarray(700.0 * (10.0 ** (mel / 2595.0) - 1.0))
    return np.where(mel < 15.0, mel / 0.015, 1000.0 * 6.4 ** ((mel - 15.0) / 27.0))


@lru_cache(maxsize=64)
def filters(spec: MelSpec) -> Floats:
    """The triangles: (n_mels, n_fft // 2 + 1) float32, read-only."""
    fmax = spec.sample_rate / 2 if spec.fmax is None else spec.fmax
    bins = np.arange(spec.n_fft // 2 + 1) * (spec.sample_rate / spec.n_fft)
    ends = hz_to_mel(np.array([spec.fmin, fmax]), spec.scale)
    mels = np.linspace(ends[0], ends[1], spec.n_mels + 2)
    edges = mel_to_hz(mels, spec.scale)
    axis, at = (hz_to_mel(bins, spec.scale), mels) if spec.triangles == "mel" else (bins, edges)
    rising = (axis - at[:-2, None]) / (at[1:-1] - at[:-2])[:, None]
    falling = (at[2:, None] - axis) / (at[2:] - at[1:-1])[:, None]
    weights = np.maximum(0.0, np.minimum(rising, falling))
    if spec.triangles == "mel":
        weights[:, 0] = 0.0
    if spec.norm == "slaney":
        weights *= (2.0 / (edges[2:] - edges[:-2]))[:, None]
    result = weights.astype(np.float32)
    result.flags.writeable = False
    return result


def log_mel(samples: Floats, spec: MelSpec) -> Floats:
    """Samples (n,) float32 at ``spec.sample_rate`` -> (frames, n_mels) float32, compressed as ``spec`` says."""
    count = spec.frames_in(len(samples))
    mel = np.empty((count, spec.n_mels), np.float32)
    if not count:
        return mel
    first, last = _looked_at(filters(spec))
    groups = _groups(spec)
    for at, values in _magnitudes(samples, spec.n_fft, spec.frame_length, spec.hop_length, first, last):
        if spec.power == 2:
            np.multiply(values, values, out=values)
        block = mel[at : at + len(values)]
        for bands, bins, matrix in groups:
            product(values[:, bins], matrix, out=block[:, bands])
    return _compress(mel, spec)


def _looked_at(weights: Floats) -> tuple[int, int]:
    """The first bin that one of the filters looks at, and the one after the last."""
    used = np.flatnonzero(weights.any(axis=0))
    return (int(used[0]), int(used[-1]) + 1) if len(used) else (0, 1)


@lru_cache(maxsize=64)
def _groups(spec: MelSpec) -> tuple[tuple[slice, slice, Floats], ...]:
    """The filters in four groups: bands, bins (from the first that any filter looks at), matrix (bins, bands)."""
    weights = filters(spec)
    offset = _looked_at(weights)[0]
    found = []
    for bands in np.array_split(np.arange(spec.n_mels), min(4, spec.n_mels)):
        group = weights[bands[0] : bands[-1] + 1]
        first, last = _looked_at(group) if group.any() else (offset, offset + 1)
        matrix = np.ascontiguousarray(group[:, first:last].T)
        found.append((slice(bands[0], bands[-1] + 1), slice(first - offset, last - offset), matrix))
    return tuple(found)


def patches(frames: Floats, size: int, hop: int) -> Floats:
    """Frames (n, mels) -> patches (count, size, mels) from every ``hop``-th frame: a read-only view, no copy."""
    if len(frames) < size:
        return np.empty((0, size, frames.shape[1]), np.float32)
    return sliding_window_view(frames, size, axis=0)[::hop].transpose(0, 2, 1)


def below_peak(decibels: Floats, top_db: float | None = 80.0) -> Floats:
    """Decibels (…, frames, mels) relative to each patch's own peak (0), cut off at ``-top_db``.

    What librosa's ``power_to_db(ref=np.max, top_db=80)`` gives for one patch.
    """
    relative: Floats = decibels - decibels.max(axis=(-2, -1), keepdims=True)
    return relative if top_db is None else np.maximum(relative, np.float32(-top_db), out=relative)


def spectrogram(samples: Floats, n_fft: int = 2048, hop: int = 512) -> Floats:
    """Magnitudes of the Fourier transform, for figures: (frames, n_fft // 2 + 1), frames not centred."""
    count = max(0, 1 + (len(samples) - n_fft) // hop)
    result = np.empty((count, n_fft // 2 + 1), np.float32)
    for at, values in _magnitudes(samples, n_fft, n_fft, hop, 0, n_fft // 2 + 1):
        result[at : at + len(values)] = values
    return result


def hann(length: int) -> Floats:
    """The periodic Hann window (length,)."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)


def _magnitudes(
    samples: Floats, n_fft: int, length: int, hop: int, first: int, last: int
) -> Iterator[tuple[int, Floats]]:
    """Pairs (number of a frame, magnitudes of bins [first, last) of it and the next, up to 512 in all)."""
    if len(samples) < length:
        return
    frames = sliding_window_view(np.asarray(samples, np.float32), length)[::hop]
    window = hann(length)
    padded = np.zeros((_BLOCK, n_fft), np.float32)
    spectra: Any = np.empty((_BLOCK, n_fft // 2 + 1), np.complex64)  # numpy's types know double only
    values = np.empty((8 * _BLOCK, last - first), np.float32)
    for at in range(0, len(frames), len(values)):
        group = frames[at : at + len(values)]
        for i in range(0, len(group), _BLOCK):
            block = group[i : i + _BLOCK]
            np.multiply(block, window, out=padded[: len(block), :length])
            spectrum = np.fft.rfft(padded[: len(block)], axis=1, out=spectra[: len(block)])
            np.abs(spectrum[:, first:last], out=values[i : i + len(block)])
        yield at, values[: len(group)]


def _compress(mel: Floats, spec: MelSpec) -> Floats:
    """The compression of ``spec``, in place."""
    if spec.log == "none":
        return mel
    if spec.log == "db":
        np.maximum(mel, np.float32(spec.amin), out=mel)
        np.log10(mel, out=mel)
        mel *= np.float32(10 if spec.power == 2 else 20)
        return mel
    if spec.gain != 1.0:
        mel *= np.float32(spec.gain)
    mel += np.float32(spec.offset)
    return np.log(mel, out=mel) if spec.log == "ln" else np.log10(mel, out=mel)

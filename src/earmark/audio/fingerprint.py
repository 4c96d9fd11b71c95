"""Landmark fingerprints: what a recording keeps when it is re-encoded, resampled, made quieter, shifted or cut.

Peaks of the spectrogram (Wang 2003, "An industrial-strength audio search algorithm") are joined in threes, not twos:
clips of one second need dense landmarks, and dense pairs of peaks would meet by chance all the time. Three peaks
(frequency of the first, two differences of frequency, two of time) make a hash of 38 bits that seldom does, so that the
inverted index stays near linear in the number of clips. Beside the hashes a coarse spectrogram is kept (24 bands,
32 ms), by which two clips that share landmarks are compared before anything is said.

    samples at 16 kHz ──STFT──▶ peaks ──threes──▶ hashes, times        (found by)
                          └────▶ 24 log bands every 32 ms              (evaluated by)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

RATE = 16_000  # Hz: keeps everything up to 8 kHz, which every usual codec keeps too
WINDOW = 1024  # samples, 64 ms: two notes a semitone apart are told from 260 Hz on
HOP = 128  # samples, 8 ms: a copy that starts between two frames still has most of its peaks on the same cells
BAND_HOP = 4  # frames of the STFT averaged to one frame of bands, 32 ms
BANDS = 24
BAND_STEP = 0.5  # dB, of the bytes in which bands are kept
FRAME = HOP / RATE  # seconds from frame to frame
BAND_FRAME = BAND_HOP * FRAME

PEAK_RANGE = (6, 6)  # frames, bins: a peak is the highest cell this far around
PEAKS_PER_SECOND = 60  # those that stand out most from their surroundings
STANDS_OUT = 3.0  # dB above the mean of 40 bins around; in silence every cell is as high as its neighbours
DEPTH = 75.0  # dB under the loudest cell: deeper down lies what codecs throw away
REACH = (2, 48)  # frames from the first peak of three to the others
SPREAD = 48  # bins up or down
FAN = 6  # a peak is joined with every two of the next six
HASHES = 1000  # kept of a clip, at least …
HASHES_PER_SECOND = 60  # … and of each second of a long one

_TAPER = np.hanning(WINDOW).astype(np.float32)
_EDGES = np.unique(np.round(np.geomspace(120, 7200, BANDS + 1) / (RATE / WINDOW)).astype(int))


@dataclass(frozen=True)
class Fingerprint:
    """``hashes`` (n,) uint32 ascending, ``times`` (n,) int32 in frames of 8 ms, ``bands`` (frames of 32 ms, 24) uint8."""

    hashes: NDArray[np.uint32]
    times: NDArray[np.int32]
    bands: NDArray[np.uint8]

    @property
    def seconds(self) -> float:
        return len(self.bands) * BAND_FRAME


EMPTY = Fingerprint(np.zeros(0, np.uint32), np.zeros(0, np.int32), np.zeros((0, BANDS), np.uint8))


def fingerprint(blocks: Iterable[Floats]) -> Fingerprint:
    """Fingerprint of a sound given as blocks of samples at 16 kHz (``audio.blocks``); memory as for one block."""
    hashes, times, bands = [], [], []
    frames, rest = 0, np.zeros(0, np.float32)
    for block in blocks:
        samples = np.concatenate([rest, block])
        count = (len(samples) - WINDOW) // HOP + 1
        count -= count % BAND_HOP  # whole frames of bands, so that the next block goes on in step
        if count <= 0:
            rest = samples
            continue
        level = _levels(samples, count)
        found, at = _threes(*_peaks(level))
        hashes.append(found)
        times.append(at + frames)
        bands.append(_bands(level))
        frames += count
        rest = samples[count * HOP :]
    if not bands:
        return EMPTY
    return _thinned(np.concatenate(hashes), np.concatenate(times), np.concatenate(bands))


def _levels(samples: Floats, count: int) -> Floats:
    """Power in dB (count, 513) of ``count`` frames."""
    windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[: count * HOP : HOP]
    spectrum = np.fft.rfft(windows * _TAPER, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    return np.float32(10) * np.log10(np.maximum(power, 1e-10), dtype=np.float32)


def _peaks(level: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Frames and bins of the peaks, in order of time."""
    from scipy.ndimage import maximum_filter, uniform_filter1d

    high = maximum_filter(level, (2 * PEAK_RANGE[0] + 1, 2 * PEAK_RANGE[1] + 1), mode="constant", cval=-1e9)
    is_peak = (level == high) & (level > level.max() - np.float32(DEPTH))
    is_peak[:, :4] = is_peak[:, -32:] = False  # rumble, and the edge that resampling to 16 kHz wears off
    above = level - uniform_filter1d(level, 41, axis=1)
    frame, bin_ = np.nonzero(is_peak & (above > STANDS_OUT))
    stands_out = above[frame, bin_]
    # Rank among the peaks half a second around: what is kept does not depend on where the clip was cut.
    near = round(0.5 / FRAME)
    first, last = np.searchsorted(frame, frame - near), np.searchsorted(frame, frame + near, side="right")
    keep = np.zeros(len(frame), bool)
    for i, (a, b) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        keep[i] = np.count_nonzero(stands_out[a:b] > stands_out[i]) < PEAKS_PER_SECOND
    return frame[keep], bin_[keep]


def _threes(frame: NDArray[np.int64], bin_: NDArray[np.int64]) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
    """Hashes of threes of peaks, and the frame of the first of each."""
    ahead = 32  # the next peaks looked at
    index = np.arange(len(frame))[:, None] + np.arange(1, ahead + 1)
    inside = index < len(frame)
    index = np.where(inside, index, 0)
    later, higher = frame[index] - frame[:, None], bin_[index] - bin_[:, None]
    usable = inside & (later >= REACH[0]) & (later <= REACH[1]) & (np.abs(higher) <= SPREAD)
    usable &= np.cumsum(usable, axis=1) <= FAN
    order = np.argsort(~usable, axis=1, kind="stable")[:, :FAN]  # the usable ones first
    usable = np.take_along_axis(usable, order, 1)
    later, higher = np.take_along_axis(later, order, 1), np.take_along_axis(higher, order, 1)
    one, two = np.triu_indices(FAN, 1)
    both = usable[:, one] & usable[:, two]
    code = bin_[:, None]  # 9 bits; then 7 + 7 for frequency, 5 + 5 for time in steps of two frames
    for part, bits in (
        (higher[:, one] + 64, 7),
        (higher[:, two] + 64, 7),
        ((later[:, one] + 1) >> 1, 5),
        ((later[:, two] + 1) >> 1, 5),
    ):
        code = (code << bits) | part
    times = np.broadcast_to(frame[:, None], both.shape)[both]
    return _mixed(code[both]), times.astype(np.int32)


def _mixed(code: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Spread codes evenly over 32 bits (finaliser of MurmurHash3): then the smallest are a fair sample."""
    x = code.astype(np.uint64)
    x ^= x >> np.uint64(33)
    x *= np.uint64(0xFF51AFD7ED558CCD)
    x ^= x >> np.uint64(33)
    return (x >> np.uint64(32) ^ x).astype(np.uint32)


def _thinned(hashes: NDArray[np.uint32], times: NDArray[np.int32], bands: NDArray[np.uint8]) -> Fingerprint:
    """Keep the smallest hashes: copies of one recording keep the same ones."""
    count = max(HASHES, round(HASHES_PER_SECOND * len(bands) * BAND_FRAME))
    order = np.argsort(hashes, kind="stable")[:count]
    return Fingerprint(hashes[order], times[order], bands)


def _bands(level: Floats) -> NDArray[np.uint8]:
    """Mean power of each band, in steps of half a dB above -60 dB."""
    power = np.float32(10) ** (level / np.float32(10))
    power = power.reshape(-1, BAND_HOP, power.shape[1]).mean(axis=1)
    banded = np.add.reduceat(power[:, : _EDGES[-1]], _EDGES[:-1], axis=1)
    banded /= np.diff(_EDGES)
    in_steps = (10 * np.log10(np.maximum(banded, 1e-6)) + 60) / BAND_STEP
    return np.clip(np.round(in_steps), 0, 255).astype(np.uint8)

"""Sounds to calibrate a net on where the user names none: made-up music, some of it drowned in noise, and single tones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import soxr
from numpy.typing import NDArray

from earmark.audio.synthetic.sound import RATE, Artist, play
from earmark.audio.synthetic.tunes import STYLES

Floats = NDArray[np.float32]
SECONDS = 6.0
_ARTISTS = 5  # of each style


def sounds(sample_rate: int, *, seed: int = 0) -> Iterator[Floats]:
    """Mono sounds (n,) at ``sample_rate``; the same seed gives the same ones."""
    for s, (_, style) in enumerate(sorted(STYLES.items())):
        for a in range(_ARTISTS):
            random = np.random.default_rng([seed, s, a])
            music = play(Artist.draw("", style, random), SECONDS, random)
            if a == _ARTISTS - 1:
                music = music + noise(len(music), random.uniform(-1, 2), random) * np.float32(random.uniform(0.05, 0.5))
            yield resampled(music, sample_rate)
    random = np.random.default_rng([seed, len(STYLES)])
    for slope in (0.0, 0.5, 1.0, 1.5):
        yield resampled(noise(round(SECONDS * RATE), slope, random) * np.float32(0.3), sample_rate)
    for _ in range(8):  # bursts and glides, as of machines and animals
        time = np.arange(round(SECONDS * RATE)) / RATE
        pitch = random.uniform(80, 4000) * 2 ** (
            random.uniform(-1, 1) * np.sin(2 * np.pi * random.uniform(0.2, 4) * time)
        )
        loud = np.maximum(0, np.sin(2 * np.pi * random.uniform(0.3, 6) * time)) ** random.uniform(0.5, 4)
        tone = np.sin(2 * np.pi * np.cumsum(pitch) / RATE) * loud * random.uniform(0.05, 0.8)
        yield resampled((tone + 0.003 * random.standard_normal(len(time))).astype(np.float32), sample_rate)


def noise(length: int, slope: float, random: np.random.Generator) -> Floats:
    """Noise (length,) of peak 1 whose power falls with frequency to the ``slope``: 0 white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(random.standard_normal(length))
    spectrum[1:] /= np.arange(1, len(spectrum)) ** (slope / 2)
    spectrum[0] = 0
    made = np.fft.irfft(spectrum, length)
    return np.asarray(made / np.abs(made).max(), np.float32)


def resampled(sound: Floats, sample_rate: int) -> Floats:
    """A made-up sound at another rate."""
    return np.asarray(soxr.resample(sound, RATE, sample_rate), np.float32)

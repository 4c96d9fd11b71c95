"""MFCC statistics: the classical hand-made features, a floor that any pretrained net should beat. No weights.

Of each window: mean and standard deviation of the coefficients over its frames, and the standard deviation of
their slopes ("deltas") in time. Coefficients are those of ``librosa.feature.mfcc`` (22.05 kHz, FFT 2048, hop 512,
128 mel bands, decibels, orthonormal DCT-II; without its cut 80 dB below the loudest frame, which would make a
embedding depend on more than its window), slopes are those of ``librosa.feature.delta``, width 9.
"""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from earmark.audio import mel
from earmark.audio.products import product
from earmark.backbones.base import About, Backbone, Floats
from earmark.core.errors import RecipeError

from .logmel import window

ABOUT = About(
    summary="statistics of cepstral coefficients, the classical baseline",
    trained_on="nothing",
    licence="none needed",
    citation="Davis and Mermelstein, IEEE Trans. ASSP 28(4), 1980; McFee et al., librosa, 2015",
)
WIDTH = 9  # frames a slope is fitted to


def build(*, coefficients: int = 20, seconds: float = 3.0, overlap: float = 0.5, sample_rate: int = 22050) -> Backbone:
    """Embeddings of 3 x ``coefficients`` numbers: means, standard deviations, standard deviations of the slopes.

    A window is of ``seconds`` (whole frames of 23 ms), and shares the part ``overlap`` of 0 … < 1 with the next.
    Raises RecipeError.
    """
    spec = mel.MelSpec(sample_rate=sample_rate, n_fft=2048, hop_length=512, n_mels=128)
    if not 1 <= coefficients <= spec.n_mels:
        raise RecipeError(f"mfcc: coefficients={coefficients!r}; wanted 1 to {spec.n_mels}")
    frames, hop = window(spec, seconds, overlap, "mfcc")
    if frames <= WIDTH:
        least = spec.samples_of(WIDTH + 1) / sample_rate
        raise RecipeError(f"mfcc: seconds={seconds!r}; wanted at least {least:.2f}, {WIDTH + 1} frames")

    def front(samples: Floats) -> Floats:
        found = mfcc(samples, spec, coefficients)
        values, moves = mel.patches(found, frames, hop), mel.patches(slopes(found), frames - WIDTH + 1, hop)
        return np.concatenate([values.mean(axis=1), values.std(axis=1), moves.std(axis=1)], axis=1)

    return Backbone(
        name="mfcc",
        sample_rate=sample_rate,
        window_samples=spec.samples_of(frames),
        hop_samples=hop * spec.hop_length,
        shape=(3 * coefficients,),
        front=front,
        params={"coefficients": coefficients, "seconds": seconds, "overlap": overlap, "sample_rate": sample_rate},
        facts={"front": asdict(spec), "frames": frames, "coefficients": coefficients, "slope_frames": WIDTH},
        about=ABOUT,
    )


def mfcc(samples: Floats, spec: mel.MelSpec, coefficients: int) -> Floats:
    """Samples (n,) -> cepstral coefficients (frames, coefficients): the DCT of the log-mel spectrum."""
    return product(mel.log_mel(samples, spec), dct(spec.n_mels, coefficients).T)


def dct(size: int, count: int) -> Floats:
    """The first ``count`` embeddings of the orthonormal DCT-II of ``size`` numbers: (count, size)."""
    embeddings = np.cos(np.pi / size * np.arange(count)[:, None] * (np.arange(size) + 0.5)) * np.sqrt(2 / size)
    embeddings[0] /= np.sqrt(2)
    return np.asarray(embeddings, np.float32)


def slopes(values: Floats) -> Floats:
    """Least-squares slopes per frame of ``WIDTH`` frames each: (n, k) -> (n - WIDTH + 1, k)."""
    half = WIDTH // 2
    steps = np.arange(-half, half + 1)
    around = mel.patches(values, WIDTH, 1)
    return np.asarray(np.einsum("nwk,w->nk", around, (steps / np.square(steps).sum()).astype(np.float32)))

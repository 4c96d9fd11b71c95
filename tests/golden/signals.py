"""Short made-up sounds, the same on every machine: what golden values are computed on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def sweep(seconds: float = 4.0, sample_rate: int = 16000, seed: int = 0) -> NDArray[np.float32]:
    """Two sine sweeps, a pulse train of tones and seeded noise; (n,) float32, at most 1."""
    t = np.arange(round(seconds * sample_rate)) / sample_rate
    up = np.sin(2 * np.pi * (60 * t + 0.5 * 900 * t**2 / seconds * 4))
    down = np.sin(2 * np.pi * (5000 * t - 0.5 * 4000 * t**2 / seconds))
    beat = np.sin(2 * np.pi * 440 * t) * np.exp(-8 * (t * 2 % 1))
    noise = np.random.Generator(np.random.PCG64(seed)).standard_normal(len(t)) * (t * 3 % 1)
    mixed = 0.3 * up + 0.2 * down + 0.3 * beat + 0.05 * noise
    return (mixed / np.abs(mixed).max()).astype(np.float32)
